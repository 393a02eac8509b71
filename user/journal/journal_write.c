/* SPDX-License-Identifier: GPL-2.0 */
/* Adding to the journal, and taking from its old end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal_file.h"

/*
 * Rows that go at once: many more than come in the same time, and few enough that it does
 * not take long.
 */
#define PRUNE_ROWS "64"

/* From this share of the limit on the oldest make room; the rest is for what comes meanwhile. */
#define FULL_SHARE 0.9

void journal_boot_now(char ret_boot[JOURNAL_BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, ret_boot, JOURNAL_BOOT_SIZE - 1);

	ret_boot[size < 0 ? 0 : size] = '\0';
	if (fd >= 0)
		close(fd);
}

static int begin_run(struct journal *journal)
{
	char boot[JOURNAL_BOOT_SIZE], sql[128];

	if (journal->began)
		return 0;
	journal_boot_now(boot);
	snprintf(sql, sizeof(sql), "INSERT INTO runs(run, boot) VALUES(%u, '%.36s')", journal->run,
		 boot);
	return journal_run(journal, sql);
}

static int insert(struct journal *journal, const struct journal_record *given)
{
	sqlite3_stmt *statement = journal->insert;
	struct journal_record own = *given, *record = &own;
	struct journal_packed packed;
	int r;

	record->run = journal->run;
	r = journal_pack(journal->compressor, record, &packed);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)record->sequence);
	sqlite3_bind_int64(statement, 2, record->run);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)record->time);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)record->wall);
	sqlite3_bind_int64(statement, 5, record->kind);
	sqlite3_bind_int64(statement, 6, (sqlite3_int64)packed.raw);
	sqlite3_bind_int64(statement, 7, packed.crc);
	/* No bytes are an empty blob, not NULL. */
	sqlite3_bind_blob(statement, 8, packed.size ? packed.bytes : "", (int)packed.size,
			  SQLITE_STATIC);
	r = journal_errno(journal, sqlite3_step(statement));
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	free(packed.memory);
	return r;
}

int journal_append(struct journal *journal, const struct journal_record *records, size_t count)
{
	int r = journal_run(journal, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = begin_run(journal);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = insert(journal, &records[i]);
	if (r >= 0)
		r = journal_run(journal, "COMMIT");
	if (r < 0) {
		/* SQLite may have done that by itself. */
		if (!sqlite3_get_autocommit(journal->db))
			journal_run(journal, "ROLLBACK");
		return r;
	}
	journal->began = true;
	if (count)
		journal->next = records[count - 1].sequence + 1;
	return 0;
}

/* ---- the old end ---- */

static int find_oldest(struct journal *journal)
{
	int64_t wall = 0;
	int r;

	if (journal->oldest)
		return 0;
	r = journal_ask(journal, "SELECT wall FROM records ORDER BY sequence LIMIT 1", &wall);
	if (r >= 0)
		journal->oldest = (uint64_t)wall;
	return r;
}

static int is_full(const struct journal *journal, bool *ret_full)
{
	int64_t pages = 0, unused = 0;
	int r;

	r = journal_ask(journal, "PRAGMA page_count", &pages);
	if (r >= 0)
		r = journal_ask(journal, "PRAGMA freelist_count", &unused);
	if (r >= 0)
		*ret_full = (double)(pages - unused) * JOURNAL_PAGE >
			    FULL_SHARE * (double)journal->limits.bytes;
	return r;
}

static int remove_oldest(struct journal *journal, int64_t before)
{
	sqlite3_stmt *statement = NULL;
	int r;

	r = journal_errno(
		journal,
		sqlite3_prepare_v2(
			journal->db,
			"DELETE FROM records WHERE wall < ? AND sequence IN "
			"(SELECT sequence FROM records ORDER BY sequence LIMIT " PRUNE_ROWS ")",
			-1, &statement, NULL));
	if (r >= 0) {
		sqlite3_bind_int64(statement, 1, before);
		r = journal_errno(journal, sqlite3_step(statement));
	}
	sqlite3_finalize(statement);
	return r < 0 ? r : sqlite3_changes(journal->db);
}

int journal_prune(struct journal *journal, uint64_t wall)
{
	bool full = false;
	int64_t before;
	int r;

	r = find_oldest(journal);
	if (r >= 0)
		r = is_full(journal, &full);
	if (r < 0)
		return r;
	before = full ? INT64_MAX : (int64_t)(wall - journal->limits.age);
	if (!full && (wall < journal->limits.age || journal->oldest >= (uint64_t)before))
		return 0;
	journal->oldest = 0;
	return remove_oldest(journal, before);
}

static uint64_t size_of(const char *path, const char *suffix)
{
	char name[PATH_MAX + 8];
	struct stat status;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &status) ? 0 : (uint64_t)status.st_size;
}

uint64_t journal_bytes(const struct journal *journal)
{
	return size_of(journal->path, "") + size_of(journal->path, "-wal");
}
