/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kill -9 at random moments of writing: the journal opens, and what was acknowledged is there.
 * KILLS=N does so N times instead of 20.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "journal/store.h"
#include "unit/journal_scratch.h"

#define HOUR  (3600 * 1000000000ULL)
#define KILLS 20

TestSuite(store_kill, .init = scratch_make, .fini = scratch_remove, .timeout = 600);

/* Writes for ever, and says after each record how many are acknowledged. */
static void write_for_ever(int said)
{
	/* Small, so that the old end goes meanwhile, too. */
	const struct store_options options = {
		.directory = scratch,
		.limits = {.bytes = 4 << 20, .age = 24 * HOUR},
		.queue = 64 << 10,
	};
	uint8_t bytes[SCRATCH_RECORD_MAX];
	struct store_counts counts;
	struct store *store;

	if (store_open(&options, &store))
		_exit(1);
	for (uint64_t number = 1;; number++) {
		store_put(store, 1, number, bytes, scratch_bytes(number, bytes));
		if (number % 3 == 0)
			store_flush(store, 10000);
		store_count(store, &counts);
		/* In order, and none is dropped while the queue is not full. */
		if (counts.dropped)
			_exit(2);
		if (write(said, &counts.kept, sizeof(counts.kept)) < 0)
			_exit(3);
	}
}

/* The last number that was said; what the pipe holds is not lost with who wrote it. */
static uint64_t last_said(int said)
{
	uint64_t kept = 0, next;

	while (read(said, &next, sizeof(next)) == sizeof(next))
		kept = next;
	return kept;
}

static void sleep_for(uint64_t nsec)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)nsec}, NULL);
}

/* Some records are acknowledged for certain, and then the moment is random. */
static uint64_t kill_while_writing(uint64_t *random)
{
	struct pollfd first;
	int fds[2], status;
	uint64_t kept;
	pid_t child;

	cr_assert_eq(pipe(fds), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (!child) {
		close(fds[0]);
		write_for_ever(fds[1]);
	}
	close(fds[1]);
	first = (struct pollfd){.fd = fds[0], .events = POLLIN};
	cr_assert_eq(poll(&first, 1, 60000), 1);
	sleep_for(random_next(random) % 100000000);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "the writer ended by itself: %d", status);
	kept = last_said(fds[0]);
	close(fds[0]);
	return kept;
}

struct seen {
	uint64_t count, wrong, last;
	uint32_t run;
};

/* Of the last run alone; within one, the numbers begin with 1. */
static int see(void *userdata, const struct journal_record *record)
{
	struct seen *seen = userdata;

	if (record->run != seen->run)
		*seen = (struct seen){.run = record->run};
	seen->count++;
	seen->wrong += !scratch_is_right(record, record->time);
	if (seen->last && record->time != seen->last + 1)
		seen->wrong++;
	seen->last = record->time;
	return 0;
}

static struct seen read_last_run(void)
{
	struct seen seen = {0};
	struct journal *journal;
	uint64_t bad;

	cr_assert_eq(journal_open_read(scratch, &journal), 0);
	cr_assert_eq(journal_each(journal, 0, see, &seen, &bad), 0);
	cr_assert_eq(bad, 0);
	journal_close(journal);
	return seen;
}

Test(store_kill, what_was_acknowledged_is_there)
{
	const char *wanted = getenv("KILLS");
	unsigned kills = wanted ? (unsigned)strtoul(wanted, NULL, 10) : KILLS;
	uint64_t random = (uint64_t)time(NULL), sum = 0;
	uint32_t run = 0;

	cr_assert_gt(kills, 0);
	for (unsigned i = 0; i < kills; i++) {
		uint64_t kept = kill_while_writing(&random);
		struct seen seen;

		sum += kept;
		/* Without an acknowledged record the run may not be there, nor a journal at all. */
		if (!kept)
			continue;
		seen = read_last_run();
		cr_assert_gt(seen.run, run, "after kill %u the run is there", i);
		cr_assert_geq(seen.last, kept, "after kill %u", i);
		cr_assert_eq(seen.wrong, 0, "after kill %u", i);
		run = seen.run;
	}
	cr_assert_gt(sum, kills, "it wrote");
}
