/* SPDX-License-Identifier: GPL-2.0 */
/* What a service's connections say of it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

#include "health_world.h"

#define SEEDS 200

static struct world world;

/* 200 services for ten minutes each: 33 hours, at 100 connections/s and under HAProxy's checks. */
Test(health_traffic, steady_is_healthy)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world_start(&world, seed);
		world.balancer.used = true;
		world.waiting_seen = SEEN_WHEN_ASKED;
		world_run(&world, 600 * SECOND);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY), "seed %u", seed);
	}
}

Test(health_traffic, half_a_percent_of_failures_is_healthy)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world_start(&world, seed);
		world.failing = 0.005;
		world_run(&world, 600 * SECOND);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY), "seed %u", seed);
	}
}

Test(health_traffic, a_few_failures_among_many_are_nothing)
{
	world_start(&world, 1);
	for (unsigned i = 0; i < 1000; i++) {
		world_run(&world, 3 * SECOND);
		world.input.traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = 1 + i % 3;
	}
	cr_expect(world_was_only(&world, HEALTH_HEALTHY));
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

Test(health_traffic, killed)
{
	static uint64_t at_risk[SEEDS], failing[SEEDS];
	uint64_t p99;

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world_start(&world, seed);
		world.balancer.used = true;
		world.toggle_at = between(&world, START + 20 * SECOND, START + 25 * SECOND);
		world_run(&world, 35 * SECOND);

		cr_assert(world.first[HEALTH_AT_RISK] && world.first[HEALTH_FAILING]);
		at_risk[seed] = world.first[HEALTH_AT_RISK] - world.first_failed_at;
		failing[seed] = world.first[HEALTH_FAILING] - world.first_failed_at;
		/* HAProxy is behind by a check's interval at least. */
		cr_assert_neq(world.balancer.first_down_at, NEVER);
		cr_assert_geq(world.balancer.first_down_at,
			      world.first[HEALTH_FAILING] + 2 * SECOND, "seed %u", seed);
		cr_assert_eq(world.states[HEALTH_CHECKER_FAULT], 0);
		cr_assert_eq(world.states[HEALTH_WEDGED], 0);
		cr_assert_eq(world.verdict.state, HEALTH_FAILING);
		cr_assert_eq(world.verdict.reason, HEALTH_REASON_CONNECTIONS);
	}
	qsort(at_risk, SEEDS, sizeof(at_risk[0]), compare);
	qsort(failing, SEEDS, sizeof(failing[0]), compare);
	p99 = at_risk[SEEDS * 99 / 100];
	cr_expect_leq(p99, 250 * MSEC, "%f ms", (double)p99 / 1e6);
	cr_expect_leq(failing[SEEDS - 1], SECOND, "%f ms", (double)failing[SEEDS - 1] / 1e6);
	/* …but not before it is certain. */
	cr_expect_geq(failing[0], 250 * MSEC);
}

/* At two connections a second the fourth failure is the first sign as well. */
Test(health_traffic, killed_at_a_low_rate)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		unsigned failed = 0;

		world_start(&world, seed);
		world_set_rate(&world, 2);
		world_run(&world, 300 * SECOND);
		for (unsigned i = 0; i < 4 && world.verdict.state == HEALTH_HEALTHY; i++) {
			world.input.traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = 1;
			world.rate = 0;
			world.next_at = NEVER;
			world_run(&world, SECOND / 2);
			failed++;
		}
		cr_assert_eq(failed, 4, "seed %u: %u", seed, failed);
		cr_assert_eq(world.verdict.state, HEALTH_AT_RISK, "seed %u", seed);
	}
}

Test(health_traffic, recovers)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		uint64_t back;

		world_start(&world, seed);
		world.balancer.used = true;
		world_run(&world, 20 * SECOND);
		world.toggle_at = world.now;
		world_run(&world, 20 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_FAILING);

		world.toggle_at = world.now;
		back = world.now;
		world_run(&world, SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_FAILING, "not so soon");
		while (world.verdict.state == HEALTH_FAILING)
			world_tick(&world);
		cr_assert_leq(world.now - back, 5 * SECOND);
		/* HAProxy is still two checks away from its return; then all is well. */
		cr_assert_leq(world.verdict.state, HEALTH_AT_RISK);
		world_run(&world, 10 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "%s", world_why(&world));
		cr_assert_leq(world.changes, 5, "seed %u: %lu", seed, world.changes);
		cr_assert_eq(world.states[HEALTH_FLAPPING], 0);
	}
}

/* Whatever the share, one that does not change does not flap. */
Test(health_traffic, a_steady_share_of_failures_does_not_flap)
{
	const double shares[] = {0.02, 0.04, 0.06, 0.08, 0.10, 0.20, 0.50, 0.90};
	const double rates[] = {2, 20, 100, 500};

	for (unsigned i = 0; i < 8; i++) {
		for (unsigned j = 0; j < 4; j++) {
			world_start(&world, i * 4 + j);
			world.failing = shares[i];
			world_set_rate(&world, rates[j]);
			world_run(&world, 300 * SECOND);
			cr_expect_eq(world.states[HEALTH_FLAPPING], 0, "%f at %f/s", shares[i],
				     rates[j]);
			cr_expect_leq(world.changes, 20, "%f at %f/s: %lu changes", shares[i],
				      rates[j], world.changes);
			if (shares[i] >= 0.20 && rates[j] >= 20)
				cr_expect_eq(world.verdict.state, HEALTH_FAILING);
		}
	}
}

/* An accept queue that overflows once turns many away at once, and that was it. */
Test(health_traffic, one_lump_is_a_risk_and_no_failure)
{
	world_start(&world, 1);
	world_run(&world, 20 * SECOND);
	world.input.traffic.handshakes[SHUNT_HANDSHAKE_OVERFLOW] = 200;
	world_tick(&world);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_CONNECTIONS);
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.states[HEALTH_FAILING], 0);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	/* Each second it is one. */
	for (unsigned i = 0; i < 3; i++) {
		world.input.traffic.handshakes[SHUNT_HANDSHAKE_OVERFLOW] = 200;
		world_run(&world, SECOND);
	}
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
}

Test(health_traffic, evidence_expires)
{
	world_start(&world, 1);
	world_run(&world, 20 * SECOND);
	world.toggle_at = world.now;
	world_run(&world, 5 * SECOND);
	/* Nobody calls any more, nobody checks. */
	world_set_rate(&world, 0);
	world_run(&world, 50 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* The balancer has taken it out, so that only its checks can say that it is back. */
Test(health_traffic, passed_checks_vouch_where_nobody_calls)
{
	uint64_t back;

	world_start(&world, 1);
	world.balancer.used = true;
	world_run(&world, 20 * SECOND);
	world.toggle_at = world.now;
	world_run(&world, 10 * SECOND);
	world_set_rate(&world, 0);
	world_run(&world, 10 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	world.toggle_at = back = world.now;
	while (world.verdict.state == HEALTH_FAILING)
		world_tick(&world);
	cr_expect_leq(world.now - back, 8 * SECOND, "%f s", (double)(world.now - back) / 1e9);
	world_run(&world, 5 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* ---- whose fault it is ---- */

struct fault_case {
	enum shunt_role role;
	bool close;
	unsigned kind;
	bool fault;
};

ParameterizedTestParameters(health_traffic, faults)
{
	static struct fault_case cases[] = {
		{SHUNT_ROLE_SERVER, false, SHUNT_HANDSHAKE_REFUSED, true},
		{SHUNT_ROLE_SERVER, false, SHUNT_HANDSHAKE_RESET, false},
		{SHUNT_ROLE_SERVER, false, SHUNT_HANDSHAKE_TIMED_OUT, false},
		{SHUNT_ROLE_SERVER, false, SHUNT_HANDSHAKE_OVERFLOW, true},
		{SHUNT_ROLE_SERVER, false, SHUNT_HANDSHAKE_OTHER, false},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_REFUSED, true},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_RESET, true},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_TIMED_OUT, true},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_HOST_UNREACHABLE, true},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_NET_UNREACHABLE, true},
		{SHUNT_ROLE_CLIENT, false, SHUNT_HANDSHAKE_OTHER, false},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_ORDERLY, false},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_RESET_BY_PEER, false},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_RESET_BY_LOCAL, false},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_TIMED_OUT, false},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_NO_RESPONSE, true},
		{SHUNT_ROLE_SERVER, true, SHUNT_CLOSE_OTHER, false},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_ORDERLY, false},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_RESET_BY_PEER, true},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_RESET_BY_LOCAL, false},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_TIMED_OUT, true},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_NO_RESPONSE, true},
		{SHUNT_ROLE_CLIENT, true, SHUNT_CLOSE_OTHER, false},
	};

	return cr_make_param_array(struct fault_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct fault_case *c, health_traffic, faults)
{
	world_start(&world, 1);
	for (unsigned i = 0; i < 50; i++) {
		world.input.role = c->role;
		(c->close ? world.input.traffic.closes
			  : world.input.traffic.handshakes)[c->kind] = 10;
		world_tick(&world);
	}
	cr_expect_eq(world.verdict.state, c->fault ? HEALTH_FAILING : HEALTH_HEALTHY,
		     "role %d %s %u: %s", c->role, c->close ? "close" : "handshake", c->kind,
		     health_state_name(world.verdict.state));
}

/* ---- what the load balancer is about to do ---- */

Test(health_traffic, the_outlook_is_a_risk_with_hysteresis)
{
	const double outlooks[] = {0.09, 0.11, 0.06, 0.04, 0.06};
	const bool risks[] = {false, true, true, false, false};

	world_start(&world, 1);
	world.balancer.used = true;
	world_run(&world, 10 * SECOND);
	for (unsigned i = 0; i < 5; i++) {
		world.balancer.outlook = outlooks[i];
		world_run(&world, 3 * SECOND);
		cr_expect_eq(world.verdict.state, risks[i] ? HEALTH_AT_RISK : HEALTH_HEALTHY, "%f",
			     outlooks[i]);
		if (risks[i])
			cr_expect_eq(world.verdict.reason, HEALTH_REASON_OUTLOOK);
	}
}

Test(health_traffic, one_failed_check_is_a_risk)
{
	world_start(&world, 1);
	world.balancer.used = true;
	world_run(&world, 20 * SECOND);
	world.balancer.lossy = 1;
	while (!world.balancer.failed)
		world_tick(&world);
	world.balancer.lossy = 0;
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_CHECKS);
	cr_expect_eq(world.verdict.balancer.checks_until_down, 2);
	world_run(&world, 10 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	cr_expect_eq(world.states[HEALTH_CHECKER_FAULT] + world.states[HEALTH_FAILING], 0);
}
