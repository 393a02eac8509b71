/* SPDX-License-Identifier: GPL-2.0 */
/* What outlasts an engine: its whole state as bytes, and what its breakers were told. */
#include <string.h>

#include "engine/breaker_parts.h"
#include "engine/engine_parts.h"

void engine_listen(struct engine *engine, const struct engine_ear *ear)
{
	static const struct engine_ear nobody = {0};

	engine->ear = ear ? *ear : nobody;
}

/* ---- the whole state ---- */

/* Of a slot: all of it that is no pointer lies from `health` on. */
static void slot_parts(struct engine *engine, uint32_t slot,
		       void (*part)(void *userdata, void *bytes, size_t size), void *userdata)
{
	struct engine_slot *item = &engine->items[slot];
	size_t named = offsetof(struct engine_slot, health);

	part(userdata, (char *)item + named, sizeof(*item) - named);
	part(userdata, &engine->rests[slot], sizeof(engine->rests[slot]));
	part(userdata, &engine->inputs[slot], sizeof(engine->inputs[slot]));
	part(userdata, &engine->breakers->items[slot], sizeof(engine->breakers->items[slot]));
	if (engine->checked[slot])
		part(userdata, &engine->checkers[slot], sizeof(engine->checkers[slot]));
}

void engine_parts(struct engine *engine, void (*part)(void *userdata, void *bytes, size_t size),
		  void *userdata)
{
	part(userdata, &engine->ticked_at, sizeof(engine->ticked_at));
	part(userdata, &engine->looked_at, sizeof(engine->looked_at));
	part(userdata, &engine->look, sizeof(engine->look));
	part(userdata, engine->told, sizeof(engine->told));
	part(userdata, engine->breakers, sizeof(*engine->breakers));
	engine->breakers->count = engine->slots;
	/* Whose probers come below. */
	part(userdata, engine->checked, engine->slots * sizeof(*engine->checked));
	for (uint32_t slot = 0; slot < engine->slots; slot++) {
		if (engine->used[slot])
			slot_parts(engine, slot, part, userdata);
	}
}

/* ---- what breakers did and were told ---- */

void engine_resume(struct engine *engine, uint32_t slot, const struct breaker_past *past)
{
	struct breaker *breaker;

	if (slot == BREAKER_ALL) {
		engine->breakers->mode = past->mode;
	} else if (engine_has(engine, slot) && past->state < BREAKER_STATE_MAX) {
		breaker = &engine->breakers->items[slot];
		breaker->order = past->order;
		breaker->mode = past->mode;
		breaker->since = past->since;
		breaker->until = past->until;
		memcpy(breaker->held, past->held, sizeof(breaker->held));
		memcpy(breaker->transitions, past->transitions, sizeof(breaker->transitions));
		breaker->openings = past->openings;
		breaker->backoff = past->backoff;
		breaker->state = past->state;
		breaker->reason = past->reason;
		breaker->by_hand = past->by_hand;
		breaker->action = past->action;
		breaker_settle(engine->breakers, slot);
	}
	if (engine->ear.resumed)
		engine->ear.resumed(engine->ear.userdata, slot, past);
}

bool engine_past(const struct engine *engine, uint32_t slot, struct breaker_past *ret_past)
{
	static const struct breaker_past none;
	const struct breaker *breaker;

	*ret_past = none;
	if (slot == BREAKER_ALL) {
		ret_past->mode = engine->breakers->mode;
		return ret_past->mode.order;
	}
	breaker = engine_breaker(engine, slot);
	if (!breaker)
		return false;
	ret_past->order = breaker->order;
	ret_past->mode = breaker->mode;
	ret_past->since = breaker->since;
	ret_past->until = breaker->until;
	memcpy(ret_past->held, breaker->held, sizeof(ret_past->held));
	memcpy(ret_past->transitions, breaker->transitions, sizeof(ret_past->transitions));
	ret_past->openings = breaker->openings;
	ret_past->backoff = breaker->backoff;
	ret_past->state = breaker->state;
	ret_past->reason = breaker->reason;
	ret_past->by_hand = breaker->by_hand;
	ret_past->action = breaker->action;
	return memcmp(ret_past, &none, sizeof(none)) != 0;
}

/* ---- who is there ---- */

bool engine_assigned(const struct engine *engine, uint32_t slot, struct engine_service *ret_service)
{
	const struct engine_slot *item;

	if (!engine_has(engine, slot))
		return false;
	item = &engine->items[slot];
	*ret_service = (struct engine_service){
		.name = item->name,
		.role = item->role,
		.endpoints = &item->endpoints,
		.check = &item->check,
		.breaker = &item->breaker,
	};
	return true;
}

uint32_t engine_slots(const struct engine *engine)
{
	return engine->slots;
}
