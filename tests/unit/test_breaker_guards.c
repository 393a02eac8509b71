/* SPDX-License-Identifier: GPL-2.0 */
/* Each guard, alone, between a sick service and its trip; and as long as it is open. */
#include "unit/breaker_world.h"

static struct world world;

static void set_up(void)
{
	world_begin(&world, 4);
}

TestSuite(breaker_guards, .init = set_up, .timeout = 60);

/* Service 0 is sick, and `guard` alone refuses; says how often that is told. */
static void expect_refusal(enum guard guard)
{
	const struct breaker_decision *decision = &world.made[0];

	world_serve(&world, 0, 0, 10);
	cr_assert_eq(world_until(&world, 100), 3);
	cr_expect_eq(world.decisions.count, 1);
	cr_expect_eq(decision->what, BREAKER_REFUSED);
	cr_expect_eq(decision->reason, BREAKER_FAILURE_RATE);
	cr_expect_eq(decision->guards.refused, GUARD_BIT(guard), "refused by %x",
		     decision->guards.refused);
	cr_expect_eq(decision->guards.asked, GUARDS_ALL);
	cr_expect_eq(decision->numbers.failures, 30);
	cr_expect_eq(world.breakers->items[0].held[guard], 1);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
}

/* …and nothing else stands between. */
static void expect_trip(void)
{
	cr_expect_gt(world_until(&world, 2), 0);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_guards, max_open)
{
	world.guards.max_open = 1;
	world_trip(&world, 1);
	expect_refusal(GUARD_MAX_OPEN);
	cr_expect_eq(world.made[0].about.open, 2, "this one in");
	world.guards.max_open = 2;
	expect_trip();
}

Test(breaker_guards, max_open_share)
{
	world.guards.max_open_share = 0.34;
	world_trip(&world, 1);
	expect_refusal(GUARD_MAX_OPEN_SHARE);
	world.guards.max_open_share = 0.5;
	expect_trip();
}

Test(breaker_guards, a_share_that_allows_none_allows_none)
{
	/* envoy#26877: one more than none is over it. */
	world.guards.max_open_share = 0.24;
	expect_refusal(GUARD_MAX_OPEN_SHARE);
	world.guards.max_open_share = 0.25;
	expect_trip();
}

Test(breaker_guards, last)
{
	/* istio#20135: the others of its kind are open, or down; those of another are no help. */
	world.services[3].role = SHUNT_ROLE_CLIENT;
	world_trip(&world, 1);
	world.inputs[2].health = HEALTH_WEDGED;
	expect_refusal(GUARD_LAST);
	world.inputs[2].health = HEALTH_AT_RISK;
	expect_trip();
}

Test(breaker_guards, the_only_one_of_a_kind)
{
	for (unsigned i = 1; i < 4; i++)
		world.services[i].role = SHUNT_ROLE_CLIENT;
	expect_refusal(GUARD_LAST);
	world.services[3].role = SHUNT_ROLE_SERVER;
	expect_trip();
}

Test(breaker_guards, panic_is_on_unless_it_is_switched_off)
{
	struct breaker_limits limits;

	breaker_limits_default(&limits);
	world.rules.limits.panic = limits.panic;
	world.inputs[1].health = HEALTH_FAILING;
	world.inputs[2].health = HEALTH_FAILING;
	expect_refusal(GUARD_PANIC);
	world.inputs[2].health = HEALTH_HEALTHY;
	expect_trip();
}

Test(breaker_guards, protect)
{
	world.protect[0].port = world.ports[0].port;
	expect_refusal(GUARD_PROTECT);
	world.protect[0].port = 22;
	expect_trip();
}

Test(breaker_guards, velocity)
{
	world.rules.limits.velocity = 2;
	world_trip(&world, 1);
	world_trip(&world, 2);
	expect_refusal(GUARD_VELOCITY);
	world_ticks(&world, 593);
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
	world_tick(&world);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN, "a minute after the first");
}

Test(breaker_guards, velocity_that_passes)
{
	world.rules.limits.velocity = 2;
	world_trip(&world, 1);
	world_serve(&world, 0, 0, 10);
	world_ticks(&world, 3);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_guards, hold_when_late)
{
	/* haproxy#1902 */
	world.tick.late = SECOND / 2;
	world_tick(&world);
	world.tick.late = 0;
	expect_refusal(GUARD_HOLD);
	cr_expect_eq(world_until(&world, 6), 0, "until a calm second has passed");
	expect_trip();
}

Test(breaker_guards, hold_when_events_are_lost)
{
	world.tick.lost = 1;
	world_tick(&world);
	world.tick.lost = 0;
	expect_refusal(GUARD_HOLD);
	cr_expect_eq(world_until(&world, 6), 0);
	expect_trip();
}

Test(breaker_guards, hold_when_late_stays_half_open)
{
	world_trip(&world, 0);
	world_until(&world, 100);
	cr_assert_eq(world_state(&world, 0), BREAKER_HALF_OPEN);
	world_try(&world, 0, 0, 5);
	world.tick.late = SECOND;
	world_tick(&world);
	cr_expect_eq(world_state(&world, 0), BREAKER_HALF_OPEN);
	cr_expect_eq(world.made[0].what, BREAKER_REFUSED);
	cr_expect_eq(world.made[0].guards.refused, GUARD_BIT(GUARD_HOLD));
	world.tick.late = 0;
	world_ticks(&world, 11);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_guards, an_operators_reset)
{
	world_order(&world, BREAKER_RESET, 0, 60 * SECOND);
	expect_refusal(GUARD_OPERATOR);
	cr_expect_gt(world_until(&world, 600), 0);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN, "it expires");
}

Test(breaker_guards, a_refusal_is_told_again_after_a_while_and_not_before)
{
	world.guards.max_open = 0;
	expect_refusal(GUARD_MAX_OPEN);
	cr_expect_eq(world_until(&world, 599), 0);
	cr_expect_eq(world_until(&world, 1), 1);
	cr_expect_eq(world.breakers->items[0].held[GUARD_MAX_OPEN], 2);
}

Test(breaker_guards, of_two_that_want_to_trip_the_first_does)
{
	world.guards.max_open = 1;
	world_serve(&world, 3, 0, 10);
	world_serve(&world, 1, 0, 10);
	cr_expect_eq(world_until(&world, 10), 3);
	cr_expect_eq(world.decisions.count, 2);
	cr_expect_eq(world.made[0].service, 1);
	cr_expect_eq(world.made[0].what, BREAKER_MOVED);
	cr_expect_eq(world.made[1].service, 3);
	cr_expect_eq(world.made[1].what, BREAKER_REFUSED);
}

/* ---- while it is open ---- */

static void expect_release(enum guard guard)
{
	const struct breaker_decision *decision = &world.made[0];

	world_tick(&world);
	cr_assert_eq(world.decisions.count, 1);
	cr_expect_eq(decision->what, BREAKER_MOVED);
	cr_expect_eq(decision->to, BREAKER_CLOSED);
	cr_expect_eq(decision->reason, BREAKER_GUARD);
	cr_expect_eq(decision->guards.refused, GUARD_BIT(guard), "refused by %x",
		     decision->guards.refused);
}

Test(breaker_guards, it_is_let_go_when_it_would_be_the_last)
{
	world_trip(&world, 0);
	for (unsigned i = 1; i < 4; i++)
		world.inputs[i].health = HEALTH_FAILING;
	expect_release(GUARD_LAST);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
}

Test(breaker_guards, it_is_let_go_in_a_panic)
{
	world.rules.limits.panic = 0.5;
	world_trip(&world, 0);
	world.inputs[1].health = HEALTH_FAILING;
	world_tick(&world);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
	world.inputs[2].health = HEALTH_WEDGED;
	expect_release(GUARD_PANIC);
}

Test(breaker_guards, it_is_let_go_when_protected_meanwhile)
{
	world_trip(&world, 0);
	world.guards.protect.count = 2;
	world.protect[1].port = 8000;
	expect_release(GUARD_PROTECT);
}

Test(breaker_guards, of_too_many_the_last_in_line_is_let_go)
{
	world_trip(&world, 0);
	world_trip(&world, 1);
	world.guards.max_open = 1;
	expect_release(GUARD_MAX_OPEN);
	cr_expect_eq(world.made[0].service, 1);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_guards, of_too_great_a_share_the_last_in_line_is_let_go)
{
	world_trip(&world, 0);
	world_trip(&world, 1);
	world.guards.max_open_share = 0.49;
	expect_release(GUARD_MAX_OPEN_SHARE);
	cr_expect_eq(world.made[0].service, 1);
	cr_expect_eq(world_state(&world, 0), BREAKER_OPEN);
}

Test(breaker_guards, half_open_keeps_its_place)
{
	world.guards.max_open = 1;
	world_trip(&world, 1);
	world_until(&world, 100);
	cr_assert_eq(world_state(&world, 1), BREAKER_HALF_OPEN);
	expect_refusal(GUARD_MAX_OPEN);
	world_try(&world, 1, 0, 10);
	world_tick(&world);
	cr_expect_eq(world_state(&world, 1), BREAKER_OPEN);
}
