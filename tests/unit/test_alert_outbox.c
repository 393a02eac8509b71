/* SPDX-License-Identifier: GPL-2.0 */
/* The queue of one target: what is sent when, and what is given up, in virtual time. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "alert/outbox.h"
#include "unit/alert_notices.h"
#include "unit/random.h"

#define REPEAT 60
#define KEEP   300

static struct outbox outbox;
static char sent[1024];

static void begin(enum outbox_kind kind, size_t capacity)
{
	outbox_done(&outbox);
	cr_assert_eq(outbox_init(&outbox, kind, capacity, REPEAT, KEEP), 0);
}

static void tear_down(void)
{
	outbox_done(&outbox);
}

TestSuite(alert_outbox, .fini = tear_down);

/* "a" fires, "a-" is over. */
static void put(const char *what, uint64_t now)
{
	char name[2] = {what[0], '\0'};
	struct notice *notice = make_notice(name, what[1] != '-');

	outbox_put(&outbox, notice, now);
	notice_drop(notice);
}

static void put_all(const char *const *what, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(what[i], 0);
}
#define PUT(...)                                                                                   \
	put_all((const char *const[]){__VA_ARGS__},                                                \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What is taken at that time, as "a b- ". */
static const char *take(uint64_t now, size_t max)
{
	struct notice *notices[64];
	size_t count = outbox_take(&outbox, now, max, notices);
	char *at = sent;

	*at = '\0';
	for (size_t i = 0; i < count; i++) {
		at += sprintf(at, "%s%s ", notices[i]->alert.name,
			      notice_fires(notices[i]) ? "" : "-");
		notice_drop(notices[i]);
	}
	return sent;
}

/* What waits in it. */
static const char *content(void)
{
	char *at = sent;

	*at = '\0';
	for (size_t i = 0; i < outbox.count; i++) {
		const struct notice *notice = outbox.items[i].notice;

		at += sprintf(at, "%s%s ", notice->alert.name, notice_fires(notice) ? "" : "-");
	}
	return sent;
}

/* ---- who wants the story ---- */

Test(alert_outbox, every_notice_in_order_one_by_one)
{
	begin(OUTBOX_EVERY, 8);
	cr_expect_eq(outbox_due(&outbox), OUTBOX_NEVER);
	PUT("a", "b", "a-", "a");
	cr_expect_eq(outbox_due(&outbox), 0);
	cr_expect_str_eq(take(1, 64), "a ");
	cr_expect_eq(outbox_accepted(&outbox, 1), 1);
	cr_expect_str_eq(take(1, 64), "b ");
	outbox_failed(&outbox);
	cr_expect_str_eq(take(2, 64), "b ");
	cr_expect_eq(outbox_accepted(&outbox, 2), 1);
	cr_expect_str_eq(take(2, 64), "a- ");
	outbox_refused(&outbox, 2);
	cr_expect_eq(outbox.dropped, 1);
	cr_expect_str_eq(take(2, 64), "a ");
	cr_expect_eq(outbox_accepted(&outbox, 2), 1);
	cr_expect_eq(outbox_due(&outbox), OUTBOX_NEVER);
	cr_expect_eq(outbox_waiting(&outbox), 0);
}

Test(alert_outbox, what_is_over_goes_first_with_its_beginning)
{
	begin(OUTBOX_EVERY, 5);
	PUT("a", "b", "c", "b-", "c-", "d");
	cr_expect_str_eq(content(), "a c c- d ");
	cr_expect_eq(outbox.dropped, 2);
	PUT("e", "f");
	cr_expect_str_eq(content(), "a d e f ");
	cr_expect_eq(outbox.dropped, 4);
}

/* It fired before, and was told: its end alone is left. */
Test(alert_outbox, what_is_over_goes_alone_if_its_beginning_was_told)
{
	begin(OUTBOX_EVERY, 3);
	PUT("a");
	take(0, 1);
	outbox_accepted(&outbox, 0);
	PUT("b", "a-", "c", "d");
	cr_expect_str_eq(content(), "b c d ");
	cr_expect_eq(outbox.dropped, 1);
}

Test(alert_outbox, then_the_oldest_goes)
{
	begin(OUTBOX_EVERY, 3);
	PUT("a", "b", "c", "d");
	cr_expect_str_eq(content(), "b c d ");
	cr_expect_eq(outbox.dropped, 1);
}

/* It would be told that a fires, and never that it is over. */
Test(alert_outbox, what_is_under_way_stays_and_so_does_its_end)
{
	begin(OUTBOX_EVERY, 4);
	PUT("a", "a-", "b", "b-");
	cr_expect_str_eq(take(0, 1), "a ");
	PUT("c");
	cr_expect_str_eq(content(), "a a- c ");
	PUT("d", "e");
	cr_expect_str_eq(content(), "a c d e ", "nothing else was over");
	cr_expect_eq(outbox.dropped, 3);
	outbox_failed(&outbox);
	cr_expect_str_eq(take(0, 1), "a ");
}

Test(alert_outbox, no_room_beside_what_is_under_way)
{
	begin(OUTBOX_EVERY, 1);
	PUT("a");
	take(0, 1);
	PUT("b");
	cr_expect_str_eq(content(), "a ");
	cr_expect_eq(outbox.dropped, 1);
	cr_expect_eq(outbox_accepted(&outbox, 0), 1);
}

/* Whatever comes: nothing vanishes uncounted, nothing is told twice or out of order. */
Test(alert_outbox, every_notice_is_told_or_counted)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t random = seed, puts = 0, accepted = 0, last = 0;
		struct notice *taken = NULL;

		begin(OUTBOX_EVERY, 1 + seed % 7);
		for (int step = 0; step < 400; step++) {
			char what[3] = {(char)('a' + random_next(&random) % 5), '\0'};

			if (random_next(&random) % 2)
				what[1] = '-';
			if (random_next(&random) % 3) {
				put(what, (uint64_t)step);
				/* Numbers the notices in their order. */
				if (outbox.items[outbox.count - 1].notice->id == 1)
					outbox.items[outbox.count - 1].notice->id = 10 + puts;
				puts++;
			} else if (taken) {
				notice_drop(taken);
				taken = NULL;
				if (random_next(&random) % 2)
					accepted += outbox_accepted(&outbox, (uint64_t)step);
				else
					outbox_failed(&outbox);
			} else if (outbox_take(&outbox, (uint64_t)step, 64, &taken)) {
				cr_assert_geq(taken->id, last, "seed %lu", seed);
				last = taken->id;
			}
			cr_assert_leq(outbox.count, outbox.capacity);
			cr_assert_eq(puts, accepted + outbox.dropped + outbox_waiting(&outbox),
				     "seed %lu, step %d", seed, step);
		}
		notice_drop(taken);
	}
}

/* ---- who wants the state ---- */

Test(alert_outbox, the_latest_of_each_alert_together)
{
	begin(OUTBOX_LATEST, 8);
	PUT("a", "b", "a-", "c", "c-", "c");
	cr_expect_eq(outbox_waiting(&outbox), 3);
	cr_expect_str_eq(take(0, 64), "b a- c ");
	cr_expect_eq(outbox_accepted(&outbox, 0), 3);
	cr_expect_eq(outbox_waiting(&outbox), 0);
	cr_expect_eq(outbox.dropped, 0);
}

Test(alert_outbox, batches_are_bounded)
{
	begin(OUTBOX_LATEST, 8);
	PUT("a", "b", "c", "d", "e");
	cr_expect_str_eq(take(0, 2), "a b ");
	outbox_accepted(&outbox, 0);
	cr_expect_str_eq(take(0, 2), "c d ");
	outbox_failed(&outbox);
	cr_expect_str_eq(take(0, 2), "c d ");
	outbox_accepted(&outbox, 0);
	cr_expect_str_eq(take(0, 2), "e ");
}

/* All at one moment, the next full repeat, wherever they began. */
Test(alert_outbox, what_fires_is_repeated)
{
	begin(OUTBOX_LATEST, 8);
	put("a", 10);
	take(10, 64);
	cr_expect_eq(outbox_accepted(&outbox, 11), 1);
	put("b", 50);
	cr_expect_str_eq(take(50, 64), "b ");
	cr_expect_eq(outbox_accepted(&outbox, 50), 1);
	cr_expect_eq(outbox_due(&outbox), 60);
	cr_expect_str_eq(take(59, 64), "");
	cr_expect_str_eq(take(60, 64), "a b ");
	cr_expect_eq(outbox_accepted(&outbox, 60), 0, "repeats are not new");
	cr_expect_eq(outbox_due(&outbox), 120);
	cr_expect_eq(outbox_waiting(&outbox), 0);
}

Test(alert_outbox, news_go_before_repeats)
{
	begin(OUTBOX_LATEST, 8);
	PUT("a", "b");
	take(0, 64);
	outbox_accepted(&outbox, 0);
	put("c", 60);
	cr_expect_str_eq(take(60, 2), "c a ");
	outbox_accepted(&outbox, 60);
	cr_expect_str_eq(take(60, 2), "b ");
}

Test(alert_outbox, what_is_over_is_repeated_for_a_while)
{
	unsigned int repeats = 0;

	begin(OUTBOX_LATEST, 8);
	put("a-", 10);
	take(10, 64);
	cr_expect_eq(outbox_accepted(&outbox, 10), 1);
	for (uint64_t now = 11; now < 1000; now++) {
		if (*take(now, 64))
			repeats++;
		outbox_accepted(&outbox, now);
	}
	cr_expect_eq(repeats, 5);
	cr_expect_eq(outbox.count, 0);
	cr_expect_eq(outbox.dropped, 0);
}

/* However long nobody answers: only what was told can be forgotten. */
Test(alert_outbox, what_is_over_waits_for_ever)
{
	begin(OUTBOX_LATEST, 8);
	put("a-", 0);
	for (uint64_t now = 0; now < 10000; now += 50) {
		cr_expect_str_eq(take(now, 64), "a- ");
		outbox_failed(&outbox);
	}
	cr_expect_eq(outbox_waiting(&outbox), 1);
}

/* The answer is to what was sent, which is not what is true now. */
Test(alert_outbox, what_changes_under_way_is_sent_again)
{
	begin(OUTBOX_LATEST, 8);
	PUT("a", "b");
	take(0, 64);
	put("a-", 1);
	cr_expect_eq(outbox_accepted(&outbox, 2), 1, "b alone");
	cr_expect_eq(outbox_waiting(&outbox), 1);
	cr_expect_str_eq(take(2, 64), "a- ");
	cr_expect_eq(outbox_accepted(&outbox, 2), 1);
}

Test(alert_outbox, a_refusal_gives_up_what_is_over)
{
	begin(OUTBOX_LATEST, 8);
	PUT("a", "b-");
	take(0, 64);
	outbox_refused(&outbox, 1);
	cr_expect_eq(outbox.dropped, 2);
	cr_expect_str_eq(content(), "a ", "it fires still, and is tried again");
	cr_expect_eq(outbox_due(&outbox), 60);
	cr_expect_eq(outbox_waiting(&outbox), 1);
}

Test(alert_outbox, told_ends_make_room_for_nothing)
{
	begin(OUTBOX_LATEST, 3);
	PUT("a", "b-", "c-");
	take(0, 64);
	outbox_accepted(&outbox, 0);
	PUT("d");
	cr_expect_str_eq(content(), "a c- d ");
	cr_expect_eq(outbox.dropped, 0);
	PUT("e-", "f");
	cr_expect_str_eq(content(), "a d f ");
	cr_expect_eq(outbox.dropped, 1, "e was not told");
	PUT("a-");
	cr_expect_str_eq(content(), "d f a- ", "the same alert needs no room");
	cr_expect_eq(outbox.dropped, 1);
}
