/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/observer.h"

#define NSEC_PER_SEC 1000000000ULL

/* How long a discovered service must have been idle to make room for another. */
#define SERVICE_IDLE (600 * NSEC_PER_SEC)

/* A program that has just looked the slot up may still count in it for so long. */
#define SERVICE_GRACE (2 * NSEC_PER_SEC)

static void reserve(struct services *services, uint32_t slot, const char *name,
		    enum shunt_role role)
{
	struct service *service = &services->items[slot];

	service->origin = SERVICE_RESERVED;
	service->role = role;
	service->wanted = true;
	strncpy(service->name, name, sizeof(service->name) - 1);
}

int services_init(struct services *services, uint32_t max_services, uint32_t own_netns)
{
	int r;

	services->count = SHUNT_SLOT_FIRST + max_services;
	services->items = calloc(services->count, sizeof(*services->items));
	if (!services->items)
		return -ENOMEM;
	r = queues_init(&services->queues, services->count, own_netns);
	if (r < 0)
		return r;
	reserve(services, SHUNT_SLOT_UNKNOWN_SERVER, "_unknown", SHUNT_ROLE_SERVER);
	reserve(services, SHUNT_SLOT_UNKNOWN_CLIENT, "_unknown", SHUNT_ROLE_CLIENT);
	reserve(services, SHUNT_SLOT_OTHER_SERVER, "_other", SHUNT_ROLE_SERVER);
	reserve(services, SHUNT_SLOT_OTHER_CLIENT, "_other", SHUNT_ROLE_CLIENT);
	return 0;
}

void services_done(struct services *services)
{
	queues_done(&services->queues);
	free(services->items);
	services->items = NULL;
	services->count = 0;
}

struct service *services_find(struct services *services, const char *name, enum shunt_role role)
{
	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		struct service *service = &services->items[i];

		if (service->origin != SERVICE_FREE && service->role == role &&
		    !strcmp(service->name, name))
			return service;
	}
	return NULL;
}

struct service *services_add(struct services *services, const char *name, enum shunt_role role,
			     enum service_origin origin)
{
	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		struct service *service = &services->items[i];

		if (service->origin != SERVICE_FREE)
			continue;
		memset(service, 0, sizeof(*service));
		service->origin = origin;
		service->role = role;
		strncpy(service->name, name, sizeof(service->name) - 1);
		return service;
	}
	return NULL;
}

uint32_t services_slot(const struct services *services, const struct service *service)
{
	return (uint32_t)(service - services->items);
}

void services_read(const struct services *services, const struct observer *observer, uint32_t slot,
		   bool histograms, struct shunt_cell *ret_cell)
{
	if (histograms)
		observer_read(observer, slot, ret_cell);
	else
		observer_read_counters(observer, slot, ret_cell);
	ret_cell->counters.handshakes[SHUNT_HANDSHAKE_OVERFLOW] +=
		services->queues.slots[slot].drops;
}

void services_retire(struct service *service, uint64_t now)
{
	service->origin = SERVICE_RETIRED;
	service->retired_at = now;
	service->wanted = false;
	service->listening = false;
}

static uint64_t active_of(const struct services *services, const struct observer *observer,
			  const struct service *service)
{
	struct shunt_cell cell;

	observer_read_counters(observer, services_slot(services, service), &cell);
	return cell_active(&cell);
}

bool services_retire_idle(struct services *services, struct observer *observer, uint64_t now)
{
	struct service *idlest = NULL;

	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		struct service *service = &services->items[i];

		/* One is on its way out already: its slot is free in a moment. */
		if (service->origin == SERVICE_RETIRED &&
		    now - service->retired_at < SERVICE_GRACE + NSEC_PER_SEC)
			return false;
		if (service->origin != SERVICE_DISCOVERED || service->listening ||
		    now - service->window.changed_at < SERVICE_IDLE)
			continue;
		if (idlest && service->window.changed_at >= idlest->window.changed_at)
			continue;
		if (!active_of(services, observer, service))
			idlest = service;
	}
	if (idlest)
		services_retire(idlest, now);
	return idlest;
}

bool services_sweep(struct services *services, struct observer *observer, uint64_t now)
{
	bool freed = false;

	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		struct service *service = &services->items[i];

		if (service->origin != SERVICE_RETIRED ||
		    now - service->retired_at < SERVICE_GRACE ||
		    active_of(services, observer, service))
			continue;
		observer_clear(observer, i);
		queues_clear(&services->queues, i);
		memset(service, 0, sizeof(*service));
		freed = true;
	}
	return freed;
}
