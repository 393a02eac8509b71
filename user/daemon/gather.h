/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gathers what the engine is given at a tick (engine/engine.h): what happened to each
 * service since the last, and where it is asked for, accept queues and waiting requests.
 *
 * Of a service to which nothing happened nothing is gathered, so that one tick of many that
 * are idle touches little memory: of each a few counters, whose sum has not changed.
 */
#ifndef SHUNT_DAEMON_GATHER_H
#define SHUNT_DAEMON_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

struct bindings;
struct enforcer;
struct observer;
struct observer_waiting;
struct services;

/* What was known of a slot at the last tick. */
struct gathered {
	uint64_t activity; /* observer_activity(), and what its listeners turned away */
	uint32_t open; /* connections */
	uint8_t begun; /* else what there is was before its first tick */
	uint8_t followed;
};

/* The samples of breaker.slow, of a service that has that. */
struct gathered_slow {
	uint64_t over; /* ns; 0: none were read yet */
	uint32_t signal; /* enum shunt_signal */
	uint64_t samples; /* all that there were… */
	uint64_t slow; /* …and those over that */
};

/* Arrays are by slot. */
struct gather {
	struct observer *observer;
	const struct bindings *bindings; /* whose listeners are whose */
	struct services *services;
	struct engine *engine;
	struct enforcer *enforcer; /* whose doings are told apart from the services'; or NULL */
	struct gathered *last;
	struct health_traffic *counted; /* all that there was, as of the last tick */
	uint64_t *dropped; /* likewise, by its listeners */
	struct gathered_slow *slow; /* likewise */
	struct observer_waiting *waiting; /* as last looked at */
	struct engine_sample *samples; /* of this tick, in a row */
	uint64_t others; /* activity of the slots that are not followed, as last asked for */
	bool heard; /* something happened to one that is, since that */
};

/* Makes room for the slots of `services`; nobody is followed yet.  0 or -ENOMEM. */
int gather_init(struct gather *gather, struct observer *observer, const struct bindings *bindings,
		struct services *services, struct engine *engine);

/* Frees what it holds; one that is all zero is fine. */
void gather_done(struct gather *gather);

/* Follows a slot from now on, or no more; what was before its first tick does not count. */
void gather_follow(struct gather *gather, uint32_t slot, bool follow);

/*
 * Gathers a tick at `now` (ns, CLOCK_MONOTONIC), `late` ns late, since which the last `lost`
 * events were lost.  What it points to holds until the next.
 */
void gather_take(struct gather *gather, uint64_t now, uint64_t late, uint64_t lost,
		 struct engine_tick *ret_tick);

/* The activity of a slot as of the last tick, or now if it is not followed. */
uint64_t gather_activity(const struct gather *gather, uint32_t slot);

/* Whether something has happened to any service between the last call and the last tick. */
bool gather_heard(struct gather *gather);

#endif
