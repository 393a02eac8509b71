/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/keyframe.h"
#include "journal/recorder.h"

#define FOUND (-ECANCELED)
#define NONE  SIZE_MAX

/* An answer that took long is counted once it has come. */
#define AFTERMATH 15000000000ULL

/* What is known of a slot while the journal is read. */
struct place {
	char name[ENGINE_NAME_MAX];
	enum shunt_role role;
	enum config_mode mode;
	bool cut; /* its breaker is not closed, or an order stands */
	enum health_state state;
	size_t incident; /* NONE: it is well */
	size_t last; /* the incident before, which may have an aftermath; NONE */
	struct timeline_latency latency; /* the last */
};

struct state {
	const struct replay_span *span;
	const char *service;
	struct timeline *timeline;
	struct place *places;
	struct tape_reader reader;
	int64_t offset; /* ns: to the wall clock */
	uint64_t at; /* ns, wall clock: of the last event that has a time */
	uint64_t next; /* sequence; 0: any */
	uint32_t run;
	int error;
};

const char *timeline_kind_name(enum timeline_kind kind)
{
	static const char *const names[] = {
		[TIMELINE_SYMPTOM] = "first symptom", [TIMELINE_CONCLUSION] = "conclusion",
		[TIMELINE_CHANGE] = "change",	      [TIMELINE_DONE] = "done",
		[TIMELINE_NOT_DONE] = "not done",     [TIMELINE_END] = "end",
		[TIMELINE_BREAK] = "break",
	};

	return names[kind];
}

/* ---- incidents ---- */

/* Room for one more, doubled whenever the number is a power of two. */
static void *make_room(void *items, size_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return reallocarray(items, count ? 2 * count : 1, size);
}

static void add_event(struct state *state, size_t incident, const struct timeline_event *event,
		      const char *text)
{
	struct timeline_incident *item = &state->timeline->incidents[incident];
	struct timeline_event *events = make_room(item->events, item->count, sizeof(*events));
	char *copy = events ? strdup(text) : NULL;

	if (events)
		item->events = events;
	if (!copy) {
		state->error = -ENOMEM;
		return;
	}
	item->events[item->count] = *event;
	item->events[item->count++].text = copy;
}

static size_t begin_incident(struct state *state, const struct place *place, uint64_t at)
{
	struct timeline *timeline = state->timeline;
	struct timeline_incident *items = make_room(timeline->incidents, timeline->count,
						    sizeof(*items));

	if (!items) {
		state->error = -ENOMEM;
		return NONE;
	}
	timeline->incidents = items;
	items[timeline->count] = (struct timeline_incident){
		.role = place->role,
		.mode = place->mode,
		.began = at,
		.seen_begin = place->state == HEALTH_HEALTHY && !place->cut,
		.before = place->latency,
	};
	memcpy(items[timeline->count].name, place->name, sizeof(place->name));
	return timeline->count++;
}

/* The incident that goes on at a slot, or a new one; NONE for what nobody asked for. */
static size_t incident_of(struct state *state, uint32_t slot, uint64_t at)
{
	struct place *place = &state->places[slot];

	if (at < state->span->from || !place->name[0] ||
	    (state->service && strcmp(state->service, place->name) != 0))
		return NONE;
	if (place->incident == NONE)
		place->incident = begin_incident(state, place, at);
	return place->incident;
}

static void end_if_well(struct state *state, struct place *place, uint64_t at)
{
	if (place->incident == NONE || place->state != HEALTH_HEALTHY || place->cut)
		return;
	state->timeline->incidents[place->incident].ended = at;
	place->last = place->incident;
	place->incident = NONE;
}

/* ---- what is on the tape ---- */

static void take_change(struct state *state, const struct tape_change *change, uint64_t at)
{
	struct place *place = &state->places[change->slot];
	struct timeline_event event = {.at = at, .state = change->is, .kind = TIMELINE_CHANGE};
	bool fresh = place->incident == NONE;
	size_t incident = incident_of(state, change->slot, at);
	struct timeline_incident *item;

	place->state = change->is;
	if (incident == NONE)
		return;
	item = &state->timeline->incidents[incident];
	if (fresh && change->was != HEALTH_HEALTHY)
		item->seen_begin = false;
	if (change->is == HEALTH_HEALTHY)
		event.kind = place->cut ? TIMELINE_CHANGE : TIMELINE_END;
	else if (item->worst == HEALTH_HEALTHY && change->is == HEALTH_AT_RISK)
		event.kind = TIMELINE_SYMPTOM;
	else if (change->is > item->worst)
		event.kind = TIMELINE_CONCLUSION;
	if (change->is > item->worst)
		item->worst = change->is;
	add_event(state, incident, &event, change->is == HEALTH_HEALTHY ? "" : change->reason);
	end_if_well(state, place, at);
}

/* Of all services at once: of each that has an incident. */
static void take_decision_on_all(struct state *state, const struct breaker_decision *decision,
				 uint64_t at)
{
	const struct timeline_event event = {.at = at, .kind = TIMELINE_DONE};
	char text[REPLAY_TEXT_MAX];

	breaker_explain(decision, "all services", text, sizeof(text));
	for (uint32_t slot = 0; slot < SHUNT_SLOTS_MAX; slot++) {
		if (state->places[slot].incident != NONE)
			add_event(state, state->places[slot].incident, &event, text);
	}
}

static void take_decision(struct state *state, const struct breaker_decision *decision, uint64_t at)
{
	struct timeline_event event = {.at = at, .kind = TIMELINE_DONE};
	struct place *place;
	char text[REPLAY_TEXT_MAX];
	size_t incident;

	if (decision->service >= SHUNT_SLOTS_MAX) {
		take_decision_on_all(state, decision, at);
		return;
	}
	place = &state->places[decision->service];
	incident = incident_of(state, decision->service, at);
	if (decision->what == BREAKER_MOVED)
		place->cut = decision->to != BREAKER_CLOSED;
	if (decision->what == BREAKER_REFUSED)
		event.kind = TIMELINE_NOT_DONE;
	if (incident == NONE)
		return;
	breaker_explain(decision, place->name, text, sizeof(text));
	add_event(state, incident, &event, text);
	end_if_well(state, place, at);
}

static void take_outcome(struct state *state, const struct tape_event *event)
{
	struct tape_outcome outcome = tape_outcome(event->outcome, event->outcome_size);
	uint64_t at = state->at;
	struct breaker_decision decision;
	struct tape_change change;

	while (tape_next_change(&outcome, &change))
		take_change(state, &change, at);
	while (tape_next_decision(&outcome, &decision))
		take_decision(state, &decision, at);
}

static void keep_slowest(struct timeline_latency *slowest, const struct timeline_latency *latency)
{
	if (latency->p95 > slowest->p95)
		*slowest = *latency;
}

static void take_note(struct state *state, const struct tape_event *event)
{
	const struct tape_note *note = &event->note;
	struct place *place = &state->places[note->slot];
	const struct timeline_latency latency = {note->count, note->p50, note->p95, note->p99};
	struct timeline_incident *items = state->timeline->incidents;

	if (place->incident != NONE) {
		keep_slowest(&items[place->incident].then, &latency);
		return;
	}
	if (place->last != NONE && state->at - items[place->last].ended < AFTERMATH)
		keep_slowest(&items[place->last].then, &latency);
	else
		place->latency = latency;
}

static void take_assigned(struct state *state, const struct tape_event *event)
{
	struct place *place = &state->places[event->slot];

	if (strcmp(place->name, event->service.name) != 0 || place->role != event->service.role)
		*place = (struct place){.incident = NONE, .last = NONE};
	memcpy(place->name, event->service.name, strlen(event->service.name) + 1);
	place->role = event->service.role;
	place->mode = event->service.breaker->mode;
}

/* Whoever is not there any more has no incident. */
static void give_up(struct state *state, uint32_t slot, uint64_t at, const char *why)
{
	const struct timeline_event event = {.at = at, .kind = TIMELINE_BREAK};
	struct place *place = &state->places[slot];

	if (place->incident != NONE) {
		add_event(state, place->incident, &event, why);
		state->timeline->incidents[place->incident].ended = at;
	}
	*place = (struct place){.incident = NONE, .last = NONE};
}

static void take_event(struct state *state, const struct tape_event *event)
{
	uint64_t now = event->tag == TAPE_COMMANDED ? event->command.now : event->now;

	/* Before the first tick of a tape there is no time. */
	if (now)
		state->at = now + (uint64_t)state->offset;
	switch (event->tag) {
	case TAPE_ASSIGNED:
		take_assigned(state, event);
		break;
	case TAPE_RELEASED:
		give_up(state, event->slot, state->at, "it is observed no more");
		break;
	case TAPE_RESUMED:
		if (event->slot < SHUNT_SLOTS_MAX)
			state->places[event->slot].cut = event->past.state != BREAKER_CLOSED;
		break;
	case TAPE_NOTE:
		take_note(state, event);
		break;
	default:
		if (event->outcome_size)
			take_outcome(state, event);
	}
}

/* ---- records ---- */

static int take_tape(struct state *state, const void *bytes, size_t size)
{
	struct tape_event event;
	int r;

	tape_begin(&state->reader, bytes, size);
	while ((r = tape_next(&state->reader, &event)) > 0 && !state->error)
		take_event(state, &event);
	return state->error ? state->error : r;
}

static int take_keyframe(struct state *state, const struct journal_record *record)
{
	struct keyframe keyframe;
	int r = keyframe_get(record->bytes, record->size, &keyframe);

	return r < 0 ? r : take_tape(state, keyframe.tape, keyframe.tape_size);
}

static void look_for_break(struct state *state, const struct journal_record *record)
{
	bool gap = state->next && record->sequence != state->next;
	bool other = state->next && record->run != state->run;

	state->timeline->gaps += gap;
	for (uint32_t slot = 0; (gap || other) && slot < SHUNT_SLOTS_MAX; slot++)
		give_up(state, slot, record->wall,
			other ? "shunt was started anew" : "records are missing");
	state->next = record->sequence + 1;
	state->run = record->run;
	state->offset = (int64_t)(record->wall - record->time);
}

static int take_record(void *userdata, const struct journal_record *record)
{
	struct state *state = userdata;

	if (record->wall > state->span->to)
		return FOUND;
	look_for_break(state, record);
	if (!state->timeline->from)
		state->timeline->from = record->wall;
	state->timeline->to = record->wall;
	if (record->kind == RECORD_KEYFRAME)
		return take_keyframe(state, record);
	return record->kind == RECORD_TAPE ? take_tape(state, record->bytes, record->size) : 0;
}

int timeline_read(struct journal *journal, const struct replay_span *span, const char *service,
		  struct timeline *ret_timeline)
{
	struct state state = {.span = span, .service = service, .timeline = ret_timeline};
	int r;

	*ret_timeline = (struct timeline){0};
	state.places = calloc(SHUNT_SLOTS_MAX, sizeof(*state.places));
	if (!state.places)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < SHUNT_SLOTS_MAX; slot++)
		state.places[slot].incident = state.places[slot].last = NONE;
	r = journal_each(journal, replay_begin(journal, span->from), take_record, &state,
			 &ret_timeline->damaged);
	if (ret_timeline->from && ret_timeline->from < span->from)
		ret_timeline->from = span->from;
	tape_done(&state.reader);
	free(state.places);
	return r == FOUND ? 0 : r;
}

void timeline_done(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->count; i++) {
		for (size_t k = 0; k < timeline->incidents[i].count; k++)
			free(timeline->incidents[i].events[k].text);
		free(timeline->incidents[i].events);
	}
	free(timeline->incidents);
	*timeline = (struct timeline){0};
}
