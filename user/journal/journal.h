/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal: what happened, in a SQLite database (WAL) in the state directory.  It is a
 * sequence of records; what is in them is no matter here.  docs/journal.md has the reasons.
 *
 * One process at a time writes, and holds a lock beside the file; any number read meanwhile.
 * Everything here may wait for a disk: the daemon calls it from a thread of its own alone,
 * see store.h.
 */
#ifndef SHUNT_JOURNAL_H
#define SHUNT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_FILE   "journal.db"
#define JOURNAL_LOCK   "journal.lock"
#define JOURNAL_BROKEN ".broken" /* what is added to the name of one that was set aside */

/* The uuid of a boot, as /proc/sys/kernel/random/boot_id gives it, and its final 0. */
#define JOURNAL_BOOT_SIZE 37

/* Records above this size are refused. */
#define JOURNAL_RECORD_MAX (64UL << 20)

struct journal_limits {
	uint64_t bytes; /* of the database; at least JOURNAL_BYTES_LEAST is taken */
	uint64_t age; /* ns: what is older goes */
};

#define JOURNAL_BYTES_LEAST (1UL << 20)

struct journal_record {
	uint64_t sequence; /* grows by one; where one is missing, it was lost */
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint64_t wall; /* ns since the Unix epoch, at the same moment */
	uint32_t run; /* from a start of the daemon to its end; ignored when written */
	uint32_t kind;
	const void *bytes;
	size_t size;
};

struct journal;

/*
 * Opens, or makes, the journal in a directory, and takes its lock.  Returns 0, or a negative
 * errno and *ret_journal untouched: -EWOULDBLOCK where another process writes it; -EUCLEAN
 * where it is corrupt and -EPROTO where it is none, or none of this version: then it wants to
 * be set aside; -ENOENT, -EACCES, -ENOSPC, -EIO …
 */
int journal_open(const char *directory, const struct journal_limits *limits,
		 struct journal **ret_journal);

/*
 * Sets other limits.  A file that is larger already keeps its size, and what is in it goes as
 * journal_prune() is called.  0 or a negative errno.
 */
int journal_limit(struct journal *journal, const struct journal_limits *limits);

/* Closes it and gives the lock up; NULL is fine. */
void journal_close(struct journal *journal);

/*
 * Renames what is in the directory, so that a new one can be begun; one that was set aside
 * before is replaced.  Only while nobody writes it.  0 or a negative errno.
 */
int journal_set_aside(const char *directory);

/* The sequence after the highest; 1 in an empty journal. */
uint64_t journal_next(const struct journal *journal);

/*
 * Adds records, in the order of their sequence, which has to be above all there is: all of
 * them or none.  When it returns 0 they are there, whatever happens to this process or to
 * the machine's power.  Else a negative errno as above.
 */
int journal_append(struct journal *journal, const struct journal_record *records, size_t count);

/*
 * Removes some of the oldest records if they are too old, or the file is too large; `wall` is
 * the time.  Returns how many, or a negative errno.
 */
int journal_prune(struct journal *journal, uint64_t wall);

/* What it takes on the disk, its log included. */
uint64_t journal_bytes(const struct journal *journal);

/* ---- reading ---- */

/*
 * Opens a journal to read it: a directory's, or a file.  Returns 0 or a negative errno, as
 * journal_open().
 */
int journal_open_read(const char *path, struct journal **ret_journal);

/* Whether to go on: 0, or what journal_each() is to return. */
typedef int (*journal_fn)(void *userdata, const struct journal_record *record);

/*
 * Calls `call` for each record from this sequence on, in order.  Records that cannot be read
 * are left out, and counted in *ret_bad, which may be NULL.  Returns 0; what `call` returned;
 * or -EUCLEAN where the file is corrupt from here on.
 */
int journal_each(struct journal *journal, uint64_t from, journal_fn call, void *userdata,
		 uint64_t *ret_bad);

/* The last record of that kind, at or before a wall-clock time.  As journal_each(); -ENOENT:
 * there is none. */
int journal_last(struct journal *journal, uint32_t kind, uint64_t wall, journal_fn call,
		 void *userdata);

/*
 * Calls `call` for the records of that kind among the last `among` of all, the newest first:
 * however much there is, no more than that is looked at.  As journal_each().
 */
int journal_lately(struct journal *journal, uint32_t kind, uint64_t among, journal_fn call,
		   void *userdata);

/* Opens a journal that is read once more, for another thread.  As journal_open_read(). */
int journal_open_again(const struct journal *journal, struct journal **ret_journal);

/*
 * The sequences of all records of a kind from `from` on, in order: an array of *ret_count that
 * the caller frees.  0 or a negative errno.
 */
int journal_list(struct journal *journal, uint32_t kind, uint64_t from, uint64_t **ret_sequences,
		 size_t *ret_count);

/* In which boot a run was; -ENOENT where that run is not known. */
int journal_boot(struct journal *journal, uint32_t run, char ret_boot[JOURNAL_BOOT_SIZE]);

/* …and this one; "" where that cannot be known. */
void journal_boot_now(char ret_boot[JOURNAL_BOOT_SIZE]);

#endif
