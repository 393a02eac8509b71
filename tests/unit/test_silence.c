/* SPDX-License-Identifier: GPL-2.0 */
/* One silence at a time, tick by tick; whole services are in test_health_silence.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/health.h"

#define MSEC   1000000ULL
#define SECOND 1000000000ULL
#define TICK   (100 * MSEC)
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

static struct silence_limits limits;
static struct silence silence;
static struct silence_input input;
static uint64_t now;

static void set_up(void)
{
	struct health_limits all;

	health_limits_default(&all, 0);
	limits = all.silence;
	memset(&silence, 0, sizeof(silence));
	memset(&input, 0, sizeof(input));
	now = START;
}

TestSuite(silence, .init = set_up);

/* A tick with what is in `input`, which is kept. */
static void tick(void)
{
	input.now = now += TICK;
	input.stretch = input.stretch < 1 ? 1 : input.stretch;
	silence_add(&silence, &limits, &input);
}

static void ticks(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		tick();
}

/* So many connections a tick, of which so many are answered, for so long. */
static void answer(uint64_t connections, uint64_t responses, unsigned count)
{
	input.connections = connections;
	input.responses = responses;
	input.response_time = responses * 5 * MSEC;
	ticks(count);
	input.responses = 0;
	input.response_time = 0;
}

/* Ticks until it is called silent; 1000 for never. */
static unsigned until_silent(void)
{
	unsigned count = 0;

	while (silence.kind == SILENCE_NONE && count < 1000) {
		tick();
		count++;
	}
	return count;
}

/* Whether it takes from `least` to `most` ticks until it is called silent. */
static bool lasts(unsigned least, unsigned most)
{
	unsigned count = until_silent();

	return count >= least && count <= most;
}

Test(silence, half_a_second_in_vain)
{
	answer(10, 10, 300);
	cr_expect_eq(until_silent(), 5);
	cr_expect_eq(silence.kind, SILENCE_UNMET);
	cr_expect_eq(now - silence.from, 500 * MSEC);
	cr_expect_eq(silence.arrivals, 50);
	answer(10, 1, 1);
	cr_expect_eq(silence.kind, SILENCE_NONE, "one response ends it");
}

Test(silence, nobody_asks)
{
	answer(10, 10, 300);
	input.connections = 0;
	input.waiting_known = input.queue_known = true;
	cr_expect_eq(until_silent(), 1000);
	/* A silence begins with the demand, not with the last response. */
	input.connections = 10;
	tick();
	cr_expect_eq(silence.kind, SILENCE_NONE);
	cr_expect_eq(now - silence.from, TICK);
}

Test(silence, an_unfamiliar_service)
{
	answer(10, 10, 29);
	cr_expect_eq(until_silent(), 1000);
	set_up();
	answer(10, 10, 40);
	cr_expect_lt(until_silent(), 20);
}

/* A single worker that is never idle comes to answer but twice a second: that is how it is. */
Test(silence, what_is_usual_is_learned)
{
	answer(1, 1, 300);
	cr_expect_float_eq(silence.gap, 1e8, 1e6);
	input.queue_known = true;
	input.queue = 5;
	for (unsigned i = 0; i < 120; i++) {
		answer(1, 0, 4);
		cr_expect_eq(silence.kind, SILENCE_NONE, "after %u", i);
		answer(1, 1, 1);
	}
	cr_expect_float_eq(silence.gap, 5e8, 2e7);
	cr_expect(lasts(24, 26));
	cr_expect_eq(silence.kind, SILENCE_UNTOUCHED);
}

/* Nothing of one silence is taken for a part of the next. */
Test(silence, each_begins_with_nothing)
{
	for (unsigned i = 0; i < 4; i++) {
		set_up();
		answer(10, 10, 300);
		/* A short one with all kinds of demand… */
		input.connections = 10;
		input.queue_known = i == 1;
		input.queue = 50;
		input.waiting_known = i >= 2;
		input.unread_known = i == 3;
		input.waiting = 50;
		input.unread = 40;
		input.oldest = SECOND;
		ticks(4);
		cr_expect_eq(silence.kind, SILENCE_NONE, "%u", i);
		input.queue_known = input.waiting_known = input.unread_known = false;
		input.waiting = 0;
		answer(0, 10, 100);
		/* …and a long one in which hardly anybody asks. */
		answer(4, 0, 1);
		input.connections = 0;
		ticks(90);
		cr_expect_eq(silence.kind, SILENCE_NONE, "%u", i);
		cr_expect_neq(silence.from, 0);
		answer(10, 10, 100);
		cr_expect(lasts(5, 6), "%u", i);
	}
}

/* What had to wait for the end of a wedge is answered late, which is not usual. */
Test(silence, a_backlog_is_not_learned)
{
	answer(10, 10, 300);
	cr_expect_eq(until_silent(), 5);
	ticks(50);
	input.responses = 100;
	input.response_time = 100 * 3 * SECOND;
	ticks(5);
	answer(10, 10, 100);
	cr_expect(lasts(5, 6));
}

Test(silence, a_slow_response_lately_asks_for_time)
{
	answer(10, 10, 300);
	input.responses = 1;
	input.response_time = SECOND;
	tick();
	input.responses = 0;
	cr_expect(lasts(30 - 1, 30 + 1));
}

/* Of many connections only one in ten asks anything. */
Test(silence, connections_count_by_what_is_usually_answered)
{
	answer(10, 1, 600);
	input.connections = 2;
	ticks(20);
	cr_expect_eq(silence.kind, SILENCE_NONE);
	cr_expect_eq(silence.arrivals, 40);
	/* 5 out of 50 should have been answered by now. */
	cr_expect(lasts(6 - 1, 6 + 1));
}

/* ---- the accept queue ---- */

Test(silence, a_queue_that_nobody_empties)
{
	answer(10, 10, 300);
	input.connections = 0;
	input.queue_known = true;
	input.queue = 2;
	cr_expect_eq(until_silent(), 1000, "two are too few");
	set_up();
	answer(10, 10, 300);
	input.connections = 0;
	input.queue_known = true;
	input.queue = 3;
	cr_expect_eq(until_silent(), 5);
	cr_expect_eq(silence.kind, SILENCE_UNTOUCHED);
}

Test(silence, a_queue_that_drains_is_served)
{
	answer(10, 10, 300);
	input.connections = 0;
	input.queue_known = true;
	for (unsigned i = 0; i < 20; i++) {
		input.queue = 50 - i;
		tick();
	}
	cr_expect_eq(silence.kind, SILENCE_NONE);
	/* One that stands still is not, and the next silence knows nothing of this one. */
	answer(10, 10, 200);
	input.connections = 0;
	cr_expect(lasts(5, 6));
}

/* Read before the silence began, when there was nothing to accept. */
Test(silence, an_old_reading_says_nothing)
{
	input.queue_known = true;
	answer(10, 10, 300);
	input.queue_known = false;
	cr_expect_eq(until_silent(), 5);
	cr_expect_eq(silence.kind, SILENCE_UNMET);
}

Test(silence, what_is_taken_may_be_at_work)
{
	answer(10, 10, 300);
	input.queue_known = true;
	cr_expect_eq(until_silent(), 50);
	cr_expect_eq(silence.kind, SILENCE_TAKEN);
	/* With few in vain, not even then. */
	set_up();
	answer(10, 10, 300);
	input.queue_known = true;
	ticks(1);
	input.connections = 0;
	cr_expect_eq(until_silent(), 1000);
}

/* ---- requests that wait ---- */

Test(silence, requests_wait)
{
	answer(10, 10, 300);
	input.connections = 0;
	input.waiting_known = true;
	input.waiting = 2;
	input.oldest = SECOND;
	cr_expect_eq(until_silent(), 1000, "two are too few");
	set_up();
	answer(10, 10, 300);
	input.connections = 0;
	input.waiting_known = true;
	input.waiting = 3;
	for (unsigned i = 1; silence.kind == SILENCE_NONE && i < 100; i++) {
		input.oldest = i * TICK;
		tick();
	}
	cr_expect_eq(silence.kind, SILENCE_UNMET);
	cr_expect_leq(input.oldest, SECOND);
}

/* Push connections: they are told apart by waiting while others are answered. */
Test(silence, some_always_wait)
{
	input.waiting_known = true;
	input.waiting = 50;
	input.oldest = SECOND;
	answer(10, 10, 300);
	input.connections = 0;
	input.waiting = 52;
	cr_expect_eq(until_silent(), 1000);
	cr_expect_leq(silence.unmet, 52);
	answer(10, 10, 300);
	input.connections = 0;
	input.waiting = 60;
	ticks(10);
	cr_expect_eq(silence.kind, SILENCE_UNMET);
	cr_expect_float_eq(silence.unmet, 8, 1);
}

/* A look at last, and what it finds has been waiting for a second already. */
Test(silence, begins_when_the_oldest_began_to_wait)
{
	answer(10, 10, 300);
	input.connections = 0;
	ticks(10);
	cr_expect_eq(silence.from, 0);
	input.waiting_known = true;
	input.unread_known = true;
	input.waiting = input.unread = 5;
	input.oldest = 800 * MSEC;
	tick();
	cr_expect_eq(now - silence.from, 800 * MSEC);
	cr_expect_eq(silence.kind, SILENCE_UNTOUCHED);
	/* But not before the last response. */
	answer(10, 10, 100);
	input.connections = 0;
	input.oldest = 3600 * SECOND;
	ticks(3);
	cr_expect_eq(now - silence.from, 300 * MSEC);
	cr_expect_eq(silence.kind, SILENCE_NONE);
}

Test(silence, an_answered_check_counts_for_its_silence_only)
{
	answer(10, 10, 300);
	input.checks_answered = true;
	tick();
	input.checks_answered = false;
	ticks(20);
	cr_expect_eq(silence.kind, SILENCE_NONE);
	answer(10, 10, 200);
	cr_expect(lasts(5, 6));
}

/* ---- lateness ---- */

Test(silence, a_late_tick_begins_it_anew)
{
	answer(10, 10, 300);
	ticks(4);
	input.late = true;
	tick();
	input.late = false;
	cr_expect_eq(until_silent(), 5);
	/* One that is known goes on. */
	input.late = true;
	ticks(5);
	cr_expect_eq(silence.kind, SILENCE_UNMET);
	cr_expect_eq(now - silence.from, SECOND);
}

/* …and does not begin before it, whatever the oldest request says. */
Test(silence, a_late_tick_is_not_looked_behind)
{
	answer(10, 10, 300);
	input.connections = 0;
	ticks(3);
	input.late = true;
	tick();
	input.late = false;
	input.waiting_known = true;
	input.waiting = 50;
	input.oldest = 3 * SECOND;
	ticks(4);
	cr_expect_eq(silence.kind, SILENCE_NONE);
	ticks(2);
	cr_expect_eq(silence.kind, SILENCE_UNMET);
}

Test(silence, limits_are_stretched)
{
	answer(10, 10, 300);
	input.stretch = 3;
	cr_expect_eq(until_silent(), 15);
}
