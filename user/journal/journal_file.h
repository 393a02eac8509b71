/* SPDX-License-Identifier: GPL-2.0 */
/* The journal's file, for the files of this folder that make it up. */
#ifndef SHUNT_JOURNAL_FILE_H
#define SHUNT_JOURNAL_FILE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "journal/journal.h"

#define JOURNAL_PAGE 4096

struct libdeflate_compressor;

struct journal {
	sqlite3 *db;
	sqlite3_stmt *insert;
	struct libdeflate_compressor *compressor;
	struct journal_limits limits;
	uint64_t next; /* sequence */
	uint64_t oldest; /* ns: the wall clock of the oldest record; 0: to be asked */
	uint32_t run; /* this one */
	int lock; /* -1: it is only read */
	bool began; /* this run is in the table of runs */
	char path[PATH_MAX];
};

/* The negative errno that stands for what SQLite says last went wrong. */
int journal_errno(const struct journal *journal, int result);

/* Runs statements without a result. */
int journal_run(const struct journal *journal, const char *sql);

/* The one number that a statement gives; 0 where it is NULL. */
int journal_ask(const struct journal *journal, const char *sql, int64_t *ret_value);

/*
 * A record's bytes as they lie in the file: `raw` is their size if they are compressed, and 0
 * if not; `crc` is that of the record's own bytes, and of all that is known of it besides.
 */
struct journal_packed {
	const void *bytes;
	size_t size;
	size_t raw;
	uint32_t crc;
	void *memory; /* to be freed */
};

int journal_pack(struct libdeflate_compressor *compressor, const struct journal_record *record,
		 struct journal_packed *ret_packed);

/*
 * Gives the record its own bytes back; -EUCLEAN where anything of it is not what was packed.
 * free(*ret_memory).
 */
int journal_unpack(const struct journal_packed *packed, struct journal_record *record,
		   void **ret_memory);

#endif
