/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon keeps of what happened: all that its engine is given and comes to, in a
 * journal; and what it takes up from the daemon before it.
 */
#ifndef SHUNT_DAEMON_RECORD_H
#define SHUNT_DAEMON_RECORD_H

#include <stdint.h>

#include "journal/store.h"
#include "shunt/config.h"

struct engine;
struct recent;
struct record;
struct tape_note;

/*
 * Makes the state directory, for the user that the daemon is to become: to be called while
 * that is still allowed.  One that is there is left as it is.  What goes wrong is said by the
 * journal itself, once it cannot be written.
 */
void record_prepare(const struct config *config);

/*
 * Begins to record an engine, as that user, and to keep it in the journal.  What the last
 * daemon left is given to the services that are there, and to others when they come; what
 * changed under it is put into `recent`, which is empty, and what changes from now on is kept
 * from there.  0, or below 0 without memory.
 */
int record_start(const struct config *config, const char *version, struct engine *engine,
		 struct recent *recent, uint64_t now, struct record **ret_record);

/* Writes what waits, for some seconds at most, and ends it; NULL is fine, here and below. */
void record_stop(struct record *record, uint64_t now);

/* The configuration was read anew. */
void record_reload(struct record *record, const struct config *config);

/* There may be other services: what the last daemon left may be theirs. */
void record_resume(struct record *record, uint64_t now);

/* Looks after what became of records, and keeps what has changed; each second. */
void record_look(struct record *record, uint64_t now);

/* Adds how quick a service is. */
void record_note(struct record *record, const struct tape_note *note);

void record_count(struct record *record, struct store_counts *ret_counts);

#endif
