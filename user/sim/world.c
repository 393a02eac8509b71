/* SPDX-License-Identifier: GPL-2.0 */
/* Time goes by: events, and a tick each 100 ms. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"

/* As in the daemon: sources are looked at in so many ticks. */
#define LOOK_TICKS 4
#define TEXT_SIZE  512

/* ---- what happens is told ---- */

static void say(struct sim *sim, struct sim_note *note)
{
	note->at = sim->now - SIM_BEGIN;
	if (sim->note)
		sim->note(sim->userdata, note);
}

void sim_say(struct sim *sim, enum sim_note_kind kind, const char *name, const char *word,
	     const char *format, ...)
{
	char text[TEXT_SIZE];
	struct sim_note note = {.kind = kind, .name = name, .word = word, .text = text};
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(sim, &note);
}

void sim_harm(struct sim *sim)
{
	uint64_t at = sim->now - SIM_BEGIN;

	if (at >= sim->result->fault_at && sim->result->harm_at == SIM_NEVER)
		sim->result->harm_at = at;
}

/* ---- connections ---- */

static void add_block(struct sim *sim)
{
	struct conn_block *block = calloc(1, sizeof(*block));

	if (!block) {
		sim->failed = true;
		return;
	}
	block->next = sim->blocks;
	sim->blocks = block;
	for (unsigned i = 0; i < CONN_BLOCK; i++)
		list_append(&sim->free, &block->conns[i].place);
}

struct conn *conn_new(struct sim *sim, struct server *server)
{
	struct link *link;
	struct conn *conn;
	uint32_t serial;

	if (list_is_empty(&sim->free))
		add_block(sim);
	link = list_take(&sim->free);
	if (!link)
		return NULL;
	conn = LIST_OF(link, struct conn, place);
	serial = conn->serial + 1;
	*conn = (struct conn){.serial = serial, .server = server};
	list_init(&conn->asking);
	list_init(&conn->place);
	list_init(&conn->unanswered);
	return conn;
}

void conn_free(struct sim *sim, struct conn *conn)
{
	list_remove(&conn->asking);
	list_remove(&conn->unanswered);
	list_remove(&conn->place);
	conn->serial++;
	conn->state = CONN_FREE;
	/* The one used last is in the cache. */
	list_append(sim->free.next, &conn->place);
}

/* ---- what shunt concludes ---- */

static struct server *server_at(struct sim *sim, uint32_t slot)
{
	for (uint32_t i = 0; i < sim->scenario->services_count; i++)
		if (sim->servers[i].slot == slot)
			return &sim->servers[i];
	return NULL;
}

static void count_state(struct sim *sim, struct server *server)
{
	server->result->states[server->state] += sim->now - server->state_since;
	server->state_since = sim->now;
}

static void take_change(struct sim *sim, const struct engine_change *change)
{
	struct server *server = server_at(sim, change->slot);
	const struct health_verdict *verdict = engine_health(sim->engine, change->slot);
	char text[TEXT_SIZE];
	struct sim_note note = {.kind = SIM_NOTE_HEALTH, .text = text};

	if (!server)
		return;
	count_state(sim, server);
	server->state = (enum health_state)change->is;
	if (server->result->first[server->state] == SIM_NEVER)
		server->result->first[server->state] = sim->now - SIM_BEGIN;
	score_judge(sim, server);
	health_explain(verdict, NULL, text, sizeof(text));
	note.name = server->plan->name;
	note.word = health_state_name(server->state);
	note.reason = scenario_reason_names[verdict->reason];
	say(sim, &note);
	sim->result->disturbances += server->state != HEALTH_HEALTHY;
}

static void take_decision(struct sim *sim, const struct breaker_decision *decision)
{
	struct server *server = server_at(sim, decision->service);
	char text[TEXT_SIZE];
	struct sim_note note = {
		.kind = SIM_NOTE_BREAKER,
		.name = engine_name(sim->engine, decision->service),
		.word = decision->what == BREAKER_REFUSED
				? "refused"
				: breaker_state_name((enum breaker_state)decision->to),
		.reason = breaker_reason_name((enum breaker_reason)decision->reason),
		.text = text,
	};
	bool trip = decision->what == BREAKER_MOVED && decision->to == BREAKER_OPEN;

	sim->result->disturbances++;
	if (server) {
		server->result->trips += trip && decision->from == BREAKER_CLOSED;
		server->result->refused_trips += decision->what == BREAKER_REFUSED;
	}
	breaker_explain(decision, note.name, text, sizeof(text));
	say(sim, &note);
}

/* ---- what was expected ---- */

static bool is_as_expected(const struct sim *sim, const struct scenario_expect *expect,
			   const struct engine_outcome *outcome)
{
	uint32_t slot = sim->servers[expect->service].slot;
	const struct health_verdict *verdict = engine_health(sim->engine, slot);

	if (expect->has_state)
		return verdict && verdict->state == expect->state &&
		       (!expect->has_reason || verdict->reason == expect->reason);
	for (uint32_t i = 0; i < outcome->decisions_count; i++)
		if (outcome->decisions[i].service == slot &&
		    outcome->decisions[i].reason == expect->trigger)
			return true;
	return false;
}

/* What is to come is looked for from the first fault on. */
static void compare(struct sim *sim, const struct engine_outcome *outcome)
{
	uint64_t at = sim->now - SIM_BEGIN;

	if (at < sim->result->fault_at)
		return;
	for (uint32_t i = 0; i < sim->scenario->expects_count; i++) {
		struct sim_expect_result *result = &sim->result->expects[i];

		if (result->at == SIM_NEVER &&
		    is_as_expected(sim, &sim->scenario->expects[i], outcome))
			result->at = at;
	}
}

/* Nothing else for the whole run. */
static bool was_healthy(const struct sim_service_result *result)
{
	for (unsigned state = HEALTH_HEALTHY + 1; state < HEALTH_MAX; state++)
		if (result->first[state] != SIM_NEVER)
			return false;
	return true;
}

static void conclude(struct sim *sim)
{
	const struct scenario *scenario = sim->scenario;
	struct sim_result *result = sim->result;

	result->met = !scenario->quiet || !result->disturbances;
	for (uint32_t i = 0; i < scenario->services_count; i++)
		count_state(sim, &sim->servers[i]);
	lb_finish(sim);
	for (uint32_t i = 0; i < scenario->expects_count; i++) {
		const struct scenario_expect *expect = &scenario->expects[i];
		struct sim_expect_result *expected = &result->expects[i];
		uint64_t from = expect->from_harm ? result->harm_at : result->fault_at;

		if (expected->at != SIM_NEVER && from != SIM_NEVER)
			expected->after = expected->at > from ? expected->at - from : 0;
		expected->met = expected->after != SIM_NEVER &&
				(!expect->within || expected->after <= expect->within);
		if (expect->has_state && expect->state == HEALTH_HEALTHY)
			expected->met = was_healthy(&result->services[expect->service]);
		result->met &= expected->met;
	}
}

/* ---- a tick ---- */

static bool has_news(const struct server *server)
{
	const uint64_t *counts = (const uint64_t *)&server->sample.traffic;

	if (server->sample.seen || server->sample.open != server->open_told || server->sample.drops)
		return true;
	for (size_t i = 0; i < sizeof(server->sample.traffic) / sizeof(*counts); i++)
		if (counts[i])
			return true;
	return false;
}

/* By slot, as the engine wants them. */
static uint32_t gather(struct sim *sim, bool looked, struct engine_sample *samples)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < sim->scenario->config->services_count; slot++) {
		struct server *server = server_at(sim, SHUNT_SLOT_FIRST + slot);

		if (!server)
			continue;
		if (looked && engine_wants_look_at(sim->engine, server->slot))
			server_look(server, sim->now, &server->sample);
		if (!has_news(server))
			continue;
		count_trials(server);
		server->sample.slot = server->slot;
		server->open_told = server->sample.open;
		samples[count++] = server->sample;
		server->sample = (struct engine_sample){.open = server->sample.open};
	}
	return count;
}

static void tick(struct sim *sim)
{
	struct engine_sample samples[SCENARIO_SERVICES];
	struct engine_tick given = {
		.now = sim->now,
		.late = sim->late,
		.lost = sim->losing,
		.samples = samples,
		.looked = engine_wants_look(sim->engine, sim->now),
	};
	struct engine_outcome outcome;

	if (sim->ticks++ % LOOK_TICKS == 0)
		lbs_look(sim);
	given.samples_count = gather(sim, given.looked, samples);
	engine_tick(sim->engine, &given);
	lbs_tell(sim);
	outcome = engine_outcome(sim->engine);
	for (uint32_t i = 0; i < outcome.changes_count; i++)
		take_change(sim, &outcome.changes[i]);
	for (uint32_t i = 0; i < outcome.decisions_count; i++)
		take_decision(sim, &outcome.decisions[i]);
	for (uint32_t i = 0; i < sim->scenario->services_count; i++)
		sim->servers[i].verdict = engine_verdict(sim->engine, sim->servers[i].slot);
	compare(sim, &outcome);
}

static void run_until(struct sim *sim, uint64_t until)
{
	struct sim_event event;

	while (events_take(&sim->events, until, &event)) {
		sim->now = event.at;
		event.run(sim, event.what, event.serial);
	}
	sim->now = until;
}

/* The next tick is due a period after this one was, and a late one is made up for by none. */
static void run(struct sim *sim)
{
	uint64_t due = SIM_BEGIN + SIM_TICK, at = due;

	while (at <= sim->end && !sim->failed && !sim->events.failed) {
		run_until(sim, at);
		tick(sim);
		due += SIM_TICK;
		if (due < at)
			due = at;
		at = due + sim->late;
	}
}

static void init_result(struct sim_result *result)
{
	memset(result, 0, sizeof(*result));
	result->fault_at = SIM_NEVER;
	result->harm_at = SIM_NEVER;
	for (unsigned i = 0; i < SCENARIO_EXPECTS; i++)
		result->expects[i] = (struct sim_expect_result){.at = SIM_NEVER,
								.after = SIM_NEVER};
}

static void finish(struct sim *sim)
{
	while (sim->blocks) {
		struct conn_block *block = sim->blocks;

		sim->blocks = block->next;
		free(block);
	}
	events_done(&sim->events);
	engine_free(sim->engine);
	free(sim);
}

int sim_run(const struct scenario *scenario, uint64_t seed, sim_note_fn note, void *userdata,
	    struct sim_result *ret_result)
{
	struct sim_result result;
	struct sim *sim = calloc(1, sizeof(*sim));
	int r;

	if (!sim)
		return -ENOMEM;
	init_result(&result);
	sim->scenario = scenario;
	sim->result = &result;
	sim->note = note;
	sim->userdata = userdata;
	sim->now = SIM_BEGIN;
	sim->end = SIM_BEGIN + scenario->duration;
	list_init(&sim->free);
	r = ground_lay(sim, seed);
	if (!r) {
		ground_begin(sim);
		run(sim);
		conclude(sim);
		r = sim->failed || sim->events.failed ? -ENOMEM : 0;
	}
	finish(sim);
	if (!r)
		*ret_result = result;
	return r;
}
