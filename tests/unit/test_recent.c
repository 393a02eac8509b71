/* SPDX-License-Identifier: GPL-2.0 */
/* What has changed lately: how much of it there is, and that a restart does not lose it. */
#include <errno.h>
#include <math.h>

#include "daemon/notify.h"
#include "daemon/recent.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "unit/journal_scratch.h"

#define SECOND 1000000000ULL

static struct recent recent, next;
static struct buffer bytes;

static void tear_down(void)
{
	buffer_free(&bytes);
	recent_done(&recent);
	recent_done(&next);
	scratch_remove();
}

TestSuite(recent, .init = scratch_make, .fini = tear_down);

/* The changes from that number to that one: each says which it is. */
static void change(struct recent *to, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) {
		char name[32], reason[64];
		const struct health_change told = {
			.service = name,
			.role = i % 2 ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER,
			.was = HEALTH_AT_RISK,
			.is = i % 3 ? HEALTH_FAILING : HEALTH_WEDGED,
			.reason = reason,
		};

		snprintf(name, sizeof(name), "service-%llu", (unsigned long long)i);
		snprintf(reason, sizeof(reason), "%llu connections failed", (unsigned long long)i);
		recent_health(to, &told);
	}
}

static void is_change(const struct view_change *change, uint64_t number, bool earlier)
{
	char name[32], reason[64];

	snprintf(name, sizeof(name), "service-%llu", (unsigned long long)number);
	snprintf(reason, sizeof(reason), "%llu connections failed", (unsigned long long)number);
	cr_assert_eq(change->id, number);
	cr_assert_str_eq(change->service, name);
	cr_assert_str_eq(change->reason, reason);
	cr_assert_eq(change->role, number % 2 ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER);
	cr_assert_str_eq(change->kind, "health");
	cr_assert_str_eq(change->was, "at_risk");
	cr_assert_str_eq(change->is, number % 3 ? "failing" : "wedged");
	cr_assert_eq(change->earlier_run, earlier, "%llu", (unsigned long long)number);
}

Test(recent, the_newest_come_first_and_the_oldest_go)
{
	change(&recent, 1, RECENT_MAX + 44);
	cr_assert_eq(recent.count, RECENT_MAX);
	cr_assert_eq(recent.last, RECENT_MAX + 44);
	for (size_t i = 0; i < RECENT_MAX; i++)
		is_change(&recent.changes[i], RECENT_MAX + 44 - i, false);
}

Test(recent, what_was_kept_comes_again_with_its_time)
{
	change(&recent, 1, 20);
	recent.changes[19].wall_clock = 1234567.5;
	recent_put(&bytes, &recent, 0);
	cr_assert_eq(recent_get(&next, bytes.data, bytes.length), 1);
	cr_assert_eq(next.count, 20);
	cr_assert_eq(next.last, 20);
	for (size_t i = 0; i < 20; i++)
		is_change(&next.changes[i], 20 - i, true);
	cr_assert_eq(next.changes[19].wall_clock, 1234567.5);
	/* Numbers go on: who looks can tell a new one from one that it has seen. */
	change(&next, 21, 21);
	is_change(&next.changes[0], 21, false);
	is_change(&next.changes[1], 20, true);
}

static int get_since(uint64_t after)
{
	buffer_clear(&bytes);
	recent_put(&bytes, &recent, after);
	return recent_get(&next, bytes.data, bytes.length);
}

Test(recent, pieces_are_put_together_from_the_newest)
{
	change(&recent, 1, 10);
	cr_assert_eq(get_since(7), 0, "those before are wanted");
	cr_assert_eq(next.count, 3);
	/* They overlap where one was written twice. */
	cr_assert_eq(get_since(4), 0);
	cr_assert_eq(get_since(0), 1);
	cr_assert_eq(next.count, 10);
	for (size_t i = 0; i < 10; i++)
		is_change(&next.changes[i], 10 - i, true);
}

Test(recent, a_full_one_wants_no_more)
{
	change(&recent, 1, RECENT_MAX + 5);
	cr_assert_eq(get_since(3), 1);
	cr_assert_eq(next.count, RECENT_MAX);
	is_change(&next.changes[RECENT_MAX - 1], 6, true);
}

Test(recent, what_makes_no_sense_adds_nothing)
{
	static const double times[] = {-1, 1e12, NAN, INFINITY};
	size_t whole = 0;

	change(&recent, 1, 3);
	recent_put(&bytes, &recent, 0);
	for (size_t size = 0; size < bytes.length; size++) {
		int r = recent_get(&next, bytes.data, size);

		/* But for an end between two of them, which is one. */
		cr_assert(r == 1 ? next.count <= 2 : r == -EUCLEAN && !next.count, "%zu", size);
		whole += r == 1;
		recent_done(&next);
	}
	cr_assert_eq(whole, 3);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		recent.changes[1].wall_clock = times[i];
		cr_assert_eq(get_since(0), -EUCLEAN, "%g", times[i]);
		cr_assert_eq(next.count, 0);
	}
	recent.changes[1].wall_clock = 1;
	recent.changes[1].is = "well";
	cr_assert_eq(get_since(0), -EUCLEAN);
}

/* ---- from daemon to daemon ---- */

static void with_journal(struct recent *to, uint64_t now, uint64_t first, uint64_t last)
{
	const struct config config = {
		.state_dir = scratch,
		.journal = {.max_size = 1 << 30, .keep = 3600 * SECOND},
	};
	struct record *record;
	struct engine *engine;

	cr_assert_eq(engine_new(SHUNT_SLOT_FIRST + 4, 1, &engine), 0);
	cr_assert_eq(record_start(&config, "test", engine, to, now, &record), 0);
	for (uint64_t i = first; i <= last; i++) {
		change(to, i, i);
		/* Some of them each second, the last ones at the end. */
		if (i % 4 == 0)
			record_look(record, now + i * SECOND);
	}
	record_stop(record, now + 1000 * SECOND);
	engine_free(engine);
}

Test(recent, each_daemon_has_what_changed_under_those_before)
{
	with_journal(&recent, SECOND, 1, 30);
	recent_done(&recent);
	with_journal(&recent, 2000 * SECOND, 31, 50);
	cr_assert_eq(recent.count, 50);
	recent_done(&recent);
	with_journal(&recent, 4000 * SECOND, 51, 50);
	cr_assert_eq(recent.count, 50);
	for (size_t i = 0; i < 50; i++)
		is_change(&recent.changes[i], 50 - i, true);
}
