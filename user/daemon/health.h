/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Feeds the engine (engine/health.h): what is known of each service goes in at every
 * tick, and the verdict stays with the service.  _unknown and _other are not judged,
 * for they are no one thing.
 */
#ifndef SHUNT_DAEMON_HEALTH_H
#define SHUNT_DAEMON_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/health.h"

struct bindings;
struct checkers;
struct observer;
struct service;
struct services;

/* What a service is judged by.  All zero has seen nothing. */
struct service_health {
	struct health health;
	struct health_limits limits; /* where the interval of its checks is known */
	struct health_verdict verdict; /* the last */
	struct health_traffic counted; /* all that there was, as of the last tick */
	uint64_t interval; /* ns: of the checks that `limits` are made for; 0: the services' are
			      meant */
	uint64_t judged_at; /* ns; 0: never */
	bool open; /* it had open connections at the last tick */
};

/*
 * A service of which nothing is heard is left alone until then, unless it stirs.  Apart
 * from the rest of it and close together, for at each tick this is all that is looked at.
 */
struct health_rest {
	uint64_t until; /* ns; 0: it does not rest */
	uint64_t activity; /* observer_activity(), and what its listeners turned away */
};

/* Why accept queues and waiting requests are to be looked at. */
enum health_look {
	HEALTH_LOOK_NONE,
	HEALTH_LOOK_SUSPICION, /* no response for a while, and connections are open */
	HEALTH_LOOK_DEMAND, /* …and somebody was seen to ask */
};

struct health_change {
	const struct service *service;
	enum health_state was;
	enum health_state is;
	const char *reason; /* in words, without a full stop */
};

typedef void (*health_change_fn)(void *userdata, const struct health_change *change);

struct health_tick {
	struct observer *observer;
	const struct bindings *bindings; /* whose listeners are whose */
	struct checkers *checkers; /* who checks them; NULL: nobody */
	uint64_t now; /* ns, CLOCK_MONOTONIC, grows from tick to tick */
	uint64_t late; /* ns: by how much the tick was late */
	uint64_t lost; /* events lost since the last tick */
	health_change_fn changed; /* hears of every change of a state */
	void *userdata;
};

/*
 * Judges every service.  One that is retired is judged no more, and what was wrong with
 * it is over; a slot's next service begins with nothing.
 */
void services_judge(struct services *services, const struct health_tick *tick);

/* Whether there is a verdict. */
static inline bool health_is_judged(const struct service_health *health)
{
	return health->judged_at;
}

#endif
