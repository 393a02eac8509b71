/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/events.h"

#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static bool make_room(struct sim_events *events)
{
	size_t room = events->room ? 2 * events->room : 256;
	struct sim_event *items;

	if (events->count < events->room)
		return true;
	items = realloc(events->items, room * sizeof(*items));
	if (!items) {
		events->failed = true;
		return false;
	}
	events->items = items;
	events->room = room;
	return true;
}

void events_add(struct sim_events *events, uint64_t at, sim_event_fn run, void *what,
		uint32_t serial)
{
	struct sim_event event = {
		.at = at, .order = events->order++, .run = run, .what = what, .serial = serial};
	size_t place;

	if (!make_room(events))
		return;
	place = events->count++;
	while (place && is_before(&event, &events->items[(place - 1) / 2])) {
		events->items[place] = events->items[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	events->items[place] = event;
}

bool events_take(struct sim_events *events, uint64_t until, struct sim_event *ret_event)
{
	struct sim_event last;
	size_t place = 0, child;

	if (!events->count || events->items[0].at >= until)
		return false;
	*ret_event = events->items[0];
	last = events->items[--events->count];
	while ((child = 2 * place + 1) < events->count) {
		if (child + 1 < events->count &&
		    is_before(&events->items[child + 1], &events->items[child]))
			child++;
		if (!is_before(&events->items[child], &last))
			break;
		events->items[place] = events->items[child];
		place = child;
	}
	if (events->count)
		events->items[place] = last;
	return true;
}

void events_done(struct sim_events *events)
{
	free(events->items);
	*events = (struct sim_events){0};
}
