/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/plan.h"

#include <stdio.h>
#include <string.h>

#include "kernel/cgroup.h"
#include "shunt/address.h"

/* The longest name of a found thing: comm or an IPv6 address, and a port. */
#define FOUND_NAME_MAX 80

struct run {
	struct plan *plan;
	const struct config *config;
	uint64_t now;
	struct bindings desired;
};

static uint32_t other_slot(enum shunt_role role)
{
	return role == SHUNT_ROLE_SERVER ? SHUNT_SLOT_OTHER_SERVER : SHUNT_SLOT_OTHER_CLIENT;
}

/* ---- configured services ---- */

static int bind_inbound(struct run *run, const struct config_endpoint *endpoint,
			struct binding *binding)
{
	int r;

	binding->kind = BINDING_INBOUND;
	if (endpoint->bits) {
		memcpy(binding->addr, endpoint->addr, sizeof(binding->addr));
		return bindings_add(&run->desired, binding);
	}
	memcpy(binding->addr, address_any_ipv4, sizeof(binding->addr));
	r = bindings_add(&run->desired, binding);
	if (r < 0)
		return r;
	memcpy(binding->addr, address_any_ipv6, sizeof(binding->addr));
	return bindings_add(&run->desired, binding);
}

static int bind_endpoint(struct run *run, const struct config_service *service,
			 const struct config_endpoint *endpoint, uint64_t cgroup, uint32_t slot)
{
	struct binding binding = {
		.port = endpoint->port,
		.netns = service->netns_any ? 0 : run->plan->own_netns,
		.cgroup = cgroup,
		.slot = slot,
	};

	if (service->role == SHUNT_ROLE_SERVER)
		return bind_inbound(run, endpoint, &binding);
	memcpy(binding.addr, endpoint->addr, sizeof(binding.addr));
	if (endpoint->bits == 128 && !service->netns_any) {
		binding.kind = BINDING_OUTBOUND;
	} else {
		binding.kind = BINDING_PREFIX;
		binding.bits = endpoint->bits;
	}
	return bindings_add(&run->desired, &binding);
}

static int bind_configured(struct run *run, const struct config_service *service, uint32_t slot)
{
	uint64_t cgroups[CGROUP_IDS_MAX] = {0};
	int count = 1, r;

	if (service->cgroup) {
		count = cgroup_resolve(service->cgroup, cgroups);
		if (count < 0)
			count = 0;
	}
	for (int c = 0; c < count; c++) {
		for (size_t i = 0; i < service->endpoints.count; i++) {
			r = bind_endpoint(run, service, &service->endpoints.items[i], cgroups[c],
					  slot);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* A configured service that finds no free slot drives a discovered one out. */
static void make_room(struct run *run)
{
	struct services *services = run->plan->services;

	run->plan->crowded = true;
	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		if (services->items[i].origin == SERVICE_RETIRED)
			return;
	}
	for (uint32_t i = services->count; i-- > SHUNT_SLOT_FIRST;) {
		if (services->items[i].origin == SERVICE_DISCOVERED) {
			services_retire(&services->items[i], run->now);
			run->plan->retired = true;
			return;
		}
	}
}

static int plan_configured(struct run *run)
{
	struct services *services = run->plan->services;
	int r;

	for (size_t i = 0; i < run->config->services_count; i++) {
		const struct config_service *configured = &run->config->services[i];
		struct service *service;
		uint32_t slot = other_slot(configured->role);

		service = services_find(services, configured->name, configured->role);
		if (!service)
			service = services_add(services, configured->name, configured->role,
					       SERVICE_CONFIGURED);
		if (service) {
			service->origin = SERVICE_CONFIGURED;
			service->wanted = true;
			slot = services_slot(services, service);
		} else {
			make_room(run);
		}
		r = bind_configured(run, configured, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- found services ---- */

static bool covers(const struct run *run, const struct config_service *service,
		   const struct found *found)
{
	enum shunt_role role = found->event.type == SHUNT_EVENT_LISTEN ? SHUNT_ROLE_SERVER
								       : SHUNT_ROLE_CLIENT;

	/* A service narrowed to a cgroup leaves the rest of the port to be found. */
	if (service->role != role || service->cgroup)
		return false;
	if (!service->netns_any && found->event.netns != run->plan->own_netns)
		return false;
	for (size_t i = 0; i < service->endpoints.count; i++) {
		const struct config_endpoint *endpoint = &service->endpoints.items[i];

		if (endpoint->port == found->event.port &&
		    address_same_prefix(endpoint->addr, found->event.addr, endpoint->bits))
			return true;
	}
	return false;
}

static bool is_covered(const struct run *run, const struct found *found)
{
	for (size_t i = 0; i < run->config->services_count; i++) {
		if (covers(run, &run->config->services[i], found))
			return true;
	}
	return false;
}

/*
 * Whether a service of that name may be this found thing's: one of its namespace,
 * or one that nobody has claimed in this run, whose place it takes, as a restarted
 * container does.  What is about to make room is left alone.
 */
static bool may_be_of(const struct run *run, const struct service *service,
		      const struct found *found)
{
	if (service->origin == SERVICE_CONFIGURED)
		return false;
	if (service->origin == SERVICE_RETIRED && run->plan->crowded)
		return false;
	return service->netns == found->event.netns || !service->wanted;
}

/* The service of a found thing: its own name, and where that is another's, more of it. */
static struct service *find_or_add(struct run *run, const struct found *found, enum shunt_role role)
{
	char base[FOUND_NAME_MAX], unit[SHUNT_UNIT_MAX], names[3][SERVICE_NAME_MAX];
	struct services *services = run->plan->services;
	struct service *service;

	found_name(found, sizeof(base), base);
	snprintf(names[0], sizeof(names[0]), "%s", base);
	found_unit(found, unit);
	snprintf(names[1], sizeof(names[1]), "%s@%.40s", base, unit);
	snprintf(names[2], sizeof(names[2]), "%s@netns-%u", base, found->event.netns);

	for (unsigned i = 0; i < 3; i++) {
		if (i == 1 && !unit[0])
			continue;
		service = services_find(services, names[i], role);
		if (service && !may_be_of(run, service, found))
			continue;
		if (!service)
			service = services_add(services, names[i], role, SERVICE_DISCOVERED);
		if (!service)
			return NULL;
		/* New, or back: not one that has been idle since the clock began. */
		if (!service->window.changed_at || service->origin == SERVICE_RETIRED)
			service->window.changed_at = run->now;
		service->origin = SERVICE_DISCOVERED;
		service->netns = found->event.netns;
		return service;
	}
	return NULL;
}

static int bind_found(struct run *run, const struct found *found, uint32_t slot)
{
	struct binding binding = {
		.kind = found->event.type == SHUNT_EVENT_LISTEN ? BINDING_INBOUND
								: BINDING_OUTBOUND,
		.port = found->event.port,
		.netns = found->event.netns,
		.slot = slot,
	};
	int r;

	memcpy(binding.addr, found->event.addr, sizeof(binding.addr));
	r = bindings_add(&run->desired, &binding);
	if (r < 0 || binding.kind != BINDING_INBOUND || found->event.v6only ||
	    memcmp(binding.addr, address_any_ipv6, sizeof(address_any_ipv6)))
		return r;
	/* A socket on :: takes IPv4 as well, where nobody else has it. */
	memcpy(binding.addr, address_any_ipv4, sizeof(binding.addr));
	return bindings_add(&run->desired, &binding);
}

static int plan_found(struct run *run, struct found *found)
{
	enum shunt_role role = found->event.type == SHUNT_EVENT_LISTEN ? SHUNT_ROLE_SERVER
								       : SHUNT_ROLE_CLIENT;
	struct services *services = run->plan->services;
	struct service *service = NULL;

	found->covered = is_covered(run, found);
	if (found->covered)
		return 0;
	if (found->slot >= SHUNT_SLOT_FIRST)
		service = &services->items[found->slot];
	else
		service = find_or_add(run, found, role);
	if (!service) {
		/* Told once a run, so that one idle service makes room at a time. */
		if (!run->plan->crowded)
			run->plan->retired |= services_retire_idle(services, run->plan->observer,
								   run->now);
		run->plan->crowded = true;
		found->slot = other_slot(role);
		return bind_found(run, found, found->slot);
	}
	service->wanted = true;
	service->listening |= role == SHUNT_ROLE_SERVER && !found->gone;
	found->slot = services_slot(services, service);
	return bind_found(run, found, found->slot);
}

/* Those that have a service come first, then the new, then the listeners that closed. */
enum phase { PHASE_KNOWN, PHASE_NEW, PHASE_GONE, PHASE_MAX };

static enum phase phase_of(const struct found *found)
{
	if (found->gone)
		return PHASE_GONE;
	return found->slot >= SHUNT_SLOT_FIRST ? PHASE_KNOWN : PHASE_NEW;
}

static int plan_all_found(struct run *run)
{
	struct discovery *discovery = run->plan->discovery;
	int r;

	for (enum phase phase = PHASE_KNOWN; phase < PHASE_MAX; phase++) {
		for (size_t i = 0; i < discovery->count; i++) {
			struct found *found = &discovery->items[i];

			if (found->planned || phase_of(found) != phase)
				continue;
			r = plan_found(run, found);
			if (r < 0)
				return r;
			found->planned = true;
		}
	}
	return 0;
}

/* ---- the run ---- */

/* What is left of a found thing whose service is no more: a listener that is there. */
static bool is_forgotten(void *userdata, const struct found *found)
{
	const struct services *services = userdata;
	bool served = found->slot >= SHUNT_SLOT_FIRST &&
		      services->items[found->slot].origin == SERVICE_DISCOVERED;

	if (found->gone)
		return !served;
	return found->event.type == SHUNT_EVENT_REMOTE && !found->covered && !served &&
	       found->slot >= SHUNT_SLOT_FIRST;
}

static void begin_found(struct run *run)
{
	struct discovery *discovery = run->plan->discovery;
	const struct services *services = run->plan->services;

	discovery_prune(discovery, is_forgotten, run->plan->services);
	for (size_t i = 0; i < discovery->count; i++) {
		struct found *found = &discovery->items[i];

		found->planned = false;
		if (services->items[found->slot].origin != SERVICE_DISCOVERED)
			found->slot = 0;
	}
}

static void begin(struct run *run)
{
	struct services *services = run->plan->services;

	run->plan->crowded = false;
	run->plan->retired = false;
	begin_found(run);
	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		services->items[i].wanted = false;
		services->items[i].listening = false;
	}
}

static void retire_unwanted(struct run *run)
{
	struct services *services = run->plan->services;

	for (uint32_t i = SHUNT_SLOT_FIRST; i < services->count; i++) {
		struct service *service = &services->items[i];

		if (!service->wanted && (service->origin == SERVICE_CONFIGURED ||
					 service->origin == SERVICE_DISCOVERED))
			services_retire(service, run->now);
	}
}

int plan_run(struct plan *plan, const struct config *config, uint64_t now)
{
	struct run run = {.plan = plan, .config = config, .now = now};
	int r;

	begin(&run);
	/* First come holds a key: configured, then who listens, then who did. */
	r = plan_configured(&run);
	if (r < 0)
		goto out;
	if (config->discover) {
		r = plan_all_found(&run);
		if (r < 0)
			goto out;
	}
	retire_unwanted(&run);
	r = bindings_apply(plan->observer, &plan->installed, &run.desired);
	plan->full = r > 0;
	if (r > 0)
		r = 0;
out:
	bindings_done(&run.desired);
	return r;
}

bool plan_is_due(struct plan *plan, bool freed, uint64_t now)
{
	if (plan->full || plan->retired)
		return true;
	return plan->crowded &&
	       (freed || services_retire_idle(plan->services, plan->observer, now));
}

void plan_done(struct plan *plan)
{
	bindings_done(&plan->installed);
}
