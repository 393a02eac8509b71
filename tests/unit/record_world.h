/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host in virtual time whose engine is recorded into a journal: services that are busy,
 * idle, ill, checked and found by their checks; operators; ticks that are late.
 */
#ifndef SHUNT_TESTS_UNIT_RECORD_WORLD_H
#define SHUNT_TESTS_UNIT_RECORD_WORLD_H

#include "journal/recorder.h"
#include "unit/journal_scratch.h"

#define SECOND 1000000000ULL
#define TICK   (SECOND / 10)
/* The first tick: the wall clock is another one. */
#define WORLD_BEGIN 5000000000000ULL
#define WORLD_WALL  1700000000000000000ULL

struct world {
	struct engine *engine;
	struct recorder *recorder;
	struct journal *journal;
	uint64_t random;
	uint64_t now;
	uint64_t sequence;
	uint32_t services;
	uint32_t busy; /* the first of them */
	uint32_t checked; /* the first of them, each 2 s */
	uint32_t ill; /* until that one is well again; 0: none */
	uint64_t ill_until;
	uint64_t bytes; /* of records */
	uint64_t lose; /* this record is lost; 0: none */
	uint64_t decisions, changes;
	struct journal_record batch[64];
	size_t batched;
	struct engine_sample samples[SHUNT_SLOTS_MAX];
};

static inline uint64_t world_below(struct world *world, uint64_t end)
{
	return random_next(&world->random) % end;
}

static inline void world_write(struct world *world)
{
	cr_assert_eq(journal_append(world->journal, world->batch, world->batched), 0);
	for (size_t i = 0; i < world->batched; i++)
		free((void *)world->batch[i].bytes);
	world->batched = 0;
}

static inline int world_sink(void *userdata, uint32_t kind, uint64_t time, const void *bytes,
			     size_t size)
{
	struct world *world = userdata;
	uint8_t *copy = malloc(size + 1);

	if (++world->sequence == world->lose) {
		free(copy);
		recorder_lost(world->recorder);
		return 0;
	}
	if (size)
		memcpy(copy, bytes, size);
	world->bytes += size;
	world->batch[world->batched++] = (struct journal_record){
		.sequence = world->sequence,
		.time = time,
		.wall = time - WORLD_BEGIN + WORLD_WALL,
		.kind = kind,
		.bytes = copy,
		.size = size,
	};
	if (world->batched == 64)
		world_write(world);
	return 0;
}

static inline struct config_breaker world_breaker(uint32_t slot)
{
	struct config_breaker breaker;

	memset(&breaker, 0, sizeof(breaker));
	breaker.mode = slot % 3 ? CONFIG_MODE_SHADOW : CONFIG_MODE_ENFORCE;
	breaker.window = 10 * SECOND;
	breaker.min_connections = 20;
	breaker.failure_rate = 0.5;
	breaker.action = slot % 4 ? CONFIG_ACTION_REJECT : CONFIG_ACTION_DRAIN;
	breaker.open_for = 5 * SECOND;
	breaker.open_for_max = 60 * SECOND;
	breaker.half_open_share = 0.1;
	breaker.half_open_connections = 10;
	if (slot % 5 == 0)
		breaker.slow = (struct config_slow){SHUNT_SIGNAL_RESPONSE, SECOND / 4, 0.5,
						    3 * SECOND};
	return breaker;
}

static inline void world_assign(struct world *world, uint32_t i, const char *suffix)
{
	struct config_endpoint endpoint, source;
	const struct config_endpoints endpoints = {&endpoint, 1};
	uint32_t slot = SHUNT_SLOT_FIRST + i;
	const struct config_breaker breaker = world_breaker(slot);
	struct config_health_check check = {.probers = {&source, 1}};
	char name[64];
	const struct engine_service service = {
		.name = name,
		.role = i % 2 ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER,
		.endpoints = &endpoints,
		.check = &check,
		.breaker = &breaker,
	};

	memset(&endpoint, 0, sizeof(endpoint));
	memset(&source, 0, sizeof(source));
	endpoint.bits = 128;
	endpoint.addr[15] = (uint8_t)slot;
	endpoint.port = (uint16_t)(8000 + slot);
	source.bits = 120;
	source.addr[0] = 0xfd;
	if (i < world->checked)
		check = (struct config_health_check){CONFIG_MODEL_HAPROXY, 2 * SECOND, SECOND, 3, 2,
						     check.probers};
	snprintf(name, sizeof(name), "service-%u%s", i, suffix);
	cr_assert_geq(engine_assign(world->engine, slot, &service), 0);
}

static inline void world_begin(struct world *world, uint64_t seed, uint32_t services)
{
	static const struct config_guards guards = {3, 0.34, {NULL, 0}, 3 * SECOND};
	static const struct journal_limits limits = {.bytes = 8ULL << 30, .age = UINT64_MAX / 4};
	const struct recorder_about about = {"test", "listen: 127.0.0.1:9909\n", 7};

	memset(world, 0, sizeof(*world));
	world->random = seed;
	world->services = services;
	world->busy = services / 8 + 1;
	world->checked = services / 4;
	world->now = WORLD_BEGIN;
	cr_assert_eq(journal_open(scratch, &limits, &world->journal), 0);
	world->sequence = journal_next(world->journal) - 1;
	cr_assert_eq(engine_new(SHUNT_SLOT_FIRST + services, seed, &world->engine), 0);
	cr_assert_eq(recorder_new(world->engine, &about, world->now, world_sink, world,
				  &world->recorder),
		     0);
	cr_assert_eq(engine_configure(world->engine, &guards), 0);
	for (uint32_t i = 0; i < services; i++)
		world_assign(world, i, "");
}

static inline void world_end(struct world *world)
{
	recorder_free(world->recorder, world->now);
	world_write(world);
	engine_free(world->engine);
	journal_close(world->journal);
}

/* ---- what happens ---- */

static inline bool world_is_ill(const struct world *world, uint32_t i)
{
	return world->ill && world->ill - 1 == i;
}

static inline void world_traffic(struct world *world, uint32_t i, struct engine_sample *sample)
{
	uint64_t count = 1 + world_below(world, 12);
	struct health_traffic *traffic = &sample->traffic;

	*sample = (struct engine_sample){.slot = SHUNT_SLOT_FIRST + i};
	sample->open = (uint32_t)world_below(world, 40);
	if (world_is_ill(world, i) && world->ill % 2) {
		traffic->handshakes[i % 2 ? SHUNT_HANDSHAKE_TIMED_OUT : SHUNT_HANDSHAKE_REFUSED] =
			count;
		return;
	}
	traffic->handshakes[SHUNT_HANDSHAKE_OK] = count;
	traffic->closes[SHUNT_CLOSE_ORDERLY] = count;
	if (world_is_ill(world, i))
		traffic->closes[SHUNT_CLOSE_NO_RESPONSE] = count;
	else
		traffic->responses = count;
	traffic->response_time = traffic->responses * (1000000 + world_below(world, 1000) * 1000);
	if ((SHUNT_SLOT_FIRST + i) % 5 == 0) {
		sample->samples = traffic->responses;
		sample->slow = world_is_ill(world, i) ? sample->samples : 0;
	}
	sample->trials_passed = world_is_ill(world, i) ? 0 : count;
	sample->trials_failed = world_is_ill(world, i) ? count : 0;
}

/* Busy ones in each tick, some in each second, the rest in a minute. */
static inline bool world_stirs(struct world *world, uint32_t i)
{
	if (i < world->busy)
		return true;
	if (!world->busy)
		return false;
	return !world_below(world, i < 3 * world->busy ? 10 : 600);
}

static inline void world_checks(struct world *world)
{
	uint64_t number = (world->now - WORLD_BEGIN) / TICK;

	for (uint32_t i = 0; i < world->checked; i++) {
		struct shunt_probe probe = {
			.type = SHUNT_EVENT_PROBE,
			.slot = SHUNT_SLOT_FIRST + i,
			.at = world->now - 5000000 - i,
			.duration = 1000000 + i,
			.outcome = world_is_ill(world, i) ? SHUNT_PROBE_REFUSED : SHUNT_PROBE_PASS,
			.addr = {0xfd, [15] = 1},
		};
		struct shunt_source source = {.addr = {0xfd, [15] = 1}, .slot = probe.slot};

		if (number % 20 != i % 20)
			continue;
		engine_hear(world->engine, &probe);
		if (engine_probers(world->engine, probe.slot) || number < 200)
			continue;
		source.count = 8;
		for (uint32_t k = 0; k < source.count; k++)
			source.times[k] = (uint32_t)((probe.at - (7 - k) * 2 * SECOND) >>
						     SHUNT_SOURCE_UNIT_LOG2);
		engine_learn(world->engine, &source, world->now);
	}
}

static inline void world_order(struct world *world)
{
	struct breaker_command command = {
		.now = world->now,
		.lasts = world_below(world, 120) * SECOND,
		.order = (enum breaker_order)(1 + world_below(world, 3)),
		.service = SHUNT_SLOT_FIRST + (uint32_t)world_below(world, world->services),
		.mode = (enum config_mode)world_below(world, 3),
		.who = "root",
		.why = "to see what happens",
	};

	if (!world_below(world, 10))
		command.service = BREAKER_ALL;
	engine_command(world->engine, &command);
}

/* In a minute or so somebody falls ill, an operator comes, a service goes and comes back. */
static inline void world_events(struct world *world)
{
	if (!world->busy)
		return;
	if (world->now >= world->ill_until) {
		world->ill = world_below(world, 3) ? 0
						   : 1 + (uint32_t)world_below(world, world->busy);
		world->ill_until = world->now + (5 + world_below(world, 60)) * SECOND;
	}
	if (!world_below(world, 900))
		world_order(world);
	if (!world_below(world, 900)) {
		uint32_t i = (uint32_t)world_below(world, world->services);

		engine_release(world->engine, SHUNT_SLOT_FIRST + i);
		world_assign(world, i, world_below(world, 2) ? "" : "-other");
	}
}

static inline void world_tick(struct world *world)
{
	struct engine_outcome outcome;
	struct engine_tick tick = {.samples = world->samples};

	world->now += TICK + world_below(world, 100) * 1000 - 50000;
	world_checks(world);
	world_events(world);
	for (uint32_t i = 0; i < world->services; i++) {
		if (world_stirs(world, i))
			world_traffic(world, i, &world->samples[tick.samples_count++]);
	}
	tick.now = world->now;
	tick.late = world_below(world, 2000) ? 0 : world_below(world, 400) * 1000003;
	tick.lost = !world_below(world, 5000);
	tick.looked = engine_wants_look(world->engine, world->now);
	engine_tick(world->engine, &tick);
	outcome = engine_outcome(world->engine);
	world->decisions += outcome.decisions_count;
	world->changes += outcome.changes_count;
}

static inline void world_run(struct world *world, uint64_t seconds)
{
	for (uint64_t end = world->now + seconds * SECOND; world->now < end;)
		world_tick(world);
}

#endif
