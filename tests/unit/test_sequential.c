/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/health.h"
#include "random.h"

#define MSEC   1000000ULL
#define SECOND 1000000000ULL
#define TICK   (100 * MSEC)
#define DAY    (86400 * SECOND)
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

static struct sequential_limits limits;
static struct sequential test;
static uint64_t now, seed;

static void set_up(void)
{
	struct health_limits all;

	health_limits_default(&all, 0);
	limits = all.traffic;
	memset(&test, 0, sizeof(test));
	now = START;
	seed = 1;
}

TestSuite(sequential, .init = set_up);

static void add(uint64_t successes, uint64_t failures)
{
	now += TICK;
	sequential_add(&test, &limits, now, successes, failures);
}

/* So many, one a tick. */
static void succeed(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		add(1, 0);
}

static void fail(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		add(0, 1);
}

static bool at_random(double share)
{
	return (double)(random_next(&seed) >> 11) * 0x1p-53 < share;
}

/* One tick of so many connections. */
static void add_at_random(unsigned connections, double share)
{
	unsigned failures = 0;

	for (unsigned i = 0; i < connections; i++)
		failures += at_random(share);
	add(connections - failures, failures);
}

/* How many connections it takes, one by one, until it is bad. */
static unsigned detect(double share)
{
	unsigned n = 0;

	for (; !test.bad && n < 100000; n++) {
		now += 10 * MSEC;
		if (at_random(share))
			sequential_add(&test, &limits, now, 0, 1);
		else
			sequential_add(&test, &limits, now, 1, 0);
	}
	return n;
}

/* ln(p1/p0) = 2.9957, ln((1-p0)/(1-p1)) = 0.2131, and the bound is 9.20. */
Test(sequential, weighs_as_the_likelihoods_do)
{
	fail(1);
	cr_expect_float_eq(test.score, 2.9957, 1e-3);
	add(1, 0);
	cr_expect_float_eq(test.score, 2.9957 - 0.2131, 5e-3);
	/* The bound itself: 9.2002 is reached by three failures and a little more. */
	set_up();
	limits.half_life = 1ULL << 62;
	sequential_prepare(&limits);
	add(0, 3);
	test.score = 9.2002 - 2.9957 - 0.001;
	add(0, 1);
	cr_expect_not(test.bad);
	test.score = 9.2002 - 2.9957 + 0.001;
	add(0, 1);
	cr_expect(test.bad);
}

Test(sequential, four_failures_in_a_row_decide)
{
	fail(3);
	cr_expect_not(test.bad);
	fail(1);
	cr_expect(test.bad);
	cr_expect_eq(test.bad_since, now);
}

/* Wald's other bound would be at -4.61, from where it takes five. */
Test(sequential, no_good_history_hides_a_failure)
{
	succeed(10000);
	add(1000000, 0);
	cr_expect_float_eq(test.score, 9.2002 * 1.0175 - 4 * 2.9957, 1e-2);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_not(test.bad);
		now += SECOND / 2 - TICK;
		fail(1);
	}
	cr_expect(test.bad);
}

Test(sequential, at_a_hundred_a_second_the_next_tick_decides)
{
	for (unsigned i = 0; i < 1000; i++)
		add(10, 0);
	add(0, 10);
	cr_expect(test.bad);
}

/*
 * A fifth fails.  Wald's approximation, which leaves out by how much the bound is passed, says
 * 21 connections; it is 24, and 29 after a good history.
 */
Test(sequential, decides_soon_when_bad)
{
	double fresh = 0, after_good = 0;

	for (unsigned i = 0; i < 2000; i++) {
		memset(&test, 0, sizeof(test));
		fresh += detect(0.2);
		memset(&test, 0, sizeof(test));
		add(1000, 0);
		after_good += detect(0.2);
	}
	cr_expect_float_eq(fresh / 2000, 24, 1, "%.1f connections", fresh / 2000);
	cr_expect_float_eq(after_good / 2000, 29, 2, "%.1f connections", after_good / 2000);
}

/*
 * One in two hundred fails, at 100/s.  Over 150 days there was no alarm; begun anew at
 * Wald's bound it would be one in 8 days, and from 0 as a plain CUSUM one in 1.3 days.
 */
Test(sequential, no_false_alarm_in_days)
{
	unsigned alarms = 0;

	for (uint64_t end = now + 2 * DAY; now < end; alarms += test.bad)
		add_at_random(10, 0.005);
	cr_expect_eq(alarms, 0);
}

/* …and one alone at 10/s: the order of what is not lumped together is seen. */
Test(sequential, no_false_alarm_one_by_one)
{
	unsigned alarms = 0;

	for (uint64_t end = now + 10 * DAY; now < end; alarms += test.bad)
		add_at_random(1, 0.005);
	cr_expect_eq(alarms, 0);
}

Test(sequential, a_lump_counts_by_its_sum)
{
	add(96, 4);
	cr_expect_not(test.bad, "four of a hundred");
	add(0, 4);
	cr_expect(test.bad);
}

Test(sequential, evidence_expires)
{
	/* Failures so far apart are not the same trouble any more. */
	for (unsigned i = 0; i < 1000; i++) {
		fail(1);
		now += 40 * SECOND;
		cr_expect_not(test.bad);
	}
	set_up();
	for (unsigned i = 0; i < 4; i++) {
		now += 16 * SECOND;
		fail(1);
	}
	cr_expect(test.bad);
}

Test(sequential, without_connections_nothing_is_bad_for_ever)
{
	fail(10);
	now += 59 * SECOND;
	add(0, 0);
	cr_expect(test.bad);
	now += 1 * SECOND;
	add(0, 0);
	cr_expect_not(test.bad);
	cr_expect_eq(test.score, 0);
	/* Nor where nobody has looked in between. */
	fail(10);
	now += 3600 * SECOND;
	add(0, 1);
	cr_expect_not(test.bad);
}

Test(sequential, a_pause_makes_nothing_bad)
{
	fail(3);
	for (unsigned i = 0; i < 10000; i++)
		add(0, 0);
	cr_expect_not(test.bad);
}

/* ---- and back ---- */

Test(sequential, recovers_after_a_second_and_many_successes)
{
	add(0, 100);
	for (unsigned i = 0; i < 14; i++)
		add(10, 0);
	cr_expect(test.bad, "140 are too few");
	add(10, 0);
	cr_expect_not(test.bad);
	/* However many they are. */
	add(0, 100);
	for (unsigned i = 0; i < 9; i++)
		add(1000, 0);
	cr_expect(test.bad);
	add(1000, 0);
	cr_expect_not(test.bad);
}

Test(sequential, a_slow_service_recovers_by_time)
{
	fail(10);
	for (unsigned i = 0; i < 21; i++) {
		now += SECOND;
		succeed(1);
	}
	cr_expect(test.bad, "21 in a row are too few");
	now += SECOND;
	succeed(1);
	cr_expect_not(test.bad);
	/* 22 within a moment are no answer to that. */
	fail(10);
	succeed(60);
	cr_expect(test.bad);
	succeed(40);
	cr_expect_not(test.bad);
}

Test(sequential, a_failure_delays_the_recovery)
{
	add(0, 100);
	for (unsigned i = 0; i < 14; i++)
		add(10, 0);
	add(9, 1);
	cr_expect(test.bad);
	for (unsigned i = 0; i < 2; i++)
		add(10, 0);
	cr_expect(test.bad);
	for (unsigned i = 0; i < 3; i++)
		add(10, 0);
	cr_expect_not(test.bad);
}

/* However many there were before it. */
Test(sequential, successes_are_not_hoarded)
{
	add(0, 100);
	for (unsigned i = 0; i < 9; i++)
		add(1000, 0);
	add(0, 20);
	cr_expect(test.bad);
	add(1000, 0);
	cr_expect(test.bad);
	for (unsigned i = 0; i < 10; i++)
		add(1000, 0);
	cr_expect_not(test.bad);
}

/* How often it changes its mind in an hour. */
static unsigned changes_in_an_hour(unsigned connections, double share)
{
	unsigned changes = 0;

	for (uint64_t end = now + 3600 * SECOND; now < end;) {
		bool bad = test.bad;

		add_at_random(connections, share);
		changes += test.bad != bad;
	}
	return changes;
}

Test(sequential, does_not_come_and_go)
{
	/* At the edge of what is bad it makes up its mind once in a while, not each minute. */
	cr_expect_leq(changes_in_an_hour(10, 0.07), 12);
	test.bad = true;
	cr_expect_eq(changes_in_an_hour(10, 0.20), 0);
	cr_expect_eq(changes_in_an_hour(10, 0.90), 0);
	/* Between the two tests it stays what it was. */
	cr_expect_eq(changes_in_an_hour(100, 0.06), 0);
	set_up();
	cr_expect_eq(changes_in_an_hour(100, 0.01), 0);
	cr_expect_not(test.bad);
}

Test(sequential, a_bad_history_does_not_hide_a_recovery)
{
	for (unsigned i = 0; i < 36000; i++)
		add(0, 100);
	for (unsigned i = 0; i < 15; i++)
		add(10, 0);
	cr_expect_not(test.bad);
	/* …and the next time it is as quick as the first. */
	fail(3);
	cr_expect_not(test.bad);
	fail(1);
	cr_expect(test.bad);
}

Test(sequential, certainty_takes_twice_as_much)
{
	fail(6);
	cr_expect(test.bad);
	cr_expect_not(test.certain);
	fail(1);
	cr_expect(test.certain);
	for (unsigned i = 0; i < 50; i++)
		add(10, 0);
	cr_expect_not(test.certain);
}

/* ---- for people ---- */

Test(sequential, counts_what_led_to_it)
{
	uint64_t then;

	for (unsigned i = 0; i < 100; i++)
		add(10, 0);
	then = now;
	add(1, 1);
	add(0, 4);
	cr_expect(test.bad);
	cr_expect_eq(test.since, then);
	cr_expect_eq(test.successes, 1);
	cr_expect_eq(test.failures, 5);
}

Test(sequential, counts_are_recent)
{
	for (unsigned i = 0; i < 3600; i++)
		add(0, 10);
	cr_expect(now - test.since >= 10 * SECOND && now - test.since <= 20 * SECOND);
	cr_expect_float_eq((double)test.failures, (double)(now - test.since) / 1e7, 50);
	for (unsigned i = 0; i < 600; i++)
		add(9, 1);
	cr_expect_float_eq((double)test.failures / (double)test.successes, 0.111, 0.04);
}

Test(sequential, forgets_when_told)
{
	fail(100);
	sequential_forget(&test);
	cr_expect_not(test.bad);
	cr_expect_not(test.certain);
	cr_expect_eq(test.score, 0);
	cr_expect_eq(test.failures, 0);
	/* Without a trace: three are as few as they were at first. */
	fail(3);
	cr_expect_not(test.bad);
}
