/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a scenario in virtual time.  What the kernel would have counted goes into the very
 * engine that runs in the daemon (engine/engine.h), and what that decides is carried out on
 * new connections.  The same scenario and seed give the same run.
 */
#ifndef SHUNT_SIM_SIM_H
#define SHUNT_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/histogram.h"
#include "sim/scenario.h"

#define SIM_NEVER UINT64_MAX

enum sim_note_kind {
	SIM_NOTE_FAULT, /* one begins or ends */
	SIM_NOTE_BALANCER, /* a load balancer takes a target out or in */
	SIM_NOTE_PROBER, /* shunt has found out who checks */
	SIM_NOTE_HEALTH, /* …how a service is */
	SIM_NOTE_BREAKER, /* …and what to do about it */
	SIM_NOTE_KINDS,
};

/* Something that happened. */
struct sim_note {
	uint64_t at; /* ns since the begin */
	enum sim_note_kind kind;
	const char *name; /* whose */
	const char *word; /* "failing", "down", "open", … */
	const char *reason; /* of a health or a decision, by name; NULL: none */
	const char *text; /* in words, without a full stop */
};

typedef void (*sim_note_fn)(void *userdata, const struct sim_note *note);

/* What came of a service. */
struct sim_service_result {
	uint64_t requests, answered, failed; /* as their clients saw it, retries apart */
	uint64_t cut; /* connections that shunt's verdicts refused */
	struct shunt_histogram durations; /* ns, of answered requests, as their clients saw it */
	uint64_t states[HEALTH_MAX]; /* ns in each */
	uint64_t first[HEALTH_MAX]; /* ns: since the begin; SIM_NEVER */
	uint64_t trips, refused_trips;
};

/* What came of one target of a load balancer. */
struct sim_target_result {
	uint64_t checks, failed_checks;
	uint64_t downs; /* times that it was taken out… */
	uint64_t wrong_downs; /* …while nothing was wrong with it… */
	uint64_t foretold; /* …and shunt had said so by then */
	uint64_t wrong_hours; /* hours with such a time */
	uint64_t wrong_out; /* ns for which it was out so */
	/* Two failures among three checks, after four that passed, while nothing is wrong: */
	uint64_t onsets;
	uint64_t said; /* …shunt called it the checker's fault by the third check */
	uint64_t late; /* …later or never */
};

struct sim_expect_result {
	uint64_t at; /* ns since the begin: when what was expected came; SIM_NEVER */
	uint64_t after; /* ns after the fault, or the first harm; SIM_NEVER */
	bool met;
};

struct sim_result {
	struct sim_service_result services[SCENARIO_SERVICES];
	struct sim_target_result targets[SCENARIO_BALANCERS][SCENARIO_SERVICES];
	struct sim_expect_result expects[SCENARIO_EXPECTS];
	uint64_t fault_at; /* ns since the begin: of the first fault; SIM_NEVER */
	uint64_t harm_at; /* …of the first client that suffered from it */
	uint64_t disturbances; /* states other than healthy, and decisions */
	bool met; /* all that the scenario expects */
};

/* 0; or -ENOMEM, and nothing is in *ret_result.  `note` may be NULL. */
int sim_run(const struct scenario *scenario, uint64_t seed, sim_note_fn note, void *userdata,
	    struct sim_result *ret_result);

#endif
