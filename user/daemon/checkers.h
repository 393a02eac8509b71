/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who checks which service: finds probers among those who connect, makes the kernel tell
 * of their checks, and keeps for each service what its checks said since the last tick.
 */
#ifndef SHUNT_DAEMON_CHECKERS_H
#define SHUNT_DAEMON_CHECKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/health.h"
#include "engine/prober.h"
#include "shunt/config.h"

struct observer;
struct services;

/* Checks of one service between two ticks; more are counted, and not looked at. */
#define CHECKERS_CHECKS 64

/* What is known of a service's probers; made when the first is found. */
struct checker {
	const char *service; /* whose: its name */
	struct probers probers;
	struct shunt_histogram durations; /* ns, of checks that came to an end */
	struct check checks[CHECKERS_CHECKS]; /* since the last tick, oldest first */
	unsigned checks_count;
	bool given; /* …and they were taken */
	uint64_t drops; /* what its listeners had turned away, as of the last tick */
	uint64_t told; /* `changes` of the probers, as the kernel knows them */
	struct shunt_prober_key keys[CHECKS_PROBERS]; /* by which it does */
	unsigned keys_count;
};

struct checkers {
	struct observer *observer;
	const struct services *services;
	const struct config *config;
	struct checker **items; /* indexed by slot; NULL: nobody checks it, as far as is known */
	uint32_t *seen; /* for each source: how many times of it were looked at */
};

/* Makes an empty table with a place for each slot of `services`.  0 or -ENOMEM. */
int checkers_init(struct checkers *checkers, struct observer *observer,
		  const struct services *services, const struct config *config);

/* Frees the table's memory; the kernel is not touched. */
void checkers_done(struct checkers *checkers);

/* The configuration was read anew; where a service's checks differ, it begins anew. */
void checkers_reload(struct checkers *checkers, const struct config *config);

/* A check has ended. */
void checkers_hear(struct checkers *checkers, const struct shunt_probe *probe);

/* Looks for new probers; to be called a few times a second, for they check no faster. */
void checkers_look(struct checkers *checkers, uint64_t now);

/*
 * Adds to `input`, which says what the tick is, the checks of a slot since the last call,
 * and the most pessimistic of its load balancers.  What it points to lasts until the
 * next check is heard.
 */
void checkers_give(struct checkers *checkers, uint32_t slot, struct health_input *input);

/* What is known of a slot's probers, or NULL. */
const struct checker *checkers_of(const struct checkers *checkers, uint32_t slot);

/* The longest interval at which a slot is checked, as observed, ns; 0: not known. */
uint64_t checkers_interval(const struct checkers *checkers, uint32_t slot);

/* Whether the configuration wants the answers to checks to be read. */
bool checkers_want_answers(const struct config *config);

#endif
