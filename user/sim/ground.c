/* SPDX-License-Identifier: GPL-2.0 */
/* Everything as it is before the first event: services, clients, load balancers, the engine. */
#include <math.h>
#include <string.h>

#include "sim/world.h"

/* The 95th percentile of a normal distribution, in standard deviations. */
#define P95 1.6448536269514722

static void lay_server(struct sim *sim, uint32_t index, uint64_t seed)
{
	const struct scenario_service *plan = &sim->scenario->services[index];
	struct server *server = &sim->servers[index];

	*server = (struct server){
		.plan = plan,
		.breaker = &sim->scenario->config->services[plan->slot].breaker,
		.result = &sim->result->services[index],
		.index = index,
		.slot = SHUNT_SLOT_FIRST + plan->slot,
		.role = plan->role,
		.chance = chance_stream(seed, index),
		.sigma = log((double)plan->p95 / (double)plan->median) / P95,
		.workers = plan->workers,
		.strain = 1,
		.state_since = SIM_BEGIN,
	};
	list_init(&server->queue);
	list_init(&server->inbox);
	list_init(&server->frozen);
	list_init(&server->running);
	list_init(&server->unanswered);
	for (unsigned state = 0; state < HEALTH_MAX; state++)
		server->result->first[state] = SIM_NEVER;
}

static struct crowd *lay_crowd(struct sim *sim, const struct scenario_crowd *plan, uint64_t seed)
{
	struct crowd *crowd = &sim->crowds[sim->crowds_count++];
	uint32_t first = plan->service;

	if (first == SCENARIO_NOBODY)
		first = sim->scenario->balancers[plan->balancer].targets[0];
	*crowd = (struct crowd){
		.plan = plan,
		.chance = chance_stream(seed, 1000 + sim->crowds_count),
		.rate = plan->rate,
		.first = &sim->servers[first],
	};
	list_init(&crowd->asking);
	return crowd;
}

/* Who calls a dependency does it as its clients do, if the scenario has any. */
static void lay_callers(struct sim *sim, uint32_t dependency, uint64_t seed)
{
	struct scenario_crowd *plan = &sim->callers[dependency];

	for (uint32_t i = 0; i < sim->scenario->crowds_count; i++)
		if (sim->crowds[i].plan->service == dependency)
			sim->servers[dependency].callers = &sim->crowds[i];
	if (sim->servers[dependency].callers)
		return;
	*plan = (struct scenario_crowd){
		.service = dependency, .balancer = SCENARIO_NOBODY, .timeout = SECOND};
	sim->servers[dependency].callers = lay_crowd(sim, plan, seed);
}

static void lay_target(struct sim *sim, uint32_t number, uint32_t index, uint64_t seed)
{
	struct lb *lb = &sim->lbs[number];
	struct target *target = &lb->targets[index];

	target->lb = lb;
	target->server = &sim->servers[lb->plan->targets[index]];
	target->result = &sim->result->targets[number][index];
	for (uint32_t i = 0; i < lb->plan->checkers; i++) {
		struct checker *checker = &target->checkers[i];
		uint32_t id = (number * SCENARIO_SERVICES + index) * SCENARIO_CHECKERS + i;

		checker->target = target;
		checker->chance = chance_stream(seed, 2000 + id);
		lb_view_begin(&checker->state, lb->plan);
		/* ::ffff:10.NUMBER.INDEX.I+1 */
		memcpy(checker->addr, (uint8_t[16]){[10] = 0xff, [11] = 0xff, [12] = 10}, 16);
		checker->addr[13] = (uint8_t)number;
		checker->addr[14] = (uint8_t)index;
		checker->addr[15] = (uint8_t)(i + 1);
		checker->source.slot = target->server->slot;
		checker->source.size = lb->plan->http ? 80 : 0;
		memcpy(checker->source.addr, checker->addr, sizeof(checker->addr));
	}
}

static void lay_all(struct sim *sim, uint64_t seed)
{
	const struct scenario *scenario = sim->scenario;

	for (uint32_t i = 0; i < scenario->services_count; i++)
		lay_server(sim, i, seed);
	for (uint32_t i = 0; i < scenario->crowds_count; i++)
		lay_crowd(sim, &scenario->crowds[i], seed);
	for (uint32_t i = 0; i < scenario->services_count; i++)
		if (scenario->services[i].calls != SCENARIO_NOBODY)
			lay_callers(sim, scenario->services[i].calls, seed);
	for (uint32_t i = 0; i < scenario->balancers_count; i++) {
		sim->lbs[i].plan = &scenario->balancers[i];
		for (uint32_t k = 0; k < sim->lbs[i].plan->targets_count; k++)
			lay_target(sim, i, k, seed);
	}
}

static int lay_engine(struct sim *sim, uint64_t seed)
{
	const struct config *config = sim->scenario->config;
	uint32_t slots = SHUNT_SLOT_FIRST + (uint32_t)config->services_count;
	int r = engine_new(slots, seed, &sim->engine);

	if (r >= 0)
		r = engine_configure(sim->engine, &config->guards);
	for (uint32_t i = 0; r >= 0 && i < config->services_count; i++) {
		const struct config_service *configured = &config->services[i];
		const struct engine_service service = {
			.name = configured->name,
			.role = configured->role,
			.endpoints = &configured->endpoints,
			.check = &configured->health_check,
			.breaker = &configured->breaker,
		};

		r = engine_assign(sim->engine, SHUNT_SLOT_FIRST + i, &service);
	}
	return r < 0 ? r : 0;
}

int ground_lay(struct sim *sim, uint64_t seed)
{
	lay_all(sim, seed);
	return lay_engine(sim, seed);
}

/* Checkers begin at some moment of their first interval, whenever that was. */
static void begin_check(struct sim *sim, void *what, uint32_t serial)
{
	(void)serial;
	checker_begin(sim, what);
}

void ground_begin(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->crowds_count; i++)
		crowd_begin(sim, &sim->crowds[i]);
	for (uint32_t i = 0; i < sim->scenario->balancers_count; i++) {
		struct lb *lb = &sim->lbs[i];

		for (uint32_t k = 0; k < lb->plan->targets_count * lb->plan->checkers; k++) {
			struct checker *checker = &lb->targets[k / lb->plan->checkers]
							   .checkers[k % lb->plan->checkers];
			uint64_t at = sim->now + chance_below(&checker->chance, lb->plan->interval);

			/* It looks at requests, and checks nobody. */
			if (lb->plan->model != CONFIG_MODEL_NGINX)
				events_add(&sim->events, at, begin_check, checker, 0);
		}
	}
	faults_plan(sim);
}
