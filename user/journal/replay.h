/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A journal again: with the configuration that was recorded, whether the same comes of it,
 * byte for byte; with another, what would have been tripped.
 */
#ifndef SHUNT_JOURNAL_REPLAY_H
#define SHUNT_JOURNAL_REPLAY_H

#include <stdint.h>

#include "journal/player.h"

struct replay_span {
	uint64_t from, to; /* ns, wall clock; 0 and UINT64_MAX: all */
};

/* One thing that was decided, told, or that differs. */
#define REPLAY_TEXT_MAX 1024

struct replay_result {
	struct player_counts counts;
	uint64_t damaged; /* records */
	uint64_t changes; /* of health, and… */
	uint64_t decisions; /* …of breakers, within the span */
	bool differs; /* and then, for the first that does: */
	uint64_t differs_at; /* ns, wall clock */
	char recorded[REPLAY_TEXT_MAX]; /* in words */
	char replayed[REPLAY_TEXT_MAX];
};

/*
 * Plays the journal as it was recorded, up to the first difference: from keyframe to keyframe,
 * as many parts at once as there are CPUs.  0; or -EUCLEAN,
 * -EIO … where it cannot be read.
 */
int replay(struct journal *journal, const struct replay_span *span,
	   struct replay_result *ret_result);

/* Where to begin to read so that `from` can be played: the sequence of a keyframe. */
uint64_t replay_begin(struct journal *journal, uint64_t from);

#endif
