/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The observer judges itself: one that was late, or lost events, has been starved and
 * may take its own sickness for the service's (haproxy#1902).  As in Lifeguard (Dadgar
 * et al., arXiv 1707.00788), it then stretches its own limits by its score plus one.
 */
#ifndef SHUNT_ENGINE_AWARENESS_H
#define SHUNT_ENGINE_AWARENESS_H

#include <stdint.h>

struct awareness_limits {
	uint64_t late; /* ns: a tick that is later than this was late */
	unsigned highest; /* score */
	uint64_t calm; /* ns without either for the score to fall by one */
};

/* All zero has seen nothing. */
struct awareness {
	uint64_t at; /* ns: the last time that the score changed */
	uint64_t late; /* ns: the latest tick since the score was 0 */
	uint64_t lost; /* events lost since then */
	unsigned score;
};

/* Takes a tick that came `late` ns late, with `lost` events since the one before. */
void awareness_add(struct awareness *awareness, const struct awareness_limits *limits, uint64_t now,
		   uint64_t late, uint64_t lost);

/* What every limit in time is to be multiplied by, from 1 on. */
unsigned awareness_stretch(const struct awareness *awareness);

#endif
