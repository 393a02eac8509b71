/* SPDX-License-Identifier: GPL-2.0 */
/* A directory for a journal of a test's own, and records that can be told from each other. */
#ifndef SHUNT_TESTS_UNIT_JOURNAL_SCRATCH_H
#define SHUNT_TESTS_UNIT_JOURNAL_SCRATCH_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal.h"
#include "unit/random.h"

#define SCRATCH_RECORD_MAX 6000

static char scratch[64];

static inline void scratch_make(void)
{
	strcpy(scratch, "/tmp/shunt-journal-XXXXXX");
	cr_assert(mkdtemp(scratch));
}

static inline const char *scratch_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}

static inline void scratch_remove(void)
{
	DIR *directory = opendir(scratch);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		unlink(scratch_path(entry->d_name));
	if (directory)
		closedir(directory);
	rmdir(scratch);
}

/* The bytes of the record with that number: as many as it says, and all by a rule. */
static inline size_t scratch_bytes(uint64_t number, uint8_t bytes[SCRATCH_RECORD_MAX])
{
	uint64_t state = number;
	/* Some have none. */
	size_t size = number % 17 ? random_next(&state) % SCRATCH_RECORD_MAX : 0;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(number + i / 7 * (i % 3));
	return size;
}

static inline bool scratch_is_right(const struct journal_record *record, uint64_t number)
{
	uint8_t bytes[SCRATCH_RECORD_MAX];
	size_t size = scratch_bytes(number, bytes);

	return record->size == size && (!size || !memcmp(record->bytes, bytes, size));
}

#endif
