/* SPDX-License-Identifier: GPL-2.0 */
/* The journal's file: what is written can be read, stays within its limits, and shows damage. */
#include <errno.h>
#include <fcntl.h>

#include "unit/journal_scratch.h"

#define HOUR (3600 * 1000000000ULL)

static const struct journal_limits generous = {.bytes = 64 << 20, .age = 24 * HOUR};
static struct journal *journal;

static void set_up(void)
{
	scratch_make();
}

static void tear_down(void)
{
	journal_close(journal);
	scratch_remove();
}

TestSuite(journal, .init = set_up, .fini = tear_down);

static void begin(const struct journal_limits *limits)
{
	journal_close(journal);
	journal = NULL;
	cr_assert_eq(journal_open(scratch, limits, &journal), 0);
}

/* Records numbered from `first` on, at one time. */
static int append(uint64_t first, size_t count, uint64_t wall)
{
	static uint8_t bytes[64][SCRATCH_RECORD_MAX];
	struct journal_record records[64];

	for (size_t i = 0; i < count; i++)
		records[i] = (struct journal_record){
			.sequence = first + i,
			.time = 100 * (first + i),
			.wall = wall,
			.kind = (uint32_t)(first + i) % 5,
			.bytes = bytes[i],
			.size = scratch_bytes(first + i, bytes[i]),
		};
	return journal_append(journal, records, count);
}

struct seen {
	uint64_t count, first, last, wrong;
	uint32_t run;
};

static int see(void *userdata, const struct journal_record *record)
{
	struct seen *seen = userdata;

	if (!seen->count++)
		seen->first = record->sequence;
	seen->last = record->sequence;
	seen->run = record->run;
	seen->wrong += !scratch_is_right(record, record->sequence) ||
		       record->time != 100 * record->sequence ||
		       record->kind != record->sequence % 5;
	return 0;
}

static struct seen read_all(uint64_t from)
{
	struct seen seen = {0};
	struct journal *reader;
	uint64_t bad;

	cr_assert_eq(journal_open_read(scratch, &reader), 0);
	cr_assert_eq(journal_each(reader, from, see, &seen, &bad), 0);
	cr_assert_eq(bad, 0);
	journal_close(reader);
	return seen;
}

Test(journal, what_is_written_is_read_while_it_is_open_and_later)
{
	struct seen seen;

	begin(&generous);
	cr_assert_eq(journal_next(journal), 1);
	for (uint64_t i = 0; i < 10; i++)
		cr_assert_eq(append(1 + 50 * i, 50, HOUR), 0);
	seen = read_all(0);
	cr_assert_eq(seen.count, 500);
	cr_assert_eq(seen.wrong, 0);
	cr_assert_eq(seen.run, 1);

	begin(&generous);
	cr_assert_eq(journal_next(journal), 501);
	cr_assert_eq(append(501, 1, HOUR), 0);
	seen = read_all(400);
	cr_assert_eq(seen.count, 102);
	cr_assert_eq(seen.first, 400);
	cr_assert_eq(seen.wrong, 0);
	cr_assert_eq(seen.run, 2, "another opening is another run");
}

Test(journal, a_batch_is_there_or_not_at_all)
{
	struct journal_record records[2] = {
		{.sequence = 3, .bytes = "x", .size = 1},
		{.sequence = 3, .bytes = "y", .size = 1},
	};

	begin(&generous);
	cr_assert_eq(append(1, 2, HOUR), 0);
	cr_assert_lt(journal_append(journal, records, 2), 0);
	cr_assert_eq(read_all(0).count, 2);
	cr_assert_eq(append(3, 1, HOUR), 0);
	cr_assert_eq(read_all(0).count, 3);
}

Test(journal, one_alone_writes)
{
	struct journal *second;

	begin(&generous);
	cr_assert_eq(journal_open(scratch, &generous, &second), -EWOULDBLOCK);
	journal_close(journal);
	journal = NULL;
	begin(&generous);
}

Test(journal, the_last_of_a_kind_is_found)
{
	struct seen seen = {0};

	begin(&generous);
	for (uint64_t i = 1; i <= 100; i++)
		cr_assert_eq(append(i, 1, i * HOUR), 0);
	cr_assert_eq(journal_last(journal, 3, 60 * HOUR, see, &seen), 0);
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.last, 58);
	cr_assert_eq(journal_last(journal, 3, UINT64_MAX, see, &seen), 0);
	cr_assert_eq(seen.last, 98);
	cr_assert_eq(journal_last(journal, 3, 2 * HOUR, see, &seen), -ENOENT);
	cr_assert_eq(journal_last(journal, 7, UINT64_MAX, see, &seen), -ENOENT);
}

static int see_two(void *userdata, const struct journal_record *record)
{
	see(userdata, record);
	return ((struct seen *)userdata)->count == 2 ? 7 : 0;
}

Test(journal, the_newest_of_a_kind_are_found_among_so_many)
{
	struct seen seen = {0};

	begin(&generous);
	for (uint64_t i = 0; i < 2; i++)
		cr_assert_eq(append(1 + 50 * i, 50, HOUR), 0);
	journal_close(journal);
	cr_assert_eq(journal_open_read(scratch, &journal), 0);
	cr_assert_eq(journal_lately(journal, 3, 20, see, &seen), 0);
	cr_assert_eq(seen.count, 4);
	cr_assert_eq(seen.first, 98);
	cr_assert_eq(seen.last, 83, "what lies further back is not looked at");
	cr_assert_eq(seen.wrong, 0);
	seen.count = 0;
	cr_assert_eq(journal_lately(journal, 3, 1000, see_two, &seen), 7);
	cr_assert_eq(seen.last, 93);
}

Test(journal, a_run_knows_its_boot)
{
	char boot[JOURNAL_BOOT_SIZE], now[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	cr_assert(file && fgets(now, sizeof(now), file));
	fclose(file);
	begin(&generous);
	cr_assert_eq(journal_boot(journal, 1, boot), -ENOENT);
	cr_assert_eq(append(1, 1, HOUR), 0);
	cr_assert_eq(journal_boot(journal, 1, boot), 0);
	cr_assert_eq(strlen(boot), JOURNAL_BOOT_SIZE - 1);
	cr_assert_eq(strncmp(boot, now, strlen(boot)), 0);
}

Test(journal, what_is_too_old_goes_in_steps)
{
	int removed;

	begin(&generous);
	for (uint64_t i = 1; i <= 200; i++)
		cr_assert_eq(append(i, 1, i * HOUR), 0);
	cr_assert_eq(journal_prune(journal, 25 * HOUR), 0, "24 hours are not too old");
	/* Of 200 hours 175 are. */
	for (int left = 175; left > 0; left -= removed) {
		removed = journal_prune(journal, 200 * HOUR);
		cr_assert_eq(removed, left > 64 ? 64 : left);
	}
	cr_assert_eq(journal_prune(journal, 200 * HOUR), 0);
	cr_assert_eq(read_all(0).first, 176);
	cr_assert_eq(read_all(0).last, 200);
}

Test(journal, it_stays_within_its_size)
{
	const struct journal_limits small = {.bytes = 1 << 20, .age = HOUR};
	uint64_t largest = 0;
	struct seen seen;

	begin(&small);
	for (uint64_t i = 1; i <= 6000; i += 10) {
		int r = append(i, 10, HOUR);

		if (r == -ENOSPC && journal_prune(journal, HOUR) > 0)
			r = append(i, 10, HOUR);
		cr_assert_eq(r, 0, "%d", r);
		cr_assert_geq(journal_prune(journal, HOUR), 0);
		largest = journal_bytes(journal) > largest ? journal_bytes(journal) : largest;
	}
	/* The log beside it is a mebibyte at most, and a batch. */
	cr_assert_leq(largest, (2 << 20) + (128 << 10));
	cr_assert_geq(largest, 1 << 20);
	seen = read_all(0);
	cr_assert_eq(seen.last, 6000);
	cr_assert_eq(seen.wrong, 0);
	cr_assert_gt(seen.count, 100);
	cr_assert_eq(seen.count, seen.last - seen.first + 1, "only old ones go");
}

Test(journal, other_limits_may_be_set_later)
{
	const struct journal_limits brief = {.bytes = 64 << 20, .age = HOUR};
	const struct journal_limits small = {.bytes = 1 << 20, .age = 24 * HOUR};
	uint64_t before;

	begin(&generous);
	for (uint64_t i = 1; i <= 12000; i += 60)
		cr_assert_eq(append(i, 60, i <= 600 ? HOUR : 20 * HOUR), 0);
	cr_assert_eq(journal_prune(journal, 20 * HOUR), 0);
	cr_assert_eq(journal_limit(journal, &brief), 0);
	while (journal_prune(journal, 20 * HOUR) > 0)
		;
	cr_assert_eq(read_all(0).first, 601);
	cr_assert_eq(read_all(0).count, 11400);
	before = journal_bytes(journal);
	cr_assert_gt(before, 2 << 20);
	cr_assert_eq(journal_limit(journal, &small), 0);
	while (journal_prune(journal, 20 * HOUR) > 0)
		;
	cr_assert_lt(read_all(0).count, 6000);
	cr_assert_gt(read_all(0).count, 100);
	/* What is there is written anew. */
	cr_assert_eq(append(12001, 60, 20 * HOUR), 0);
	cr_assert_eq(read_all(0).last, 12060);
	cr_assert_leq(journal_bytes(journal), before + (1 << 20));
}

/* ---- damage ---- */

static void overwrite(off_t at, const void *bytes, size_t size)
{
	int fd = open(scratch_path(JOURNAL_FILE), O_WRONLY);

	cr_assert_eq(pwrite(fd, bytes, size, at), (ssize_t)size);
	close(fd);
}

static void write_some(void)
{
	begin(&generous);
	for (uint64_t i = 1; i <= 400; i += 40)
		cr_assert_eq(append(i, 40, HOUR), 0);
	journal_close(journal);
	journal = NULL;
}

Test(journal, what_is_no_journal_is_none)
{
	FILE *file = fopen(scratch_path(JOURNAL_FILE), "we");

	for (unsigned i = 0; i < 10000; i++)
		fputs("no journal\n", file);
	fclose(file);
	cr_assert_eq(journal_open(scratch, &generous, &journal), -EUCLEAN);
	cr_assert_eq(journal_open_read(scratch, &journal), -EUCLEAN);
	cr_assert_eq(journal_set_aside(scratch), 0);
	begin(&generous);
	cr_assert_eq(access(scratch_path(JOURNAL_FILE JOURNAL_BROKEN), F_OK), 0);
}

Test(journal, one_of_another_version_is_none_of_ours)
{
	static const uint8_t version[4] = {0, 0, 0, 2};

	write_some();
	/* The user version in the header of a SQLite file. */
	overwrite(60, version, sizeof(version));
	cr_assert_eq(journal_open(scratch, &generous, &journal), -EPROTO);
	cr_assert_eq(journal_open_read(scratch, &journal), -EPROTO);
}

Test(journal, an_empty_directory_has_none_to_read)
{
	cr_assert_eq(journal_open_read(scratch, &journal), -ENOENT);
	cr_assert_eq(journal_open_read("/nowhere/at/all", &journal), -ENOENT);
	cr_assert_eq(journal_open("/nowhere/at/all", &generous, &journal), -ENOENT);
}

static int count_right(void *userdata, const struct journal_record *record)
{
	cr_assert(scratch_is_right(record, record->sequence), "a record is what was written");
	(*(uint64_t *)userdata)++;
	return 0;
}

/* Whatever can still be read is right, and reading and writing end in order. */
static void survive(uint64_t *ret_read, uint64_t *ret_bad)
{
	struct journal *reader;

	*ret_read = *ret_bad = 0;
	if (!journal_open_read(scratch, &reader)) {
		journal_each(reader, 0, count_right, ret_read, ret_bad);
		journal_close(reader);
	}
	if (!journal_open(scratch, &generous, &journal)) {
		append(journal_next(journal), 10, HOUR);
		journal_prune(journal, 100 * HOUR);
	}
	journal_close(journal);
	journal = NULL;
}

Test(journal, a_flipped_bit_costs_a_record_or_is_seen_by_sqlite)
{
	uint64_t random = 4, bad_sum = 0, read_sum = 0;

	for (unsigned round = 0; round < 40; round++) {
		uint64_t size, right, bad;
		uint8_t byte;
		int fd;

		journal_set_aside(scratch);
		write_some();
		fd = open(scratch_path(JOURNAL_FILE), O_RDWR);
		size = (uint64_t)lseek(fd, 0, SEEK_END);
		for (unsigned i = 0; i < 3; i++) {
			off_t at = (off_t)(random_next(&random) % size);

			cr_assert_eq(pread(fd, &byte, 1, at), 1);
			byte ^= (uint8_t)(1 << random_next(&random) % 8);
			cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
		survive(&right, &bad);
		bad_sum += bad;
		read_sum += right;
	}
	cr_assert_gt(bad_sum, 10, "checksums are asked");
	cr_assert_gt(read_sum, 40 * 400 / 2, "most can still be read");
}

Test(journal, a_truncated_file_costs_its_end)
{
	uint64_t random = 5;

	for (unsigned round = 0; round < 20; round++) {
		uint64_t size, right, bad;
		struct stat status;

		journal_set_aside(scratch);
		write_some();
		cr_assert_eq(stat(scratch_path(JOURNAL_FILE), &status), 0);
		size = random_next(&random) % (uint64_t)status.st_size;
		cr_assert_eq(truncate(scratch_path(JOURNAL_FILE), (off_t)size), 0);
		survive(&right, &bad);
		cr_assert_lt(right, 400, "of %llu bytes", (unsigned long long)size);
	}
}
