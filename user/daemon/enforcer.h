/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries the breakers' verdicts out: what the engine says of each service becomes a ruling
 * of the data plane, and what the data plane and the connections of a half-open service did
 * becomes numbers.
 *
 * The data plane is loaded at the start, while that is allowed, and only where it could ever
 * do anything: its XDP program on `interfaces`, and with them, or for `lo` alone, what judges
 * clients on this host; its programs at connect(2) where a dependency is configured.
 */
#ifndef SHUNT_DAEMON_ENFORCER_H
#define SHUNT_DAEMON_ENFORCER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

struct dataplane;
struct observer;
struct observer_tried;

struct enforcer {
	struct dataplane *dataplane; /* NULL: nothing can be carried out */
	struct observer *observer;
	struct engine *engine;
	uint64_t *words; /* by slot: the ruling in force */
	uint64_t *refused; /* by slot: local clients that were refused, as of the last call */
	uint64_t *unmatched; /* by slot: of those, how many had not been seen as refused then */
	struct observer_tried *trials; /* by slot: as of the last call */
	uint64_t ruled[BREAKER_SET_WORDS]; /* a set: slots with a ruling */
	uint64_t tried[BREAKER_SET_WORDS]; /* a set: slots whose connections are trials */
	bool carries[SHUNT_ROLE_MAX]; /* verdicts on services in that role */
	uint64_t
		unable[BREAKER_SET_WORDS]; /* a set: whose verdict cannot be carried out, as told */
	bool told_refresh; /* that standbys cannot be looked for */
};

/* Whether there is a dependency, for whose sake each connect(2) of the host is looked at. */
bool enforcer_wants_outbound(const struct config *config);

/*
 * Loads and attaches what the configuration wants.  What cannot be had is logged, and
 * costs its own part alone.  0 or -ENOMEM.
 */
int enforcer_start(struct enforcer *enforcer, const struct config *config,
		   struct observer *observer, struct engine *engine, uint32_t slots);

/* Detaches, and lets all pass. */
void enforcer_stop(struct enforcer *enforcer);

/*
 * Makes the data plane agree with the engine; after each tick and each order.  A verdict that
 * cannot be carried out is logged once, and its service passes.
 */
void enforcer_apply(struct enforcer *enforcer);

/* Looks where redirected connections go; once a second.  That it cannot is logged once. */
void enforcer_refresh(struct enforcer *enforcer);

/*
 * The service of a slot is configured anew, and its connections may go elsewhere now; where there
 * is no way to its redirect_to, that is logged.
 */
void enforcer_assign(struct enforcer *enforcer, uint32_t slot);

/* …or the slot has no service any more. */
void enforcer_release(struct enforcer *enforcer, uint32_t slot);

/*
 * How many of `refused` attempts at a service, since the last call, were our own refusals of
 * clients on this host: TCP answers those as it does when nobody listens.
 */
uint64_t enforcer_own_refusals(struct enforcer *enforcer, uint32_t slot, uint64_t refused);

/* How the trials of a slot went since the last call; false if it is not on trial. */
bool enforcer_trials(struct enforcer *enforcer, uint32_t slot, uint64_t *ret_passed,
		     uint64_t *ret_failed, uint64_t *ret_slow);

/*
 * Why a verdict that is enforced is not carried out on services in that role; NULL if it is, or
 * is not enforced.
 */
const char *enforcer_unable(const struct enforcer *enforcer, enum shunt_role role,
			    const struct breaker_verdict *verdict);

/*
 * What the data plane did to the new connections of a slot, and would have done; false if there
 * is none for such a service.
 */
struct shunt_verdict_counts;
bool enforcer_counts(const struct enforcer *enforcer, uint32_t slot,
		     struct shunt_verdict_counts *ret_counts);

#endif
