/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/breaker.h"

#include <string.h>

#include "engine/breaker_parts.h"

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_HOUR (3600 * NSEC_PER_SEC)

void breaker_limits_default(struct breaker_limits *ret_limits)
{
	memset(ret_limits, 0, sizeof(*ret_limits));
	ret_limits->awareness = (struct awareness_limits){
		.late = 200 * NSEC_PER_MSEC,
		.highest = 7,
		.calm = NSEC_PER_SEC,
	};
	ret_limits->failures = 5;
	ret_limits->ticks = 3;
	ret_limits->velocity = 3;
	ret_limits->share = 0.02;
	ret_limits->panic = 0.5;
	ret_limits->repeat = 60 * NSEC_PER_SEC;
	ret_limits->trip_for = 300 * NSEC_PER_SEC;
	ret_limits->mode_for = NSEC_PER_HOUR;
	ret_limits->order_longest = 24 * NSEC_PER_HOUR;
}

size_t breakers_size(uint32_t services)
{
	return sizeof(struct breakers) + services * sizeof(struct breaker);
}

/* ---- one round ---- */

void breaker_begin(struct breaker_round *round, struct breakers *breakers,
		   const struct breaker_rules *rules, struct breaker_decisions *decisions,
		   uint64_t now)
{
	round->breakers = breakers;
	round->rules = rules;
	round->decisions = decisions;
	round->inputs = NULL;
	round->now = now;
	round->guards_limits = (struct guards_limits){
		.max_open = rules->guards->max_open,
		.velocity = rules->limits.velocity,
		.max_open_share = rules->guards->max_open_share,
		.panic = rules->limits.panic,
	};
}

static bool is_down(const struct breaker_round *round, uint32_t i)
{
	return round->inputs && round->inputs[i].health >= HEALTH_FAILING;
}

static bool is_usable(const struct breaker_round *round, uint32_t i)
{
	return round->breakers->items[i].state == BREAKER_CLOSED && !is_down(round, i);
}

/* Adds service `i` to the census, or takes it out again. */
static void take_count(struct breaker_round *round, uint32_t i, bool in)
{
	const struct breaker *breaker = &round->breakers->items[i];
	struct breaker_census *census = &round->census;
	enum shunt_role role = round->rules->services[i].role;
	uint32_t one = in ? 1 : UINT32_MAX;

	if (breaker->state != BREAKER_CLOSED)
		census->open += one;
	if (breaker->state != BREAKER_CLOSED && !breaker->by_hand)
		census->open_by_rule += one;
	if (is_usable(round, i))
		census->usable[role] += one;
	census->services += one;
	census->kind[role] += one;
}

void breaker_count(struct breaker_round *round)
{
	round->census = (struct breaker_census){0};
	for (uint32_t i = 0; i < round->breakers->count; i++)
		if (breaker_exists(round->rules, i))
			take_count(round, i, true);
}

static bool is_awake(const struct breaker *breaker)
{
	const uint64_t *sums = breaker->evidence.sums;
	uint64_t held = sums[EVIDENCE_FAILURES] | sums[EVIDENCE_RUN] | sums[EVIDENCE_SLOW];

	return breaker->state != BREAKER_CLOSED || breaker->order.order || breaker->mode.order ||
	       breaker->slow_since || held;
}

void breaker_settle(struct breakers *breakers, uint32_t i)
{
	uint64_t bit = 1ULL << (i % 64);

	if (is_awake(&breakers->items[i]))
		breakers->awake[i / 64] |= bit;
	else
		breakers->awake[i / 64] &= ~bit;
}

struct guards_case breaker_case(const struct breaker_round *round, uint32_t i, uint32_t open)
{
	const struct breaker_service *service = &round->rules->services[i];
	const struct breakers *breakers = round->breakers;
	const struct breaker_census *census = &round->census;
	struct guards_case about;

	memset(&about, 0, sizeof(about));
	about.services = census->services;
	about.open = open;
	about.kind = census->kind[service->role];
	about.kind_usable = census->usable[service->role] - is_usable(round, i);
	about.trips = guards_trips_lately(&breakers->trips, round->now) + 1;
	about.stretch = awareness_stretch(&breakers->awareness);
	about.protected = guards_protect(&round->rules->guards->protect, service->endpoints);
	about.ordered = breakers->items[i].order.order == BREAKER_RESET;
	return about;
}

struct breaker_decision breaker_draft(const struct breaker_round *round, uint32_t i,
				      enum breaker_what what, enum breaker_reason reason)
{
	struct breaker_decision draft;

	memset(&draft, 0, sizeof(draft));
	draft.now = round->now;
	draft.service = i;
	draft.what = what;
	draft.reason = reason;
	draft.guards_limits = round->guards_limits;
	if (i == BREAKER_ALL)
		return draft;
	draft.from = round->breakers->items[i].state;
	draft.to = draft.from;
	draft.backoff = round->breakers->items[i].backoff;
	return draft;
}

void breaker_tell(struct breaker_round *round, struct breaker_decision *draft)
{
	struct breaker_decisions *decisions = round->decisions;

	draft->number = ++round->breakers->decisions;
	if (decisions->count < decisions->capacity)
		decisions->items[decisions->count++] = *draft;
	else
		decisions->untold++;
}

static void enter_open(struct breaker_round *round, uint32_t i)
{
	const struct breaker_service *service = &round->rules->services[i];
	struct breaker *breaker = &round->breakers->items[i];

	if (breaker->order.order == BREAKER_TRIP) {
		breaker->until = breaker->order.until;
		return;
	}
	breaker->action = 0;
	breaker->until = round->now + breaker_open_for(breaker, service->breaker, service->name,
						       round->breakers->seed);
	breaker->openings++;
}

static void enter_half_open(struct breaker *breaker)
{
	breaker->trials_passed = 0;
	breaker->trials_failed = 0;
	breaker->trials_slow = 0;
}

/* As it was before it ever tripped, so that a second time is like the first (envoy#40697). */
static void enter_closed(struct breaker *breaker)
{
	evidence_forget(&breaker->evidence);
	memset(breaker->told, 0, sizeof(breaker->told));
	breaker->slow_since = 0;
	breaker->backoff = 0;
	breaker->lease = 0;
	breaker->action = 0;
}

void breaker_move(struct breaker_round *round, uint32_t i, enum breaker_state to,
		  struct breaker_decision *draft)
{
	struct breaker *breaker = &round->breakers->items[i];

	take_count(round, i, false);
	breaker->state = to;
	breaker->by_hand = breaker->order.order == BREAKER_TRIP;
	breaker->since = round->now;
	breaker->reason = draft->reason;
	breaker->until = 0;
	breaker->transitions[to]++;
	if (to == BREAKER_CLOSED)
		enter_closed(breaker);
	else
		breaker->lease = round->now + round->rules->guards->lease;
	if (to == BREAKER_OPEN)
		enter_open(round, i);
	else if (to == BREAKER_HALF_OPEN)
		enter_half_open(breaker);
	take_count(round, i, true);
	draft->to = to;
	draft->until = breaker->until;
	draft->backoff = breaker->backoff;
	breaker_tell(round, draft);
}

/* ---- the mode ---- */

static enum config_mode calm(const struct breakers *breakers, enum config_mode mode)
{
	if (breakers->mode.order && breakers->mode.mode < mode)
		return (enum config_mode)breakers->mode.mode;
	return mode;
}

enum config_mode breaker_mode(const struct breakers *breakers, const struct breaker_rules *rules,
			      uint32_t i)
{
	const struct breaker *breaker = &breakers->items[i];
	enum config_mode mode = rules->services[i].breaker->mode;

	if (breaker->mode.order)
		mode = (enum config_mode)breaker->mode.mode;
	/* Who trips it by hand means it. */
	if (breaker->order.order == BREAKER_TRIP)
		mode = CONFIG_MODE_ENFORCE;
	return calm(breakers, mode);
}

/* ---- the verdict ---- */

static enum breaker_verdict_kind kind_of(const struct breaker *breaker,
					 const struct config_breaker *config)
{
	static const enum breaker_verdict_kind kinds[] = {
		[CONFIG_ACTION_DROP] = BREAKER_DROP,
		[CONFIG_ACTION_REJECT] = BREAKER_REJECT,
		[CONFIG_ACTION_REDIRECT] = BREAKER_REDIRECT,
		[CONFIG_ACTION_DRAIN] = BREAKER_DRAIN,
	};

	if (breaker->state == BREAKER_CLOSED)
		return BREAKER_PASS;
	/* Also half-open, when the order is over: who was drained is not to be rejected. */
	return kinds[breaker->action ? breaker->action - 1 : (uint32_t)config->action];
}

/* A load balancer that is to see it well again must see several checks in a row pass. */
static double share_of(const struct breaker *breaker, const struct config_breaker *config,
		       enum breaker_verdict_kind kind)
{
	if (breaker->state == BREAKER_CLOSED)
		return 1;
	if (breaker->state == BREAKER_OPEN)
		return 0;
	return kind == BREAKER_DRAIN ? 1 : config->half_open_share;
}

struct breaker_verdict breaker_verdict(const struct breakers *breakers,
				       const struct breaker_rules *rules, uint32_t service)
{
	const struct breaker *breaker = &breakers->items[service];
	const struct config_breaker *config = rules->services[service].breaker;
	struct breaker_verdict verdict;

	memset(&verdict, 0, sizeof(verdict));
	verdict.kind = kind_of(breaker, config);
	verdict.share = share_of(breaker, config, verdict.kind);
	verdict.lease = breaker->lease;
	verdict.state = breaker->state;
	verdict.mode = breaker_mode(breakers, rules, service);
	verdict.enforced = verdict.mode == CONFIG_MODE_ENFORCE;
	verdict.probes_pass = verdict.kind == BREAKER_PASS ||
			      (verdict.kind != BREAKER_DRAIN &&
			       config->probes == CONFIG_PROBES_EXEMPT);
	return verdict;
}
