/* SPDX-License-Identifier: GPL-2.0 */
/* The store: never waits, counts what it loses, says trouble once, and goes on when it is over. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <time.h>

#include "journal/store.h"
#include "unit/journal_scratch.h"

#define HOUR	 (3600 * 1000000000ULL)
#define PATIENCE 20000 /* ms: for what never comes */

static struct store *store;
static char log_path[128];

static void set_up(void)
{
	scratch_make();
	snprintf(log_path, sizeof(log_path), "%s.log", scratch);
	cr_assert(freopen(log_path, "we", stderr));
	setvbuf(stderr, NULL, _IONBF, 0);
}

static void tear_down(void)
{
	store_close(store, PATIENCE);
	scratch_remove();
	unlink(log_path);
}

TestSuite(store, .init = set_up, .fini = tear_down);

static void begin(const char *directory)
{
	const struct store_options options = {
		.directory = directory,
		.limits = {.bytes = 64 << 20, .age = 24 * HOUR},
		.queue = 256 << 10,
	};

	store_close(store, PATIENCE);
	store = NULL;
	cr_assert_eq(store_open(&options, &store), 0);
}

static int put(uint64_t number)
{
	uint8_t bytes[SCRATCH_RECORD_MAX];
	size_t size = scratch_bytes(number, bytes);

	return store_put(store, 7, number, bytes, size);
}

static struct store_counts counts(void)
{
	struct store_counts counts;

	store_count(store, &counts);
	return counts;
}

static unsigned said(const char *text)
{
	char line[1024];
	unsigned count = 0;
	FILE *file = fopen(log_path, "re");

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return count;
}

struct seen {
	uint64_t count, last, gaps, wrong;
};

static int see(void *userdata, const struct journal_record *record)
{
	struct seen *seen = userdata;

	seen->gaps += record->sequence - seen->last - 1;
	seen->last = record->sequence;
	seen->count++;
	seen->wrong += !scratch_is_right(record, record->time);
	return 0;
}

static struct seen read_all(const char *directory)
{
	struct seen seen = {0};
	struct journal *journal;

	cr_assert_eq(journal_open_read(directory, &journal), 0);
	cr_assert_eq(journal_each(journal, 0, see, &seen, NULL), 0);
	journal_close(journal);
	return seen;
}

/* What no retry can mend in this test is tried anew after some seconds. */
static bool recovers(void)
{
	for (unsigned i = 0; i < 300; i++) {
		put(1);
		store_flush(store, PATIENCE);
		if (counts().writes)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	return false;
}

Test(store, what_is_put_is_kept_in_order)
{
	struct seen seen;

	begin(scratch);
	for (uint64_t i = 1; i <= 300; i++) {
		cr_assert_eq(put(i), 0);
		if (i % 40 == 0)
			cr_assert(store_flush(store, PATIENCE));
	}
	cr_assert(store_flush(store, PATIENCE));
	cr_assert_eq(counts().kept, 300);
	cr_assert_eq(counts().dropped, 0);
	cr_assert_eq(counts().waiting, 0);
	cr_assert_geq(counts().bytes, 100 * 4096);
	seen = read_all(scratch);
	cr_assert_eq(seen.count, 300);
	cr_assert_eq(seen.gaps + seen.wrong, 0);
	cr_assert_eq(said(""), 0, "nothing to say");
}

Test(store, a_second_life_goes_on_where_the_first_ended)
{
	begin(scratch);
	cr_assert_eq(put(1), 0);
	begin(scratch);
	cr_assert_eq(put(2), 0);
	cr_assert(store_flush(store, PATIENCE));
	cr_assert_eq(read_all(scratch).count, 2);
	cr_assert_eq(read_all(scratch).gaps, 0);
}

/* The lock of a database that another holds stands for a disk that hangs. */
static sqlite3 *hold_disk(void)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(scratch_path(JOURNAL_FILE), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

Test(store, a_full_queue_drops_and_never_waits)
{
	uint64_t dropped = 0, number = 0;
	struct store_counts now;
	struct seen seen;
	sqlite3 *db;

	begin(scratch);
	put(number++);
	cr_assert(store_flush(store, PATIENCE));
	db = hold_disk();
	while (dropped < 100) {
		int r = put(number++);

		cr_assert(r == 0 || r == -ENOBUFS);
		dropped += r == -ENOBUFS;
		now = counts();
		cr_assert_leq(now.waiting, 256 << 10);
	}
	sqlite3_close(db);
	cr_assert(store_flush(store, PATIENCE));
	cr_assert(recovers());
	put(number);
	cr_assert(store_flush(store, PATIENCE));
	now = counts();
	cr_assert_geq(now.dropped, 100);
	seen = read_all(scratch);
	cr_assert_eq(seen.count, now.kept);
	cr_assert_eq(seen.gaps, now.dropped, "each that was lost is a gap");
	cr_assert_eq(seen.wrong, 0);
}

Test(store, no_directory_is_said_once_and_costs_nothing_else)
{
	char late[128];

	snprintf(late, sizeof(late), "%s/late", scratch);
	begin(late);
	for (uint64_t i = 0; i < 100; i++) {
		cr_assert_eq(put(i), 0);
		cr_assert(store_flush(store, PATIENCE));
	}
	cr_assert_eq(counts().kept, 0);
	cr_assert_eq(counts().dropped, 100);
	cr_assert_not(counts().writes);
	cr_assert_eq(said("late: No such file or directory; history is lost"), 1);
	cr_assert_eq(said(""), 1);

	cr_assert_eq(mkdir(late, 0700), 0);
	cr_assert(recovers());
	cr_assert_eq(said("history is kept again"), 1);
	store_close(store, PATIENCE);
	store = NULL;
	snprintf(late + strlen(late), 32, "/%s", JOURNAL_FILE);
	unlink(late);
	snprintf(late, sizeof(late), "%s/late/%s", scratch, JOURNAL_LOCK);
	unlink(late);
	rmdir(scratch_path("late"));
}

Test(store, other_limits_hold_from_the_next_record_on)
{
	const struct journal_limits none = {.bytes = 64 << 20, .age = 1};

	begin(scratch);
	for (uint64_t i = 1; i <= 20; i++)
		cr_assert_eq(put(i), 0);
	cr_assert(store_flush(store, PATIENCE));
	store_limit(store, &none);
	cr_assert_eq(read_all(scratch).count, 20);
	cr_assert_eq(put(21), 0);
	cr_assert(store_flush(store, PATIENCE));
	/* What is too old goes after that has been acknowledged. */
	store_close(store, PATIENCE);
	store = NULL;
	cr_assert_eq(read_all(scratch).count, 1);
	cr_assert_eq(read_all(scratch).last, 21);
}

Test(store, a_second_daemon_keeps_nothing)
{
	struct journal *other;
	const struct journal_limits limits = {.bytes = 1 << 20, .age = HOUR};

	cr_assert_eq(journal_open(scratch, &limits, &other), 0);
	begin(scratch);
	cr_assert_eq(put(1), 0);
	cr_assert(store_flush(store, PATIENCE));
	cr_assert_eq(counts().dropped, 1);
	cr_assert_eq(said("another daemon"), 1);
	journal_close(other);
}

Test(store, what_is_corrupt_is_set_aside_and_a_new_one_begun)
{
	FILE *file = fopen(scratch_path(JOURNAL_FILE), "we");

	for (unsigned i = 0; i < 1000; i++)
		fputs("no journal\n", file);
	fclose(file);
	begin(scratch);
	cr_assert_eq(put(1), 0);
	cr_assert(store_flush(store, PATIENCE));
	cr_assert_eq(counts().kept, 1);
	cr_assert_eq(read_all(scratch).count, 1);
	cr_assert_eq(said("it is corrupt, set aside as journal.db.broken; a new one is begun"), 1);
	cr_assert_eq(said(""), 1);
	cr_assert_eq(access(scratch_path(JOURNAL_FILE JOURNAL_BROKEN), F_OK), 0);
}

/* All that is not in the cache of the one who writes is noise. */
Test(store, what_becomes_corrupt_is_set_aside_while_it_is_written)
{
	uint64_t random = 6, number = 1;
	uint8_t noise[4096];
	int fd;

	begin(scratch);
	while (number < 400)
		cr_assert_eq(put(number++) & store_flush(store, PATIENCE), 0);
	/* The log is copied back when the last one closes. */
	begin(scratch);
	store_flush(store, PATIENCE);
	fd = open(scratch_path(JOURNAL_FILE), O_RDWR);
	for (off_t at = 4096; at < lseek(fd, 0, SEEK_END); at += 4096) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)random_next(&random);
		cr_assert_eq(pwrite(fd, noise, sizeof(noise), at), 4096);
	}
	close(fd);
	for (unsigned i = 0; i < 50; i++) {
		put(number++);
		store_flush(store, PATIENCE);
	}
	cr_assert_eq(said("set aside as journal.db.broken"), 1);
	cr_assert(counts().writes);
	cr_assert_gt(read_all(scratch).count, 0);
	cr_assert_eq(read_all(scratch).wrong, 0);
}

/* A mount of one's own wants privileges, if only those of a user namespace. */
static bool own_mounts(void)
{
	return (!unshare(CLONE_NEWNS) || !unshare(CLONE_NEWUSER | CLONE_NEWNS)) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void fill(const char *path)
{
	static const char zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
}

Test(store, a_full_disk_costs_history_alone)
{
	uint64_t number = 0, lost;
	struct seen seen;

	if (!own_mounts() || mount("tmpfs", scratch, "tmpfs", 0, "size=1m"))
		cr_skip_test("no mount of one's own");
	begin(scratch);
	for (; number < 20; number++)
		cr_assert_eq(put(number) & store_flush(store, PATIENCE), 0);
	cr_assert_eq(counts().kept, 20);

	fill(scratch_path("filler"));
	for (; number < 120; number++) {
		put(number);
		cr_assert(store_flush(store, PATIENCE));
	}
	lost = counts().dropped;
	cr_assert_gt(lost, 0);
	cr_assert_eq(said("no room left"), 1);
	cr_assert_eq(said(""), 1, "once");

	unlink(scratch_path("filler"));
	cr_assert(recovers());
	cr_assert_eq(said("history is kept again"), 1);
	seen = read_all(scratch);
	cr_assert_eq(seen.count, counts().kept);
	cr_assert_eq(seen.gaps, counts().dropped);
	store_close(store, PATIENCE);
	store = NULL;
	umount2(scratch, MNT_DETACH);
}

Test(store, a_disk_that_may_only_be_read_costs_history_alone)
{
	if (!own_mounts() || mount("tmpfs", scratch, "tmpfs", 0, "size=1m"))
		cr_skip_test("no mount of one's own");
	begin(scratch);
	cr_assert_eq(put(1) & store_flush(store, PATIENCE), 0);
	store_close(store, PATIENCE);
	store = NULL;
	cr_assert_eq(mount(NULL, scratch, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	begin(scratch);
	for (uint64_t i = 0; i < 20; i++) {
		cr_assert_eq(put(i), 0);
		cr_assert(store_flush(store, PATIENCE));
	}
	cr_assert_eq(counts().dropped, 20);
	cr_assert_eq(said("Read-only file system; history is lost"), 1);
	cr_assert_eq(said(""), 1);
	cr_assert_eq(mount(NULL, scratch, NULL, MS_REMOUNT, NULL), 0);
	cr_assert(recovers());
	store_close(store, PATIENCE);
	store = NULL;
	umount2(scratch, MNT_DETACH);
}
