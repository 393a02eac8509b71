/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one target has yet to be told: a bounded queue, and a function of what is put
 * in, of the answers and of the time (µs of any clock that does not jump).
 *
 * OUTBOX_LATEST is for a target that wants the state: of each alert it holds the latest
 * notice alone, repeats those that fire, and those that are over for a while, in case
 * the target forgot.  OUTBOX_EVERY is for one that wants the story: every notice, in
 * order, once.
 */
#ifndef SHUNT_ALERT_OUTBOX_H
#define SHUNT_ALERT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert/alert.h"

#define OUTBOX_NEVER UINT64_MAX

enum outbox_kind { OUTBOX_LATEST, OUTBOX_EVERY };

struct outbox_item {
	struct notice *notice;
	uint64_t due;
	uint64_t until; /* of a repeated one that is over: when to forget it */
	bool told; /* accepted before: what is due is a repeat */
	bool sending;
};

struct outbox {
	enum outbox_kind kind;
	size_t capacity;
	uint64_t repeat; /* how long until a notice is repeated, at most */
	uint64_t keep; /* how long one that is over is repeated */
	struct outbox_item *items; /* in the order in which the notices came */
	size_t count;
	uint64_t dropped; /* notices that were given up, so far */
};

/* Makes an empty one; the last two are of OUTBOX_LATEST.  0 or -ENOMEM. */
int outbox_init(struct outbox *outbox, enum outbox_kind kind, size_t capacity, uint64_t repeat,
		uint64_t keep);

void outbox_done(struct outbox *outbox);

/*
 * Adds a notice, due now.  Where there is no room, the oldest that is over and was told
 * goes, which loses nothing; else the oldest that is over, with what came before it of
 * the same alert; else the oldest.  What is being sent stays.
 */
void outbox_put(struct outbox *outbox, struct notice *notice, uint64_t now);

/*
 * Takes up to `max` notices that are due (of OUTBOX_EVERY one), news before repeats: they
 * are being sent, until one of the three functions below says what came of it.  The
 * caller holds them.  How many.
 */
size_t outbox_take(struct outbox *outbox, uint64_t now, size_t max, struct notice **ret_notices);

/* They were accepted; returns how many of them for the first time. */
size_t outbox_accepted(struct outbox *outbox, uint64_t now);

/* They were refused for good: given up, but for what fires and is wanted: that is repeated. */
void outbox_refused(struct outbox *outbox, uint64_t now);

/* They did not get through: they are due again. */
void outbox_failed(struct outbox *outbox);

/* When something is due, or OUTBOX_NEVER. */
uint64_t outbox_due(const struct outbox *outbox);

/* How many notices have not been told yet. */
size_t outbox_waiting(const struct outbox *outbox);

#endif
