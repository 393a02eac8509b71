/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes to the journal whatever comes: opens it anew after trouble, sets aside what is
 * corrupt, makes room.  Trouble is said once, in the log, and its end.  It waits for the disk.
 */
#ifndef SHUNT_JOURNAL_WRITER_H
#define SHUNT_JOURNAL_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "journal/journal.h"

/* All zero but for `directory` and `limits` has done nothing. */
struct writer {
	const char *directory;
	struct journal_limits limits;
	struct journal *journal; /* NULL: there is none now */
	uint64_t base; /* sequence of the record that is number 0; 0: not known yet */
	time_t retry; /* CLOCK_MONOTONIC, seconds: not before */
	int trouble; /* negative errno, as said; 0: none */
	uint64_t lost; /* records, since then */
};

/* Opens the journal, so that what is wrong is said at once. */
void writer_begin(struct writer *writer);

/* Sets other limits; what is too much by them goes as more is written. */
void writer_limit(struct writer *writer, const struct journal_limits *limits);

void writer_end(struct writer *writer);

/*
 * Writes records in one transaction; their sequences count from 0, for the first that there
 * ever was, and become those of the journal.  0, or a negative errno where they are lost.
 */
int writer_write(struct writer *writer, struct journal_record *records, size_t count);

#endif
