/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "engine/window.h"

#define SECOND 1000000000ULL
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

#define MIDDLE_80  0.00093516
#define MIDDLE_160 0.95760328

/* A service under virtual time: what it did so far, and its window. */
static struct window window;
static struct shunt_cell cell;
static uint64_t now;

static void set_up(void)
{
	window = (struct window){0};
	cell = (struct shunt_cell){0};
	now = START;
}

TestSuite(window, .init = set_up);

static void take(void)
{
	window_add(&window, now, &cell);
}

static struct window_recent read_now(void)
{
	struct window_recent recent;

	window_read(&window, now, &cell, &recent);
	return recent;
}

/* So many seconds at so many attempts a second, some of them failing. */
static void live(unsigned seconds, uint64_t succeeding, uint64_t failing)
{
	for (unsigned i = 0; i < seconds; i++) {
		now += SECOND;
		cell.counters.handshakes[SHUNT_HANDSHAKE_OK] += succeeding;
		cell.counters.handshakes[SHUNT_HANDSHAKE_REFUSED] += failing;
		take();
	}
}

static void sample(unsigned bucket, uint64_t times)
{
	cell.histograms[SHUNT_SIGNAL_HANDSHAKE].buckets[bucket] += times;
}

Test(window, knows_nothing_before_two_readings)
{
	struct window_recent recent = read_now();

	cr_expect_eq(recent.seconds, 0);
	cr_expect(isnan(recent.p50) && isnan(recent.p95) && isnan(recent.p99));
	cell.counters.handshakes[SHUNT_HANDSHAKE_OK] = 1000;
	take();
	recent = read_now();
	cr_expect_eq(recent.seconds, 0);
	cr_expect_eq(recent.handshakes, 0);
	cr_expect_eq(recent.handshakes_per_second, 0);
}

Test(window, what_was_before_the_first_reading_is_no_rate)
{
	struct window_recent recent;

	cell.counters.handshakes[SHUNT_HANDSHAKE_OK] = 1000000;
	take();
	live(1, 7, 0);
	recent = read_now();
	cr_expect_eq(recent.seconds, 1);
	cr_expect_eq(recent.handshakes, 7);
	cr_expect_eq(recent.handshakes_per_second, 7);
}

Test(window, rates_are_over_ten_seconds)
{
	struct window_recent recent;

	take();
	for (unsigned second = 1; second <= 40; second++) {
		live(1, second, 1);
		recent = read_now();
		cr_expect_eq(recent.seconds, second < 10 ? second : 10, "second %u", second);
		if (second < 10)
			continue;
		/* The sum of the last ten, and nothing older. */
		cr_expect_eq(recent.handshakes, 10 * second - 45 + 10, "second %u", second);
		cr_expect_float_eq(recent.handshakes_per_second, second - 4.5 + 1, 1e-9);
		cr_expect_eq(recent.failures, 10);
		cr_expect_float_eq(recent.failures_per_second, 1, 1e-9);
	}
}

Test(window, between_readings_the_newest_counts)
{
	struct window_recent recent;

	take();
	live(20, 10, 0);
	now += SECOND / 2;
	cell.counters.handshakes[SHUNT_HANDSHAKE_OK] += 5;
	recent = read_now();
	cr_expect_eq(recent.seconds, 10.5);
	cr_expect_eq(recent.handshakes, 105);
	cr_expect_float_eq(recent.handshakes_per_second, 10, 1e-9);
}

Test(window, evidence_expires)
{
	take();
	live(1, 0, 500);
	cr_expect_eq(read_now().failures, 500);
	live(9, 10, 0);
	cr_expect_eq(read_now().failures, 500);
	live(1, 10, 0);
	cr_expect_eq(read_now().failures, 0);
	cr_expect_eq(read_now().handshakes, 100);
	live(10, 0, 0);
	cr_expect_eq(read_now().handshakes, 0);
	cr_expect_eq(read_now().handshakes_per_second, 0);
}

/* A loop that was held up: the rate is over the time that it took, not over a count of readings. */
Test(window, a_late_reading_is_not_a_second)
{
	struct window_recent recent;

	take();
	now += 4 * SECOND;
	cell.counters.handshakes[SHUNT_HANDSHAKE_OK] = 100;
	take();
	recent = read_now();
	cr_expect_eq(recent.seconds, 4);
	cr_expect_eq(recent.handshakes_per_second, 25);
}

Test(window, wants_histograms_twice_a_minute)
{
	unsigned wanted = 0;

	for (unsigned second = 0; second < 300; second++) {
		now += SECOND;
		wanted += window_wants_histograms(&window, now);
		take();
	}
	cr_expect_eq(wanted, 10);
}

Test(window, quantiles_forget_within_a_minute)
{
	take();
	sample(160, 100);
	live(1, 100, 0);
	cr_expect_float_eq(read_now().p50, MIDDLE_160, 1e-6);
	/* Half a minute later it is still there… */
	live(29, 0, 0);
	cr_expect_float_eq(read_now().p50, MIDDLE_160, 1e-6);
	sample(80, 10);
	live(29, 0, 0);
	cr_expect_float_eq(read_now().p50, MIDDLE_160, 1e-6);
	cr_expect_float_eq(read_now().p99, MIDDLE_160, 1e-6);
	/* …after a whole one it is not, but what came since is. */
	live(1, 0, 0);
	cr_expect_float_eq(read_now().p50, MIDDLE_80, 1e-6);
	cr_expect_float_eq(read_now().p99, MIDDLE_80, 1e-6);
	live(30, 0, 0);
	cr_expect(isnan(read_now().p50));
}

Test(window, a_sample_is_seen_for_half_a_minute_at_least)
{
	for (unsigned offset = 0; offset < 60; offset++) {
		set_up();
		take();
		live(offset, 0, 0);
		sample(160, 1);
		live(29, 0, 0);
		cr_expect_not(isnan(read_now().p50), "after %u s", offset);
		live(31, 0, 0);
		cr_expect(isnan(read_now().p50), "after %u s", offset);
	}
}

Test(window, each_quantile_is_its_own)
{
	take();
	sample(80, 90);
	sample(120, 8);
	sample(160, 2);
	cr_expect_float_eq(read_now().p50, MIDDLE_80, 1e-6);
	cr_expect_float_eq(read_now().p95, exp2(-40.5 / 8), 1e-6);
	cr_expect_float_eq(read_now().p99, MIDDLE_160, 1e-6);
}

/* What makes a service idle: counters that stand still, not the absence of readings. */
Test(window, remembers_when_it_changed)
{
	uint64_t then;

	take();
	live(3, 1, 0);
	then = now;
	live(100, 0, 0);
	cr_expect_eq(window.changed_at, then);
	cell.counters.closes[SHUNT_CLOSE_ORDERLY]++;
	live(1, 0, 0);
	cr_expect_eq(window.changed_at, now);
}

/* With a reading of the counters each second, or only where they have moved. */
Test(window, a_repeated_reading_is_as_good)
{
	struct window read;

	sample(80, 10);
	live(40, 5, 1);
	read = window;
	for (unsigned i = 0; i < 90; i++) {
		now += SECOND;
		window_add(&read, now, &cell);
		if (!window_repeat(&window, now))
			take();
		cr_assert_arr_eq(&window, &read, sizeof(window), "after %u s", i);
	}
	cr_expect(window_repeat(&window, now + WINDOW_GENERATION),
		  "nothing has moved since the histograms were taken either");
}

Test(window, what_has_moved_since_the_histograms_is_not_repeated)
{
	cr_expect_not(window_repeat(&window, now), "there is nothing to repeat");
	live(1, 1, 0);
	live(5, 1, 0);
	cr_expect(window_repeat(&window, now));
	cr_expect_not(window_repeat(&window, now + WINDOW_GENERATION));
}

struct failure_case {
	unsigned kind;
	bool close; /* or a handshake */
	bool failure;
};

ParameterizedTestParameters(cell, failures)
{
	static struct failure_case cases[] = {
		{SHUNT_HANDSHAKE_OK, false, false},
		{SHUNT_HANDSHAKE_REFUSED, false, true},
		{SHUNT_HANDSHAKE_RESET, false, true},
		{SHUNT_HANDSHAKE_TIMED_OUT, false, true},
		{SHUNT_HANDSHAKE_HOST_UNREACHABLE, false, true},
		{SHUNT_HANDSHAKE_NET_UNREACHABLE, false, true},
		{SHUNT_HANDSHAKE_OVERFLOW, false, true},
		{SHUNT_HANDSHAKE_OTHER, false, true},
		{SHUNT_CLOSE_ORDERLY, true, false},
		{SHUNT_CLOSE_RESET_BY_PEER, true, true},
		{SHUNT_CLOSE_RESET_BY_LOCAL, true, false},
		{SHUNT_CLOSE_TIMED_OUT, true, true},
		{SHUNT_CLOSE_NO_RESPONSE, true, true},
		{SHUNT_CLOSE_OTHER, true, true},
	};

	return cr_make_param_array(struct failure_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct failure_case *c, cell, failures)
{
	struct shunt_cell one = {0};

	(c->close ? one.counters.closes : one.counters.handshakes)[c->kind] = 3;
	cr_assert_eq(cell_failures(&one), c->failure ? 3 : 0, "%s %u",
		     c->close ? "close" : "handshake", c->kind);
	cr_assert_eq(cell_handshakes(&one), c->close ? 0 : 3);
}

Test(cell, active)
{
	struct shunt_cell one = {0};

	cr_expect_eq(cell_active(&one), 0);
	one.counters.handshakes[SHUNT_HANDSHAKE_OK] = 10;
	one.counters.handshakes[SHUNT_HANDSHAKE_REFUSED] = 100;
	cr_expect_eq(cell_active(&one), 10, "a failed attempt opened nothing");
	one.counters.seeded = 5;
	cr_expect_eq(cell_active(&one), 15);
	for (unsigned i = 0; i < SHUNT_CLOSE_MAX; i++)
		one.counters.closes[i] = 2;
	cr_expect_eq(cell_active(&one), 3);
	/* Counters of several CPUs are not read at one instant. */
	one.counters.closes[SHUNT_CLOSE_ORDERLY] = 100;
	cr_expect_eq(cell_active(&one), 0);
}
