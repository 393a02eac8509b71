/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether somebody's connections come in a rhythm, as those of a health checker do, or of
 * several behind one address.  docs/probes.md ("How a prober is found") says how sure that
 * is, and what looks alike.
 */
#ifndef SHUNT_ENGINE_RHYTHM_H
#define SHUNT_ENGINE_RHYTHM_H

#include <stdint.h>

#include "shunt/abi.h"

#define RHYTHM_TRAINS 4
/* Arrivals of a train before it is one: three intervals that agree. */
#define RHYTHM_ARRIVALS_LEAST 4
/*
 * Intervals outside of these are no health checker's.  Below, they are too near to
 * SHUNT_SOURCE_UNITS_LEAST, which makes dense arrivals look regular.  Above is what runs
 * every minute, cron's jobs first of all; load balancers' defaults end at 30 s, but for
 * Keepalived's 60 s, which must be configured.
 */
#define RHYTHM_INTERVAL_LEAST (80 * 1000000ULL)
#define RHYTHM_INTERVAL_MOST  (35 * 1000000000ULL)

/* A time or a span in the units of struct shunt_source, in ns. */
#define RHYTHM_NS(units) ((uint64_t)(units) << SHUNT_SOURCE_UNIT_LOG2)

/* Arrivals at a steady interval. */
struct rhythm_train {
	uint64_t interval; /* ns */
	uint64_t jitter; /* ns: the farthest that an interval was from that */
	double confidence; /* 0 to 1, from where chance would do it once in 10^12 */
	uint32_t last; /* the newest arrival, in units */
	uint32_t arrivals; /* those in the ring */
};

struct rhythm {
	unsigned count; /* of trains; 0: no rhythm */
	struct rhythm_train trains[RHYTHM_TRAINS]; /* in the order of their first arrivals */
};

/*
 * Looks for trains in the arrivals that are noted, up to `now`, in the same units.
 * The chance that a source without any rhythm, whose connections come independently of
 * each other, is ever taken for one that has, is below about 2 in 10,000 for all its life.
 */
void rhythm_find(const struct shunt_source *source, uint32_t now, struct rhythm *ret_rhythm);

#endif
