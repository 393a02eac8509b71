/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/whatif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "engine/fault.h"

#define FOUND (-ECANCELED)
#define NONE  SIZE_MAX

struct state {
	const struct replay_span *span;
	const struct config *config;
	struct whatif_result *result;
	struct player player;
	size_t open[SHUNT_SLOTS_MAX]; /* by slot: its trip that is not over; NONE */
};

/* ---- the other configuration ---- */

static const struct config_service *find(const struct config *config,
					 const struct engine_service *service)
{
	for (size_t i = 0; i < config->services_count; i++) {
		if (config->services[i].role == service->role &&
		    !strcmp(config->services[i].name, service->name))
			return &config->services[i];
	}
	return NULL;
}

/* Which connections are whose is as it was; how they are judged is as it would be. */
static void reconfigure(struct state *state, struct tape_event *event)
{
	static const struct config_health_check no_check;
	const struct config_service *other;

	if (event->tag == TAPE_CONFIGURED) {
		event->guards = state->config->guards;
		return;
	}
	other = find(state->config, &event->service);
	event->service.check = other ? &other->health_check : &no_check;
	event->service.breaker = other ? &other->breaker : &config_breaker_defaults;
	if (other)
		event->service.endpoints = &other->endpoints;
}

/* ---- trials ---- */

static uint64_t failures_of(enum shunt_role role, const struct health_traffic *traffic)
{
	return fault_handshakes(role, traffic->handshakes) + fault_closes(role, traffic->closes);
}

/* Those that ended, well or badly; as evidence counts them. */
static uint64_t ended(enum shunt_role role, const struct health_traffic *traffic)
{
	uint64_t count = fault_handshakes(role, traffic->handshakes);

	for (int i = 0; i < SHUNT_CLOSE_MAX; i++)
		count += traffic->closes[i];
	return count;
}

static void try_out(const struct engine *engine, struct engine_sample *sample)
{
	const struct breaker *breaker = engine_breaker(engine, sample->slot);
	enum shunt_role role = engine_role(engine, sample->slot);
	uint64_t failures = failures_of(role, &sample->traffic);
	uint64_t all = ended(role, &sample->traffic);

	if (!breaker || breaker->state != BREAKER_HALF_OPEN)
		return;
	sample->trials_failed = failures;
	sample->trials_passed = all > failures ? all - failures : 0;
	sample->trials_slow = sample->slow;
}

/* ---- whom it would have met ---- */

static void meet(struct state *state, const struct engine_sample *sample)
{
	const struct engine *engine = state->player.engine;
	const struct breaker_verdict verdict = engine_verdict(engine, sample->slot);
	enum shunt_role role = engine_role(engine, sample->slot);
	size_t open = state->open[sample->slot];
	uint64_t failures, all;
	double share;

	if (open == NONE || verdict.kind == BREAKER_PASS || verdict.kind == BREAKER_DRAIN)
		return;
	failures = failures_of(role, &sample->traffic);
	all = sample->traffic.handshakes[SHUNT_HANDSHAKE_OK] +
	      fault_handshakes(role, sample->traffic.handshakes);
	if (all < failures)
		all = failures;
	share = 1 - verdict.share;
	state->result->trips[open].spared += (uint64_t)(share * (double)failures + 0.5);
	state->result->trips[open].refused += (uint64_t)(share * (double)(all - failures) + 0.5);
}

static int before(void *userdata, struct player *player, struct tape_event *event)
{
	struct state *state = userdata;
	struct engine_sample *samples;

	if (event->tag == TAPE_CONFIGURED || event->tag == TAPE_ASSIGNED)
		reconfigure(state, event);
	if (event->tag == TAPE_RELEASED)
		state->open[event->slot] = NONE;
	if (event->tag != TAPE_TICKED)
		return 1;
	/* The tape's own, and of this event alone. */
	samples = player->reader.samples;
	for (uint32_t i = 0; i < event->tick.samples_count; i++) {
		meet(state, &samples[i]);
		try_out(player->engine, &samples[i]);
	}
	return 1;
}

/* ---- trips ---- */

static struct whatif_trip *add_trip(struct whatif_result *result)
{
	struct whatif_trip *trips;

	/* Room for twice as many, whenever their number is a power of two. */
	if (!(result->count & (result->count - 1))) {
		size_t capacity = result->count ? 2 * result->count : 1;

		trips = reallocarray(result->trips, capacity, sizeof(*trips));
		if (!trips)
			return NULL;
		result->trips = trips;
	}
	memset(&result->trips[result->count], 0, sizeof(*trips));
	return &result->trips[result->count++];
}

static bool is_trip(const struct breaker_decision *decision)
{
	return decision->what == BREAKER_MOVED && decision->from == BREAKER_CLOSED &&
	       decision->to == BREAKER_OPEN;
}

static int note_trip(struct state *state, const struct breaker_decision *decision,
		     enum whatif_kind kind)
{
	uint64_t wall = player_wall(&state->player, decision->now);
	const char *name = engine_name(state->player.engine, decision->service);
	struct whatif_trip *trip;

	if (wall < state->span->from)
		return 0;
	trip = add_trip(state->result);
	if (!trip)
		return -ENOMEM;
	trip->kind = kind;
	trip->at = wall;
	snprintf(trip->name, sizeof(trip->name), "%s", name);
	breaker_explain(decision, name, trip->why, sizeof(trip->why));
	if (kind == WHATIF_ONLY_OTHER)
		state->open[decision->service] = (size_t)(trip - state->result->trips);
	return 0;
}

/* What the engine decided now, with the other configuration. */
static int note_own(struct state *state)
{
	const struct engine_outcome outcome = engine_outcome(state->player.engine);
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < outcome.decisions_count; i++) {
		const struct breaker_decision *decision = &outcome.decisions[i];

		if (is_trip(decision)) {
			r = note_trip(state, decision, WHATIF_ONLY_OTHER);
		} else if (decision->what == BREAKER_MOVED && decision->to == BREAKER_CLOSED &&
			   state->open[decision->service] != NONE) {
			state->result->trips[state->open[decision->service]].until = player_wall(
				&state->player, decision->now);
			state->open[decision->service] = NONE;
		}
	}
	return r;
}

static int note_recorded(struct state *state, const struct tape_event *event)
{
	struct tape_outcome outcome = tape_outcome(event->outcome, event->outcome_size);
	struct breaker_decision decision;
	struct tape_change change;
	int r = 0;

	while (tape_next_change(&outcome, &change))
		;
	while (r >= 0 && tape_next_decision(&outcome, &decision)) {
		if (is_trip(&decision))
			r = note_trip(state, &decision, WHATIF_ONLY_RECORDED);
	}
	return r;
}

static int after(void *userdata, struct player *player, const struct tape_event *event, int result)
{
	struct state *state = userdata;
	int r = 0;

	(void)player;
	(void)result;
	if (event->tag != TAPE_TICKED && event->tag != TAPE_COMMANDED)
		return 0;
	if (event->outcome_size)
		r = note_recorded(state, event);
	return r < 0 ? r : note_own(state);
}

static int begun(void *userdata, struct player *player, const struct keyframe *keyframe)
{
	struct state *state = userdata;

	if (player->counts.engines == 1)
		state->result->recorded_hash = keyframe->config_hash;
	for (uint32_t slot = 0; slot < SHUNT_SLOTS_MAX; slot++)
		state->open[slot] = NONE;
	return 0;
}

/* ---- pairs ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool is_pair(const struct whatif_trip *a, const struct whatif_trip *b)
{
	return a->kind == WHATIF_ONLY_OTHER && b->kind == WHATIF_ONLY_RECORDED &&
	       distance(a->at, b->at) <= WHATIF_NEAR && !strcmp(a->name, b->name);
}

/* Joins a trip with the recorded one that it stands for, which then goes. */
static void join(struct whatif_result *result, size_t i)
{
	struct whatif_trip *trip = &result->trips[i];

	for (size_t k = 0; k < result->count; k++) {
		struct whatif_trip *other = &result->trips[k];

		if (!is_pair(trip, other))
			continue;
		trip->kind = WHATIF_BOTH;
		trip->recorded_at = other->at;
		memmove(other, other + 1, (result->count - k - 1) * sizeof(*other));
		result->count--;
		return;
	}
}

static void conclude(struct whatif_result *result)
{
	/* Backwards, for what goes lies mostly behind. */
	for (size_t i = result->count; i-- > 0;) {
		if (i < result->count)
			join(result, i);
	}
	for (size_t i = 0; i < result->count; i++) {
		result->refused += result->trips[i].refused;
		result->spared += result->trips[i].spared;
	}
}

/* ---- all of it ---- */

static int take(void *userdata, const struct journal_record *record)
{
	struct state *state = userdata;

	if (record->wall > state->span->to)
		return FOUND;
	return player_take(&state->player, record);
}

int whatif(struct journal *journal, const struct replay_span *span, const struct config *config,
	   struct whatif_result *ret_result)
{
	struct state *state = calloc(1, sizeof(*state));
	const struct player_listener listener = {
		.begun = begun, .before = before, .after = after, .userdata = state};
	int r;

	memset(ret_result, 0, sizeof(*ret_result));
	if (!state)
		return -ENOMEM;
	state->span = span;
	state->config = config;
	state->result = ret_result;
	player_init(&state->player, &listener);
	r = journal_each(journal, replay_begin(journal, span->from), take, state,
			 &ret_result->damaged);
	ret_result->counts = state->player.counts;
	player_done(&state->player);
	conclude(ret_result);
	free(state);
	return r == FOUND ? 0 : r;
}

void whatif_done(struct whatif_result *result)
{
	free(result->trips);
	*result = (struct whatif_result){0};
}
