/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "engine/guards.h"

#define SECOND 1000000000ULL

static const struct guards_limits limits = {
	.max_open = 2,
	.velocity = 3,
	.max_open_share = 0.34,
	.panic = 0.5,
};

/* No guard has anything against this one. */
static const struct guards_case fine = {
	.services = 10,
	.open = 1,
	.kind = 6,
	.kind_usable = 5,
	.trips = 1,
	.stretch = 1,
};

/* How many of so many services may be open at once, as guards_ask() grants it one by one. */
static uint32_t room(const struct guards_limits *of, uint32_t services)
{
	struct guards_case about = fine;
	uint32_t which = GUARD_BIT(GUARD_MAX_OPEN) | GUARD_BIT(GUARD_MAX_OPEN_SHARE);

	about.services = services;
	for (about.open = 1; about.open <= services; about.open++) {
		if (guards_ask(of, &about, which).refused)
			break;
	}
	return about.open - 1;
}

static uint32_t refused(struct guards_case about)
{
	return guards_ask(&limits, &about, GUARDS_ALL).refused;
}

Test(guards, let_pass_what_they_may)
{
	struct guards_answer answer = guards_ask(&limits, &fine, GUARDS_ALL);

	cr_expect_eq(answer.refused, 0);
	cr_expect_eq(answer.asked, GUARDS_ALL);
	cr_expect_eq(guards_first(&answer), GUARD_MAX);
}

Test(guards, each_refuses_alone)
{
	struct guards_case about;

	about = fine;
	about.protected = true;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_PROTECT));
	about = fine;
	about.ordered = true;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_OPERATOR));
	about = fine;
	about.stretch = 2;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_HOLD));
	about = fine;
	about.kind_usable = 2;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_PANIC));
	about = fine;
	about.open = 3;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_MAX_OPEN));
	about = fine;
	about.services = 5;
	about.open = 2;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_MAX_OPEN_SHARE));
	about = fine;
	about.trips = 4;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_VELOCITY));
}

Test(guards, the_last_is_never_cut_even_without_panic)
{
	struct guards_limits calm = limits;
	struct guards_case about = fine;

	calm.panic = 1;
	about.kind_usable = 0;
	cr_expect_eq(guards_ask(&calm, &about, GUARDS_ALL).refused, GUARD_BIT(GUARD_LAST));
	about.kind_usable = 1;
	cr_expect_eq(guards_ask(&calm, &about, GUARDS_ALL).refused, 0);
}

Test(guards, half_of_a_kind_is_no_panic_and_one_more_is)
{
	struct guards_case about = fine;

	about.kind_usable = 3;
	cr_expect_eq(refused(about), 0);
	about.kind_usable = 2;
	cr_expect_eq(refused(about), GUARD_BIT(GUARD_PANIC));
}

Test(guards, those_not_asked_do_not_refuse)
{
	struct guards_case about = fine;

	about.trips = 100;
	about.open = 100;
	cr_expect_eq(guards_ask(&limits, &about, GUARDS_REOPEN).refused, 0);
	cr_expect_eq(guards_ask(&limits, &about, GUARDS_LASTING).refused,
		     GUARD_BIT(GUARD_MAX_OPEN) | GUARD_BIT(GUARD_MAX_OPEN_SHARE));
}

Test(guards, the_first_in_order_is_named)
{
	struct guards_case about = fine;
	struct guards_answer answer;

	about.trips = 100;
	about.stretch = 2;
	about.open = 100;
	answer = guards_ask(&limits, &about, GUARDS_ALL);
	cr_expect_eq(guards_first(&answer), GUARD_HOLD);
}

Test(guards, room_counts_this_one_in)
{
	struct guards_limits share = {.max_open = 1000, .max_open_share = 0.34};

	/* envoy#26877: 34 % of two is none, of three is one, however it is rounded. */
	cr_expect_eq(room(&share, 1), 0);
	cr_expect_eq(room(&share, 2), 0);
	cr_expect_eq(room(&share, 3), 1);
	cr_expect_eq(room(&share, 5), 1);
	cr_expect_eq(room(&share, 6), 2);
	share.max_open_share = 0.333333333;
	cr_expect_eq(room(&share, 3), 1, "a third as one can write it");
	share.max_open_share = 0.1;
	cr_expect_eq(room(&share, 9), 0);
	cr_expect_eq(room(&share, 10), 1);
	share.max_open_share = 1;
	cr_expect_eq(room(&share, 7), 7);
	share.max_open = 2;
	cr_expect_eq(room(&share, 7), 2, "the smaller of the two");
}

/* ---- protect ---- */

static bool protects(struct config_endpoint protect, struct config_endpoint endpoint)
{
	return guards_protect(&(struct config_endpoints){&protect, 1},
			      &(struct config_endpoints){&endpoint, 1});
}

static struct config_endpoint v4(uint8_t last, uint8_t bits, uint16_t port)
{
	return (struct config_endpoint){
		.addr = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last},
		.bits = bits,
		.port = port,
	};
}

Test(guards, protect_finds_whatever_overlaps)
{
	const struct config_endpoint any22 = {.port = 22};
	const struct config_endpoint any80 = {.port = 80};

	cr_expect(protects(any22, any22));
	cr_expect_not(protects(any22, any80));
	cr_expect(protects(any22, v4(1, 128, 22)));
	cr_expect(protects(v4(1, 128, 22), any22), "a part of it is protected");
	cr_expect_not(protects(v4(1, 128, 22), v4(2, 128, 22)));
	cr_expect(protects(v4(0, 120, 22), v4(2, 128, 22)));
	cr_expect(protects(v4(2, 128, 22), v4(0, 120, 22)));
	cr_expect_not(protects(v4(0, 127, 22), v4(2, 128, 22)));
	cr_expect(protects(v4(2, 127, 22), v4(3, 128, 22)));
	cr_expect(protects(v4(2, 128, 0), v4(2, 128, 8080)), "every port");
	cr_expect_not(protects(v4(2, 128, 0), v4(3, 128, 8080)));
}

Test(guards, protect_looks_at_every_endpoint)
{
	struct config_endpoint names[] = {{.port = 22}, {.port = 9909}};
	struct config_endpoint ports[] = {{.port = 80}, {.port = 9909}};

	cr_expect(guards_protect(&(struct config_endpoints){names, 2},
				 &(struct config_endpoints){ports, 2}));
	cr_expect_not(guards_protect(&(struct config_endpoints){names, 1},
				     &(struct config_endpoints){ports, 2}));
	cr_expect_not(guards_protect(&(struct config_endpoints){NULL, 0},
				     &(struct config_endpoints){ports, 2}));
}

/* ---- velocity ---- */

Test(guards, trips_are_those_of_the_last_minute)
{
	struct guards_trips trips = {0};
	uint64_t now = 5000 * SECOND;

	cr_expect_eq(guards_trips_lately(&trips, now), 0);
	guards_trip(&trips, now);
	guards_trip(&trips, now + 30 * SECOND);
	cr_expect_eq(guards_trips_lately(&trips, now + 60 * SECOND - 1), 2);
	cr_expect_eq(guards_trips_lately(&trips, now + 60 * SECOND), 1);
	cr_expect_eq(guards_trips_lately(&trips, now + 90 * SECOND), 0);
}

Test(guards, trips_fill_up_and_never_count_too_few)
{
	struct guards_trips trips = {0};

	for (unsigned n = 0; n < 3 * GUARDS_TRIPS; n++)
		guards_trip(&trips, 5000 * SECOND + n);
	cr_expect_eq(guards_trips_lately(&trips, 5001 * SECOND), GUARDS_TRIPS);
}
