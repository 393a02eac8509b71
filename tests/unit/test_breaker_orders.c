/* SPDX-License-Identifier: GPL-2.0 */
/* Operators: what they order beats the rules, and ends. */
#include <errno.h>

#include "unit/breaker_world.h"

static struct world world;

static void set_up(void)
{
	world_begin(&world, 3);
}

TestSuite(breaker_orders, .init = set_up, .timeout = 60);

Test(breaker_orders, a_trip_opens_for_as_long_as_it_says)
{
	const struct breaker_decision *decision = &world.made[0];

	cr_expect_eq(world_order(&world, BREAKER_TRIP, 1, 60 * SECOND), 0);
	cr_assert_eq(world.decisions.count, 1);
	cr_expect_eq(decision->what, BREAKER_MOVED);
	cr_expect_eq(decision->reason, BREAKER_OPERATOR);
	cr_expect_eq(decision->until, START + 60 * SECOND);
	cr_expect_str_eq(decision->who, "ada");
	cr_expect_str_eq(decision->why, "drill");
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_REJECT);
	cr_expect_eq(world_verdict(&world, 1).lease, START + 3 * SECOND, "before any tick");
	cr_expect_eq(world_until(&world, 1000), 600);
	cr_expect_eq(decision->to, BREAKER_HALF_OPEN);
	cr_expect_eq(decision->reason, BREAKER_EXPIRED);
	cr_expect_str_eq(decision->who, "ada");
	cr_expect_eq(world.breakers->items[1].order.order, BREAKER_NO_ORDER);
}

Test(breaker_orders, every_order_ends)
{
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 1, 0), 0);
	cr_expect_eq(world.made[0].until, START + 300 * SECOND);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 2, UINT64_MAX), 0);
	cr_expect_eq(world.made[0].until, START + 24 * 3600 * SECOND);
	cr_expect_eq(world_mode(&world, 0, CONFIG_MODE_OFF, 0), 0);
	cr_expect_eq(world.made[0].until, START + 3600 * SECOND);
}

Test(breaker_orders, a_trip_is_meant_whatever_the_mode)
{
	world.configs[1].mode = CONFIG_MODE_SHADOW;
	world.configs[2].mode = CONFIG_MODE_OFF;
	world_order(&world, BREAKER_TRIP, 1, 10 * SECOND);
	world_order(&world, BREAKER_TRIP, 2, 10 * SECOND);
	world_ticks(&world, 50);
	cr_expect(world_verdict(&world, 1).enforced);
	cr_expect(world_verdict(&world, 2).enforced);
	cr_expect_eq(world_verdict(&world, 2).kind, BREAKER_REJECT);
	world_ticks(&world, 50);
	cr_expect_not(world_verdict(&world, 1).enforced, "until it has expired");
	cr_expect_eq(world_state(&world, 1), BREAKER_HALF_OPEN);
	cr_expect_eq(world_state(&world, 2), BREAKER_CLOSED);
}

/* Who is drained by hand is not rejected when that ends; what a rule opens is as configured. */
Test(breaker_orders, a_trip_is_half_open_with_its_own_action)
{
	const struct breaker_command drain = {
		.now = START,
		.lasts = 10 * SECOND,
		.order = BREAKER_TRIP,
		.service = 1,
		.own_action = true,
		.action = CONFIG_ACTION_DRAIN,
	};

	cr_expect_eq(breaker_command(world.breakers, &world.rules, &drain, &world.decisions), 0);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_DRAIN);
	world_ticks(&world, 100);
	cr_assert_eq(world_state(&world, 1), BREAKER_HALF_OPEN);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_DRAIN);
	world.inputs[1].trials_failed = 100;
	world_tick(&world);
	cr_assert_eq(world_state(&world, 1), BREAKER_OPEN);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_REJECT);
}

Test(breaker_orders, a_trip_passes_guards_and_says_which)
{
	world.guards.max_open = 0;
	world.services[1].role = SHUNT_ROLE_CLIENT;
	world.tick.late = SECOND;
	world_tick(&world);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 1, 10 * SECOND), 0);
	cr_expect_eq(world_state(&world, 1), BREAKER_OPEN);
	cr_expect_eq(world.made[0].guards.refused,
		     GUARD_BIT(GUARD_HOLD) | GUARD_BIT(GUARD_LAST) | GUARD_BIT(GUARD_MAX_OPEN));
	world.tick.late = 0;
	world_ticks(&world, 99);
	cr_expect_eq(world_state(&world, 1), BREAKER_OPEN, "and is not let go by them");
	world_tick(&world);
	cr_expect_eq(world_state(&world, 1), BREAKER_CLOSED, "when it expires they hold again");
	cr_expect_eq(world.decisions.count, 2);
	cr_expect_eq(world.made[1].reason, BREAKER_GUARD);
}

Test(breaker_orders, nobody_trips_what_is_protected)
{
	world.protect[0].port = 8001;
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 1, 10 * SECOND), -EPERM);
	cr_expect_eq(world_state(&world, 1), BREAKER_CLOSED);
	cr_assert_eq(world.decisions.count, 1);
	cr_expect_eq(world.made[0].what, BREAKER_REFUSED);
	cr_expect_eq(guards_first(&world.made[0].guards), GUARD_PROTECT);
	cr_expect_eq(world.breakers->items[1].held[GUARD_PROTECT], 1);
	world_ticks(&world, 2);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_PASS);
}

Test(breaker_orders, what_is_protected_later_is_not_let_through_by_an_order)
{
	world_order(&world, BREAKER_TRIP, 1, 60 * SECOND);
	world.protect[0].port = 8001;
	world_tick(&world);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_PASS);
	cr_expect_eq(guards_first(&world.made[0].guards), GUARD_PROTECT);
}

Test(breaker_orders, a_trip_counts_against_the_others)
{
	world.guards.max_open = 1;
	world_order(&world, BREAKER_TRIP, 1, 60 * SECOND);
	world_serve(&world, 0, 0, 10);
	world_until(&world, 10);
	cr_expect_eq(world.made[0].what, BREAKER_REFUSED);
	cr_expect_eq(guards_first(&world.made[0].guards), GUARD_MAX_OPEN);
}

Test(breaker_orders, a_trip_of_another_lets_none_go)
{
	world.guards.max_open = 1;
	world_trip(&world, 0);
	world_order(&world, BREAKER_TRIP, 1, 60 * SECOND);
	world_tick(&world);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_orders, actions_that_it_cannot_have)
{
	struct breaker_command command = {
		.now = START,
		.order = BREAKER_TRIP,
		.own_action = true,
		.action = CONFIG_ACTION_REDIRECT,
	};

	cr_expect_eq(breaker_command(world.breakers, &world.rules, &command, &world.decisions),
		     -EINVAL);
	world.configs[0].redirect_to.port = 80;
	cr_expect_eq(breaker_command(world.breakers, &world.rules, &command, &world.decisions), 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_REDIRECT);
	world.services[1].role = SHUNT_ROLE_CLIENT;
	command.service = 1;
	command.action = CONFIG_ACTION_DRAIN;
	cr_expect_eq(breaker_command(world.breakers, &world.rules, &command, &world.decisions),
		     -EINVAL);
	command.service = 3;
	cr_expect_eq(breaker_command(world.breakers, &world.rules, &command, &world.decisions),
		     -ENOENT);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, BREAKER_ALL, 0), -EINVAL);
	cr_expect_eq(world_order(&world, BREAKER_NO_ORDER, 0, 0), -EINVAL);
	cr_expect_eq(world.decisions.count, 0);
}

Test(breaker_orders, a_reset_closes_and_forgets)
{
	world_trip(&world, 0);
	cr_expect_eq(world_order(&world, BREAKER_RESET, 0, 0), 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
	cr_expect_eq(world.made[0].reason, BREAKER_OPERATOR);
	world_serve(&world, 0, 0, 10);
	cr_expect_eq(world_until(&world, 10), 3, "the rules judge anew");
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_orders, a_reset_of_evidence_alone)
{
	world_serve(&world, 0, 0, 9);
	world_ticks(&world, 2);
	world_order(&world, BREAKER_RESET, 0, 0);
	cr_expect_eq(world.made[0].what, BREAKER_ORDERED);
	cr_expect_eq(world_until(&world, 10), 3);
}

Test(breaker_orders, a_reset_takes_back_a_trip_and_a_trip_a_reset)
{
	world_order(&world, BREAKER_TRIP, 0, 60 * SECOND);
	world_order(&world, BREAKER_RESET, 0, 60 * SECOND);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 0, 10 * SECOND), 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_REJECT);
	cr_expect_eq(world.made[0].guards.refused, 0);
	cr_expect_eq(world_until(&world, 1000), 100);
}

Test(breaker_orders, tripped_already_it_stays_open_for_longer)
{
	world_trip(&world, 0);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 0, 60 * SECOND), 0);
	cr_expect_eq(world.made[0].what, BREAKER_ORDERED);
	cr_expect_eq(world_until(&world, 1000), 600);
}

Test(breaker_orders, what_an_operator_opened_is_proved_like_the_rest)
{
	world_order(&world, BREAKER_TRIP, 0, 10 * SECOND);
	world_until(&world, 1000);
	cr_assert_eq(world_state(&world, 0), BREAKER_HALF_OPEN);
	world_try(&world, 0, 0, 5);
	world_tick(&world);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
	cr_expect_eq(world.made[0].reason, BREAKER_TRIALS_FAILED);
}

/* ---- modes ---- */

Test(breaker_orders, off_closes_and_decides_nothing)
{
	world_trip(&world, 0);
	world_mode(&world, 0, CONFIG_MODE_OFF, 60 * SECOND);
	cr_expect_eq(world.made[0].what, BREAKER_ORDERED);
	world_tick(&world);
	cr_expect_eq(world.made[0].reason, BREAKER_MODE);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
	world_serve(&world, 0, 0, 10);
	cr_expect_eq(world_until(&world, 598), 0);
	cr_expect_eq(world_until(&world, 1), 1);
	cr_expect_eq(world.made[0].what, BREAKER_LAPSED);
	cr_expect_eq(world_until(&world, 10), 2, "from then on it is judged");
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_orders, off_forgets)
{
	world_serve(&world, 0, 0, 9);
	world_ticks(&world, 2);
	world_serve(&world, 0, 0, 0);
	world_mode(&world, 0, CONFIG_MODE_OFF, SECOND);
	world_ticks(&world, 10);
	world_serve(&world, 0, 0, 9);
	cr_expect_eq(world_until(&world, 10), 3);
}

Test(breaker_orders, the_mode_of_all_calms_and_never_arms)
{
	world.configs[1].mode = CONFIG_MODE_SHADOW;
	world.configs[2].mode = CONFIG_MODE_OFF;
	world_mode(&world, BREAKER_ALL, CONFIG_MODE_ENFORCE, 0);
	cr_expect_eq(world_verdict(&world, 0).mode, CONFIG_MODE_ENFORCE);
	cr_expect_eq(world_verdict(&world, 1).mode, CONFIG_MODE_SHADOW);
	cr_expect_eq(world_verdict(&world, 2).mode, CONFIG_MODE_OFF);
	world_mode(&world, BREAKER_ALL, CONFIG_MODE_SHADOW, 0);
	cr_expect_eq(world_verdict(&world, 0).mode, CONFIG_MODE_SHADOW);
	cr_expect_eq(world_verdict(&world, 2).mode, CONFIG_MODE_OFF);
	world_order(&world, BREAKER_TRIP, 0, 0);
	cr_expect_not(world_verdict(&world, 0).enforced, "not even a trip by hand");
	world_mode(&world, 0, CONFIG_MODE_ENFORCE, 0);
	cr_expect_not(world_verdict(&world, 0).enforced);
}

Test(breaker_orders, all_off_is_off)
{
	world_trip(&world, 0);
	world_order(&world, BREAKER_TRIP, 1, 0);
	world_mode(&world, BREAKER_ALL, CONFIG_MODE_OFF, 10 * SECOND);
	cr_expect_eq(world.made[0].service, BREAKER_ALL);
	world_tick(&world);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(world_verdict(&world, i).kind, BREAKER_PASS);
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 2, 0), -EPERM);
	cr_expect_eq(guards_first(&world.made[0].guards), GUARD_OPERATOR);
	world_ticks(&world, 100);
	cr_expect_eq(world_verdict(&world, 1).kind, BREAKER_PASS);
	cr_expect_eq(world.breakers->items[1].order.order, BREAKER_NO_ORDER, "the trip is gone");
	cr_expect_eq(world_order(&world, BREAKER_TRIP, 2, 0), 0);
}

Test(breaker_orders, a_services_mode_beats_the_configured_one)
{
	world.configs[0].mode = CONFIG_MODE_SHADOW;
	world_mode(&world, 0, CONFIG_MODE_ENFORCE, 10 * SECOND);
	world_trip(&world, 0);
	cr_expect(world_verdict(&world, 0).enforced);
	world_ticks(&world, 100);
	cr_expect_not(world_verdict(&world, 0).enforced);
}

Test(breaker_orders, shadow_is_told_and_not_enforced)
{
	world.configs[0].mode = CONFIG_MODE_SHADOW;
	world_trip(&world, 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_REJECT);
	cr_expect_not(world_verdict(&world, 0).enforced);
}
