/* SPDX-License-Identifier: GPL-2.0 */
/* What was recorded comes again, byte for byte, from whatever place; and what differs is found. */

#include "journal/replay.h"
#include "unit/record_world.h"

#define FOREVER ((struct replay_span){0, UINT64_MAX})

static struct world world;

TestSuite(replay, .init = scratch_make, .fini = scratch_remove, .timeout = 300);

static struct replay_result play(const struct replay_span *span)
{
	struct replay_result result;
	struct journal *journal;

	cr_assert_eq(journal_open_read(scratch, &journal), 0);
	cr_assert_eq(replay(journal, span, &result), 0);
	journal_close(journal);
	return result;
}

Test(replay, a_hundred_hosts_come_again_byte_for_byte)
{
	uint64_t decisions = 0, changes = 0;

	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct replay_result result;

		journal_set_aside(scratch);
		world_begin(&world, seed, 5 + (uint32_t)seed % 30);
		world_run(&world, 300);
		world_end(&world);
		result = play(&FOREVER);
		cr_assert_not(result.differs, "seed %llu at %llu: %s, not %s",
			      (unsigned long long)seed, (unsigned long long)result.differs_at,
			      result.replayed, result.recorded);
		cr_assert_eq(result.counts.gaps, 0);
		cr_assert_eq(result.counts.unread, 0);
		cr_assert_eq(result.damaged, 0);
		cr_assert_eq(result.counts.ticks, (world.now - WORLD_BEGIN + TICK / 2) / TICK);
		cr_assert_geq(result.decisions, world.decisions, "those of orders too");
		cr_assert_eq(result.changes, world.changes);
		decisions += result.decisions;
		changes += result.changes;
	}
	cr_assert_gt(decisions, 500);
	cr_assert_gt(changes, 500);
}

Test(replay, it_begins_at_any_keyframe)
{
	struct replay_result whole, part;
	struct replay_span span = {WORLD_WALL + 9000 * SECOND, UINT64_MAX};

	world_begin(&world, 7, 12);
	world_run(&world, 10000);
	world_end(&world);
	whole = play(&FOREVER);
	part = play(&span);
	cr_assert_not(whole.differs);
	cr_assert_not(part.differs, "%s, not %s", part.replayed, part.recorded);
	cr_assert_leq(part.counts.ticks, 28100, "from the keyframe at two hours");
	cr_assert_geq(part.counts.ticks, 27900);
	cr_assert_gt(part.decisions, 0);
	cr_assert_lt(part.decisions, whole.decisions / 5);

	span = (struct replay_span){0, WORLD_WALL + 1000 * SECOND};
	part = play(&span);
	cr_assert_geq(part.counts.ticks, 9900);
	cr_assert_leq(part.counts.ticks, 10000);
}

Test(replay, what_is_lost_costs_no_more_than_itself)
{
	struct replay_result result;

	world_begin(&world, 8, 12);
	world.lose = 40;
	world_run(&world, 1000);
	world_end(&world);
	result = play(&FOREVER);
	cr_assert_not(result.differs, "%s, not %s", result.replayed, result.recorded);
	cr_assert_eq(result.counts.gaps, 1);
	cr_assert_eq(result.counts.engines, 2);
	cr_assert_geq(result.counts.ticks, 9800);
	cr_assert_lt(result.counts.ticks, 10000);
}

Test(replay, a_restart_is_another_engine)
{
	struct replay_result result;

	world_begin(&world, 9, 12);
	world_run(&world, 100);
	world_end(&world);
	world_begin(&world, 10, 13);
	world_run(&world, 100);
	world_end(&world);
	result = play(&FOREVER);
	cr_assert_not(result.differs);
	cr_assert_eq(result.counts.engines, 2);
	cr_assert_eq(result.counts.gaps, 0);
	cr_assert_geq(result.counts.ticks, 1990);
}

/* ---- what differs ---- */

/* Of a journal, the records; what the n-th decision or change was is made another. */
struct forgery {
	struct journal *to;
	unsigned at; /* events with an outcome to pass over */
	bool done;
};

static int copy_record(void *userdata, const struct journal_record *record)
{
	struct forgery *forgery = userdata;
	struct journal_record copy = *record;
	struct buffer bytes = {0};
	struct tape_reader reader = {0};
	struct tape_event event;
	int r;

	buffer_append(&bytes, record->bytes, record->size);
	tape_begin(&reader, bytes.data, bytes.length);
	while (record->kind == RECORD_TAPE && !forgery->done && tape_next(&reader, &event) > 0) {
		size_t outcome = (size_t)((const char *)event.outcome - bytes.data);

		if (!event.outcome_size || event.tag != TAPE_TICKED || forgery->at--)
			continue;
		/* The last byte is within a decision, or the reason for a change. */
		bytes.data[outcome + event.outcome_size - 1] ^= 1;
		forgery->done = true;
	}
	tape_done(&reader);
	copy.bytes = bytes.data;
	r = journal_append(forgery->to, &copy, 1);
	buffer_free(&bytes);
	return r;
}

Test(replay, one_bit_of_an_outcome_is_a_difference)
{
	const struct journal_limits limits = {.bytes = 64 << 20, .age = UINT64_MAX / 4};
	char first[sizeof(scratch)];

	world_begin(&world, 11, 12);
	world_run(&world, 500);
	world_end(&world);
	memcpy(first, scratch, sizeof(first));
	for (unsigned at = 0; at < 5; at++) {
		struct forgery forgery = {.at = at};
		struct replay_result result;
		struct journal *from;

		memcpy(scratch, first, sizeof(first));
		cr_assert_eq(journal_open_read(scratch, &from), 0);
		scratch_make();
		cr_assert_eq(journal_open(scratch, &limits, &forgery.to), 0);
		cr_assert_eq(journal_each(from, 0, copy_record, &forgery, NULL), 0);
		cr_assert(forgery.done);
		journal_close(from);
		journal_close(forgery.to);
		result = play(&FOREVER);
		cr_assert(result.differs);
		cr_assert_gt(result.differs_at, WORLD_WALL);
		cr_assert_lt(result.differs_at, WORLD_WALL + 500 * SECOND);
		cr_assert_neq(result.recorded[0], '\0');
		scratch_remove();
	}
	memcpy(scratch, first, sizeof(first));
}
