/* SPDX-License-Identifier: GPL-2.0 */
/* What the engine's files share, and tests look into. */
#ifndef SHUNT_ENGINE_ENGINE_PARTS_H
#define SHUNT_ENGINE_ENGINE_PARTS_H

#include "engine/engine.h"

/* Who checks a service, and what they said since the last tick. */
struct engine_checker {
	struct probers probers;
	struct check checks[ENGINE_CHECKS]; /* oldest first */
	uint32_t checks_count;
};

/* What is known of a service.  All zero has seen nothing. */
struct engine_slot {
	char name[ENGINE_NAME_MAX];
	enum shunt_role role;
	struct config_health_check check; /* its endpoints are the engine's, as are… */
	struct config_endpoints endpoints; /* …these */
	struct config_breaker breaker;
	struct health health;
	struct health_limits limits; /* where the interval of its checks is known */
	struct health_verdict verdict; /* the last */
	uint64_t interval; /* ns: of the checks that `limits` are made for; 0: the engine's are
			      meant */
	uint64_t judged_at; /* ns; 0: never */
	uint32_t open; /* connections */
};

/*
 * Arrays are by slot.  What every tick looks at is close together, for what costs is memory
 * that is not in the cache any more.
 */
struct engine {
	uint32_t slots;
	uint32_t changes_count;
	uint64_t ticked_at; /* ns: the last tick */
	uint64_t looked_at; /* ns: the last that looked at queues and waiting requests */
	uint64_t *rests; /* ns: until then nothing is to be expected of it; 0: it does not rest */
	uint8_t *used; /* there is a service */
	uint8_t *checked; /* somebody checks it */
	struct engine_slot *items;
	struct engine_checker *checkers; /* of those that are checked */
	struct engine_change *changes;
	struct health_limits limits; /* of those that have none of their own */
	struct config_guards guards; /* its endpoints are the engine's */
	struct breakers *breakers;
	struct breaker_rules rules;
	struct breaker_service *services;
	struct breaker_input *inputs; /* no more than health between two ticks */
	struct breaker_decisions decisions;
	struct probers scratch; /* of a service that nobody is known to check */
	uint64_t stirred[BREAKER_SET_WORDS]; /* a set: something happened to these */
	uint64_t told[BREAKER_SET_WORDS]; /* a set: their probers are others now */
	uint8_t look; /* enum engine_look */
	struct engine_ear ear;
};

/* Why accept queues and waiting requests are to be looked at. */
enum engine_look {
	ENGINE_LOOK_NONE,
	ENGINE_LOOK_SUSPICION, /* no response for a while, and connections are open */
	ENGINE_LOOK_DEMAND, /* …and somebody was seen to ask */
};

static inline void set_add(uint64_t *set, uint32_t i)
{
	set[i / 64] |= 1ULL << (i % 64);
}

static inline bool engine_has(const struct engine *engine, uint32_t slot)
{
	return slot < engine->slots && engine->used[slot];
}

#endif
