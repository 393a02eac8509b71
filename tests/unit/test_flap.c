/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "engine/health.h"

#define SECOND 1000000000ULL
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

static struct health_limits limits;
static struct flap flap;
static struct damping damping;

static void set_up(void)
{
	health_limits_default(&limits, 0);
	flap = (struct flap){0};
	damping = (struct damping){0};
}

TestSuite(flap, .init = set_up);
TestSuite(damping, .init = set_up);

/* ---- Nagios' transitions ---- */

static void check(bool up)
{
	flap_add(&flap, &limits.flap, up);
}

static void stay(unsigned checks)
{
	for (unsigned i = 0; i < checks; i++)
		check(flap.up);
}

static void change(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		check(!flap.up);
}

Test(flap, knows_nothing_at_first)
{
	cr_expect_eq(flap_score(&flap), 0);
	check(false);
	cr_expect_eq(flap_score(&flap), 0, "the first state is no change");
	cr_expect_not(flap.flapping);
}

Test(flap, newest_counts_most)
{
	check(true);
	change(1);
	cr_expect_float_eq(flap_score(&flap), 1.25 / 20, 1e-12);
	stay(18);
	cr_expect_float_eq(flap_score(&flap), (0.75 + 0.5 / 19) / 20, 1e-12);
	stay(1);
	cr_expect_float_eq(flap_score(&flap), 0.75 / 20, 1e-12);
	stay(1);
	cr_expect_eq(flap_score(&flap), 0, "21 states are kept");
}

Test(flap, all_changes_are_one)
{
	check(true);
	change(20);
	cr_expect_float_eq(flap_score(&flap), 1, 1e-12);
	change(50);
	cr_expect_float_eq(flap_score(&flap), 1, 1e-12);
}

Test(flap, trips_at_the_sixth_new_transition)
{
	check(true);
	stay(30);
	change(5);
	cr_expect_lt(flap_score(&flap), 0.30);
	cr_expect_not(flap.flapping);
	change(1);
	cr_expect(flap.flapping);
}

Test(flap, sixteen_stable_checks_clear_it)
{
	check(true);
	change(40);
	stay(15);
	cr_expect_gt(flap_score(&flap), 0.20);
	cr_expect(flap.flapping);
	stay(1);
	cr_expect_not(flap.flapping);
}

Test(flap, between_the_thresholds_it_stays_as_it_was)
{
	check(true);
	change(6);
	stay(8);
	cr_expect(flap_score(&flap) > 0.20 && flap_score(&flap) < 0.30, "%f", flap_score(&flap));
	cr_expect(flap.flapping);
	set_up();
	check(true);
	change(5);
	cr_expect(flap_score(&flap) > 0.20 && flap_score(&flap) < 0.30, "%f", flap_score(&flap));
	cr_expect_not(flap.flapping);
}

Test(flap, a_restart_is_none)
{
	check(true);
	stay(20);
	change(1);
	stay(5);
	change(1);
	stay(100);
	cr_expect_not(flap.flapping);
	cr_expect(flap.up);
}

/* ---- RFC 2439 ---- */

/* So many withdrawals so far apart; whether they suppress at the last of them at the latest. */
static bool withdraw(unsigned times, uint64_t apart)
{
	damping = (struct damping){0};
	for (unsigned i = 0; i < times; i++)
		damping_withdraw(&damping, &limits.damping, START + i * apart);
	return damping.suppressed;
}

Test(damping, three_withdrawals_suppress)
{
	cr_expect_not(withdraw(1, 0));
	cr_expect_not(withdraw(2, 0));
	cr_expect_not(withdraw(2, SECOND));
	cr_expect(withdraw(3, 0));
	cr_expect(withdraw(3, SECOND));
}

/* With x the decay in between: 1 + x + x^2 > 2 where they are less than 0.694 half-lives apart. */
Test(damping, how_far_apart)
{
	cr_expect(withdraw(3, 41 * SECOND));
	cr_expect_not(withdraw(3, 42 * SECOND));
	/* For ever: 1 / (1 - x) > 2 where it is less than one. */
	cr_expect(withdraw(100, 59 * SECOND));
	cr_expect_not(withdraw(100, 61 * SECOND));
}

Test(damping, halves_in_a_half_life)
{
	withdraw(2, 0);
	damping_decay(&damping, &limits.damping, START + limits.damping.half_life);
	cr_expect_float_eq(damping.penalty, 1000, 1e-6);
	/* However often one looks. */
	withdraw(2, 0);
	for (unsigned i = 1; i <= 600; i++)
		damping_decay(&damping, &limits.damping,
			      START + i * limits.damping.half_life / 600);
	cr_expect_float_eq(damping.penalty, 1000, 1e-6);
}

/* How long it stays suppressed after the last withdrawal, in seconds. */
static unsigned suppressed_for(void)
{
	uint64_t last = damping.at;
	unsigned seconds = 0;

	while (damping.suppressed)
		damping_decay(&damping, &limits.damping, last + ++seconds * SECOND);
	return seconds;
}

Test(damping, reuse)
{
	withdraw(3, 0);
	/* From 3000 to 750 are two half-lives. */
	cr_expect_eq(suppressed_for(), 121);
	cr_expect_lt(damping.penalty, 750);
	cr_expect_gt(damping.penalty, 740);
}

Test(damping, has_a_ceiling)
{
	withdraw(1000, 0);
	cr_expect_float_eq(damping.penalty, 750 * 16, 1e-6);
	cr_expect_eq(suppressed_for(), 241, "four half-lives and no longer");
}

Test(damping, forgets)
{
	withdraw(2, 10 * SECOND);
	cr_expect_eq(damping.withdrawals, 2);
	cr_expect_eq(damping.first, START);
	damping_decay(&damping, &limits.damping, START + 130 * SECOND);
	cr_expect_eq(damping.withdrawals, 2);
	damping_decay(&damping, &limits.damping, START + 160 * SECOND);
	cr_expect_eq(damping.withdrawals, 0);
	cr_expect_eq(damping.penalty, 0);
	damping_withdraw(&damping, &limits.damping, START + 200 * SECOND);
	cr_expect_eq(damping.first, START + 200 * SECOND);
	cr_expect_eq(damping.penalty, 1000);
}

/* BGP's own: 15 min for updates 30 s apart. */
Test(damping, the_half_life_follows_the_interval)
{
	health_limits_default(&limits, 30 * SECOND);
	cr_expect_eq(limits.damping.half_life, 900 * SECOND);
	cr_expect_eq(limits.damping.longest, 3600 * SECOND);
	cr_expect_eq(limits.settled, 90 * SECOND);
	cr_expect(withdraw(3, 600 * SECOND));
	health_limits_default(&limits, SECOND / 10);
	cr_expect_eq(limits.damping.half_life, 60 * SECOND);
	cr_expect_eq(limits.settled, 15 * SECOND);
}
