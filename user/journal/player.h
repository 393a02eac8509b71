/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gives an engine what was recorded, record by record, and shows its listener each event once
 * the engine has had it.  It begins at a keyframe, and where records are missing it waits for
 * the next.
 */
#ifndef SHUNT_JOURNAL_PLAYER_H
#define SHUNT_JOURNAL_PLAYER_H

#include <stdint.h>

#include "engine/engine.h"
#include "journal/journal.h"
#include "journal/keyframe.h"
#include "journal/tape.h"

struct player;

/* What a player calls; `player_wall()` says when that was.  All but userdata may be NULL. */
struct player_listener {
	/* Begins with another engine: at the first keyframe, and after a gap. */
	int (*begun)(void *userdata, struct player *player, const struct keyframe *keyframe);
	/*
	 * Before an event: what is given to the engine may be changed.  Returns 1, or 0 for an
	 * event that is to be left out.
	 */
	int (*before)(void *userdata, struct player *player, struct tape_event *event);
	/* After it; `result` is what a command came to. */
	int (*after)(void *userdata, struct player *player, const struct tape_event *event,
		     int result);
	void *userdata;
};

struct player_counts {
	uint64_t records;
	uint64_t ticks;
	uint64_t gaps; /* of records that are missing */
	uint64_t unread; /* records before a keyframe that could be taken up */
	uint64_t foreign; /* keyframes of another build */
	uint64_t engines; /* …of this one, taken up */
};

struct player {
	const struct player_listener *listener;
	struct player_counts counts;
	struct engine *engine; /* NULL: it waits for a keyframe */
	struct tape_reader reader;
	uint64_t next; /* sequence of the next record; 0: any */
	uint32_t run;
	int64_t offset; /* ns: from the engine's clock to the wall clock, as of this record */
};

void player_init(struct player *player, const struct player_listener *listener);
void player_done(struct player *player);

/* Plays a record: 0; what a listener returned, if that is below 0; -EUCLEAN; -ENOMEM. */
int player_take(struct player *player, const struct journal_record *record);

/* The wall clock, ns since the epoch, at a time of the engine's clock. */
uint64_t player_wall(const struct player *player, uint64_t time);

#endif
