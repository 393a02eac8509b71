/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a daemon that starts takes up from the one before it: the states of breakers, their
 * back-off, what operators ordered; by name, whatever slots there are now, and on the clock of
 * now, which may be another boot's.
 */
#ifndef SHUNT_JOURNAL_PAST_H
#define SHUNT_JOURNAL_PAST_H

#include <stdint.h>

#include "engine/engine.h"
#include "journal/codec.h"
#include "journal/journal.h"

struct past_item {
	char name[ENGINE_NAME_MAX]; /* "": what was ordered for all */
	enum shunt_role role;
	bool taken; /* up */
	struct breaker_past past;
};

struct pasts {
	struct past_item *items;
	size_t count;
};

/* Writes what of an engine there is to be taken up. */
void past_put(struct buffer *out, const struct engine *engine);

/*
 * Reads it.  Each time in it becomes later by `shift`, ns, and what would then be before 1 is
 * 1.  0, -EUCLEAN or -ENOMEM; past_done() frees it.
 */
int past_get(const void *bytes, size_t size, int64_t shift, struct pasts *ret_pasts);

void past_done(struct pasts *pasts);

/*
 * Takes up what the last daemon in this directory left, as of `time` and `wall` now: 0, or
 * below 0 where there is nothing.
 */
int past_read(const char *directory, uint64_t time, uint64_t wall, struct pasts *ret_pasts);

/* Gives the engine what belongs to services that it has by now, and has not been given. */
void past_resume(struct pasts *pasts, struct engine *engine);

#endif
