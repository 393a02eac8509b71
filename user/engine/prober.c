/* SPDX-License-Identifier: GPL-2.0 */
/* Probers come, are named, and are asked what they think. */
#include "engine/prober.h"

#include <stdio.h>
#include <string.h>

#include "engine/model_rules.h"
#include "engine/rhythm.h"
#include "shunt/address.h"

#define MSEC 1000000ULL

/* The newest checks by which the next ones are judged… */
#define RECENT 20
/* …together with so many of before, of which so few failed. */
#define PRIOR_CHECKS   2.0
#define PRIOR_FAILURES 0.1

uint64_t prober_tolerance(const struct prober *prober)
{
	uint64_t tolerance = prober->interval / 20 + 3 * prober->jitter + 5 * MSEC;

	return tolerance < prober->interval / 4 ? tolerance : prober->interval / 4;
}

void prober_expect(struct prober *prober, uint64_t start, uint64_t end)
{
	prober->last_start = start;
	prober->last_end = end;
	prober->due_begin = start + prober->interval;
	prober->due_end = end + prober->rest;
	if (prober->pace == PROBER_FROM_BEGIN)
		prober->due_end = prober->due_begin;
	else if (prober->pace == PROBER_FROM_END)
		prober->due_begin = prober->due_end;
}

void probers_start(struct probers *probers, const struct config_health_check *check)
{
	memset(probers, 0, sizeof(*probers));
	model_settings_of(check, &probers->settings);
}

/* ---- finding ---- */

static bool is_configured(const struct config_health_check *check, const uint8_t addr[16])
{
	for (size_t i = 0; i < check->probers.count; i++) {
		const struct config_endpoint *prefix = &check->probers.items[i];

		if (address_same_prefix(prefix->addr, addr, prefix->bits))
			return true;
	}
	return false;
}

static uint32_t ago(const struct shunt_source *source, unsigned arrivals)
{
	return source->times[(source->count - 1 - arrivals) % SHUNT_SOURCE_TIMES];
}

static bool agree(uint64_t a, uint64_t b)
{
	uint64_t distance = a > b ? a - b : b - a;

	return distance <= b / 10 + 5 * MSEC;
}

/* A configured address needs no proof by chance. */
static void trust(const struct model_settings *settings, const struct shunt_source *source,
		  struct rhythm *ret_rhythm)
{
	uint64_t gap, expected = settings->interval;

	if (source->count < 2)
		return;
	gap = RHYTHM_NS(ago(source, 0) - ago(source, 1));
	if (!settings->interval_given) {
		if (source->count < 3)
			return;
		expected = RHYTHM_NS(ago(source, 1) - ago(source, 2));
	}
	if (!agree(gap, expected) || gap < RHYTHM_INTERVAL_LEAST)
		return;
	ret_rhythm->count = 1;
	ret_rhythm->trains[0] = (struct rhythm_train){
		.interval = gap,
		.last = ago(source, 0),
		.arrivals = 2,
	};
}

static bool is_of(const struct prober *prober, const uint8_t addr[16])
{
	return prober->used && !memcmp(prober->addr, addr, sizeof(prober->addr));
}

/* Those of an address, or of a size too. */
static unsigned count_of(const struct probers *probers, const struct shunt_source *source,
			 bool any_size)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];

		count += is_of(prober, source->addr) && (any_size || prober->size == source->size);
	}
	return count;
}

/* The prober that these arrivals are of. */
static bool is_known(const struct probers *probers, const struct shunt_source *source,
		     const struct rhythm_train *train, uint64_t at)
{
	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];
		uint64_t distance;

		if (!is_of(prober, source->addr) || prober->size != source->size ||
		    !agree(train->interval, prober->interval))
			continue;
		distance = at > prober->last_start ? at - prober->last_start
						   : prober->last_start - at;
		distance %= prober->interval;
		if (distance > prober->interval / 2)
			distance = prober->interval - distance;
		if (distance <= 2 * prober_tolerance(prober))
			return true;
	}
	return false;
}

static uint32_t free_index(const struct probers *probers, const uint8_t addr[16])
{
	uint32_t index = 0;

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		if (is_of(&probers->probers[i], addr) && probers->probers[i].index == index) {
			index++;
			i = UINT32_MAX;
		}
	}
	return index;
}

static enum prober_pace pace_of(const struct model_settings *settings,
				const struct config_health_check *check)
{
	if (check->model == CONFIG_MODEL_NONE || check->model == CONFIG_MODEL_CONSECUTIVE)
		return PROBER_PACE_UNKNOWN;
	return model_rules[settings->kind].pace == MODEL_FROM_END ? PROBER_FROM_END
								  : PROBER_FROM_BEGIN;
}

static bool add(struct probers *probers, const struct config_health_check *check,
		const struct shunt_source *source, const struct rhythm_train *train, uint64_t at)
{
	struct prober *prober = probers->probers;

	while (prober < probers->probers + CHECKS_PROBERS && prober->used)
		prober++;
	if (prober == probers->probers + CHECKS_PROBERS)
		return false;
	*prober = (struct prober){
		.size = source->size,
		.index = free_index(probers, source->addr),
		.configured = is_configured(check, source->addr),
		.pace = (uint8_t)pace_of(&probers->settings, check),
		.seen = train->arrivals,
		.interval = train->interval,
		.rest = train->interval,
		.jitter = train->jitter / 2,
		.confidence = train->confidence,
	};
	memcpy(prober->addr, source->addr, sizeof(prober->addr));
	if (prober->configured)
		prober->confidence = 1;
	prober_expect(prober, at, at);
	model_start(&prober->model, &probers->settings, MODEL_JOINED, at);
	prober->used = true;
	probers->changes++;
	return true;
}

unsigned probers_learn(struct probers *probers, const struct config_health_check *check,
		       const struct shunt_source *source, uint64_t now)
{
	uint32_t now_units = (uint32_t)(now >> SHUNT_SOURCE_UNIT_LOG2);
	unsigned known = count_of(probers, source, false), added = 0;
	struct rhythm rhythm;

	if (check->probers.count && !is_configured(check, source->addr))
		return 0;
	rhythm_find(source, now_units, &rhythm);
	if (!rhythm.count && check->probers.count)
		trust(&probers->settings, source, &rhythm);
	/* Those that are known may have changed; their checks tell that better. */
	if (rhythm.count <= known)
		return 0;
	for (unsigned i = 0; i < rhythm.count; i++) {
		const struct rhythm_train *train = &rhythm.trains[i];
		int32_t past = (int32_t)(now_units - train->last);
		uint64_t at = past > 0 ? now - RHYTHM_NS(past) : now;

		if (!is_known(probers, source, train, at))
			added += add(probers, check, source, train, at);
	}
	return added;
}

/* ---- telling ---- */

bool probers_describe(const struct probers *probers, const uint8_t addr[16],
		      struct shunt_prober *ret_prober)
{
	struct shunt_prober description = {0};
	bool found = false;

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];
		unsigned k = 0;

		if (!is_of(prober, addr))
			continue;
		found = true;
		while (k < description.count && description.sizes[k] != prober->size)
			k++;
		if (k == description.count && k < SHUNT_PROBER_SIZES)
			description.sizes[description.count++] = prober->size;
	}
	if (found)
		*ret_prober = description;
	return found;
}

/* The share of a prober's next checks that are to be expected to fail, 0 to 1. */
static double failure_rate(const struct prober *prober)
{
	unsigned checks = prober->fresh < RECENT ? prober->fresh : RECENT;
	unsigned failed = (unsigned)__builtin_popcount(prober->recent & ((1U << checks) - 1));

	return (failed + PRIOR_FAILURES) / (checks + PRIOR_CHECKS);
}

static bool is_worse(const struct health_balancer *a, const struct health_balancer *b)
{
	if (a->checks_until_down != b->checks_until_down)
		return a->checks_until_down < b->checks_until_down;
	if ((a->state == LB_DOWN) != (b->state == LB_DOWN))
		return a->state == LB_DOWN;
	return a->outlook > b->outlook;
}

void probers_balancer(const struct probers *probers, uint64_t now,
		      struct health_balancer *ret_balancer)
{
	struct health_balancer worst = {0};

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];
		struct health_balancer balancer = {.known = true};

		if (!prober->used)
			continue;
		balancer.state = model_state(&prober->model, &probers->settings, now);
		balancer.checks_until_down = model_checks_until_down(&prober->model,
								     &probers->settings);
		balancer.outlook = model_outlook(&prober->model, &probers->settings,
						 failure_rate(prober));
		if (!worst.known || is_worse(&balancer, &worst))
			worst = balancer;
	}
	*ret_balancer = worst;
}

void prober_history(const struct prober *prober, char ret_history[PROBER_HISTORY + 1])
{
	uint32_t count = prober->fresh;

	for (uint32_t i = 0; i < count; i++)
		ret_history[i] = prober->recent >> (count - 1 - i) & 1 ? 'x' : '.';
	ret_history[count] = '\0';
}

void prober_name(const struct prober *prober, char ret_name[PROBER_NAME_MAX])
{
	char text[INET6_ADDRSTRLEN];

	address_format(prober->addr, text);
	if (prober->index)
		snprintf(ret_name, PROBER_NAME_MAX, "%s#%u", text, prober->index + 1);
	else
		snprintf(ret_name, PROBER_NAME_MAX, "%s", text);
}
