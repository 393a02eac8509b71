/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "daemon/discovery.h"
#include "daemon/gather.h"
#include "daemon/service.h"
#include "shunt/address.h"

static const struct config_health_check no_check;

int roster_init(struct roster *roster, struct services *services, struct engine *engine,
		struct gather *gather)
{
	*roster = (struct roster){
		.services = services,
		.engine = engine,
		.gather = gather,
		.wanted = calloc(services->count, sizeof(*roster->wanted)),
		.first = calloc(services->count, sizeof(*roster->first)),
	};
	return roster->wanted && roster->first ? 0 : -ENOMEM;
}

void roster_done(struct roster *roster)
{
	free(roster->wanted);
	free(roster->first);
	free(roster->next);
	free(roster->endpoints);
	*roster = (struct roster){0};
}

/* ---- one service ---- */

static void release(struct roster *roster, uint32_t slot)
{
	char name[ENGINE_NAME_MAX];
	struct health_change change = {
		.service = name,
		.role = engine_role(roster->engine, slot),
		.is = HEALTH_HEALTHY,
		.reason = "it is observed no more",
	};

	if (roster->released)
		roster->released(roster->userdata, slot);
	memcpy(name, engine_name(roster->engine, slot), sizeof(name));
	change.was = engine_release(roster->engine, slot);
	gather_follow(roster->gather, slot, false);
	if (change.was != HEALTH_HEALTHY)
		roster->changed(roster->userdata, &change);
}

static int assign(struct roster *roster, uint32_t slot, const struct engine_service *service)
{
	const char *held = engine_name(roster->engine, slot);
	bool other = strcmp(held, service->name) ||
		     engine_role(roster->engine, slot) != service->role;
	int r;

	if (held[0] && other)
		release(roster, slot);
	r = engine_assign(roster->engine, slot, service);
	if (r < 0)
		return r;
	roster->wanted[slot] = true;
	if (other)
		gather_follow(roster->gather, slot, true);
	if (r && roster->assigned)
		roster->assigned(roster->userdata, slot);
	return 0;
}

/* ---- configured services ---- */

static int assign_configured(struct roster *roster, const struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++) {
		const struct config_service *configured = &config->services[i];
		const struct service *service = services_find(roster->services, configured->name,
							      configured->role);
		const struct engine_service given = {
			.name = configured->name,
			.role = configured->role,
			.endpoints = &configured->endpoints,
			.check = &configured->health_check,
			.breaker = &configured->breaker,
		};
		int r;

		if (!service || service->origin != SERVICE_CONFIGURED)
			continue;
		r = assign(roster, services_slot(roster->services, service), &given);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- found services ---- */

/* Lists by slot what was found, so that nothing is looked at for each service. */
static int list_found(struct roster *roster, const struct discovery *discovery)
{
	if (discovery->count > roster->next_capacity) {
		uint32_t *next = reallocarray(roster->next, discovery->count, sizeof(*next));

		if (!next)
			return -ENOMEM;
		roster->next = next;
		roster->next_capacity = discovery->count;
	}
	memset(roster->first, 0, roster->services->count * sizeof(*roster->first));
	for (size_t i = discovery->count; i-- > 0;) {
		uint32_t slot = discovery->items[i].slot;

		roster->next[i] = roster->first[slot];
		roster->first[slot] = (uint32_t)i + 1;
	}
	return 0;
}

static void endpoint_of(const struct found *found, struct config_endpoint *ret_endpoint)
{
	const uint8_t *addr = found->event.addr;

	memset(ret_endpoint, 0, sizeof(*ret_endpoint));
	memcpy(ret_endpoint->addr, addr, sizeof(ret_endpoint->addr));
	ret_endpoint->bits = address_is_any(addr) ? 0 : 128;
	ret_endpoint->port = found->event.port;
}

static int add_endpoint(struct roster *roster, const struct found *found, size_t count)
{
	if (count == roster->endpoints_capacity) {
		size_t capacity = count ? 2 * count : 16;
		struct config_endpoint *grown = reallocarray(roster->endpoints, capacity,
							     sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		roster->endpoints = grown;
		roster->endpoints_capacity = capacity;
	}
	endpoint_of(found, &roster->endpoints[count]);
	return 0;
}

static int assign_found(struct roster *roster, const struct discovery *discovery, uint32_t slot)
{
	const struct service *service = &roster->services->items[slot];
	struct config_endpoints endpoints = {0};
	struct engine_service given = {
		.name = service->name,
		.role = service->role,
		.endpoints = &endpoints,
		.check = &no_check,
		.breaker = &config_breaker_defaults,
	};

	for (uint32_t i = roster->first[slot]; i; i = roster->next[i - 1]) {
		int r = add_endpoint(roster, &discovery->items[i - 1], endpoints.count);

		if (r < 0)
			return r;
		endpoints.count++;
	}
	endpoints.items = roster->endpoints;
	return assign(roster, slot, &given);
}

int roster_update(struct roster *roster, const struct config *config,
		  const struct discovery *discovery)
{
	const struct services *services = roster->services;
	int r;

	memset(roster->wanted, 0, services->count * sizeof(*roster->wanted));
	r = assign_configured(roster, config);
	if (r < 0)
		return r;
	r = list_found(roster, discovery);
	for (uint32_t slot = SHUNT_SLOT_FIRST; r >= 0 && slot < services->count; slot++)
		if (services->items[slot].origin == SERVICE_DISCOVERED)
			r = assign_found(roster, discovery, slot);
	if (r < 0)
		return r;
	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < services->count; slot++)
		if (!roster->wanted[slot] && engine_name(roster->engine, slot)[0])
			release(roster, slot);
	return 0;
}
