/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/window.h"

#include "engine/quantile.h"

#define NSEC_PER_SEC 1e9

uint64_t cell_handshakes(const struct shunt_cell *cell)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SHUNT_HANDSHAKE_MAX; i++)
		sum += cell->counters.handshakes[i];
	return sum;
}

static uint64_t closes(const struct shunt_cell *cell)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SHUNT_CLOSE_MAX; i++)
		sum += cell->counters.closes[i];
	return sum;
}

uint64_t cell_failures(const struct shunt_cell *cell)
{
	uint64_t failed_handshakes = cell_handshakes(cell) -
				     cell->counters.handshakes[SHUNT_HANDSHAKE_OK];
	uint64_t failed_closes = closes(cell) - cell->counters.closes[SHUNT_CLOSE_ORDERLY] -
				 cell->counters.closes[SHUNT_CLOSE_RESET_BY_LOCAL];

	return failed_handshakes + failed_closes;
}

uint64_t cell_active(const struct shunt_cell *cell)
{
	uint64_t opened = cell->counters.handshakes[SHUNT_HANDSHAKE_OK] + cell->counters.seeded;
	uint64_t closed = closes(cell);

	/* The counters of several CPUs are not read at one instant. */
	return opened > closed ? opened - closed : 0;
}

/* The reading that the others are compared with; all zero before there is one. */
static const struct window_reading *oldest_reading(const struct window *window)
{
	unsigned first = window->next + WINDOW_READINGS - window->held;

	return &window->readings[first % WINDOW_READINGS];
}

bool window_wants_histograms(const struct window *window, uint64_t now)
{
	return now - window->generation_at >= WINDOW_GENERATION;
}

static void push(struct window *window, const struct window_reading *reading)
{
	window->readings[window->next] = *reading;
	window->next = (window->next + 1) % WINDOW_READINGS;
	if (window->held < WINDOW_READINGS)
		window->held++;
}

void window_add(struct window *window, uint64_t now, const struct shunt_cell *cell)
{
	const struct window_reading reading = {
		.at = now,
		.handshakes = cell_handshakes(cell),
		.failures = cell_failures(cell),
	};
	uint64_t sum = cell_handshakes(cell) + closes(cell);

	push(window, &reading);
	if (!window->changed_at || sum != window->changed_sum) {
		window->changed_at = now;
		window->changed_sum = sum;
	}
	if (window_wants_histograms(window, now)) {
		window->older = window->newer;
		window->newer = cell->histograms[SHUNT_SIGNAL_HANDSHAKE];
		window->generation_at = now;
	}
}

bool window_repeat(struct window *window, uint64_t now)
{
	unsigned newest = (window->next + WINDOW_READINGS - 1) % WINDOW_READINGS;
	struct window_reading reading = window->readings[newest];
	bool due = window_wants_histograms(window, now);

	if (!window->held || (due && window->changed_at > window->generation_at))
		return false;
	reading.at = now;
	push(window, &reading);
	if (due) {
		window->older = window->newer;
		window->generation_at = now;
	}
	return true;
}

static void read_quantiles(const struct window *window, const struct shunt_cell *cell,
			   struct window_recent *ret_recent)
{
	struct shunt_histogram recent;

	histogram_since(&cell->histograms[SHUNT_SIGNAL_HANDSHAKE], &window->older, &recent);
	ret_recent->p50 = histogram_quantile(&recent, 0.50);
	ret_recent->p95 = histogram_quantile(&recent, 0.95);
	ret_recent->p99 = histogram_quantile(&recent, 0.99);
}

void window_read(const struct window *window, uint64_t now, const struct shunt_cell *cell,
		 struct window_recent *ret_recent)
{
	const struct window_reading *oldest = oldest_reading(window);

	*ret_recent = (struct window_recent){0};
	read_quantiles(window, cell, ret_recent);
	if (!window->held || now <= oldest->at)
		return;
	ret_recent->seconds = (double)(now - oldest->at) / NSEC_PER_SEC;
	ret_recent->handshakes = cell_handshakes(cell) - oldest->handshakes;
	ret_recent->failures = cell_failures(cell) - oldest->failures;
	ret_recent->handshakes_per_second = (double)ret_recent->handshakes / ret_recent->seconds;
	ret_recent->failures_per_second = (double)ret_recent->failures / ret_recent->seconds;
}
