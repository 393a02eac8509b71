/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records an engine: hears what it is given and what it comes to, and hands that over as
 * records.  It does not wait and knows no clock; what becomes of the records is another's.
 *
 * A replay begins at a keyframe, which holds the engine's whole state, and goes on with the
 * tapes that follow it.  Another keyframe comes at times, and where records were lost.
 */
#ifndef SHUNT_JOURNAL_RECORDER_H
#define SHUNT_JOURNAL_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "journal/tape.h"

enum record_kind {
	RECORD_KEYFRAME = 1, /* the engine's state; see keyframe.h */
	RECORD_TAPE, /* what came after that: tape.h */
	RECORD_PAST, /* what is to be resumed after a restart: past.h */
	RECORD_CHANGES, /* what has changed lately, in words, for who looks: daemon/recent.h */
};

/* Takes a record; below 0: it is lost. */
typedef int (*recorder_sink)(void *userdata, uint32_t kind, uint64_t time, const void *bytes,
			     size_t size);

/* What a keyframe says besides; copied. */
struct recorder_about {
	const char *version; /* of the program */
	const char *config; /* in its canonical form */
	uint64_t config_hash;
};

struct recorder;

/*
 * Begins to record an engine, at once after it was made; with a keyframe.  0 or -ENOMEM.
 * `now` is ns, of the engine's clock.
 */
int recorder_new(struct engine *engine, const struct recorder_about *about, uint64_t now,
		 recorder_sink sink, void *userdata, struct recorder **ret_recorder);

/* Hands over what there is, and stops to listen; NULL is fine. */
void recorder_free(struct recorder *recorder, uint64_t now);

/* The configuration was read anew. */
int recorder_describe(struct recorder *recorder, const struct recorder_about *about);

/* Adds how quick a service is. */
void recorder_note(struct recorder *recorder, const struct tape_note *note);

/* Records were lost after they had been handed over: begins with a keyframe anew. */
void recorder_lost(struct recorder *recorder);

#endif
