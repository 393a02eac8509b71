/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last changes of all services, for who comes to look only after them; those that earlier
 * daemons saw are among them.
 */
#ifndef SHUNT_DAEMON_RECENT_H
#define SHUNT_DAEMON_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "serve/buffer.h"
#include "serve/view.h"

struct breaker_notice;
struct health_change;

#define RECENT_MAX 256

/* All zero is empty. */
struct recent {
	struct view_change changes[RECENT_MAX]; /* the newest first; their texts are its own */
	size_t count;
	uint64_t last; /* the number of the newest; 0: none */
};

/*
 * A change that happened now; it is copied.  What is past RECENT_MAX is forgotten, and what
 * there is no memory for is left out.
 */
void recent_health(struct recent *recent, const struct health_change *change);

/* …of a breaker; decisions that moved nothing are left out. */
void recent_breaker(struct recent *recent, const struct breaker_notice *notice);

/* Frees what it holds; it is empty then. */
void recent_done(struct recent *recent);

/* ---- to be kept ---- */

/* Writes those whose number is above `after`; all of them if that is 0. */
void recent_put(struct buffer *out, const struct recent *recent, uint64_t after);

/*
 * Adds what was written, as seen by an earlier run, behind what there is: to be called with
 * the newest first, before anything happens.  1: there is no need of what was written before
 * that; 0: there is; -EUCLEAN where the bytes make no sense, or -ENOMEM, and nothing is added.
 */
int recent_get(struct recent *recent, const void *bytes, size_t size);

#endif
