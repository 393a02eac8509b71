/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "engine/evidence.h"
#include "unit/random.h"

#define TICK   100000000ULL
#define SECOND (10 * TICK)
#define START  (5000 * SECOND)

static struct evidence evidence;

static void set_up(void)
{
	evidence_forget(&evidence);
}

TestSuite(evidence, .init = set_up);

static void add(uint64_t window, uint64_t now, uint64_t failures, uint64_t passes)
{
	struct evidence_tick tick = {
		.attempts = failures + passes,
		.ends = failures,
		.failures = failures,
		.passes = passes,
	};

	evidence_add(&evidence, window, now, &tick);
}

/* Every tick's sums against those of a plain list of all ticks. */
static void compare(uint64_t window, unsigned ticks, uint64_t exact_within)
{
	static uint64_t history[5000];
	uint64_t state = 7;

	for (unsigned n = 0; n < ticks; n++) {
		uint64_t within = 0, most = 0;

		history[n] = random_next(&state) % 5;
		add(window, START + n * TICK, history[n], 1);
		for (unsigned age = 0; age <= n; age++) {
			if (age * TICK < window)
				most += history[n - age];
			if (age * TICK < window - exact_within)
				within += history[n - age];
		}
		cr_assert_leq(evidence.sums[EVIDENCE_FAILURES], most, "tick %u", n);
		cr_assert_geq(evidence.sums[EVIDENCE_FAILURES], within, "tick %u", n);
	}
}

Test(evidence, is_exact_with_windows_of_up_to_ten_seconds)
{
	compare(10 * SECOND, 500, 0);
	set_up();
	compare(1 * SECOND, 500, 0);
	set_up();
	compare(3 * SECOND + 7 * TICK / 2, 500, 0);
}

Test(evidence, forgets_a_hundredth_early_of_longer_windows_and_nothing_late)
{
	compare(60 * SECOND, 2000, 60 * SECOND / 100);
}

Test(evidence, goes_when_the_window_has_passed)
{
	add(10 * SECOND, START, 4, 0);
	add(10 * SECOND, START + 10 * SECOND - TICK, 0, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 4);
	add(10 * SECOND, START + 10 * SECOND, 0, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 0);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 0);
	add(10 * SECOND, START + 1000 * SECOND, 1, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 1);
}

Test(evidence, failures_that_never_meet_in_a_window_never_add_up)
{
	/* nginx#599: 5 s apart are no two within 4 s, however long it goes on. */
	for (unsigned n = 0; n < 20; n++) {
		add(4 * SECOND, START + n * 5 * SECOND, 1, 0);
		cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 1);
		cr_expect_eq(evidence.sums[EVIDENCE_RUN], 1);
	}
}

Test(evidence, a_pass_ends_a_run)
{
	add(10 * SECOND, START, 3, 0);
	add(10 * SECOND, START + TICK, 2, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 5);
	add(10 * SECOND, START + 2 * TICK, 4, 1);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 0, "what went well may have come last");
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 9, "it ends nothing else");
	add(10 * SECOND, START + 3 * TICK, 1, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 1);
	add(10 * SECOND, START + 9 * SECOND, 0, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 1);
	add(10 * SECOND, START + 15 * SECOND, 0, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_RUN], 0);
}

Test(evidence, counts_a_connection_once)
{
	struct evidence_tick tick = {.attempts = 10, .ends = 10, .failures = 10};

	/* Ten that are made and come to nothing are ten failures of ten, not of twenty. */
	evidence_add(&evidence, 10 * SECOND, START, &tick);
	cr_expect_eq(evidence_connections(&evidence), 10);
	tick = (struct evidence_tick){.ends = 5, .failures = 5};
	evidence_add(&evidence, 10 * SECOND, START + TICK, &tick);
	cr_expect_eq(evidence_connections(&evidence), 15, "old ones that close count as well");
	tick = (struct evidence_tick){.attempts = 20};
	evidence_add(&evidence, 10 * SECOND, START + 2 * TICK, &tick);
	cr_expect_eq(evidence_connections(&evidence), 30);
}

Test(evidence, another_window_begins_anew)
{
	add(10 * SECOND, START, 4, 0);
	add(20 * SECOND, START + TICK, 1, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 1);
}

Test(evidence, does_not_wrap)
{
	add(10 * SECOND, START, UINT64_MAX, 0);
	add(10 * SECOND, START, UINT64_MAX, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], UINT32_MAX);
	add(10 * SECOND, START + 10 * SECOND, 0, 0);
	cr_expect_eq(evidence.sums[EVIDENCE_FAILURES], 0);
}
