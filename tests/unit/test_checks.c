/* SPDX-License-Identifier: GPL-2.0 */
/* Check by check; whole services are in test_health_checks.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/health.h"

#define SECOND 1000000000ULL
#define TICK   (SECOND / 10)
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

static struct checks_limits limits;
static struct checks checks;
static struct checks_input input;
static struct check queue[32];
static uint64_t now;

static void set_up(void)
{
	struct health_limits all;

	health_limits_default(&all, 0);
	limits = all.checks;
	memset(&checks, 0, sizeof(checks));
	memset(&input, 0, sizeof(input));
	now = START;
}

TestSuite(checks, .init = set_up);

static void tick(uint64_t served, uint64_t failed)
{
	input.now = now += TICK;
	input.stretch = 1;
	input.checks = queue;
	input.served = served;
	input.failed = failed;
	checks_add(&checks, &limits, &input);
	input.checks_count = 0;
}

static void ticks(unsigned count, uint64_t served, uint64_t failed)
{
	for (unsigned i = 0; i < count; i++)
		tick(served, failed);
}

/* A check that ends in the next tick. */
static void check(unsigned prober, enum shunt_probe_outcome outcome)
{
	queue[input.checks_count++] = (struct check){
		.at = now, .prober = prober, .outcome = outcome};
}

static void lose(unsigned prober)
{
	check(prober, SHUNT_PROBE_TIMED_OUT);
}

/* Lost, and so much traffic in each of the ticks after it. */
static void lose_among(uint64_t served, uint64_t failed)
{
	lose(0);
	ticks(20, served, failed);
}

/* ---- witnesses ---- */

Test(checks, ten_witnesses_are_enough)
{
	lose(0);
	tick(0, 0);
	tick(10, 0);
	lose(0);
	tick(0, 0);
	cr_expect_not(checks.fault);
	tick(9, 0);
	cr_expect_not(checks.fault);
	tick(1, 0);
	cr_expect(checks.fault);
}

/* One in twenty may fail, more may not. */
Test(checks, witnesses_have_to_be_fine)
{
	lose_among(95, 5);
	lose_among(95, 5);
	cr_expect_not(checks.fault);
	set_up();
	lose_among(96, 4);
	lose_among(96, 4);
	cr_expect(checks.fault);
	/* Failures are counted over all of the witnesses. */
	set_up();
	lose(0);
	ticks(10, 0, 1);
	tick(0, 0);
	cr_expect_eq(checks.fine_at, 0);
	lose_among(1, 1);
	cr_expect_eq(checks.fine_at, 0);
}

Test(checks, what_was_before_is_no_witness)
{
	ticks(100, 1000, 0);
	lose(0);
	tick(1000, 0);
	lose(0);
	tick(1000, 0);
	cr_expect_not(checks.fault, "served before either, or in the same tick");
	/* Between the two, but not after the second: it may have died just then. */
	set_up();
	lose_among(100, 0);
	lose(0);
	ticks(20, 0, 0);
	cr_expect_not(checks.fault);
	cr_expect_not(checks.failing, "nor that");
	tick(10, 0);
	cr_expect(checks.fault);
}

Test(checks, bad_traffic_is_no_witness)
{
	lose_among(100, 0);
	lose_among(100, 0);
	cr_expect(checks.fault);
	input.traffic_bad = true;
	tick(100, 0);
	cr_expect_not(checks.fault);
	input.traffic_bad = false;
	ticks(20, 100, 0);
	cr_expect_not(checks.fault, "what failed before failed with the service");
	lose_among(100, 0);
	cr_expect_not(checks.fault, "one since then");
	lose(0);
	tick(0, 0);
	cr_expect_not(checks.fault, "two, but nothing after the second");
	ticks(20, 100, 0);
	cr_expect(checks.fault);
}

Test(checks, traffic_speaks_for_a_minute)
{
	cr_expect_not(checks_traffic_speaks(&checks, &limits, now));
	tick(10, 0);
	cr_expect(checks_traffic_speaks(&checks, &limits, now + 60 * SECOND));
	cr_expect_not(checks_traffic_speaks(&checks, &limits, now + 60 * SECOND + 1));
	input.traffic_bad = true;
	tick(10, 0);
	cr_expect_not(checks_traffic_speaks(&checks, &limits, now));
}

/* ---- probers ---- */

Test(checks, two_of_the_last_four_are_suspicious)
{
	const enum shunt_probe_outcome outcomes[] = {
		SHUNT_PROBE_TIMED_OUT, SHUNT_PROBE_PASS, SHUNT_PROBE_PASS, SHUNT_PROBE_PASS,
		SHUNT_PROBE_TIMED_OUT, SHUNT_PROBE_PASS, SHUNT_PROBE_PASS, SHUNT_PROBE_TIMED_OUT,
		SHUNT_PROBE_PASS,      SHUNT_PROBE_PASS, SHUNT_PROBE_PASS, SHUNT_PROBE_PASS,
	};
	const bool faults[] = {false, false, false, false, false, false,
			       false, true,  true,  true,  true,  false};

	for (unsigned i = 0; i < 12; i++) {
		check(0, outcomes[i]);
		ticks(20, 100, 0);
		cr_expect_eq(checks.fault, faults[i], "after %u", i);
	}
}

Test(checks, more_probers_than_places)
{
	for (unsigned i = 0; i < 30; i++)
		lose(i);
	tick(0, 0);
	cr_expect_eq(checks.fresh, CHECKS_PROBERS);
	cr_expect_eq(checks.troubled_probers, CHECKS_PROBERS);
}

/* Whether a prober that was heard every `apart` counts so long after its last check. */
static bool is_heard(uint64_t apart, uint64_t after)
{
	set_up();
	for (unsigned i = 0; i < 10; i++) {
		check(0, SHUNT_PROBE_PASS);
		tick(0, 0);
		now += apart - TICK;
	}
	now += after - apart;
	tick(0, 0);
	return checks.fresh;
}

Test(checks, a_silent_prober_has_gone)
{
	cr_expect(is_heard(SECOND, 9 * SECOND), "10 s at least");
	cr_expect_not(is_heard(SECOND, 11 * SECOND));
	cr_expect(is_heard(30 * SECOND, 119 * SECOND), "four intervals");
	cr_expect_not(is_heard(30 * SECOND, 121 * SECOND));
	/* Seen once. */
	set_up();
	check(0, SHUNT_PROBE_PASS);
	tick(0, 0);
	now += 59 * SECOND;
	tick(0, 0);
	cr_expect(checks.fresh);
	now += SECOND;
	tick(0, 0);
	cr_expect_not(checks.fresh);
}

Test(checks, one_quick_check_does_not_hasten_that)
{
	is_heard(30 * SECOND, 30 * SECOND);
	check(0, SHUNT_PROBE_PASS);
	tick(0, 0);
	check(0, SHUNT_PROBE_PASS);
	tick(0, 0);
	now += 80 * SECOND;
	tick(0, 0);
	cr_expect(checks.fresh);
}

Test(checks, a_round_has_heard_them_all)
{
	for (unsigned i = 0; i < 3; i++)
		check(i, SHUNT_PROBE_PASS);
	tick(0, 0);
	for (unsigned i = 0; i < 9; i++) {
		check(i % 3, SHUNT_PROBE_PASS);
		tick(0, 0);
		cr_expect_eq(checks.round, i % 3 == 2, "%u", i);
	}
	tick(0, 0);
	cr_expect_not(checks.round, "without a check");
}

Test(checks, the_worst_is_shown)
{
	check(0, SHUNT_PROBE_PASS);
	lose(1);
	lose(2);
	lose(2);
	check(3, SHUNT_PROBE_PASS);
	/* More of the last ones, but not the last. */
	lose(4);
	lose(4);
	lose(4);
	check(4, SHUNT_PROBE_PASS);
	tick(0, 0);
	cr_expect_eq(checks.worst, 2);
	cr_expect_eq(checks.failing_probers, 1);
	cr_expect_eq(checks.troubled_probers, 2);
	cr_expect_not(checks.passing);
}

/* They vouch for the service from the first of two passed ones on. */
Test(checks, passing_since)
{
	uint64_t first;

	lose(0);
	tick(0, 0);
	check(0, SHUNT_PROBE_PASS);
	first = now;
	ticks(20, 0, 0);
	cr_expect_not(checks.passing);
	check(0, SHUNT_PROBE_PASS);
	tick(0, 0);
	cr_expect(checks.passing);
	cr_expect_eq(checks.passing_since, first);
}
