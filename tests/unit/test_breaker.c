/* SPDX-License-Identifier: GPL-2.0 */
/* What trips a breaker, and what does not. */
#include "unit/breaker_moves.h"
#include "unit/random.h"

TestSuite(breaker, .init = set_up, .timeout = 60);

Test(breaker, failures_trip_it)
{
	world_serve(&world, 1, 5, 5);
	cr_expect_eq(world_until(&world, 100), 3, "30 connections, in three ticks");
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_FAILURE_RATE);
	cr_expect_eq(only()->service, 1);
	cr_expect_eq(only()->numbers.failures, 15);
	cr_expect_eq(only()->numbers.connections, 30);
	cr_expect_eq(only()->guards.asked, GUARDS_ALL);
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
}

Test(breaker, fewer_failures_do_not)
{
	world_serve(&world, 0, 51, 49);
	cr_expect_eq(world_until(&world, 1000), 0);
}

Test(breaker, few_connections_say_nothing)
{
	/* 19 within any 10 s. */
	world_serve(&world, 0, 0, 1);
	world_ticks(&world, 19);
	world_serve(&world, 0, 0, 0);
	cr_expect_eq(world_until(&world, 80), 0);
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
	world_serve(&world, 0, 0, 1);
	cr_expect_eq(world_until(&world, 1), 1, "the twentieth");
}

Test(breaker, a_small_share_needs_some_failures)
{
	/* envoy#37723: a limit of 1 % is met by one in 20, and by four. */
	world.configs[0].failure_rate = 0.01;
	for (unsigned n = 0; n < 4; n++) {
		world_serve(&world, 0, 5, 1);
		world_tick(&world);
		cr_expect_eq(world.decisions.count, 0);
	}
	world_serve(&world, 0, 5, 0);
	cr_expect_eq(world_until(&world, 90), 0);
	world_serve(&world, 0, 5, 1);
	cr_expect_eq(world_until(&world, 1), 1, "the fifth within the window");
}

Test(breaker, one_lump_of_failures_is_nothing)
{
	world_serve(&world, 0, 0, 1000);
	world_ticks(&world, 2);
	world_serve(&world, 0, 1, 0);
	cr_expect_eq(world_until(&world, 300), 0);
}

Test(breaker, failures_expire)
{
	/* haproxy#1234, nginx#599: bursts that never meet within 10 s, with 15 failures each. */
	for (unsigned n = 0; n < 20; n++) {
		world_serve(&world, 0, 0, 5);
		world_ticks(&world, 3);
		cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
		world_serve(&world, 0, 0, 0);
		world_ticks(&world, 97);
	}
}

Test(breaker, all_that_is_taken_and_never_answered_is_all)
{
	/* Each is seen to be made and to fail later: that is no half. */
	world.configs[0].failure_rate = 1;
	world.inputs[0].traffic.handshakes[SHUNT_HANDSHAKE_OK] = 10;
	world.inputs[0].traffic.closes[SHUNT_CLOSE_NO_RESPONSE] = 10;
	cr_expect_eq(world_until(&world, 10), 3);
	cr_expect_float_eq(only()->numbers.share, 1, 1e-12);
}

Test(breaker, a_clients_reset_is_no_failure_of_the_server_but_of_a_dependency)
{
	world.services[1].role = SHUNT_ROLE_CLIENT;
	world.services[2].role = SHUNT_ROLE_CLIENT;
	for (unsigned i = 0; i < 2; i++) {
		world.inputs[i].traffic.handshakes[SHUNT_HANDSHAKE_OK] = 10;
		world.inputs[i].traffic.closes[SHUNT_CLOSE_RESET_BY_PEER] = 10;
	}
	cr_expect_eq(world_until(&world, 10), 3);
	cr_expect_eq(only()->service, 1);
	world_ticks(&world, 30);
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
}

Test(breaker, failures_in_a_row_trip_it)
{
	world.configs[0].min_connections = 1000;
	world.configs[0].consecutive_failures = 6;
	world_serve(&world, 0, 0, 1);
	cr_expect_eq(world_until(&world, 10), 6);
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_CONSECUTIVE);
	cr_expect_eq(only()->numbers.run, 6);
}

Test(breaker, a_pass_between_them_does_not_let_them)
{
	/* loxilb#1087: a count that only grows would come to 6. */
	world.configs[0].min_connections = 1000;
	world.configs[0].consecutive_failures = 6;
	for (unsigned n = 0; n < 10; n++) {
		world_serve(&world, 0, 0, 1);
		world_ticks(&world, 5);
		world_serve(&world, 0, 1, 0);
		world_tick(&world);
		cr_assert_eq(world_state(&world, 0), BREAKER_CLOSED);
	}
}

Test(breaker, connections_that_are_made_and_never_answered_are_a_row)
{
	world.configs[0].min_connections = 1000;
	world.configs[0].consecutive_failures = 6;
	world.inputs[0].traffic.handshakes[SHUNT_HANDSHAKE_OK] = 1;
	world.inputs[0].traffic.closes[SHUNT_CLOSE_NO_RESPONSE] = 1;
	cr_expect_eq(world_until(&world, 10), 6);
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_CONSECUTIVE);
}

Test(breaker, a_lump_of_failures_is_no_row)
{
	world.configs[0].consecutive_failures = 6;
	for (unsigned n = 0; n < 5; n++) {
		world_serve(&world, 0, 0, 10);
		world_tick(&world);
		world_serve(&world, 0, 10, 0);
		world_ticks(&world, 10);
	}
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
}

Test(breaker, a_row_of_one_is_none)
{
	world.configs[0].consecutive_failures = 1;
	world_serve(&world, 0, 0, 1);
	world_ticks(&world, 2);
	cr_expect_eq(world.decisions.count, 0);
	world_tick(&world);
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_CONSECUTIVE);
}

Test(breaker, slowness_that_lasts_trips_it)
{
	slow_service(20, 10);
	cr_expect_eq(world_until(&world, 100), 31, "at once slow, and for 3 s");
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_SLOW);
	cr_expect_eq(only()->numbers.slow_lasts, 3 * SECOND);
}

Test(breaker, slowness_that_passes_does_not)
{
	slow_service(20, 20);
	world.configs[0].window = 1 * SECOND;
	for (unsigned n = 0; n < 10; n++) {
		slow_service(20, 20);
		world_ticks(&world, 25);
		slow_service(20, 0);
		world_ticks(&world, 10);
		cr_assert_eq(world_state(&world, 0), BREAKER_CLOSED);
	}
}

Test(breaker, a_few_slow_ones_are_nothing)
{
	slow_service(10, 1);
	world.configs[0].slow.rate = 0.01;
	world.configs[0].slow.hold = 0;
	cr_expect_eq(world_until(&world, 100), 5, "not four of 40");
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_SLOW);
}

Test(breaker, flapping_trips_it_where_asked_and_harmful)
{
	world_serve(&world, 0, 8, 2);
	world.inputs[0].health = HEALTH_FLAPPING;
	cr_expect_eq(world_until(&world, 50), 0, "not asked for");
	world.configs[0].on_flapping = true;
	cr_expect_eq(world_until(&world, 50), 1);
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_FLAPPING);
}

Test(breaker, flapping_that_no_connection_feels_is_no_reason)
{
	world.configs[0].on_flapping = true;
	world.inputs[0].health = HEALTH_FLAPPING;
	world_serve(&world, 0, 10, 0);
	cr_expect_eq(world_until(&world, 300), 0);
	world_serve(&world, 0, 199, 1);
	cr_expect_eq(world_until(&world, 300), 0, "nor half a percent of them");
}

/* ---- leases ---- */

Test(breaker, the_lease_is_renewed_on_time_alone)
{
	uint64_t lease;

	world_trip(&world, 0);
	cr_expect_eq(world_verdict(&world, 0).lease, world.tick.now + 3 * SECOND);
	world_tick(&world);
	lease = world_verdict(&world, 0).lease;
	cr_expect_eq(lease, world.tick.now + 3 * SECOND);
	world.tick.late = SECOND;
	world_ticks(&world, 2);
	cr_expect_eq(world_verdict(&world, 0).lease, lease);
	world.tick.late = 0;
	world_tick(&world);
	cr_expect_eq(world_verdict(&world, 0).lease, world.tick.now + 3 * SECOND);
}

/* ---- noise ---- */

Test(breaker, a_day_of_noise_trips_nothing)
{
	uint64_t state = 11;
	char text[512];

	world.configs[1].consecutive_failures = 5;
	world.configs[0].on_flapping = true;
	slow_service(0, 0);
	for (unsigned n = 0; n < 24 * 36000; n++) {
		uint64_t draw = random_next(&state);
		uint64_t failed = draw % 100 < 20;

		/* 10/s of which a fifth fails, or 0.5 %; each minute the queue overflows at once.
		 */
		world_serve(&world, 0, 1 - failed, failed);
		failed = draw % 1000 < 5;
		world_serve(&world, 1, 1 - failed, failed);
		for (unsigned i = 0; n % 600 == 599 && i < 2; i++)
			world_serve(&world, i, 0, 20);
		world.inputs[0].samples = 1;
		world.inputs[0].slow = (draw >> 32) % 10 < 2;
		world.inputs[0].health = (draw >> 48) % 100 ? HEALTH_HEALTHY : HEALTH_AT_RISK;
		world_tick(&world);
		if (world.decisions.count) {
			breaker_explain(world.made, "x", text, sizeof(text));
			cr_assert_fail("%s, service %u", text, world.made[0].service);
		}
	}
}
