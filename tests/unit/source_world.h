/* SPDX-License-Identifier: GPL-2.0 */
/* Connections of a source in virtual time, noted as the kernel does. */
#ifndef SHUNT_TESTS_UNIT_SOURCE_WORLD_H
#define SHUNT_TESTS_UNIT_SOURCE_WORLD_H

#include <criterion/criterion.h>
#include <math.h>

#include "engine/rhythm.h"
#include "unit/random.h"

#define MSEC   1000000ULL
#define SECOND 1000000000ULL

static inline uint32_t units_of(uint64_t at)
{
	return (uint32_t)(at >> SHUNT_SOURCE_UNIT_LOG2);
}

/* Returns whether it is noted. */
static inline bool source_note(struct shunt_source *source, uint64_t at)
{
	uint32_t unit = units_of(at), last = (source->count - 1) % SHUNT_SOURCE_TIMES;

	if (source->count && unit - source->times[last] < SHUNT_SOURCE_UNITS_LEAST) {
		if (source->near < SHUNT_SOURCE_CROWD && ++source->near == SHUNT_SOURCE_CROWD)
			source->crowded |= (uint16_t)(1U << last);
		return false;
	}
	last = source->count++ % SHUNT_SOURCE_TIMES;
	source->times[last] = unit;
	source->near = 0;
	source->crowded &= (uint16_t) ~(1U << last);
	return true;
}

/* 0 to 1, without 1. */
static inline double random_share(uint64_t *seed)
{
	return (double)(random_next(seed) >> 11) * 0x1p-53;
}

/* Until the next of independent arrivals, so many a second. */
static inline uint64_t random_gap(uint64_t *seed, double rate)
{
	return (uint64_t)(-log(1 - random_share(seed)) / rate * (double)SECOND);
}

/* `span` give or take that share of it. */
static inline uint64_t random_about(uint64_t *seed, uint64_t span, double share)
{
	return (uint64_t)((double)span * (1 + share * (2 * random_share(seed) - 1)));
}

#endif
