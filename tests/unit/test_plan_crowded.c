/* SPDX-License-Identifier: GPL-2.0 */
/* The plan where there is not room for everybody. */
#include <criterion/criterion.h>

#include "unit/fake_observer.h"
#include "unit/plan_world.h"

#define MAX 2

static struct observer kernel;

static void set_up(void)
{
	world_open(&kernel, MAX);
}

TestSuite(plan_crowded, .init = set_up, .fini = world_close);

static uint32_t inbound(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_endpoint key = {.netns = netns, .port = port};
	const struct fake_key *found;

	parse_address(address, key.addr);
	found = fake_find(&kernel, FAKE_INBOUND, &key, sizeof(key));
	return found ? found->slot : 0;
}

static uint32_t outbound(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_endpoint key = {.netns = netns, .port = port};
	const struct fake_key *found;

	parse_address(address, key.addr);
	found = fake_find(&kernel, FAKE_OUTBOUND, &key, sizeof(key));
	return found ? found->slot : 0;
}

Test(plan_crowded, past_the_limit_is_other)
{
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	listens("c", OWN, "0.0.0.0", 3);
	talks_to(OWN, "10.0.0.9", 4);
	world_run();
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), server("a:1"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 2), server("b:2"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 3), SHUNT_SLOT_OTHER_SERVER);
	cr_expect_eq(outbound(OWN, "10.0.0.9", 4), SHUNT_SLOT_OTHER_CLIENT);
	cr_expect_eq(server("c:3"), 0);
	cr_expect(world.plan.crowded);
	/* Listeners that are there are never driven out by others. */
	world_live(3600);
	cr_expect_eq(world.runs, 1, "there is no room to look for");
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), server("a:1"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 2), server("b:2"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 3), SHUNT_SLOT_OTHER_SERVER);
}

Test(plan_crowded, enough_room_is_not_crowded)
{
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	cr_expect_not(world.plan.crowded);
}

Test(plan_crowded, a_listener_gets_the_slot_of_an_idle_remote)
{
	talks_to(OWN, "10.0.0.9", 4);
	talks_to(OWN, "10.0.0.10", 4);
	world_run();
	world_live(300);
	kernel.cells[outbound(OWN, "10.0.0.9", 4)].counters.handshakes[SHUNT_HANDSHAKE_REFUSED]++;
	world_live(301);
	listens("a", OWN, "0.0.0.0", 1);
	world_run();
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), SHUNT_SLOT_OTHER_SERVER, "for the time being");
	world_live(3);
	cr_assert_neq(server("a:1"), 0);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), server("a:1"));
	cr_expect_neq(client("_out:10.0.0.9:4"), 0, "it was busy five minutes ago");
	cr_expect_eq(client("_out:10.0.0.10:4"), 0);
	cr_expect_eq(outbound(OWN, "10.0.0.10", 4), 0, "unnamed, it is told again when it is busy");
	cr_expect_not(world.plan.crowded);
}

Test(plan_crowded, one_newcomer_costs_one_service)
{
	talks_to(OWN, "10.0.0.9", 4);
	talks_to(OWN, "10.0.0.10", 4);
	world_run();
	world_live(601);
	listens("a", OWN, "0.0.0.0", 1);
	world_run();
	world_live(10);
	cr_expect_neq(server("a:1"), 0);
	cr_expect_neq(client("_out:10.0.0.9:4") | client("_out:10.0.0.10:4"), 0);
	/* The next one costs the next. */
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	world_live(10);
	cr_expect_neq(server("b:2"), 0);
	cr_expect_not(world.plan.crowded);
}

/* Who was there first keeps its slot: the new do not drive each other out. */
Test(plan_crowded, the_new_do_not_make_room)
{
	talks_to(OWN, "10.0.0.1", 4);
	talks_to(OWN, "10.0.0.2", 4);
	talks_to(OWN, "10.0.0.3", 4);
	world_run();
	cr_expect_neq(client("_out:10.0.0.1:4"), 0);
	cr_expect_neq(client("_out:10.0.0.2:4"), 0);
	cr_expect_eq(client("_out:10.0.0.3:4"), 0);
	world_live(500);
	cr_expect_neq(client("_out:10.0.0.1:4"), 0);
	cr_expect_neq(client("_out:10.0.0.2:4"), 0);
	cr_expect_eq(outbound(OWN, "10.0.0.3", 4), SHUNT_SLOT_OTHER_CLIENT);
}

Test(plan_crowded, a_configured_service_drives_a_found_one_out)
{
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	kernel.cells[server("b:2")].counters.handshakes[SHUNT_HANDSHAKE_OK] = 5;
	kernel.cells[server("b:2")].counters.closes[SHUNT_CLOSE_ORDERLY] = 5;
	configure("known", SHUNT_ROLE_SERVER, "*", 0, 3);
	world_run();
	cr_expect_eq(inbound(OWN, "::", 3), SHUNT_SLOT_OTHER_SERVER, "for the time being");
	world_live(4);
	cr_assert_neq(server("known"), 0);
	cr_expect_eq(inbound(OWN, "::", 3), server("known"));
	cr_expect_eq(kernel.cells[server("known")].counters.handshakes[SHUNT_HANDSHAKE_OK], 0);
	cr_expect_neq(server("a:1"), 0, "one is enough");
	cr_expect_eq(inbound(OWN, "0.0.0.0", 2), SHUNT_SLOT_OTHER_SERVER);
}

Test(plan_crowded, a_slot_with_connections_is_waited_for)
{
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	kernel.cells[server("a:1")].counters.seeded = 1;
	kernel.cells[server("b:2")].counters.seeded = 1;
	configure("known", SHUNT_ROLE_SERVER, "*", 0, 3);
	world_run();
	world_live(600);
	cr_expect_eq(server("known"), 0);
	cr_expect(world.plan.crowded);
	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < world.services.count; slot++)
		kernel.cells[slot].counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
	world_live(4);
	cr_expect_neq(server("known"), 0);
}

/* While a slot waits to be given away, no key may lead new connections into it. */
Test(plan_crowded, no_key_leads_to_a_slot_that_goes)
{
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	configure("known", SHUNT_ROLE_SERVER, "*", 0, 3);
	world_run();
	for (unsigned second = 0; second < 10; second++) {
		for (unsigned i = 0; i < kernel.count; i++) {
			uint32_t slot = kernel.keys[i].slot;
			enum service_origin origin = world.services.items[slot].origin;

			cr_assert(origin != SERVICE_FREE, "second %u", second);
			cr_assert(second == 0 || origin != SERVICE_RETIRED, "second %u", second);
		}
		world_live(1);
	}
}

Test(plan_crowded, a_closed_listener_is_forgotten_with_its_service)
{
	uint64_t socket = listens("a", OWN, "0.0.0.0", 1);

	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	unlistens(socket);
	world_run();
	world_live(601);
	listens("c", OWN, "0.0.0.0", 3);
	world_run();
	world_live(4);
	cr_expect_neq(server("c:3"), 0);
	cr_expect_eq(server("a:1"), 0);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), 0);
	cr_expect_eq(world.discovery.count, 2);
}

Test(plan_crowded, a_full_table_of_keys_is_told)
{
	kernel.capacity = 1;
	listens("a", OWN, "0.0.0.0", 1);
	listens("b", OWN, "0.0.0.0", 2);
	world_run();
	cr_expect(world.plan.full);
	cr_expect_eq(kernel.count, 1);
	kernel.capacity = 0;
	world_run();
	cr_expect_not(world.plan.full);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 1), server("a:1"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 2), server("b:2"));
}
