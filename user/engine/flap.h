/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether something that is up or down goes back and forth: two measures, one over
 * its last checks, one over time.  Neither knows what is being checked.
 */
#ifndef SHUNT_ENGINE_FLAP_H
#define SHUNT_ENGINE_FLAP_H

#include <stdbool.h>
#include <stdint.h>

/* ---- the share of changes among the last checks (Nagios, base/flapping.c) ---- */

/* 21 states lie either side of so many transitions. */
#define FLAP_TRANSITIONS 20

struct flap_limits {
	double start; /* flapping from this score on */
	double stop; /* …until it has fallen to this one */
};

/* All zero has seen nothing. */
struct flap {
	uint32_t transitions; /* one bit each, the newest is bit 0 */
	bool known; /* at least one state */
	bool up; /* the newest state */
	bool flapping;
};

/* Takes the next state: one each check, whether or not it has changed. */
void flap_add(struct flap *flap, const struct flap_limits *limits, bool up);

/*
 * The share of transitions that were changes, 0 to 1, the oldest weighted 0.75 and
 * the newest 1.25.  What was before the first state counts as no change.
 */
double flap_score(const struct flap *flap);

/* ---- a penalty for each time that it went down (RFC 2439, route flap damping) ---- */

struct damping_limits {
	double withdrawal; /* what each adds */
	double suppress; /* suppressed above this… */
	double reuse; /* …until below this */
	uint64_t half_life; /* ns */
	uint64_t longest; /* ns: suppressed for so long at most after the last withdrawal */
};

/* All zero has seen nothing. */
struct damping {
	double penalty; /* as of `at` */
	uint64_t at; /* ns */
	uint64_t first; /* ns: the first withdrawal that still counts */
	uint32_t withdrawals; /* since then */
	bool suppressed;
};

/* It went down. */
void damping_withdraw(struct damping *damping, const struct damping_limits *limits, uint64_t now);

/* Lets time pass; `now` never falls. */
void damping_decay(struct damping *damping, const struct damping_limits *limits, uint64_t now);

#endif
