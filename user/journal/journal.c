/* SPDX-License-Identifier: GPL-2.0 */
/* Opening and closing, and what everything else here stands on. */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal_file.h"

/* "shnt", PRAGMA application_id: what file(1) could tell it by. */
#define APPLICATION_ID 0x73686e74
#define SCHEMA_VERSION 1

/* Records of a second, compressed with the least memory that gives half of what can be had. */
#define COMPRESSION 1

/*
 * Memory for pages is little, for the daemon is small.  The log is as long as a reader keeps
 * it from being copied back, and else a mebibyte.
 */
#define SETTINGS                                                                                   \
	"PRAGMA trusted_schema = OFF;"                                                             \
	"PRAGMA cell_size_check = ON;"                                                             \
	"PRAGMA cache_size = -128;"                                                                \
	"PRAGMA temp_store = MEMORY;"

#define SETTINGS_WRITE                                                                             \
	"PRAGMA page_size = 4096;"                                                                 \
	"PRAGMA journal_mode = WAL;"                                                               \
	"PRAGMA synchronous = FULL;"                                                               \
	"PRAGMA wal_autocheckpoint = 256;"                                                         \
	"PRAGMA journal_size_limit = 1048576;"

#define SCHEMA                                                                                     \
	"BEGIN IMMEDIATE;"                                                                         \
	"CREATE TABLE runs(run INTEGER PRIMARY KEY, boot TEXT NOT NULL);"                          \
	"CREATE TABLE records(sequence INTEGER PRIMARY KEY, run INTEGER NOT NULL,"                 \
	" time INTEGER NOT NULL, wall INTEGER NOT NULL, kind INTEGER NOT NULL,"                    \
	" raw INTEGER NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL);"                       \
	"PRAGMA application_id = 1936223860;"                                                      \
	"PRAGMA user_version = 1;"                                                                 \
	"COMMIT;"

_Static_assert(APPLICATION_ID == 1936223860, "the schema has it in decimal");
_Static_assert(SCHEMA_VERSION == 1, "likewise");

/* ---- errors ---- */

static int errno_of_io(const struct journal *journal)
{
	int error = sqlite3_system_errno(journal->db);

	return error == ENOSPC || error == EDQUOT || error == EROFS || error == EACCES ? -error
										       : -EIO;
}

int journal_errno(const struct journal *journal, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* a table that is not there: our statements are right */
	case SQLITE_MISMATCH:
	case SQLITE_SCHEMA:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
		/* Of a file that went away SQLite knows no errno. */
		return sqlite3_system_errno(journal->db) ? -sqlite3_system_errno(journal->db)
							 : -ENOENT;
	default:
		return errno_of_io(journal);
	}
}

/* ---- statements ---- */

int journal_run(const struct journal *journal, const char *sql)
{
	return journal_errno(journal, sqlite3_exec(journal->db, sql, NULL, NULL, NULL));
}

int journal_ask(const struct journal *journal, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = 0;
	int result = sqlite3_prepare_v2(journal->db, sql, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (journal_errno(journal, result) == 0)
		*ret_value = value;
	return journal_errno(journal, result);
}

/* ---- the schema ---- */

/* Whether it is one of ours; an empty file is none yet, and is made one. */
static int take_schema(const struct journal *journal, bool may_begin)
{
	int64_t tables = 0, id = 0, version = 0;
	int r;

	r = journal_ask(journal, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r >= 0 && !tables)
		return may_begin ? journal_run(journal, SCHEMA) : -EPROTO;
	if (r >= 0)
		r = journal_ask(journal, "PRAGMA application_id", &id);
	if (r >= 0)
		r = journal_ask(journal, "PRAGMA user_version", &version);
	if (r >= 0 && (id != APPLICATION_ID || version != SCHEMA_VERSION))
		r = -EPROTO;
	return r;
}

static int take_numbers(struct journal *journal)
{
	int64_t sequence = 0, run = 0, last = 0;
	int r;

	r = journal_ask(journal, "SELECT max(sequence) FROM records", &sequence);
	if (r >= 0)
		r = journal_ask(journal, "SELECT max(run) FROM runs", &run);
	/* The run's own row may have been lost; its records must not be taken for ours. */
	if (r >= 0)
		r = journal_ask(journal, "SELECT run FROM records ORDER BY sequence DESC LIMIT 1",
				&last);
	if (r >= 0 && (sequence < 0 || run < 0 || run >= INT32_MAX || last >= INT32_MAX))
		r = -EUCLEAN;
	if (r < 0)
		return r;
	journal->next = (uint64_t)sequence + 1;
	journal->run = (uint32_t)(run > last ? run : last) + 1;
	return 0;
}

/* ---- opening ---- */

static void set_limits(struct journal *journal, const struct journal_limits *limits)
{
	journal->limits = *limits;
	if (journal->limits.bytes < JOURNAL_BYTES_LEAST)
		journal->limits.bytes = JOURNAL_BYTES_LEAST;
}

static struct journal *make(const struct journal_limits *limits)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->lock = -1;
	if (limits)
		set_limits(journal, limits);
	return journal;
}

static int take_lock(struct journal *journal, const char *directory)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" JOURNAL_LOCK, directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	journal->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (journal->lock < 0 || flock(journal->lock, LOCK_EX | LOCK_NB))
		return -errno;
	return 0;
}

static int open_database(struct journal *journal, int flags)
{
	int result = sqlite3_open_v2(journal->path, &journal->db, flags | SQLITE_OPEN_NOMUTEX,
				     NULL);

	if (result != SQLITE_OK)
		return journal->db ? journal_errno(journal, result) : -ENOMEM;
	sqlite3_extended_result_codes(journal->db, 1);
	sqlite3_db_config(journal->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* Whoever reads holds it up for a moment at most. */
	sqlite3_busy_timeout(journal->db, 1000);
	return journal_run(journal, SETTINGS);
}

static int limit_pages(const struct journal *journal)
{
	char sql[64];
	int64_t pages;

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu",
		 (unsigned long long)(journal->limits.bytes / JOURNAL_PAGE));
	return journal_ask(journal, sql, &pages);
}

int journal_limit(struct journal *journal, const struct journal_limits *limits)
{
	set_limits(journal, limits);
	return limit_pages(journal);
}

static int prepare_write(struct journal *journal)
{
	int r;

	r = journal_run(journal, SETTINGS_WRITE);
	if (r >= 0)
		r = limit_pages(journal);
	if (r >= 0)
		r = take_schema(journal, true);
	if (r >= 0)
		r = take_numbers(journal);
	if (r < 0)
		return r;
	journal->compressor = libdeflate_alloc_compressor(COMPRESSION);
	if (!journal->compressor)
		return -ENOMEM;
	return journal_errno(
		journal, sqlite3_prepare_v3(journal->db,
					    "INSERT INTO records(sequence, run, time, wall, "
					    "kind, raw, crc, bytes) "
					    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
					    -1, SQLITE_PREPARE_PERSISTENT, &journal->insert, NULL));
}

int journal_open(const char *directory, const struct journal_limits *limits,
		 struct journal **ret_journal)
{
	struct journal *journal = make(limits);
	int r;

	if (!journal)
		return -ENOMEM;
	r = take_lock(journal, directory);
	if (r >= 0 && snprintf(journal->path, sizeof(journal->path), "%s/" JOURNAL_FILE,
			       directory) >= (int)sizeof(journal->path))
		r = -ENAMETOOLONG;
	if (r >= 0)
		r = open_database(journal, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (r >= 0)
		r = prepare_write(journal);
	if (r < 0) {
		journal_close(journal);
		return r;
	}
	*ret_journal = journal;
	return 0;
}

static int name_file(struct journal *journal, const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	if (snprintf(journal->path, sizeof(journal->path), "%s%s", path,
		     S_ISDIR(status.st_mode) ? "/" JOURNAL_FILE : "") >= (int)sizeof(journal->path))
		return -ENAMETOOLONG;
	return access(journal->path, R_OK) ? -errno : 0;
}

int journal_open_read(const char *path, struct journal **ret_journal)
{
	struct journal *journal = make(NULL);
	int r;

	if (!journal)
		return -ENOMEM;
	r = name_file(journal, path);
	if (r >= 0)
		r = open_database(journal, SQLITE_OPEN_READONLY);
	if (r >= 0)
		r = take_schema(journal, false);
	if (r >= 0)
		r = take_numbers(journal);
	if (r < 0) {
		journal_close(journal);
		return r;
	}
	*ret_journal = journal;
	return 0;
}

int journal_open_again(const struct journal *journal, struct journal **ret_journal)
{
	return journal_open_read(journal->path, ret_journal);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	sqlite3_finalize(journal->insert);
	/* The last one to close also copies the log back and removes it. */
	sqlite3_close(journal->db);
	libdeflate_free_compressor(journal->compressor);
	if (journal->lock >= 0)
		close(journal->lock);
	free(journal);
}

/* ---- setting aside ---- */

static int rename_with(const char *directory, const char *suffix)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s/" JOURNAL_FILE "%s", directory, suffix) >=
		    (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s/" JOURNAL_FILE JOURNAL_BROKEN "%s", directory, suffix) >=
		    (int)sizeof(to))
		return -ENAMETOOLONG;
	/* An old one's log beside it would be taken for its own. */
	if (unlink(to) && errno != ENOENT)
		return -errno;
	return rename(from, to) && errno != ENOENT ? -errno : 0;
}

int journal_set_aside(const char *directory)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		r = rename_with(directory, suffixes[i]);
	return r;
}

uint64_t journal_next(const struct journal *journal)
{
	return journal->next;
}
