/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of a decision, in words and in fields. */
#include "unit/breaker_world.h"

static struct world world;
static char words[512];

static void set_up(void)
{
	world_begin(&world, 3);
	world.services[0].name = "checkout";
}

TestSuite(breaker_explain, .init = set_up, .timeout = 60);

static const char *said(void)
{
	cr_assert_geq(world.decisions.count, 1);
	breaker_explain(&world.made[0], "checkout", words, sizeof(words));
	return words;
}

Test(breaker_explain, a_trip)
{
	world.configs[0].open_for_max = world.configs[0].open_for;
	world_serve(&world, 0, 2, 8);
	world_until(&world, 10);
	cr_expect_str_eq(said(), "checkout: open, was closed: 24 of 30 connections failed in the "
				 "last 10.0 s, 80 % where 50 % is too much "
				 "(services.checkout.breaker.failure_rate); for 5.0 s");
}

Test(breaker_explain, a_refused_trip)
{
	world.guards.max_open = 0;
	world_serve(&world, 0, 2, 8);
	world_until(&world, 10);
	cr_expect_str_eq(said(), "checkout: stays closed: 24 of 30 connections failed in the "
				 "last 10.0 s, 80 % where 50 % is too much "
				 "(services.checkout.breaker.failure_rate); refused by max_open: "
				 "1 would be open, and guards.max_open is 0");
}

Test(breaker_explain, a_share_of_few)
{
	world.guards.max_open_share = 0.1;
	world_serve(&world, 0, 0, 8);
	world_until(&world, 10);
	cr_expect(strstr(said(), "refused by max_open_share: 1 of 3 services would be open, and "
				 "guards.max_open_share is 0.1"));
}

Test(breaker_explain, an_order_and_its_end)
{
	world.guards.max_open = 0;
	world_order(&world, BREAKER_TRIP, 0, 10 * SECOND);
	cr_expect_str_eq(said(),
			 "checkout: open, was closed: trip by ada: drill; against max_open: "
			 "1 would be open, and guards.max_open is 0; for 10.0 s");
	world_until(&world, 1000);
	cr_expect_str_eq(said(), "checkout: half_open, was open: trip by ada: drill (has expired)");
	world_mode(&world, BREAKER_ALL, CONFIG_MODE_SHADOW, 60 * SECOND);
	cr_expect_str_eq(said(), "all services: mode shadow by ada: drill; for 60.0 s");
}

Test(breaker_explain, the_trials)
{
	world_trip(&world, 0);
	world_until(&world, 100);
	cr_expect_str_eq(said(), "checkout: half_open, was open: it has been open for long enough "
				 "(services.checkout.breaker.open_for)");
	world_try(&world, 0, 9, 1);
	world_tick(&world);
	cr_expect_str_eq(said(), "checkout: closed, was half_open: 1 of 10 trials failed "
				 "(services.checkout.breaker.half_open.connections)");
}

Test(breaker_explain, a_release)
{
	world_trip(&world, 0);
	world.guards.max_open = 0;
	world_tick(&world);
	cr_expect(strstr(said(), "closed, was open: 1 would be open"));
	cr_expect(strstr(said(), "(guards.max_open)"));
}

Test(breaker_explain, every_reason_has_words_and_a_name)
{
	struct breaker_decision decision;

	for (unsigned reason = 1; reason < BREAKER_REASON_MAX; reason++) {
		memset(&decision, 0, sizeof(decision));
		decision.reason = reason;
		decision.guards.refused = GUARD_BIT(GUARD_LAST);
		decision.about.kind = 1;
		breaker_explain(&decision, "x", words, sizeof(words));
		cr_expect_gt(strlen(words), strlen("x: closed, was closed: ") + 5, "%s", words);
		cr_expect_str_neq(breaker_reason_name((enum breaker_reason)reason), "unknown");
	}
	for (unsigned guard = 0; guard < GUARD_MAX; guard++) {
		memset(&decision, 0, sizeof(decision));
		decision.what = BREAKER_REFUSED;
		decision.reason = BREAKER_SLOW;
		decision.guards.refused = GUARD_BIT(guard);
		breaker_explain(&decision, "x", words, sizeof(words));
		cr_expect(strstr(words, guard_name((enum guard)guard)), "%s", words);
	}
}

Test(breaker_explain, is_cut_where_there_is_no_room)
{
	char small[16];

	world_trip(&world, 0);
	memset(small, 'x', sizeof(small));
	breaker_explain(&world.made[0], "checkout", small, sizeof(small));
	cr_expect_eq(strlen(small), 15);
	breaker_explain(&world.made[0], "checkout", small, 1);
	cr_expect_str_eq(small, "");
	small[0] = 'y';
	breaker_explain(&world.made[0], "checkout", small, 0);
	cr_expect_eq(small[0], 'y');
}

/* ---- fields ---- */

static const struct breaker_field *field(const struct breaker_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (!strcmp(fields->items[i].name, name))
			return &fields->items[i];
	cr_assert(false, "no field %s", name);
	return &fields->items[0];
}

Test(breaker_explain, fields)
{
	struct breaker_fields fields;

	world.guards.max_open = 0;
	world_serve(&world, 0, 2, 8);
	world_until(&world, 10);
	breaker_fields(&world.made[0], "checkout", &fields);
	cr_expect_lt(fields.count, BREAKER_FIELDS_MAX);
	cr_expect_str_eq(field(&fields, "service")->text, "checkout");
	cr_expect_str_eq(field(&fields, "decision")->text, "refused");
	cr_expect_str_eq(field(&fields, "reason")->text, "failure_rate");
	cr_expect_str_eq(field(&fields, "rule")->text, "services.checkout.breaker.failure_rate");
	cr_expect_str_eq(field(&fields, "guard")->text, "max_open");
	cr_expect_str_eq(field(&fields, "guards_asked")->text,
			 "protect operator hold last panic max_open max_open_share velocity");
	cr_expect_str_eq(field(&fields, "guards_against")->text, "max_open");
	cr_expect_eq(field(&fields, "failures")->value, 24);
	cr_expect_eq(field(&fields, "window_seconds")->value, 10);
	cr_expect_eq(field(&fields, "window_seconds")->type, BREAKER_SECONDS);
	cr_expect_float_eq(field(&fields, "share")->value, 0.8, 1e-12);
}

Test(breaker_explain, fields_have_room_for_everything)
{
	struct breaker_decision decision;
	struct breaker_fields fields;

	/* Every number is there: so many fields there can be. */
	memset(&decision, 1, sizeof(decision));
	decision.what = BREAKER_ORDERED;
	decision.from = decision.to = BREAKER_OPEN;
	decision.reason = BREAKER_SLOW;
	decision.order = BREAKER_SET_MODE;
	decision.mode = CONFIG_MODE_OFF;
	decision.who[BREAKER_WHO_MAX - 1] = decision.why[BREAKER_WHY_MAX - 1] = 0;
	decision.until = decision.now + SECOND;
	decision.guards.asked = decision.guards.refused = GUARDS_ALL;
	breaker_fields(&decision, "checkout", &fields);
	cr_expect_lt(fields.count, BREAKER_FIELDS_MAX);
	cr_expect_str_eq(fields.items[fields.count - 1].name, "why");
}
