/* SPDX-License-Identifier: GPL-2.0 */
/* What health checks say of a service, and what of themselves. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "health_world.h"

static struct world world;

/* A good service under HAProxy's checks and so many connections a second. */
static void start(uint64_t seed, double rate)
{
	world_start(&world, seed);
	world.balancer.used = true;
	world_set_rate(&world, rate);
	world_run(&world, 30 * SECOND + between(&world, 0, 2 * SECOND));
	cr_assert(world_was_only(&world, HEALTH_HEALTHY));
}

/* Runs on until so many checks have failed. */
static void fail_checks(unsigned failed)
{
	world.balancer.lossy = 1;
	failed += world.balancer.failed;
	while (world.balancer.failed < failed)
		world_tick(&world);
}

/* ---- the checker's fault ---- */

Test(health_checks, lost_checks_are_the_checkers_fault)
{
	const double rates[] = {10, 20, 100, 1000};

	for (unsigned seed = 0; seed < 100; seed++) {
		start(seed, rates[seed % 4]);
		fail_checks(1);
		cr_assert_eq(world.verdict.state, HEALTH_AT_RISK);
		fail_checks(2);
		cr_assert_eq(world.verdict.state, HEALTH_CHECKER_FAULT, "seed %u", seed);
		cr_assert_eq(world.verdict.reason, HEALTH_REASON_TRAFFIC_SERVED);
		/* HAProxy takes healthy capacity out; that is still what it is. */
		world_run(&world, 60 * SECOND);
		cr_assert_eq(world.balancer.health, 0);
		cr_assert_eq(world.verdict.state, HEALTH_CHECKER_FAULT, "seed %u", seed);
		cr_assert_eq(world.states[HEALTH_FAILING] + world.states[HEALTH_FLAPPING], 0);
	}
}

/* As soon as the second of two is contradicted, before HAProxy acts on the third. */
Test(health_checks, is_said_before_the_balancer_acts)
{
	for (unsigned seed = 0; seed < 100; seed++) {
		start(seed, seed % 2 ? 100 : 10);
		fail_checks(2);
		cr_assert_eq(world.states[HEALTH_FAILING], 0);
		world_run(&world, seed % 2 ? 300 * MSEC : 2500 * MSEC);
		cr_assert_eq(world.verdict.state, HEALTH_CHECKER_FAULT, "seed %u", seed);
		cr_assert_eq(world.verdict.balancer.checks_until_down, 1);
	}
}

/* Fail, pass, fail: within three checks of the onset. */
Test(health_checks, alternating_checks_are_the_checkers_fault)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		start(seed, 100);
		for (unsigned i = 0; i < 20; i++) {
			fail_checks(1);
			world.balancer.lossy = 0;
			world_run(&world, 300 * MSEC);
			if (i) {
				cr_assert_eq(world.verdict.state, HEALTH_CHECKER_FAULT);
				cr_assert_eq(world.verdict.checks_recent, 2);
			}
			world_run(&world, 2700 * MSEC);
		}
		cr_assert_eq(world.states[HEALTH_FLAPPING] + world.states[HEALTH_FAILING], 0);
		world_run(&world, 15 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY);
	}
}

Test(health_checks, the_end_is_noticed)
{
	start(1, 100);
	fail_checks(5);
	world.balancer.lossy = 0;
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* /healthz hangs, everything else is answered. */
Test(health_checks, an_unanswered_endpoint_is_the_checkers_fault)
{
	start(1, 100);
	world.balancer.http = true;
	world.balancer.lost_as = SHUNT_PROBE_NO_RESPONSE;
	fail_checks(3);
	cr_expect_eq(world.verdict.state, HEALTH_CHECKER_FAULT);
	cr_expect_eq(world.verdict.outcome, SHUNT_PROBE_NO_RESPONSE);
	/* Since the first of them, in 6 s. */
	cr_expect_float_eq((double)world.verdict.witnesses, 600, 100, "%lu",
			   world.verdict.witnesses);
}

/* The balancer sends nobody any more, so that nothing contradicts its checks but what was. */
Test(health_checks, testimony_expires)
{
	start(1, 100);
	fail_checks(3);
	world_set_rate(&world, 0);
	world_run(&world, 590 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_CHECKER_FAULT);
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_CHECKS);
}

/* …or the checks fail otherwise than they did. */
Test(health_checks, testimony_is_of_one_kind_of_failure)
{
	start(1, 100);
	fail_checks(3);
	world_set_rate(&world, 0);
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_CHECKER_FAULT);
	world.balancer.lost_as = SHUNT_PROBE_REFUSED;
	world_run(&world, 5 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	cr_expect_eq(world.verdict.outcome, SHUNT_PROBE_REFUSED);
}

/* Nobody called when they began to fail, and now somebody does. */
Test(health_checks, traffic_may_contradict_them_later)
{
	start(1, 0);
	fail_checks(2);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world_set_rate(&world, 100);
	world_run(&world, 10 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_CHECKER_FAULT);
}

/* What was fine before the service failed does not speak for it afterwards. */
Test(health_checks, a_death_is_not_the_checkers_fault)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		start(seed, seed % 2 ? 100 : 10);
		world.toggle_at = between(&world, world.now, world.now + 2 * SECOND);
		world_run(&world, between(&world, 2 * SECOND, 30 * SECOND));
		world.toggle_at = world.now;
		world_run(&world, 30 * SECOND);
		cr_assert_eq(world.states[HEALTH_CHECKER_FAULT], 0, "seed %u", seed);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "seed %u", seed);
	}
}

/* Dead and back while nobody but the checks has noticed: the traffic afterwards proves nothing. */
Test(health_checks, traffic_after_a_recovery_is_no_witness)
{
	start(1, 0);
	world.toggle_at = world.now;
	world_run(&world, 9 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world.toggle_at = world.now;
	world_set_rate(&world, 100);
	world_run(&world, 60 * SECOND);
	cr_expect_eq(world.states[HEALTH_CHECKER_FAULT], 0);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

Test(health_checks, the_checkers_fault_does_not_hide_a_death)
{
	start(1, 100);
	fail_checks(3);
	world.balancer.lost_as = SHUNT_PROBE_REFUSED;
	world.toggle_at = world.now;
	world_run(&world, SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_CONNECTIONS);
}

/* ---- the service's ---- */

Test(health_checks, without_traffic_they_are_believed)
{
	start(1, 0);
	fail_checks(1);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	fail_checks(1);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_CHECKS);
	cr_expect_eq(world.verdict.checks_in_a_row, 2);
	cr_expect_eq(world.balancer.first_down_at, NEVER, "before the balancer acts");
	/* …until two have passed. */
	world.balancer.lossy = 0;
	world_run(&world, 8 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* Some traffic, too little to decide, but nothing against the service: wait for the third. */
Test(health_checks, a_little_traffic_is_heard)
{
	start(3, 2);
	fail_checks(2);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK, "%s", world_why(&world));
	fail_checks(2);
	cr_expect_eq(world.states[HEALTH_HEALTHY] + world.states[HEALTH_AT_RISK] +
			     world.states[HEALTH_CHECKER_FAULT],
		     world.ticks, "%s", world_why(&world));
}

Test(health_checks, an_error_status_is_the_services_word)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		start(seed, 100);
		world.balancer.http = true;
		world.balancer.error = 503;
		while (world.verdict.state != HEALTH_FAILING)
			world_tick(&world);
		cr_assert_eq(world.balancer.failed, 2);
		cr_assert_eq(world.verdict.reason, HEALTH_REASON_HTTP_ERROR);
		cr_assert_eq(world.verdict.http_status, 503);
		world_run(&world, 60 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_FAILING);
		cr_assert_eq(world.states[HEALTH_CHECKER_FAULT], 0);
		world.balancer.error = 0;
		world_run(&world, 10 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "%s", world_why(&world));
	}
}

/* ---- several checkers ---- */

/* One check by each of so many probers every 2 s; a bit of `failing` for each that fails. */
static void check_all(unsigned probers, unsigned failing, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned j = 0; j < probers; j++) {
			world.checks[world.input.checks_count++] = (struct check){
				.at = world.now,
				.prober = j,
				.outcome = failing >> j & 1 ? SHUNT_PROBE_TIMED_OUT
							    : SHUNT_PROBE_PASS,
			};
		}
		world_run(&world, 2 * SECOND);
	}
}

struct probers_case {
	unsigned probers, failing;
	enum health_state state;
};

ParameterizedTestParameters(health_checks, probers)
{
	static struct probers_case cases[] = {
		{1, 0x0, HEALTH_HEALTHY},	 {1, 0x1, HEALTH_FAILING},
		{2, 0x1, HEALTH_AT_RISK}, /* one word against another */
		{2, 0x3, HEALTH_FAILING},	 {3, 0x1, HEALTH_CHECKER_FAULT},
		{3, 0x4, HEALTH_CHECKER_FAULT},	 {3, 0x3, HEALTH_FAILING},
		{3, 0x7, HEALTH_FAILING},	 {4, 0x3, HEALTH_AT_RISK},
		{5, 0x3, HEALTH_CHECKER_FAULT},	 {5, 0x7, HEALTH_FAILING},
		{20, 0x1, HEALTH_CHECKER_FAULT},
	};

	return cr_make_param_array(struct probers_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct probers_case *c, health_checks, probers)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	check_all(c->probers, 0, 10);
	cr_assert_eq(world.verdict.state, HEALTH_HEALTHY);
	check_all(c->probers, c->failing, 5);
	cr_expect_eq(world.verdict.state, c->state, "%u probers, %#x: %s", c->probers, c->failing,
		     health_state_name(world.verdict.state));
	if (c->state == HEALTH_CHECKER_FAULT)
		cr_expect_eq(world.verdict.reason, HEALTH_REASON_CHECKER_ALONE);
	check_all(c->probers, 0, 6);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* A prober that goes away in trouble does not leave it behind for ever. */
Test(health_checks, a_prober_that_has_gone_is_forgotten)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	check_all(1, 0x1, 5);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world_run(&world, 5 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world_run(&world, 10 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

Test(health_checks, a_slow_prober_is_not_forgotten)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	for (unsigned i = 0; i < 3; i++) {
		check_all(1, 0x1, 1);
		world_run(&world, 28 * SECOND);
	}
	world_run(&world, 60 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world_run(&world, 60 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}
