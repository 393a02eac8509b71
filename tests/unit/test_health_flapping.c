/* SPDX-License-Identifier: GPL-2.0 */
/* A service that goes down and comes back, again and again; and those that do not. */
#include <criterion/criterion.h>

#include "health_world.h"

#define SEEDS 200

static struct world world;

/* Up for 2 to 4 s, down for 1 to 4 s. */
static uint64_t flap(struct world *w)
{
	return w->up ? between(w, 2 * SECOND, 4 * SECOND) : between(w, SECOND, 4 * SECOND);
}

static uint64_t deep_flap(struct world *w)
{
	return w->up ? between(w, 2 * SECOND, 4 * SECOND) : between(w, SECOND, 5 * SECOND);
}

/* How many of SEEDS runs were called flapping before HAProxy's first DOWN. */
static unsigned foreseen(uint64_t (*toggle)(struct world *world), double failing)
{
	unsigned count = 0;

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world_start(&world, seed);
		world.balancer.used = true;
		world.failing = failing;
		world.toggle = toggle;
		world.toggle_at = START + 10 * SECOND;
		world_run(&world, 120 * SECOND);
		cr_assert_neq(world.first[HEALTH_FLAPPING], 0, "seed %u", seed);
		count += world.first[HEALTH_FLAPPING] < world.balancer.first_down_at;
		/* Checks that fail in each of its bad times, and good times in between. */
		cr_assert_eq(world.states[HEALTH_CHECKER_FAULT], 0, "seed %u", seed);
	}
	return count;
}

Test(health_flapping, is_foreseen)
{
	unsigned count = foreseen(flap, 0);

	cr_expect_geq(count, SEEDS * 95 / 100, "%u of %u", count, SEEDS);
	count = foreseen(flap, 0.005);
	cr_expect_geq(count, SEEDS * 95 / 100, "%u of %u with half a percent", count, SEEDS);
}

static uint64_t flap_with_checks(struct world *w)
{
	return w->up ? 1500 * MSEC : 500 * MSEC;
}

/* It works for three quarters of the time, and each check comes in the fourth. */
Test(health_flapping, is_seen_when_each_check_meets_it_down)
{
	world_start(&world, 1);
	world.rate = 200;
	world.toggle = flap_with_checks;
	world.toggle_at = START + 60 * SECOND;
	world.balancer.used = true;
	world.balancer.next_at = START + 250 * MSEC;
	world_run(&world, 66 * SECOND);
	cr_expect_neq(world.first[HEALTH_FLAPPING], 0);
	cr_expect_eq(world.verdict.withdrawals, 3);
	cr_expect_geq(world.balancer.failed, 3, "%u checks failed", world.balancer.failed);
}

/* Where a single one of the first two times is enough for a DOWN, nobody can foresee it. */
Test(health_flapping, is_foreseen_mostly_if_it_takes_the_service_out)
{
	unsigned count = foreseen(deep_flap, 0);

	cr_expect_geq(count, SEEDS * 80 / 100, "%u of %u", count, SEEDS);
}

Test(health_flapping, is_said_at_the_third_time)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		unsigned downs = 0;
		bool up = true;

		world_start(&world, seed);
		world.toggle = flap;
		world.toggle_at = START + 10 * SECOND;
		while (world.verdict.state != HEALTH_FLAPPING) {
			world_tick(&world);
			downs += up && !world.up;
			up = world.up;
		}
		cr_assert_leq(downs, 4, "seed %u: %u", seed, downs);
		cr_assert_geq(downs, 3, "seed %u: %u", seed, downs);
		cr_assert_eq(world.verdict.reason, HEALTH_REASON_DAMPED);
		cr_assert_eq(world.verdict.withdrawals, 3);
		cr_assert_eq(world.verdict.withdrawals_span,
			     world.now - world.first[HEALTH_FAILING]);
		cr_assert_gt(world.verdict.penalty, 2000);
	}
}

/* Once it flaps that is its state, whatever it does at the moment, and not for ever. */
Test(health_flapping, is_a_state_that_stays_and_ends)
{
	uint64_t quiet;

	world_start(&world, 1);
	world.toggle = flap;
	world.toggle_at = START + 10 * SECOND;
	cr_assert(world_run_until(&world, HEALTH_FLAPPING, 60 * SECOND));
	world_count_anew(&world);
	world_run(&world, 120 * SECOND);
	cr_expect(world_was_only(&world, HEALTH_FLAPPING));
	cr_expect_gt(world.verdict.flap_score, 0.3);

	while (!world.up)
		world_tick(&world);
	world.toggle_at = NEVER;
	quiet = world.now;
	world_run(&world, 60 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FLAPPING);
	cr_expect_eq(world.verdict.beneath, HEALTH_HEALTHY);
	while (world.verdict.state == HEALTH_FLAPPING)
		world_tick(&world);
	cr_expect_leq(world.now - quiet, 245 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* Down for good, it does not flap any more. */
Test(health_flapping, ends_in_failure)
{
	world_start(&world, 1);
	world.toggle = flap;
	world.toggle_at = START + 10 * SECOND;
	cr_assert(world_run_until(&world, HEALTH_FLAPPING, 60 * SECOND));
	while (world.up)
		world_tick(&world);
	world.toggle_at = NEVER;
	world_run(&world, 14 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FLAPPING);
	cr_expect_eq(world.verdict.beneath, HEALTH_FAILING);
	world_run(&world, 3 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
}

/* One that keeps stopping: wedged, at first. */
Test(health_flapping, of_a_wedged_service)
{
	world_start(&world, 1);
	world_run(&world, 30 * SECOND);
	for (unsigned i = 0; i < 3; i++) {
		world.stopped = true;
		world_run(&world, 2 * SECOND);
		cr_expect_eq(world.verdict.state, i < 2 ? HEALTH_WEDGED : HEALTH_FLAPPING);
		cr_expect_eq(world.verdict.beneath, HEALTH_WEDGED);
		world.stopped = false;
		world_run(&world, 4 * SECOND);
	}
}

/* ---- by checks alone ---- */

/* Pass, fail, pass, fail: never DOWN, but nobody else speaks for the service. */
Test(health_flapping, of_checks_without_traffic)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	world.balancer.used = true;
	for (unsigned i = 0; i < 8; i++) {
		unsigned failed = world.balancer.failed;

		world.balancer.lossy = 1;
		while (world.balancer.failed == failed)
			world_tick(&world);
		world.balancer.lossy = 0;
		world_run(&world, 3 * SECOND);
		cr_expect_eq(world.verdict.state == HEALTH_FLAPPING, i >= 3, "%u: %s", i,
			     world_why(&world));
	}
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_TRANSITIONS);
	cr_expect_eq(world.balancer.first_down_at, NEVER);
	world_run(&world, 60 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* /healthz itself alternates: its own word, whatever the rest does. */
Test(health_flapping, of_error_statuses)
{
	world_start(&world, 1);
	world.balancer.used = true;
	world.balancer.http = true;
	world_run(&world, 20 * SECOND);
	for (unsigned i = 0; i < 10; i++) {
		world.balancer.error = i % 2 ? 0 : 503;
		world_run(&world, 2 * SECOND);
	}
	cr_expect_eq(world.verdict.state, HEALTH_FLAPPING, "%s", world_why(&world));
}

Test(health_flapping, of_lost_checks_only_is_the_checkers_fault)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		world_start(&world, seed);
		world.balancer.used = true;
		world.balancer.lossy = 0.5;
		world_run(&world, 300 * SECOND);
		cr_assert_eq(world.states[HEALTH_FLAPPING], 0, "seed %u", seed);
		cr_assert_gt(world.states[HEALTH_CHECKER_FAULT], world.ticks / 2);
	}
}

/* ---- not flapping ---- */

/* A deployment, of any length, even twice in a row. */
Test(health_flapping, a_restart_is_none)
{
	const uint64_t downs[] = {SECOND / 2, SECOND, 5 * SECOND, 20 * SECOND, 120 * SECOND};

	for (unsigned i = 0; i < 5; i++) {
		world_start(&world, i);
		world.balancer.used = true;
		world_run(&world, 30 * SECOND);
		for (unsigned time = 0; time < 2; time++) {
			world.toggle_at = world.now;
			world_run(&world, downs[i]);
			world.toggle_at = world.now;
			world_run(&world, 10 * SECOND);
		}
		world_run(&world, 60 * SECOND);
		cr_expect_eq(world.states[HEALTH_FLAPPING], 0, "down for %llu ms", downs[i] / MSEC);
		cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	}
}

/* One restart each two minutes is a poor service, but it is up in between. */
Test(health_flapping, rare_restarts_are_none)
{
	world_start(&world, 1);
	for (unsigned i = 0; i < 30; i++) {
		world_run(&world, 115 * SECOND);
		world.toggle_at = world.now;
		world_run(&world, 5 * SECOND);
		world.toggle_at = world.now;
	}
	cr_expect_eq(world.states[HEALTH_FLAPPING], 0);
	/* A crash loop of half a minute is not. */
	for (unsigned i = 0; i < 3; i++) {
		world_run(&world, 25 * SECOND);
		world.toggle_at = world.now;
		world_run(&world, 5 * SECOND);
		world.toggle_at = world.now;
	}
	cr_expect_eq(world.verdict.state, HEALTH_FLAPPING);
}
