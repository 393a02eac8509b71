/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps records without ever waiting: a queue of bounded size, and a thread that writes what
 * is in it to the journal.  What finds no room, or cannot be written, is dropped and counted;
 * that costs history and nothing else.
 *
 * A record is acknowledged when the transaction that it is in has been committed, and is then
 * safe from a kill and from a loss of power.  Trouble is said once, in the log, and its end.
 */
#ifndef SHUNT_JOURNAL_STORE_H
#define SHUNT_JOURNAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

struct store_options {
	const char *directory;
	struct journal_limits limits;
	size_t queue; /* bytes of records that may wait; one always may, whatever its size */
};

struct store_counts {
	uint64_t bytes; /* that the journal takes on the disk; 0: there is none */
	uint64_t kept; /* records, acknowledged */
	uint64_t dropped; /* …lost for want of room, or because they could not be written */
	uint64_t waiting; /* bytes */
	bool writes; /* the last attempt went well */
};

struct store;

/*
 * Starts the thread, which opens the journal; that this may fail is no error here, and is
 * tried again.  0, -ENOMEM or -EAGAIN.
 */
int store_open(const struct store_options *options, struct store **ret_store);

/*
 * Copies a record; its sequence, its run and its wall clock are given to it here.  0, or
 * -ENOBUFS where it was dropped, or -ENOMEM, likewise.
 */
int store_put(struct store *store, uint32_t kind, uint64_t time, const void *bytes, size_t size);

/* Sets other limits, from the next record on. */
void store_limit(struct store *store, const struct journal_limits *limits);

void store_count(struct store *store, struct store_counts *ret_counts);

/* Waits until all that was put is kept or dropped, but no longer; whether it is. */
bool store_flush(struct store *store, unsigned milliseconds);

/*
 * Ends the thread, once what waits has been written, or so much time has gone: a disk that
 * hangs must not keep a daemon from ending.  NULL is fine.
 */
void store_close(struct store *store, unsigned milliseconds);

#endif
