/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a breaker knows: counts over a window that slides.  A real window (nginx#599):
 * what is older than it never counts, and what it holds is a sum over slices of a
 * hundredth of it, the oldest of which goes when a new one begins.  With windows of up
 * to 10 s a slice is a tick at most, and the window exact; of longer ones up to a
 * hundredth is forgotten early, never late (haproxy#1234).
 */
#ifndef SHUNT_ENGINE_EVIDENCE_H
#define SHUNT_ENGINE_EVIDENCE_H

#include <stdint.h>

#define EVIDENCE_SLICES 100

enum evidence_count {
	EVIDENCE_ATTEMPTS, /* to connect, however they ended */
	EVIDENCE_ENDS, /* failed attempts, and connections that closed, however */
	EVIDENCE_FAILURES, /* of either, by the service's fault */
	EVIDENCE_FAILED_TICKS, /* ticks with such a failure */
	EVIDENCE_RUN, /* failures since the last tick in which anything went well */
	EVIDENCE_RUN_TICKS, /* ticks with one of those */
	EVIDENCE_SAMPLES, /* durations measured */
	EVIDENCE_SLOW, /* …those that were too long */
	EVIDENCE_MAX,
};

/* What happened since the last tick. */
struct evidence_tick {
	uint64_t attempts;
	uint64_t ends;
	uint64_t failures;
	uint64_t passes; /* whatever shows that the service works */
	uint64_t samples;
	uint64_t slow;
};

struct evidence_slice {
	uint32_t counts[EVIDENCE_MAX];
};

/* All zero has seen nothing. */
struct evidence {
	uint64_t width; /* ns: of a slice */
	uint64_t newest; /* the number of the newest slice: time over width */
	uint64_t sums[EVIDENCE_MAX]; /* over all slices */
	struct evidence_slice slices[EVIDENCE_SLICES];
};

/*
 * Takes a tick, and drops what has left the window, which is in ns and at least
 * EVIDENCE_SLICES; with another window than before it begins anew.  `now` is ns and
 * never falls.
 */
void evidence_add(struct evidence *evidence, uint64_t window, uint64_t now,
		  const struct evidence_tick *tick);

/*
 * How many connections that is.  One may be seen to begin and to end in one window, or
 * either; so the larger of both, that all of them failing is a share of 1.
 */
uint64_t evidence_connections(const struct evidence *evidence);

/* Forgets everything. */
void evidence_forget(struct evidence *evidence);

#endif
