/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the journal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/journal_file.h"

#define COLUMNS "sequence, run, time, wall, kind, raw, crc, bytes"

/* Tells one row; -EUCLEAN where it is not what was written. */
static int tell(sqlite3_stmt *statement, journal_fn call, void *userdata)
{
	struct journal_record record = {
		.sequence = (uint64_t)sqlite3_column_int64(statement, 0),
		.run = (uint32_t)sqlite3_column_int64(statement, 1),
		.time = (uint64_t)sqlite3_column_int64(statement, 2),
		.wall = (uint64_t)sqlite3_column_int64(statement, 3),
		.kind = (uint32_t)sqlite3_column_int64(statement, 4),
	};
	const struct journal_packed packed = {
		.raw = (size_t)sqlite3_column_int64(statement, 5),
		.crc = (uint32_t)sqlite3_column_int64(statement, 6),
		.bytes = sqlite3_column_blob(statement, 7),
		.size = (size_t)sqlite3_column_bytes(statement, 7),
	};
	void *memory = NULL;
	int r = journal_unpack(&packed, &record, &memory);

	if (r < 0)
		return r;
	r = call(userdata, &record);
	free(memory);
	return r;
}

/* One row after the other, those that are damaged left out. */
static int tell_all(struct journal *journal, sqlite3_stmt *statement, journal_fn call,
		    void *userdata, uint64_t *bad)
{
	int result, r = 0;

	while (!r && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		if (result != SQLITE_ROW)
			return journal_errno(journal, result);
		r = tell(statement, call, userdata);
		if (r == -EUCLEAN) {
			(*bad)++;
			r = 0;
		}
	}
	return r;
}

/* Tells what a query finds, which has so many numbers to be filled in. */
static int ask_rows(struct journal *journal, const char *query, const int64_t *numbers, int count,
		    journal_fn call, void *userdata, uint64_t *bad)
{
	sqlite3_stmt *statement = NULL;
	int r = journal_errno(journal,
			      sqlite3_prepare_v2(journal->db, query, -1, &statement, NULL));

	for (int i = 0; r >= 0 && i < count; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	if (r >= 0)
		r = tell_all(journal, statement, call, userdata, bad);
	sqlite3_finalize(statement);
	return r;
}

int journal_each(struct journal *journal, uint64_t from, journal_fn call, void *userdata,
		 uint64_t *ret_bad)
{
	const int64_t numbers[] = {(int64_t)from};
	uint64_t bad = 0;
	int r = ask_rows(journal,
			 "SELECT " COLUMNS " FROM records WHERE sequence >= ? ORDER BY sequence",
			 numbers, 1, call, userdata, &bad);

	if (ret_bad)
		*ret_bad = bad;
	return r;
}

struct once {
	journal_fn call;
	void *userdata;
	bool done;
};

static int call_once(void *userdata, const struct journal_record *record)
{
	struct once *once = userdata;
	int r = once->call(once->userdata, record);

	once->done = true;
	return r ? r : 1;
}

int journal_last(struct journal *journal, uint32_t kind, uint64_t wall, journal_fn call,
		 void *userdata)
{
	const int64_t numbers[] = {kind, (int64_t)(wall > INT64_MAX ? INT64_MAX : wall)};
	struct once once = {.call = call, .userdata = userdata};
	uint64_t bad = 0;
	/* One that is damaged is passed over for the one before. */
	int r = ask_rows(journal,
			 "SELECT " COLUMNS " FROM records WHERE kind = ? AND wall <= ? "
			 "ORDER BY sequence DESC",
			 numbers, 2, call_once, &once, &bad);

	if (r == 1)
		return 0;
	return r || once.done ? r : -ENOENT;
}

int journal_lately(struct journal *journal, uint32_t kind, uint64_t among, journal_fn call,
		   void *userdata)
{
	uint64_t from = journal->next > among ? journal->next - among : 0;
	const int64_t numbers[] = {(int64_t)from, kind};
	uint64_t bad = 0;

	return ask_rows(journal,
			"SELECT " COLUMNS " FROM records WHERE sequence >= ? AND kind = ? "
			"ORDER BY sequence DESC",
			numbers, 2, call, userdata, &bad);
}

/* Room for one more, doubled whenever the number is a power of two. */
static int add_sequence(uint64_t **sequences, size_t *count, uint64_t sequence)
{
	if (!(*count & (*count - 1))) {
		uint64_t *grown = reallocarray(*sequences, *count ? 2 * *count : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*sequences = grown;
	}
	(*sequences)[(*count)++] = sequence;
	return 0;
}

int journal_list(struct journal *journal, uint32_t kind, uint64_t from, uint64_t **ret_sequences,
		 size_t *ret_count)
{
	sqlite3_stmt *statement = NULL;
	uint64_t *sequences = NULL;
	size_t count = 0;
	int result, r;

	result = sqlite3_prepare_v2(journal->db,
				    "SELECT sequence FROM records WHERE kind = ? AND sequence >= ? "
				    "ORDER BY sequence",
				    -1, &statement, NULL);
	r = journal_errno(journal, result);
	if (r >= 0) {
		sqlite3_bind_int64(statement, 1, kind);
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)from);
		while (r >= 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
			r = add_sequence(&sequences, &count,
					 (uint64_t)sqlite3_column_int64(statement, 0));
		if (r >= 0)
			r = journal_errno(journal, result);
	}
	sqlite3_finalize(statement);
	if (r < 0) {
		free(sequences);
		return r;
	}
	*ret_sequences = sequences;
	*ret_count = count;
	return 0;
}

int journal_boot(struct journal *journal, uint32_t run, char ret_boot[JOURNAL_BOOT_SIZE])
{
	sqlite3_stmt *statement = NULL;
	int r;

	r = journal_errno(journal,
			  sqlite3_prepare_v2(journal->db, "SELECT boot FROM runs WHERE run = ?", -1,
					     &statement, NULL));
	if (r >= 0) {
		int result;

		sqlite3_bind_int64(statement, 1, run);
		result = sqlite3_step(statement);
		r = result == SQLITE_DONE ? -ENOENT : journal_errno(journal, result);
		if (r >= 0)
			snprintf(ret_boot, JOURNAL_BOOT_SIZE, "%s",
				 (const char *)sqlite3_column_text(statement, 0));
	}
	sqlite3_finalize(statement);
	return r;
}
