/* SPDX-License-Identifier: GPL-2.0 */
/* The last changes of all services, for who comes to look only after them. */
#ifndef SHUNT_DAEMON_RECENT_H
#define SHUNT_DAEMON_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "serve/view.h"

struct breaker_notice;
struct health_change;

#define RECENT_MAX 64

/* All zero is empty. */
struct recent {
	struct view_change changes[RECENT_MAX]; /* the newest first */
	size_t count;
	uint64_t last; /* the number of the newest; 0: none */
};

/* A change that happened now; it is copied.  What is past RECENT_MAX is forgotten. */
void recent_health(struct recent *recent, const struct health_change *change);

/* …of a breaker; decisions that moved nothing are left out. */
void recent_breaker(struct recent *recent, const struct breaker_notice *notice);

#endif
