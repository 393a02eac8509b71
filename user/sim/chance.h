/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chance that is the same on every run: pseudo-random numbers from a seed, as times and
 * shares.  Each thing in a simulation draws from a stream of its own, so that what one of
 * them does moves none of the others' dice.
 */
#ifndef SHUNT_SIM_CHANCE_H
#define SHUNT_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

/* The stream of that number, of a seed. */
struct chance chance_stream(uint64_t seed, uint64_t number);

/* 0 to 1, without 0. */
double chance_share(struct chance *chance);

/* Whether something happens that happens in this share of all cases, 0 to 1. */
bool chance_is(struct chance *chance, double share);

/* 0 to below - 1; `below` is at least 1. */
uint64_t chance_below(struct chance *chance, uint64_t below);

/* ns until the next event of a Poisson process with so many a second, above 0. */
uint64_t chance_wait(struct chance *chance, double per_second);

/* ns from a log-normal distribution of this median (ns) and this sigma of the logarithm. */
uint64_t chance_duration(struct chance *chance, double median, double sigma);

#endif
