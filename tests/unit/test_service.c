/* SPDX-License-Identifier: GPL-2.0 */
/* The table of services: slots taken, kept, retired and given back. */
#include <criterion/criterion.h>

#include "daemon/service.h"
#include "unit/fake_observer.h"

#define SECOND 1000000000ULL
#define START  (5000 * SECOND)
#define MAX    3

static struct observer kernel;
static struct services services;

static void set_up(void)
{
	cr_assert_eq(services_init(&services, MAX, 0), 0);
}

static void tear_down(void)
{
	services_done(&services);
}

TestSuite(service, .init = set_up, .fini = tear_down);

static struct service *add(const char *name)
{
	return services_add(&services, name, SHUNT_ROLE_CLIENT, SERVICE_DISCOVERED);
}

static uint32_t slot_of(const struct service *service)
{
	return services_slot(&services, service);
}

Test(service, some_slots_always_exist)
{
	static const char *const names[] = {"_unknown", "_unknown", "_other", "_other"};

	cr_assert_eq(services.count, SHUNT_SLOT_FIRST + MAX);
	for (uint32_t slot = 0; slot < SHUNT_SLOT_FIRST; slot++) {
		const struct service *service = &services.items[slot];

		cr_expect_eq(service->origin, SERVICE_RESERVED);
		cr_expect_str_eq(service->name, names[slot]);
		cr_expect_eq(service->role, slot % 2 ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER);
	}
	cr_expect_eq(services.items[SHUNT_SLOT_FIRST].origin, SERVICE_FREE);
}

Test(service, a_name_has_one_service_a_role)
{
	struct service *client = add("a");
	struct service *server = services_add(&services, "a", SHUNT_ROLE_SERVER,
					      SERVICE_CONFIGURED);

	cr_assert_neq(client, server);
	cr_expect_eq(slot_of(client), SHUNT_SLOT_FIRST);
	cr_expect_eq(slot_of(server), SHUNT_SLOT_FIRST + 1);
	cr_expect_eq(services_find(&services, "a", SHUNT_ROLE_CLIENT), client);
	cr_expect_eq(services_find(&services, "a", SHUNT_ROLE_SERVER), server);
	cr_expect_null(services_find(&services, "b", SHUNT_ROLE_SERVER));
	cr_expect_null(services_find(&services, "", SHUNT_ROLE_SERVER), "a free slot has no name");
	cr_expect_null(services_find(&services, "_other", SHUNT_ROLE_SERVER),
		       "what is reserved is nobody's to claim");
}

Test(service, slots_are_bounded)
{
	for (unsigned i = 0; i < MAX; i++)
		cr_assert_not_null(add("x"));
	cr_expect_null(add("x"));
}

Test(service, a_long_name_is_cut)
{
	char name[2 * SERVICE_NAME_MAX];
	const struct service *service;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	service = add(name);
	cr_expect_eq(strlen(service->name), SERVICE_NAME_MAX - 1);
}

/* A socket that was looked up just before may still count in its slot. */
Test(service, a_retired_slot_waits_out_the_grace)
{
	struct service *service = add("a");
	uint32_t slot = slot_of(service);

	kernel.cells[slot].counters.retransmits = 9;
	services_retire(service, START);
	cr_expect_eq(services_find(&services, "a", SHUNT_ROLE_CLIENT), service);
	services_sweep(&services, &kernel, START + 2 * SECOND - 1);
	cr_expect_eq(service->origin, SERVICE_RETIRED);
	cr_expect_eq(kernel.cells[slot].counters.retransmits, 9);
	services_sweep(&services, &kernel, START + 2 * SECOND);
	cr_expect_eq(service->origin, SERVICE_FREE);
	cr_expect_eq(kernel.cells[slot].counters.retransmits, 0, "the next one begins at zero");
	cr_expect_eq(kernel.clears, 1);
	cr_expect_null(services_find(&services, "a", SHUNT_ROLE_CLIENT));
	cr_expect_eq(slot_of(add("b")), slot);
}

Test(service, a_slot_with_connections_is_kept)
{
	struct service *service = add("a");
	struct shunt_cell *cell = &kernel.cells[slot_of(service)];

	cell->counters.handshakes[SHUNT_HANDSHAKE_OK] = 5;
	cell->counters.closes[SHUNT_CLOSE_ORDERLY] = 4;
	services_retire(service, START);
	services_sweep(&services, &kernel, START + 3600 * SECOND);
	cr_expect_eq(service->origin, SERVICE_RETIRED);
	cr_expect_eq(cell->counters.handshakes[SHUNT_HANDSHAKE_OK], 5);
	cell->counters.closes[SHUNT_CLOSE_TIMED_OUT] = 1;
	services_sweep(&services, &kernel, START + 3601 * SECOND);
	cr_expect_eq(service->origin, SERVICE_FREE);
	cr_expect_eq(cell->counters.handshakes[SHUNT_HANDSHAKE_OK], 0);
}

Test(service, only_the_retired_are_swept)
{
	struct service *service = add("a");

	services_sweep(&services, &kernel, START);
	services_sweep(&services, &kernel, 2 * START);
	cr_expect_eq(service->origin, SERVICE_DISCOVERED);
	cr_expect_eq(services.items[SHUNT_SLOT_UNKNOWN_SERVER].origin, SERVICE_RESERVED);
	cr_expect_eq(kernel.clears, 0);
}

Test(service, nothing_of_the_last_owner_is_left)
{
	struct service *service = add("a");

	service->netns = 7;
	service->window.held = 5;
	services_retire(service, START);
	services_sweep(&services, &kernel, START + 60 * SECOND);
	service = add("b");
	cr_expect_eq(service->netns, 0);
	cr_expect_eq(service->window.held, 0);
	cr_expect_eq(service->retired_at, 0);
}

/* ---- who makes room ---- */

/* A discovered service that has been idle for so many seconds. */
static struct service *idle(const char *name, unsigned seconds)
{
	struct service *service = add(name);

	service->window.changed_at = START - seconds * SECOND;
	return service;
}

Test(service, the_idlest_makes_room)
{
	struct service *a = idle("a", 700), *b = idle("b", 900), *c = idle("c", 800);

	cr_assert(services_retire_idle(&services, &kernel, START));
	cr_expect_eq(b->origin, SERVICE_RETIRED);
	cr_expect_eq(b->retired_at, START);
	cr_assert(services_retire_idle(&services, &kernel, START + 10 * SECOND));
	cr_expect_eq(c->origin, SERVICE_RETIRED);
	cr_assert(services_retire_idle(&services, &kernel, START + 20 * SECOND));
	cr_expect_eq(a->origin, SERVICE_RETIRED);
	cr_expect_not(services_retire_idle(&services, &kernel, START + 30 * SECOND));
}

/* The plan asks each second, and a slot takes two to become free. */
Test(service, one_makes_room_at_a_time)
{
	const struct service *a = idle("a", 700), *b = idle("b", 900);

	cr_assert(services_retire_idle(&services, &kernel, START));
	cr_expect_eq(b->origin, SERVICE_RETIRED);
	cr_expect_not(services_retire_idle(&services, &kernel, START + SECOND));
	cr_expect_not(services_retire_idle(&services, &kernel, START + 3 * SECOND - 1));
	cr_expect_eq(a->origin, SERVICE_DISCOVERED);
	/* Its connections may hold it for long, and nobody waits for that. */
	cr_expect(services_retire_idle(&services, &kernel, START + 3 * SECOND));
	cr_expect_eq(a->origin, SERVICE_RETIRED);
}

Test(service, ten_minutes_are_idle)
{
	const struct service *a = idle("a", 599);

	cr_expect_not(services_retire_idle(&services, &kernel, START));
	cr_expect_eq(a->origin, SERVICE_DISCOVERED);
	cr_expect(services_retire_idle(&services, &kernel, START + SECOND));
}

Test(service, who_is_of_use_does_not_make_room)
{
	struct service *listening = idle("a", 900), *busy = idle("b", 900),
		       *configured = idle("c", 900);

	listening->listening = true;
	configured->origin = SERVICE_CONFIGURED;
	kernel.cells[slot_of(busy)].counters.seeded = 1;
	cr_expect_not(services_retire_idle(&services, &kernel, START),
		      "a listener, an idle pool, a configured service");
	kernel.cells[slot_of(busy)].counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
	cr_expect(services_retire_idle(&services, &kernel, START));
	cr_expect_eq(busy->origin, SERVICE_RETIRED);
}
