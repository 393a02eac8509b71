/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/binding.h"
#include "kernel/netstat.h"
#include "kernel/observer.h"

int queues_init(struct queues *queues, uint32_t slots, uint32_t own_netns)
{
	*queues = (struct queues){.count = slots, .own_netns = own_netns};
	queues->slots = calloc(slots, sizeof(*queues->slots));
	return queues->slots ? 0 : -ENOMEM;
}

void queues_done(struct queues *queues)
{
	free(queues->slots);
	free(queues->last.items);
	free(queues->next.items);
	*queues = (struct queues){0};
}

void queues_clear(struct queues *queues, uint32_t slot)
{
	queues->slots[slot] = (struct queue){0};
}

static int take(void *userdata, const struct shunt_queue *reading)
{
	struct queue_reading *next = userdata;

	if (next->count == next->capacity) {
		size_t capacity = next->capacity ? next->capacity * 2 : 64;
		struct shunt_queue *items = realloc(next->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		next->items = items;
		next->capacity = capacity;
	}
	next->items[next->count++] = *reading;
	return 0;
}

static int compare_sockets(const void *a, const void *b)
{
	const struct shunt_queue *left = a, *right = b;

	if (left->socket != right->socket)
		return left->socket < right->socket ? -1 : 1;
	return 0;
}

/* What a listener has turned away since the last reading; the kernel's count may wrap. */
static uint32_t new_drops(const struct queues *queues, const struct shunt_queue *listener)
{
	const struct shunt_queue *last = NULL;

	if (queues->last.count)
		last = bsearch(listener, queues->last.items, queues->last.count, sizeof(*listener),
			       compare_sockets);
	/* A socket's memory may have become another listener's, which began at 0 again. */
	if (last && memcmp(&last->local, &listener->local, sizeof(last->local)))
		last = NULL;
	if (last)
		return listener->drops - last->drops;
	return queues->begun ? listener->drops : 0;
}

static bool is_full(const struct shunt_queue *listener)
{
	return listener->length >= listener->limit;
}

/* How much of what a listener says that it turned away is believed. */
static uint64_t believed(const struct queues *queues, const struct shunt_queue *listener,
			 uint64_t *budget)
{
	uint64_t drops = new_drops(queues, listener);

	if (listener->local.netns != queues->own_netns)
		return is_full(listener) ? drops : 0;
	if (drops > *budget)
		drops = *budget;
	*budget -= drops;
	return drops;
}

/* What the namespace has turned away since the last reading. */
static uint64_t take_budget(struct queues *queues)
{
	uint64_t then = queues->listen_drops;

	if (netstat_listen_drops(&queues->listen_drops) < 0 || !queues->begun)
		return 0;
	return queues->listen_drops - then;
}

static void add_up(struct queues *queues, const struct bindings *bindings)
{
	uint64_t budget = take_budget(queues);

	for (uint32_t slot = 0; slot < queues->count; slot++) {
		queues->slots[slot].length = 0;
		queues->slots[slot].limit = 0;
	}
	queues->waiting = 0;
	for (int full = 1; full >= 0; full--) {
		for (size_t i = 0; i < queues->next.count; i++) {
			const struct shunt_queue *listener = &queues->next.items[i];
			struct queue *queue;

			if (is_full(listener) != full)
				continue;
			queue = &queues->slots[bindings_listener_slot(bindings, &listener->local)];
			queue->length += listener->length;
			queues->waiting += listener->length;
			queue->limit += listener->limit;
			queue->drops += believed(queues, listener, &budget);
		}
	}
}

int queues_read(struct queues *queues, struct observer *observer, const struct bindings *bindings,
		uint64_t now)
{
	/* Before the walk: who begins to listen amid it is not missed. */
	uint32_t listens = observer_listens(observer);
	struct queue_reading swap;
	int r;

	queues->next.count = 0;
	r = observer_read_queues(observer, take, &queues->next);
	if (r < 0)
		return r;
	if (queues->next.count)
		qsort(queues->next.items, queues->next.count, sizeof(*queues->next.items),
		      compare_sockets);
	add_up(queues, bindings);

	swap = queues->last;
	queues->last = queues->next;
	queues->next = swap;
	queues->begun = true;
	queues->read_at = now;
	queues->listens = listens;
	queues->bindings = bindings->changes;
	return 0;
}

/* Nobody was turned away either; in other namespaces that takes a full queue. */
static bool stands(const struct queues *queues, const struct observer *observer,
		   const struct bindings *bindings, uint64_t now)
{
	uint64_t drops;

	return queues->begun && !queues->waiting && now - queues->read_at < QUEUES_STAND &&
	       queues->listens == observer_listens(observer) &&
	       queues->bindings == bindings->changes && netstat_listen_drops(&drops) >= 0 &&
	       drops == queues->listen_drops;
}

int queues_refresh(struct queues *queues, struct observer *observer,
		   const struct bindings *bindings, bool come, uint64_t now)
{
	if (!come && stands(queues, observer, bindings, now))
		return 0;
	return queues_read(queues, observer, bindings, now);
}
