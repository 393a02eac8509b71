/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A plan with everything that it works on, and words to set a scene with.  Included
 * once a program; who includes it provides the observer.
 */
#ifndef SHUNT_TESTS_UNIT_PLAN_WORLD_H
#define SHUNT_TESTS_UNIT_PLAN_WORLD_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/plan.h"
#include "kernel/observer.h"

#define SECOND 1000000000ULL

/* Network namespaces: the daemon's and another. */
#define OWN   4026531840
#define OTHER 4026532999

#define WORLD_SERVICES	8
#define WORLD_ENDPOINTS 4

static struct world {
	struct services services;
	struct discovery discovery;
	struct plan plan;
	struct config config;
	struct config_service configured[WORLD_SERVICES];
	struct config_endpoint endpoints[WORLD_SERVICES][WORLD_ENDPOINTS];
	uint64_t now;
	uint64_t sockets; /* listeners so far */
	unsigned runs; /* of the plan */
} world;

static inline void world_open(struct observer *observer, uint32_t max_services)
{
	cr_assert_eq(services_init(&world.services, max_services, 0), 0);
	world.plan = (struct plan){
		.observer = observer,
		.services = &world.services,
		.discovery = &world.discovery,
		.own_netns = OWN,
	};
	world.config.discover = true;
	world.config.services = world.configured;
	world.now = 5000 * SECOND;
	world.runs = 0;
}

static inline void world_close(void)
{
	plan_done(&world.plan);
	discovery_done(&world.discovery);
	services_done(&world.services);
}

static inline void world_run(void)
{
	world.runs++;
	cr_assert_eq(plan_run(&world.plan, &world.config, world.now), 0);
}

/* What the daemon does each second, for so many of them. */
static inline void world_live(unsigned seconds)
{
	struct shunt_cell cell = {0};
	bool freed;

	for (unsigned i = 0; i < seconds; i++) {
		world.now += SECOND;
		for (uint32_t slot = 0; slot < world.services.count; slot++) {
			observer_read_counters(world.plan.observer, slot, &cell);
			if (world.services.items[slot].origin != SERVICE_FREE)
				window_add(&world.services.items[slot].window, world.now, &cell);
		}
		freed = services_sweep(&world.services, world.plan.observer, world.now);
		if (plan_is_due(&world.plan, freed, world.now))
			world_run();
	}
}

/* "10.0.0.5", "::1" or "*", as 16 bytes. */
static inline void parse_address(const char *text, uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	if (strchr(text, ':')) {
		cr_assert_eq(inet_pton(AF_INET6, text, ret_addr), 1);
	} else if (strcmp(text, "*") != 0) {
		ret_addr[10] = ret_addr[11] = 0xff;
		cr_assert_eq(inet_pton(AF_INET, text, ret_addr + 12), 1);
	}
}

/* Configures a service of one endpoint; `bits` as in struct config_endpoint. */
static inline struct config_service *configure(const char *name, enum shunt_role role,
					       const char *address, uint8_t bits, uint16_t port)
{
	size_t index = world.config.services_count++;
	struct config_service *service = &world.configured[index];

	*service = (struct config_service){
		.role = role,
		.endpoints = {.items = world.endpoints[index], .count = 1},
	};
	memcpy(service->name, name, strlen(name) + 1);
	world.endpoints[index][0] = (struct config_endpoint){.bits = bits, .port = port};
	parse_address(address, world.endpoints[index][0].addr);
	return service;
}

/* Takes the last configured service back. */
static inline void unconfigure(void)
{
	world.config.services_count--;
}

static inline struct shunt_event make_event(uint32_t type, const char *comm, uint32_t netns,
					    const char *address, uint16_t port)
{
	struct shunt_event event = {
		.type = type, .netns = netns, .pid = 1000, .port = port, .v6only = 0};

	parse_address(address, event.addr);
	memcpy(event.comm, comm, strnlen(comm, sizeof(event.comm) - 1));
	return event;
}

/* A process begins to listen; which socket it is. */
static inline uint64_t listens(const char *comm, uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_event event = make_event(SHUNT_EVENT_LISTEN, comm, netns, address, port);

	event.socket = ++world.sockets;
	discovery_event(&world.discovery, &event);
	return event.socket;
}

static inline void unlistens(uint64_t socket)
{
	struct shunt_event event = {.type = SHUNT_EVENT_UNLISTEN, .socket = socket};

	discovery_event(&world.discovery, &event);
}

/* A remote is busy. */
static inline void talks_to(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_event event = make_event(SHUNT_EVENT_REMOTE, "", netns, address, port);

	discovery_event(&world.discovery, &event);
}

/* The service of that name that is shown to people, or NULL. */
static inline struct service *shown(const char *name, enum shunt_role role)
{
	struct service *service = services_find(&world.services, name, role);

	return service && service->origin != SERVICE_RETIRED ? service : NULL;
}

/* The slot of a server that is shown; 0: none. */
static inline uint32_t server(const char *name)
{
	struct service *service = shown(name, SHUNT_ROLE_SERVER);

	return service ? services_slot(&world.services, service) : 0;
}

static inline uint32_t client(const char *name)
{
	struct service *service = shown(name, SHUNT_ROLE_CLIENT);

	return service ? services_slot(&world.services, service) : 0;
}

#endif
