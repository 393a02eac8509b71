/* SPDX-License-Identifier: GPL-2.0 */
/* What a restart takes up: breakers, back-off and orders, by name and on another clock. */
#include <errno.h>

#include "journal/past.h"
#include "unit/record_world.h"

static struct world world;
static struct buffer bytes;
static struct pasts pasts;
static struct engine *next;

static void set_up(void)
{
	scratch_make();
	world_begin(&world, 1, 6);
}

static void tear_down(void)
{
	past_done(&pasts);
	buffer_free(&bytes);
	engine_free(next);
	world_end(&world);
	scratch_remove();
}

TestSuite(past, .init = set_up, .fini = tear_down);

static void order(enum breaker_order what, uint32_t service, uint64_t lasts)
{
	const struct breaker_command command = {
		.now = world.now,
		.lasts = lasts,
		.order = what,
		.service = service,
		.mode = CONFIG_MODE_SHADOW,
		.who = "alice",
		.why = "maintenance",
	};

	cr_assert_eq(engine_command(world.engine, &command), 0);
}

/* The next daemon's engine: other slots, other services beside them. */
static void restart(int64_t shift)
{
	struct engine *first = world.engine;

	past_put(&bytes, world.engine);
	cr_assert_eq(past_get(bytes.data, bytes.length, shift, &pasts), 0);
	cr_assert_eq(engine_new(SHUNT_SLOT_FIRST + 20, 3, &next), 0);
	world.engine = next;
	for (uint32_t i = 0; i < 6; i++)
		world_assign(&world, i, i == 0 ? "-other" : "");
	world.engine = first;
	past_resume(&pasts, next);
}

static void tick(uint64_t now)
{
	const struct engine_tick given = {.now = now};

	engine_tick(next, &given);
}

Test(past, breakers_orders_and_modes_survive)
{
	const struct breaker *was, *is;

	world_run(&world, 30);
	order(BREAKER_TRIP, SHUNT_SLOT_FIRST + 2, 600 * SECOND);
	order(BREAKER_RESET, SHUNT_SLOT_FIRST + 3, 700 * SECOND);
	order(BREAKER_SET_MODE, BREAKER_ALL, 800 * SECOND);
	restart(0);
	was = engine_breaker(world.engine, SHUNT_SLOT_FIRST + 2);
	is = engine_breaker(next, SHUNT_SLOT_FIRST + 2);
	cr_assert_eq(is->state, BREAKER_OPEN);
	cr_assert_eq(is->until, was->until);
	cr_assert_eq(is->since, was->since);
	cr_assert_eq(is->by_hand, 1);
	cr_assert_eq(is->openings, was->openings);
	cr_assert_eq(memcmp(&is->order, &was->order, sizeof(is->order)), 0);
	is = engine_breaker(next, SHUNT_SLOT_FIRST + 3);
	cr_assert_eq(is->order.order, BREAKER_RESET);
	cr_assert_str_eq(is->order.why, "maintenance");
	cr_assert_eq(engine_breakers(next)->mode.order, BREAKER_SET_MODE);
	tick(world.now + TICK);
	cr_assert_eq(engine_verdict(next, SHUNT_SLOT_FIRST + 2).state, BREAKER_OPEN);
}

/* The machine was off for two minutes, and its clock begins anew. */
Test(past, another_boot_has_another_clock)
{
	const struct breaker *is;

	order(BREAKER_TRIP, SHUNT_SLOT_FIRST + 2, 600 * SECOND);
	restart((int64_t)(10 * SECOND) - (int64_t)(120 * SECOND) - (int64_t)world.now);
	is = engine_breaker(next, SHUNT_SLOT_FIRST + 2);
	cr_assert_eq(is->state, BREAKER_OPEN);
	cr_assert_eq(is->order.until, 490 * SECOND);
	tick(10 * SECOND);
	cr_assert_eq(engine_outcome(next).decisions_count, 0);
}

Test(past, an_order_that_expired_meanwhile_is_over)
{
	order(BREAKER_SET_MODE, SHUNT_SLOT_FIRST + 3, 60 * SECOND);
	restart(0);
	tick(world.now + 61 * SECOND);
	cr_assert_eq(engine_outcome(next).decisions_count, 1);
	cr_assert_eq(engine_outcome(next).decisions[0].what, BREAKER_LAPSED);
	cr_assert_eq(engine_breaker(next, SHUNT_SLOT_FIRST + 3)->mode.order, BREAKER_NO_ORDER);
}

Test(past, who_comes_late_is_found_and_who_never_comes_is_not)
{
	struct engine *first = world.engine;

	order(BREAKER_TRIP, SHUNT_SLOT_FIRST, 600 * SECOND);
	restart(0);
	cr_assert_eq(engine_breaker(next, SHUNT_SLOT_FIRST)->state, BREAKER_CLOSED,
		     "another has that slot");
	engine_release(next, SHUNT_SLOT_FIRST);
	world.engine = next;
	world_assign(&world, 0, "");
	world.engine = first;
	past_resume(&pasts, next);
	cr_assert_eq(engine_breaker(next, SHUNT_SLOT_FIRST)->state, BREAKER_OPEN);
}

Test(past, what_makes_no_sense_is_nothing)
{
	order(BREAKER_TRIP, SHUNT_SLOT_FIRST, 600 * SECOND);
	past_put(&bytes, world.engine);
	for (size_t size = 1; size < bytes.length; size++)
		cr_assert_eq(past_get(bytes.data, size, 0, &pasts), -EUCLEAN, "%zu", size);
}

Test(past, the_last_daemon_s_is_read_from_the_journal)
{
	order(BREAKER_TRIP, SHUNT_SLOT_FIRST + 2, 600 * SECOND);
	order(BREAKER_TRIP, SHUNT_SLOT_FIRST + 4, 600 * SECOND);
	world_write(&world);
	/* Of this boot, so that its clock holds, whatever the wall clock says. */
	cr_assert_eq(past_read(scratch, world.now + SECOND, WORLD_WALL + 900 * SECOND, &pasts), 0);
	cr_assert_eq(pasts.count, 2);
	cr_assert_str_eq(pasts.items[1].name, "service-4");
	cr_assert_eq(pasts.items[1].past.order.until, world.now + 600 * SECOND);
	past_done(&pasts);
	/* Of another: nine hundred seconds have passed. */
	cr_assert_eq(past_read(scratch, 10 * SECOND, WORLD_WALL + 900 * SECOND, &pasts), 0);
	cr_assert_eq(pasts.items[1].past.order.until, 1);
	cr_assert_eq(past_read("/nowhere", 1, 1, &pasts), -ENOENT);
}
