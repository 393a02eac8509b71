/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An observer without a kernel: it holds the keys and cells in memory and remembers
 * what it was told.  Its functions take the place of user/kernel/observer.c, which
 * the linker leaves out since nothing asks for it any more.  For one file a program.
 */
#ifndef SHUNT_TESTS_UNIT_FAKE_OBSERVER_H
#define SHUNT_TESTS_UNIT_FAKE_OBSERVER_H

#include <errno.h>
#include <string.h>

#include "kernel/observer.h"

#define FAKE_SLOTS  64
#define FAKE_KEYS   256
#define FAKE_QUEUES 16

enum fake_map { FAKE_INBOUND, FAKE_OUTBOUND, FAKE_PREFIX };

struct fake_key {
	enum fake_map map;
	uint8_t bytes[sizeof(struct shunt_prefix)];
	uint32_t slot;
};

struct observer {
	struct fake_key keys[FAKE_KEYS];
	unsigned count;
	unsigned capacity; /* keys that it takes; 0: all */
	uint8_t ports[65536];
	struct shunt_cell cells[FAKE_SLOTS];
	struct shunt_queue queues[FAKE_QUEUES]; /* what the listeners say */
	unsigned queues_count;
	unsigned walks; /* over them */
	uint32_t listens;
	struct observer_waiting waiting[FAKE_SLOTS];
	unsigned looks; /* times that the waiting were asked for */
	unsigned sets, unsets, clears; /* calls */
	unsigned stray_unsets; /* of keys that are not there */
};

static struct fake_key *fake_find(struct observer *observer, enum fake_map map, const void *key,
				  size_t size)
{
	for (unsigned i = 0; i < observer->count; i++) {
		if (observer->keys[i].map == map && !memcmp(observer->keys[i].bytes, key, size))
			return &observer->keys[i];
	}
	return NULL;
}

static int fake_set(struct observer *observer, enum fake_map map, const void *key, size_t size,
		    uint32_t slot)
{
	struct fake_key *found = fake_find(observer, map, key, size);

	observer->sets++;
	if (!found) {
		if (observer->count >= (observer->capacity ? observer->capacity : FAKE_KEYS))
			return -E2BIG;
		found = &observer->keys[observer->count++];
		found->map = map;
		memcpy(found->bytes, key, size);
	}
	found->slot = slot;
	return 0;
}

static int fake_unset(struct observer *observer, enum fake_map map, const void *key, size_t size)
{
	struct fake_key *found = fake_find(observer, map, key, size);

	observer->unsets++;
	if (!found) {
		observer->stray_unsets++;
		return -ENOENT;
	}
	*found = observer->keys[--observer->count];
	return 0;
}

int observer_set_inbound(struct observer *observer, const struct shunt_endpoint *key, uint32_t slot)
{
	return fake_set(observer, FAKE_INBOUND, key, sizeof(*key), slot);
}

int observer_set_outbound(struct observer *observer, const struct shunt_endpoint *key,
			  uint32_t slot)
{
	return fake_set(observer, FAKE_OUTBOUND, key, sizeof(*key), slot);
}

int observer_set_prefix(struct observer *observer, const struct shunt_prefix *key, uint32_t slot)
{
	return fake_set(observer, FAKE_PREFIX, key, sizeof(*key), slot);
}

int observer_unset_inbound(struct observer *observer, const struct shunt_endpoint *key)
{
	return fake_unset(observer, FAKE_INBOUND, key, sizeof(*key));
}

int observer_unset_outbound(struct observer *observer, const struct shunt_endpoint *key)
{
	return fake_unset(observer, FAKE_OUTBOUND, key, sizeof(*key));
}

int observer_unset_prefix(struct observer *observer, const struct shunt_prefix *key)
{
	return fake_unset(observer, FAKE_PREFIX, key, sizeof(*key));
}

void observer_set_port(struct observer *observer, uint16_t port, uint8_t kinds)
{
	observer->ports[port] = kinds;
}

void observer_read_counters(const struct observer *observer, uint32_t slot,
			    struct shunt_cell *ret_cell)
{
	memcpy(ret_cell, &observer->cells[slot], offsetof(struct shunt_cell, histograms));
}

uint64_t observer_activity(const struct observer *observer, uint32_t slot)
{
	const struct shunt_cell *cell = &observer->cells[slot];
	uint64_t sum = cell->responses + cell->response_time + cell->counters.seeded;

	for (unsigned i = 0; i < SHUNT_HANDSHAKE_MAX; i++)
		sum += cell->counters.handshakes[i];
	for (unsigned i = 0; i < SHUNT_CLOSE_MAX; i++)
		sum += cell->counters.closes[i];
	return sum;
}

void observer_read(const struct observer *observer, uint32_t slot, struct shunt_cell *ret_cell)
{
	*ret_cell = observer->cells[slot];
}

int observer_read_queues(struct observer *observer, observer_queue_fn fn, void *userdata)
{
	int r = 0;

	observer->walks++;
	for (unsigned i = 0; i < observer->queues_count && r >= 0; i++)
		r = fn(userdata, &observer->queues[i]);
	return r;
}

uint32_t observer_listens(const struct observer *observer)
{
	return observer->listens;
}

int observer_waiting(const struct observer *observer, uint64_t now, uint64_t age,
		     struct observer_waiting *waiting, uint32_t slots)
{
	(void)now;
	(void)age;
	((struct observer *)observer)->looks++;
	memcpy(waiting, observer->waiting, sizeof(*waiting) * slots);
	return 0;
}

void observer_clear(struct observer *observer, uint32_t slot)
{
	observer->clears++;
	memset(&observer->cells[slot], 0, sizeof(observer->cells[slot]));
}

#endif
