/* SPDX-License-Identifier: GPL-2.0 */
/* The engine's services: who they are, how they are configured, who checks them. */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/breaker_parts.h"
#include "engine/engine_parts.h"

/* ---- begin and end ---- */

static int allocate(struct engine *engine)
{
	size_t slots = engine->slots;

	engine->rests = calloc(slots, sizeof(*engine->rests));
	engine->used = calloc(slots, sizeof(*engine->used));
	engine->checked = calloc(slots, sizeof(*engine->checked));
	engine->items = calloc(slots, sizeof(*engine->items));
	engine->checkers = calloc(slots, sizeof(*engine->checkers));
	engine->changes = calloc(slots, sizeof(*engine->changes));
	engine->services = calloc(slots, sizeof(*engine->services));
	engine->inputs = calloc(slots, sizeof(*engine->inputs));
	engine->breakers = calloc(1, breakers_size(engine->slots));
	engine->decisions.capacity = BREAKER_DECISIONS_MAX(slots);
	engine->decisions.items = calloc(engine->decisions.capacity,
					 sizeof(*engine->decisions.items));
	if (!engine->rests || !engine->used || !engine->checked || !engine->items ||
	    !engine->checkers || !engine->changes || !engine->services || !engine->inputs ||
	    !engine->breakers || !engine->decisions.items)
		return -ENOMEM;
	return 0;
}

int engine_new(uint32_t slots, uint64_t seed, struct engine **ret_engine)
{
	struct engine *engine;

	if (slots <= SHUNT_SLOT_FIRST || slots > SHUNT_SLOTS_MAX)
		return -EINVAL;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	engine->slots = slots;
	if (allocate(engine) < 0) {
		engine_free(engine);
		return -ENOMEM;
	}
	health_limits_default(&engine->limits, 0);
	breaker_limits_default(&engine->rules.limits);
	engine->rules.guards = &engine->guards;
	engine->rules.services = engine->services;
	engine->breakers->seed = seed;
	engine->breakers->count = slots;
	*ret_engine = engine;
	return 0;
}

static void free_endpoints(struct config_endpoints *endpoints)
{
	free(endpoints->items);
	*endpoints = (struct config_endpoints){0};
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	for (uint32_t slot = 0; engine->items && slot < engine->slots; slot++) {
		if (!engine->used || !engine->used[slot])
			continue;
		free_endpoints(&engine->items[slot].endpoints);
		free_endpoints(&engine->items[slot].check.probers);
	}
	free_endpoints(&engine->guards.protect);
	free(engine->rests);
	free(engine->used);
	free(engine->checked);
	free(engine->items);
	free(engine->checkers);
	free(engine->changes);
	free(engine->services);
	free(engine->inputs);
	free(engine->breakers);
	free(engine->decisions.items);
	free(engine);
}

/* ---- configuration ---- */

static int copy_endpoints(const struct config_endpoints *from, struct config_endpoints *ret_to)
{
	struct config_endpoint *items = NULL;

	if (from->count) {
		items = calloc(from->count, sizeof(*items));
		if (!items)
			return -ENOMEM;
		memcpy(items, from->items, from->count * sizeof(*items));
	}
	*ret_to = (struct config_endpoints){.items = items, .count = from->count};
	return 0;
}

int engine_configure(struct engine *engine, const struct config_guards *guards)
{
	struct config_endpoints protect;

	if (copy_endpoints(&guards->protect, &protect) < 0)
		return -ENOMEM;
	free_endpoints(&engine->guards.protect);
	engine->guards = *guards;
	engine->guards.protect = protect;
	if (engine->ear.configured)
		engine->ear.configured(engine->ear.userdata, guards);
	return 0;
}

static bool same_settings(const struct model_settings *a, const struct model_settings *b)
{
	return a->kind == b->kind && a->interval == b->interval && a->timeout == b->timeout &&
	       a->retry_interval == b->retry_interval && a->fall == b->fall && a->rise == b->rise &&
	       a->interval_given == b->interval_given;
}

static void forget_probers(struct engine *engine, uint32_t slot)
{
	if (!engine->checked[slot])
		return;
	memset(&engine->checkers[slot], 0, sizeof(engine->checkers[slot]));
	engine->checked[slot] = false;
	set_add(engine->told, slot);
}

/* Probers that are known are judged by settings; with others, all begins anew. */
static void compare_checks(struct engine *engine, uint32_t slot,
			   const struct config_health_check *check)
{
	struct model_settings settings;

	model_settings_of(check, &settings);
	if (engine->checked[slot] &&
	    !same_settings(&settings, &engine->checkers[slot].probers.settings))
		forget_probers(engine, slot);
}

static void begin(struct engine *engine, uint32_t slot, const struct engine_service *service)
{
	struct engine_slot *item = &engine->items[slot];

	if (engine->used[slot]) {
		if (item->role == service->role && !strcmp(item->name, service->name))
			return;
		engine_release(engine, slot);
	}
	strncpy(item->name, service->name, sizeof(item->name) - 1);
	item->role = service->role;
	engine->used[slot] = true;
}

static bool same_endpoint(const struct config_endpoint *a, const struct config_endpoint *b)
{
	return !memcmp(a->addr, b->addr, sizeof(a->addr)) && a->bits == b->bits &&
	       a->port == b->port;
}

static bool same_endpoints(const struct config_endpoints *a, const struct config_endpoints *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_endpoint(&a->items[i], &b->items[i]);
	return same;
}

static bool same_slow(const struct config_slow *a, const struct config_slow *b)
{
	return a->signal == b->signal && a->over == b->over && a->rate == b->rate &&
	       a->hold == b->hold;
}

static bool same_breaker(const struct config_breaker *a, const struct config_breaker *b)
{
	return a->mode == b->mode && a->window == b->window &&
	       a->min_connections == b->min_connections && a->failure_rate == b->failure_rate &&
	       same_slow(&a->slow, &b->slow) &&
	       a->consecutive_failures == b->consecutive_failures &&
	       a->on_flapping == b->on_flapping && a->action == b->action &&
	       same_endpoint(&a->redirect_to, &b->redirect_to) && a->probes == b->probes &&
	       a->open_for == b->open_for && a->open_for_max == b->open_for_max &&
	       a->half_open_share == b->half_open_share &&
	       a->half_open_connections == b->half_open_connections;
}

static bool is_as_it_was(const struct engine *engine, uint32_t slot,
			 const struct engine_service *service)
{
	const struct engine_slot *item = &engine->items[slot];
	const struct config_health_check *was = &item->check, *is = service->check;

	return engine->used[slot] && item->role == service->role &&
	       !strcmp(item->name, service->name) &&
	       same_endpoints(&item->endpoints, service->endpoints) && was->model == is->model &&
	       was->interval == is->interval && was->timeout == is->timeout &&
	       was->fall == is->fall && was->rise == is->rise &&
	       same_endpoints(&was->probers, &is->probers) &&
	       same_breaker(&item->breaker, service->breaker);
}

int engine_assign(struct engine *engine, uint32_t slot, const struct engine_service *service)
{
	struct config_endpoints endpoints, probers;
	struct engine_slot *item;

	if (slot < SHUNT_SLOT_FIRST || slot >= engine->slots)
		return -ERANGE;
	if (is_as_it_was(engine, slot, service))
		return 0;
	if (copy_endpoints(service->endpoints, &endpoints) < 0)
		return -ENOMEM;
	if (copy_endpoints(&service->check->probers, &probers) < 0) {
		free_endpoints(&endpoints);
		return -ENOMEM;
	}
	begin(engine, slot, service);
	compare_checks(engine, slot, service->check);

	item = &engine->items[slot];
	free_endpoints(&item->endpoints);
	free_endpoints(&item->check.probers);
	item->endpoints = endpoints;
	item->check = *service->check;
	item->check.probers = probers;
	item->breaker = *service->breaker;
	/* It is judged by what is new of it at once. */
	engine->rests[slot] = 0;
	engine->services[slot] = (struct breaker_service){
		.name = item->name,
		.endpoints = &item->endpoints,
		.breaker = &item->breaker,
		.role = item->role,
	};
	if (engine->ear.assigned)
		engine->ear.assigned(engine->ear.userdata, slot, service);
	return 1;
}

enum health_state engine_release(struct engine *engine, uint32_t slot)
{
	struct engine_slot *item;
	enum health_state was;

	if (!engine_has(engine, slot))
		return HEALTH_HEALTHY;
	item = &engine->items[slot];
	was = item->verdict.state;
	forget_probers(engine, slot);
	free_endpoints(&item->endpoints);
	free_endpoints(&item->check.probers);
	memset(item, 0, sizeof(*item));
	memset(&engine->breakers->items[slot], 0, sizeof(engine->breakers->items[slot]));
	breaker_settle(engine->breakers, slot);
	memset(&engine->inputs[slot], 0, sizeof(engine->inputs[slot]));
	memset(&engine->services[slot], 0, sizeof(engine->services[slot]));
	engine->rests[slot] = 0;
	engine->used[slot] = false;
	if (engine->ear.released)
		engine->ear.released(engine->ear.userdata, slot);
	return was;
}

const char *engine_name(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) ? engine->items[slot].name : "";
}

enum shunt_role engine_role(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) ? engine->items[slot].role : SHUNT_ROLE_SERVER;
}

/* ---- who checks ---- */

/* A dependency's checks go elsewhere. */
static bool is_watched(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) && engine->items[slot].role == SHUNT_ROLE_SERVER;
}

/* Most sources are no probers: what is begun for them ends at once. */
unsigned engine_learn(struct engine *engine, const struct shunt_source *source, uint64_t now)
{
	const struct config_health_check *check;
	struct engine_checker *checker;
	unsigned found;

	if (!is_watched(engine, source->slot))
		return 0;
	check = &engine->items[source->slot].check;
	checker = &engine->checkers[source->slot];
	if (engine->checked[source->slot]) {
		found = probers_learn(&checker->probers, check, source, now);
	} else {
		probers_start(&engine->scratch, check);
		found = probers_learn(&engine->scratch, check, source, now);
		if (found)
			checker->probers = engine->scratch;
	}
	if (!found)
		return 0;
	engine->checked[source->slot] = true;
	set_add(engine->told, source->slot);
	if (engine->ear.learnt)
		engine->ear.learnt(engine->ear.userdata, source, now);
	return found;
}

static void keep(struct engine_checker *checker, const struct check *checks, unsigned count)
{
	for (unsigned i = 0; i < count && checker->checks_count < ENGINE_CHECKS; i++)
		checker->checks[checker->checks_count++] = checks[i];
}

unsigned engine_hear(struct engine *engine, const struct shunt_probe *probe)
{
	struct check checks[PROBERS_EVENT_CHECKS];
	struct engine_checker *checker;
	uint64_t changes;
	unsigned count;

	if (probe->slot >= engine->slots || !engine->checked[probe->slot] ||
	    probe->outcome >= SHUNT_PROBE_MAX)
		return 0;
	checker = &engine->checkers[probe->slot];
	changes = checker->probers.changes;
	count = probers_event(&checker->probers, probe, checks);
	keep(checker, checks, count);
	if (checker->probers.changes != changes)
		set_add(engine->told, probe->slot);
	/* One that fits no prober is remembered, too. */
	if (engine->ear.heard)
		engine->ear.heard(engine->ear.userdata, probe);
	return count;
}

const struct probers *engine_probers(const struct engine *engine, uint32_t slot)
{
	return slot < engine->slots && engine->checked[slot] ? &engine->checkers[slot].probers
							     : NULL;
}

enum config_model engine_balancer(const struct engine *engine, uint32_t slot)
{
	const struct probers *probers = engine_probers(engine, slot);

	/* What all that check have in common is nobody's name. */
	if (!probers || probers->settings.kind == CONFIG_MODEL_CONSECUTIVE)
		return CONFIG_MODEL_NONE;
	return probers->settings.kind;
}

bool engine_next_checked(struct engine *engine, uint32_t *ret_slot)
{
	for (uint32_t w = 0; w * 64 < engine->slots; w++) {
		uint64_t *set = &engine->told[w];

		if (!*set)
			continue;
		*ret_slot = w * 64 + (uint32_t)__builtin_ctzll(*set);
		*set &= *set - 1;
		return true;
	}
	return false;
}
