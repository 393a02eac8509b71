/* SPDX-License-Identifier: GPL-2.0 */
/* A host with some services and their breakers, in virtual time. */
#ifndef SHUNT_TESTS_UNIT_BREAKER_WORLD_H
#define SHUNT_TESTS_UNIT_BREAKER_WORLD_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/breaker.h"

#define TICK	  100000000ULL
#define SECOND	  (10 * TICK)
#define WORLD_MAX 20
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)

struct world {
	_Alignas(struct breakers) unsigned char memory[sizeof(struct breakers) +
						       WORLD_MAX * sizeof(struct breaker)];
	struct breakers *breakers;
	struct breaker_rules rules;
	struct config_guards guards;
	struct config_endpoint protect[2];
	struct config_endpoint ports[WORLD_MAX];
	struct config_endpoints endpoints[WORLD_MAX];
	struct config_breaker configs[WORLD_MAX];
	struct breaker_service services[WORLD_MAX];
	char names[WORLD_MAX][16];
	struct breaker_input inputs[WORLD_MAX]; /* of each tick to come */
	struct breaker_decision made[BREAKER_DECISIONS_MAX(WORLD_MAX)];
	struct breaker_decisions decisions; /* of the last tick or command */
	struct breaker_tick tick;
};

/* The defaults of the configuration, in enforce, and guards that leave all room. */
static inline void world_begin(struct world *world, uint32_t services)
{
	memset(world, 0, sizeof(*world));
	world->breakers = (struct breakers *)world->memory;
	world->breakers->seed = 42;
	world->breakers->count = services;
	world->protect[0].port = 22;
	world->guards = (struct config_guards){
		.max_open = WORLD_MAX,
		.max_open_share = 1,
		.protect = {world->protect, 1},
		.lease = 3 * SECOND,
	};
	breaker_limits_default(&world->rules.limits);
	world->rules.limits.panic = 1;
	world->rules.limits.velocity = GUARDS_TRIPS;
	world->rules.guards = &world->guards;
	world->rules.services = world->services;
	for (uint32_t i = 0; i < services; i++) {
		world->configs[i] = (struct config_breaker){
			.mode = CONFIG_MODE_ENFORCE,
			.window = 10 * SECOND,
			.min_connections = 20,
			.failure_rate = 0.5,
			.action = CONFIG_ACTION_REJECT,
			.open_for = 5 * SECOND,
			.open_for_max = 300 * SECOND,
			.half_open_share = 0.1,
			.half_open_connections = 10,
		};
		snprintf(world->names[i], sizeof(world->names[i]), "service-%u", i);
		world->ports[i].port = (uint16_t)(8000 + i);
		world->endpoints[i] = (struct config_endpoints){&world->ports[i], 1};
		world->services[i] = (struct breaker_service){
			.name = world->names[i],
			.endpoints = &world->endpoints[i],
			.breaker = &world->configs[i],
		};
	}
	world->tick.now = START;
	world->tick.inputs = world->inputs;
	world->decisions.items = world->made;
	world->decisions.capacity = BREAKER_DECISIONS_MAX(WORLD_MAX);
}

/* From now on, connections of service `i` in each tick. */
static inline void world_serve(struct world *world, uint32_t i, uint64_t well, uint64_t refused)
{
	struct breaker_input *input = &world->inputs[i];

	memset(&input->traffic, 0, sizeof(input->traffic));
	input->traffic.handshakes[SHUNT_HANDSHAKE_OK] = well;
	input->traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = refused;
	input->traffic.closes[SHUNT_CLOSE_ORDERLY] = well;
	input->traffic.responses = well;
}

static inline void world_try(struct world *world, uint32_t i, uint64_t passed, uint64_t failed)
{
	world->inputs[i].trials_passed = passed;
	world->inputs[i].trials_failed = failed;
}

static inline void world_tick(struct world *world)
{
	world->tick.now += TICK;
	world->decisions.count = 0;
	breaker_step(world->breakers, &world->rules, &world->tick, &world->decisions);
	cr_assert_eq(world->decisions.untold, 0);
}

/* Ticks until something is decided; how many that took, 0: nothing within `most`. */
static inline unsigned world_until(struct world *world, unsigned most)
{
	for (unsigned n = 1; n <= most; n++) {
		world_tick(world);
		if (world->decisions.count)
			return n;
	}
	return 0;
}

static inline void world_ticks(struct world *world, unsigned ticks)
{
	for (unsigned n = 0; n < ticks; n++)
		world_tick(world);
}

/* Gives an order now; `lasts` in ns. */
static inline int world_order(struct world *world, enum breaker_order order, uint32_t i,
			      uint64_t lasts)
{
	struct breaker_command command = {
		.now = world->tick.now,
		.lasts = lasts,
		.order = order,
		.service = i,
		.who = "ada",
		.why = "drill",
	};

	world->decisions.count = 0;
	return breaker_command(world->breakers, &world->rules, &command, &world->decisions);
}

static inline int world_mode(struct world *world, uint32_t i, enum config_mode mode, uint64_t lasts)
{
	struct breaker_command command = {
		.now = world->tick.now,
		.lasts = lasts,
		.order = BREAKER_SET_MODE,
		.service = i,
		.mode = mode,
		.who = "ada",
		.why = "drill",
	};

	world->decisions.count = 0;
	return breaker_command(world->breakers, &world->rules, &command, &world->decisions);
}

static inline enum breaker_state world_state(const struct world *world, uint32_t i)
{
	return (enum breaker_state)world->breakers->items[i].state;
}

static inline struct breaker_verdict world_verdict(const struct world *world, uint32_t i)
{
	return breaker_verdict(world->breakers, &world->rules, i);
}

/* Trips service `i` by refusals, and fails the test if that does not work. */
static inline void world_trip(struct world *world, uint32_t i)
{
	world_serve(world, i, 0, 10);
	for (unsigned n = 0; n < 200 && world_state(world, i) != BREAKER_OPEN; n++)
		world_tick(world);
	cr_assert_eq(world_state(world, i), BREAKER_OPEN);
	world_serve(world, i, 0, 0);
}

#endif
