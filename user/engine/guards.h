/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guards: what a breaker must ask before it cuts anything.  They come after every
 * rule, all of them are asked each time, and none can be configured away; docs/breaker.md
 * has the reasons.
 */
#ifndef SHUNT_ENGINE_GUARDS_H
#define SHUNT_ENGINE_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/config.h"

/* The order is that in which they are named: the first that refuses is the one to tell. */
enum guard {
	GUARD_PROTECT, /* an endpoint of it is in guards.protect */
	GUARD_OPERATOR, /* somebody has ordered otherwise, and that has not expired */
	GUARD_HOLD, /* the observer was late or has lost events, a moment ago */
	GUARD_LAST, /* no other of its kind would be usable */
	GUARD_PANIC, /* most of its kind are down or cut: the fault lies elsewhere */
	GUARD_MAX_OPEN, /* as many are open as may be */
	GUARD_MAX_OPEN_SHARE, /* …by their share */
	GUARD_VELOCITY, /* too many trips within a minute */
	GUARD_MAX,
};

#define GUARD_BIT(guard) (1U << (guard))
#define GUARDS_ALL	 (GUARD_BIT(GUARD_MAX) - 1)
/* What must hold not only when a service is cut, but for as long as it is. */
#define GUARDS_LASTING                                                                             \
	(GUARD_BIT(GUARD_PROTECT) | GUARD_BIT(GUARD_LAST) | GUARD_BIT(GUARD_PANIC) |               \
	 GUARD_BIT(GUARD_MAX_OPEN) | GUARD_BIT(GUARD_MAX_OPEN_SHARE))
/* What one that is half-open asks before it opens again: it has kept its place. */
#define GUARDS_REOPEN                                                                              \
	(GUARD_BIT(GUARD_PROTECT) | GUARD_BIT(GUARD_OPERATOR) | GUARD_BIT(GUARD_HOLD) |            \
	 GUARD_BIT(GUARD_LAST) | GUARD_BIT(GUARD_PANIC))
/* What an operator is told, but not stopped by; protect stops everyone. */
#define GUARDS_OVERRIDABLE (GUARDS_ALL & ~GUARD_BIT(GUARD_PROTECT))

/* Trips that velocity remembers; its limit is at most this. */
#define GUARDS_TRIPS 16

struct guards_limits {
	uint32_t max_open;
	uint32_t velocity; /* trips a minute, on this host */
	double max_open_share; /* 0 to 1, of all services */
	double panic; /* 0 to 1: when a greater share of its kind is down or cut; 1: never */
};

/* What they are asked about: one service, as if it were cut; and the others as they are. */
struct guards_case {
	uint32_t services; /* on this host */
	uint32_t open; /* of them, open or half-open; this one in */
	uint32_t kind; /* of the same kind (role); this one in */
	uint32_t kind_usable; /* …of those, neither cut nor down; this one not in */
	uint32_t trips; /* in the last minute; this one in */
	uint32_t stretch; /* of the observer's limits; 1: it may trust itself */
	bool protected; /* see guards_protect() */
	bool ordered; /* an operator's order stands against it */
};

struct guards_answer {
	uint32_t asked; /* set of GUARD_BIT() */
	uint32_t refused; /* …those that refused */
};

/* The times of the last trips; all zero has seen none. */
struct guards_trips {
	uint64_t at[GUARDS_TRIPS]; /* ns */
	uint32_t count; /* ever */
	uint32_t reserved;
};

/* Asks those in the set `which`. */
struct guards_answer guards_ask(const struct guards_limits *limits, const struct guards_case *about,
				uint32_t which);

/* The first that refused, GUARD_MAX if none did. */
enum guard guards_first(const struct guards_answer *answer);

/* Whether a connection to any of `endpoints` could be one that `protect` names. */
bool guards_protect(const struct config_endpoints *protect,
		    const struct config_endpoints *endpoints);

/* Remembers a trip at `now` (ns), which never falls. */
void guards_trip(struct guards_trips *trips, uint64_t now);

/* Trips in the last 60 s. */
uint32_t guards_trips_lately(const struct guards_trips *trips, uint64_t now);

/* "protect", "max_open", … as in shunt_breaker_held_total. */
const char *guard_name(enum guard guard);

/* The configuration's path, "guards.max_open"; NULL where there is no key for it. */
const char *guard_path(enum guard guard);

#endif
