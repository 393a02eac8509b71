/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a service did lately, from readings of its counters that only ever grow:
 * rates over ten seconds, quantiles over the last half to whole minute.
 */
#ifndef SHUNT_ENGINE_WINDOW_H
#define SHUNT_ENGINE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/abi.h"

#define WINDOW_READINGS 11
/* Quantiles come from between one and two of these, in ns. */
#define WINDOW_GENERATION (30ULL * 1000000000ULL)

struct window_reading {
	uint64_t at; /* ns */
	uint64_t handshakes; /* successful and failed */
	uint64_t failures;
};

/* All zero is a window that has seen nothing. */
struct window {
	struct window_reading readings[WINDOW_READINGS];
	unsigned next;
	unsigned held;
	uint64_t generation_at;
	uint64_t changed_at; /* when a counter last moved */
	uint64_t changed_sum;
	struct shunt_histogram older, newer; /* handshakes, as of two generations */
};

struct window_recent {
	double seconds; /* what the rates are over; 0: nothing known yet */
	double handshakes_per_second;
	double failures_per_second;
	uint64_t handshakes; /* in that time */
	uint64_t failures;
	double p50, p95, p99; /* of the handshake, seconds; NAN without samples */
};

/* Every attempt, successful or not. */
uint64_t cell_handshakes(const struct shunt_cell *cell);

/*
 * Attempts that failed and connections that did not close in order.  A reset
 * that this end chose to send is its own business and not a failure.
 */
uint64_t cell_failures(const struct shunt_cell *cell);

/* Connections that are open now. */
uint64_t cell_active(const struct shunt_cell *cell);

/* Whether window_add() will look at the histograms, or at the counters alone. */
bool window_wants_histograms(const struct window *window, uint64_t now);

/* Takes a reading, to be called once a second or so; `now` is ns and never falls. */
void window_add(struct window *window, uint64_t now, const struct shunt_cell *cell);

/*
 * The same, where no counter has moved since the last reading, so that none need be read.
 * Returns false, and takes none, where it must be by window_add() all the same.
 */
bool window_repeat(struct window *window, uint64_t now);

/* What the readings say, with `cell` as the newest. */
void window_read(const struct window *window, uint64_t now, const struct shunt_cell *cell,
		 struct window_recent *ret_recent);

#endif
