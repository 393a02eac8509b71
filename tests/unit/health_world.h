/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A service with its clients and a load balancer, in virtual time, and shunt's judgement
 * of it.  Random, but the same for the same seed.
 */
#ifndef SHUNT_TESTS_UNIT_HEALTH_WORLD_H
#define SHUNT_TESTS_UNIT_HEALTH_WORLD_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "engine/health.h"
#include "random.h"

#define MSEC   1000000ULL
#define SECOND 1000000000ULL
#define TICK   (100 * MSEC)
/* An uptime: the clock does not begin at 0. */
#define START (5000 * SECOND)
#define NEVER UINT64_MAX

#define WORLD_REQUESTS 4096
#define WORLD_CHECKS   64

/* HAProxy's check.c: `health` counts from 0 to rise + fall - 1. */
struct balancer {
	bool used, http;
	uint64_t inter, timeout;
	int fall, rise, health;
	uint64_t next_at; /* when the next check begins… */
	uint64_t ends_at; /* …and the one that is under way ends; NEVER: none is */
	enum shunt_probe_outcome outcome; /* how that one will end */
	unsigned status;
	double lossy; /* the share of its checks that are lost… */
	enum shunt_probe_outcome lost_as; /* …and how they end, if not timed out */
	unsigned error; /* the status that /healthz gives, if not 200 */
	uint64_t first_down_at;
	uint64_t first_failed_at;
	unsigned failed; /* checks */
	double outlook;
};

struct request {
	uint64_t at, due;
	bool read, looping;
};

enum seen { SEEN_NEVER, SEEN_EACH_SECOND, SEEN_EACH_TICK, SEEN_WHEN_ASKED };

struct world {
	struct health health;
	struct health_limits limits;
	struct health_input input;
	struct health_verdict verdict;
	uint64_t random, now, ticks;
	/* Clients that make a connection for each request. */
	double rate; /* a second */
	uint64_t next_at;
	/* The service. */
	bool up, stopped, silent; /* silent: takes everything, says nothing */
	double failing; /* share of connections that it turns away */
	uint64_t toggle_at; /* when it goes up or down */
	uint64_t (*toggle)(struct world *world);
	uint64_t (*latency)(struct world *world);
	uint64_t think; /* of clients that keep their connection */
	struct request requests[WORLD_REQUESTS];
	unsigned requests_count;
	uint32_t queue;
	/* What is seen of it. */
	enum seen queue_seen, waiting_seen;
	bool unread_seen;
	struct balancer balancer;
	struct check checks[WORLD_CHECKS];
	uint64_t first_failed_at;
	/* For how many ticks each state was, and when it first was. */
	uint64_t states[HEALTH_MAX], first[HEALTH_MAX];
	uint64_t changes;
};

static inline double uniform(struct world *world)
{
	return (double)((random_next(&world->random) >> 11) + 1) * 0x1p-53;
}

static inline uint64_t between(struct world *world, uint64_t least, uint64_t most)
{
	return least + (uint64_t)(uniform(world) * (double)(most - least));
}

/* Of a Poisson process. */
static inline uint64_t waits(struct world *world, double rate)
{
	return rate > 0 ? (uint64_t)(-log(uniform(world)) / rate * 1e9) : NEVER / 2;
}

static inline uint64_t quick(struct world *world)
{
	return waits(world, 1 / 0.005);
}

static inline void world_start(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->random = seed * 0x9e3779b97f4a7c15 + 1;
	world->now = START;
	health_limits_default(&world->limits, 0);
	world->up = true;
	world->rate = 100;
	world->next_at = START;
	world->toggle_at = NEVER;
	world->latency = quick;
	world->queue_seen = SEEN_EACH_SECOND;
	world->waiting_seen = SEEN_NEVER;
	world->balancer = (struct balancer){
		.inter = 2 * SECOND,
		.timeout = SECOND,
		.fall = 3,
		.rise = 2,
		.health = 4,
		.next_at = between(world, START, START + 2 * SECOND),
		.ends_at = NEVER,
		.first_down_at = NEVER,
	};
}

/* ---- the load balancer ---- */

static inline void balancer_judge(struct balancer *balancer, bool pass, uint64_t at)
{
	if (pass && balancer->health < balancer->rise)
		balancer->health++;
	else if (!pass && balancer->health > balancer->rise)
		balancer->health--;
	else if (!pass)
		balancer->health = 0;
	if (pass && balancer->health >= balancer->rise)
		balancer->health = balancer->rise + balancer->fall - 1;
	if (!pass && !balancer->failed++)
		balancer->first_failed_at = at;
	if (!balancer->health && balancer->first_down_at == NEVER)
		balancer->first_down_at = at;
}

static inline void balancer_begin(struct world *world, struct balancer *balancer, uint64_t at)
{
	balancer->outcome = SHUNT_PROBE_PASS;
	balancer->status = 0;
	balancer->ends_at = at + MSEC;
	if (uniform(world) <= balancer->lossy) {
		balancer->outcome = balancer->lost_as ? balancer->lost_as : SHUNT_PROBE_TIMED_OUT;
		balancer->ends_at = at + balancer->timeout;
	} else if (!world->up) {
		balancer->outcome = SHUNT_PROBE_REFUSED;
	} else if (balancer->http && (world->stopped || world->silent)) {
		balancer->outcome = SHUNT_PROBE_NO_RESPONSE;
		balancer->ends_at = at + balancer->timeout;
	} else if (balancer->http) {
		balancer->status = balancer->error ? balancer->error : 200;
		if (balancer->error)
			balancer->outcome = SHUNT_PROBE_HTTP_ERROR;
	}
}

static inline void world_check(struct world *world, uint64_t until)
{
	struct balancer *balancer = &world->balancer;

	if (!balancer->used)
		return;
	for (;;) {
		if (balancer->ends_at == NEVER && balancer->next_at < until)
			balancer_begin(world, balancer, balancer->next_at);
		if (balancer->ends_at >= until)
			return;
		balancer_judge(balancer, balancer->outcome == SHUNT_PROBE_PASS, balancer->ends_at);
		world->checks[world->input.checks_count++] = (struct check){
			.at = balancer->ends_at,
			.outcome = balancer->outcome,
			.http_status = balancer->status,
		};
		balancer->next_at = balancer->ends_at + balancer->inter;
		balancer->ends_at = NEVER;
	}
}

static inline void world_model(struct world *world)
{
	const struct balancer *balancer = &world->balancer;
	struct health_balancer *model = &world->input.balancer;
	bool up = balancer->health >= balancer->rise;

	if (!balancer->used)
		return;
	model->known = true;
	model->checks_until_down = up ? (unsigned)(balancer->health - balancer->rise + 1) : 0;
	model->outlook = balancer->outlook;
	if (up)
		model->state = balancer->health == balancer->rise + balancer->fall - 1
				       ? LB_UP
				       : LB_GOING_DOWN;
	else
		model->state = balancer->health ? LB_GOING_UP : LB_DOWN;
}

/* ---- the service and its clients ---- */

static inline void world_ask(struct world *world, uint64_t at, bool looping)
{
	cr_assert_lt(world->requests_count, WORLD_REQUESTS);
	world->requests[world->requests_count++] = (struct request){
		.at = at,
		.due = at + world->latency(world),
		.looping = looping,
	};
}

static inline void world_connect(struct world *world, uint64_t at)
{
	uint64_t *handshakes = world->input.traffic.handshakes;

	if (!world->up || uniform(world) <= world->failing) {
		if (!world->first_failed_at)
			world->first_failed_at = at;
		handshakes[SHUNT_HANDSHAKE_REFUSED]++;
		return;
	}
	handshakes[SHUNT_HANDSHAKE_OK]++;
	if (world->stopped)
		world->queue++;
	world_ask(world, at, false);
}

/* Everything that is due is answered, unless the service is stopped or silent. */
static inline void world_answer(struct world *world, uint64_t until)
{
	for (unsigned i = 0; i < world->requests_count;) {
		struct request *request = &world->requests[i];
		uint64_t asks_at = until + world->think;

		request->read |= !world->stopped && request->at < until;
		if (world->stopped || world->silent || request->due >= until) {
			i++;
			continue;
		}
		world->input.traffic.responses++;
		world->input.traffic.response_time += until - request->at < TICK
							      ? request->due - request->at
							      : until - request->at;
		if (request->looping) {
			*request = (struct request){
				.at = asks_at,
				.due = asks_at + world->latency(world),
				.looping = true,
			};
			i++;
		} else {
			*request = world->requests[--world->requests_count];
		}
	}
}

static inline bool is_seen(const struct world *world, enum seen seen)
{
	bool second = world->ticks % 10 == 0;

	return seen == SEEN_EACH_TICK || (seen == SEEN_EACH_SECOND && second) ||
	       (seen == SEEN_WHEN_ASKED && (second || world->verdict.look));
}

static inline void world_look(struct world *world)
{
	struct health_waiting *waiting = &world->input.waiting;

	if (is_seen(world, world->queue_seen))
		world->input.queue = (struct health_queue){true, world->queue, 4096};
	if (!is_seen(world, world->waiting_seen))
		return;
	waiting->known = true;
	waiting->unread_known = world->unread_seen;
	for (unsigned i = 0; i < world->requests_count; i++) {
		const struct request *request = &world->requests[i];

		if (request->at + 200 * MSEC > world->now)
			continue;
		waiting->count++;
		waiting->unread += !request->read;
		if (world->now - request->at > waiting->oldest)
			waiting->oldest = world->now - request->at;
	}
}

/* One tick; what the test itself has put into `input` is kept and counts for it. */
static inline void world_tick(struct world *world)
{
	uint64_t until = world->now + TICK + world->input.late;

	while (world->next_at < until || world->toggle_at < until) {
		if (world->toggle_at <= world->next_at) {
			world_check(world, world->toggle_at);
			world->up = !world->up;
			if (!world->up)
				world->requests_count = 0;
			world->toggle_at += world->toggle ? world->toggle(world) : NEVER / 2;
		} else {
			world_connect(world, world->next_at);
			world->next_at += waits(world, world->rate);
		}
	}
	world_check(world, until);
	world_answer(world, until);
	if (!world->stopped)
		world->queue = 0;
	world->now = until;
	world_look(world);
	world_model(world);
	world->input.now = until;
	world->input.checks = world->checks;
	health_step(&world->health, &world->limits, &world->input, &world->verdict);

	world->ticks++;
	if (!world->states[world->verdict.state]++)
		world->first[world->verdict.state] = until;
	world->changes += world->verdict.since == until;
	memset(&world->input, 0, sizeof(world->input));
}

static inline void world_run(struct world *world, uint64_t duration)
{
	uint64_t end = world->now + duration;

	while (world->now < end)
		world_tick(world);
}

/* Runs until it is in that state, for at most so long; whether it came to be. */
static inline bool world_run_until(struct world *world, enum health_state state, uint64_t most)
{
	uint64_t end = world->now + most;

	while (world->now < end && world->verdict.state != state)
		world_tick(world);
	return world->verdict.state == state;
}

/* So many clients that keep their connection and ask again when they are answered. */
static inline void world_loop(struct world *world, unsigned clients, uint64_t think)
{
	world->think = think;
	for (unsigned i = 0; i < clients; i++)
		world_ask(world, world->now + between(world, 0, think + MSEC), true);
}

/* Forgets what states there were so far. */
static inline void world_count_anew(struct world *world)
{
	memset(world->states, 0, sizeof(world->states));
	memset(world->first, 0, sizeof(world->first));
	world->changes = 0;
}

/* The rate of the new connections from now on. */
static inline void world_set_rate(struct world *world, double rate)
{
	world->rate = rate;
	world->next_at = world->now + waits(world, rate);
}

static inline bool world_was_only(const struct world *world, enum health_state state)
{
	for (int i = 0; i < HEALTH_MAX; i++) {
		if (i != (int)state && world->states[i])
			return false;
	}
	return true;
}

static inline const char *world_why(const struct world *world)
{
	static char text[256];

	health_explain(&world->verdict, "haproxy", text, sizeof(text));
	return text;
}

#endif
