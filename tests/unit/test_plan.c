/* SPDX-License-Identifier: GPL-2.0 */
/* Which services there are, and by which keys they are found. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "kernel/cgroup.h"
#include "unit/fake_observer.h"
#include "unit/plan_world.h"

#define MAX 4

static struct observer kernel;

/* The cgroups that any pattern stands for. */
static uint64_t cgroups[CGROUP_IDS_MAX];
static int cgroups_count;

int cgroup_resolve(const char *pattern, uint64_t ids[static CGROUP_IDS_MAX])
{
	(void)pattern;
	memcpy(ids, cgroups, sizeof(cgroups));
	return cgroups_count;
}

static void set_up(void)
{
	world_open(&kernel, MAX);
}

TestSuite(plan, .init = set_up, .fini = world_close);

/* The slot under a key; 0: none, which no key has (it is _unknown's). */
static uint32_t slot_under(enum fake_map map, uint64_t cgroup, uint32_t netns, const char *address,
			   uint16_t port)
{
	struct shunt_endpoint key = {.cgroup = cgroup, .netns = netns, .port = port};
	const struct fake_key *found;

	parse_address(address, key.addr);
	found = fake_find(&kernel, map, &key, sizeof(key));
	return found ? found->slot : 0;
}

static uint32_t inbound(uint32_t netns, const char *address, uint16_t port)
{
	return slot_under(FAKE_INBOUND, 0, netns, address, port);
}

static uint32_t outbound(uint32_t netns, const char *address, uint16_t port)
{
	return slot_under(FAKE_OUTBOUND, 0, netns, address, port);
}

static uint32_t prefix(uint32_t netns, const char *address, uint8_t bits, uint16_t port)
{
	struct shunt_prefix key = {
		.length = SHUNT_PREFIX_FIXED_BITS + bits, .netns = netns, .port = port};
	const struct fake_key *found;

	parse_address(address, key.addr);
	found = fake_find(&kernel, FAKE_PREFIX, &key, sizeof(key));
	return found ? found->slot : 0;
}

/* ---- configured ---- */

Test(plan, inbound_keys)
{
	configure("exact", SHUNT_ROLE_SERVER, "10.0.0.5", 128, 8080);
	configure("wild", SHUNT_ROLE_SERVER, "*", 0, 8081);
	configure("ipv6", SHUNT_ROLE_SERVER, "2001:db8::5", 128, 8080)->netns_any = true;
	world_run();
	cr_expect_eq(kernel.count, 4);
	cr_expect_eq(inbound(OWN, "10.0.0.5", 8080), server("exact"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 8081), server("wild"));
	cr_expect_eq(inbound(OWN, "::", 8081), server("wild"));
	cr_expect_eq(inbound(0, "2001:db8::5", 8080), server("ipv6"));
	cr_expect_eq(server("exact"), SHUNT_SLOT_FIRST);
	cr_expect_eq(shown("exact", SHUNT_ROLE_SERVER)->origin, SERVICE_CONFIGURED);
}

Test(plan, outbound_keys)
{
	configure("exact", SHUNT_ROLE_CLIENT, "10.0.0.9", 128, 5432);
	configure("any-netns", SHUNT_ROLE_CLIENT, "10.0.0.9", 128, 5433)->netns_any = true;
	configure("prefix", SHUNT_ROLE_CLIENT, "10.1.0.0", 96 + 16, 443);
	configure("all", SHUNT_ROLE_CLIENT, "*", 0, 443);
	world_run();
	cr_expect_eq(kernel.count, 4);
	cr_expect_eq(outbound(OWN, "10.0.0.9", 5432), client("exact"));
	cr_expect_eq(prefix(0, "10.0.0.9", 128, 5433), client("any-netns"));
	cr_expect_eq(prefix(OWN, "10.1.0.0", 112, 443), client("prefix"));
	cr_expect_eq(prefix(OWN, "::", 0, 443), client("all"));
}

Test(plan, every_endpoint_of_a_service)
{
	struct config_service *service = configure("many", SHUNT_ROLE_SERVER, "10.0.0.5", 128,
						   8080);

	service->endpoints.items[1] = (struct config_endpoint){.bits = 0, .port = 8081};
	service->endpoints.count = 2;
	world_run();
	cr_expect_eq(kernel.count, 3);
	cr_expect_eq(inbound(OWN, "10.0.0.5", 8080), server("many"));
	cr_expect_eq(inbound(OWN, "::", 8081), server("many"));
}

Test(plan, a_narrowed_service_has_a_key_for_each_cgroup)
{
	char pattern[] = "/system.slice/*";

	configure("narrow", SHUNT_ROLE_SERVER, "10.0.0.5", 128, 8080)->cgroup = pattern;
	world_run();
	cr_expect_eq(kernel.count, 0, "none is there yet");
	cr_expect_neq(server("narrow"), 0);
	cgroups[0] = 41;
	cgroups[1] = 42;
	cgroups_count = 2;
	world_run();
	cr_expect_eq(kernel.count, 2);
	cr_expect_eq(slot_under(FAKE_INBOUND, 41, OWN, "10.0.0.5", 8080), server("narrow"));
	cr_expect_eq(slot_under(FAKE_INBOUND, 42, OWN, "10.0.0.5", 8080), server("narrow"));
	cgroups[0] = 42;
	cgroups_count = 1;
	world_run();
	cr_expect_eq(kernel.count, 1);
	cgroups_count = -ENOENT;
	world_run();
	cr_expect_eq(kernel.count, 0, "no cgroup2 is mounted");
}

/* ---- found ---- */

Test(plan, a_listener_is_a_service)
{
	listens("nginx", OWN, "10.0.0.5", 80);
	world_run();
	cr_assert_neq(server("nginx:80"), 0);
	cr_expect_eq(kernel.count, 1);
	cr_expect_eq(inbound(OWN, "10.0.0.5", 80), server("nginx:80"));
	cr_expect(shown("nginx:80", SHUNT_ROLE_SERVER)->listening);
}

Test(plan, a_remote_is_a_service)
{
	talks_to(OWN, "10.0.0.9", 5432);
	world_run();
	cr_assert_neq(client("_out:10.0.0.9:5432"), 0);
	cr_expect_eq(kernel.count, 1);
	cr_expect_eq(outbound(OWN, "10.0.0.9", 5432), client("_out:10.0.0.9:5432"));
}

Test(plan, a_dual_stack_listener_takes_both_families)
{
	listens("nginx", OWN, "::", 80);
	world_run();
	cr_expect_eq(kernel.count, 2);
	cr_expect_eq(inbound(OWN, "::", 80), server("nginx:80"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("nginx:80"));
}

Test(plan, a_listener_for_ipv6_alone_does_not)
{
	struct shunt_event event = make_event(SHUNT_EVENT_LISTEN, "nginx", OWN, "::", 80);

	event.v6only = 1;
	event.socket = 1;
	discovery_event(&world.discovery, &event);
	listens("ipv4", OWN, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(inbound(OWN, "::", 80), server("nginx:80"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("ipv4:80"));
	cr_expect_neq(server("ipv4:80"), server("nginx:80"));
}

Test(plan, workers_of_one_name_are_one_service)
{
	listens("nginx", OWN, "0.0.0.0", 80);
	listens("nginx", OWN, "0.0.0.0", 80);
	listens("nginx", OWN, "127.0.0.1", 80);
	world_run();
	cr_expect_eq(kernel.count, 2);
	cr_expect_neq(server("nginx:80"), 0);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("nginx:80"));
	cr_expect_eq(inbound(OWN, "127.0.0.1", 80), server("nginx:80"));
}

Test(plan, discovery_may_be_off)
{
	world.config.discover = false;
	listens("nginx", OWN, "0.0.0.0", 80);
	talks_to(OWN, "10.0.0.9", 5432);
	world_run();
	cr_expect_eq(kernel.count, 0);
	cr_expect_eq(server("nginx:80"), 0);
	/* …and turned on, and off again. */
	world.config.discover = true;
	world_run();
	cr_expect_eq(kernel.count, 2);
	world.config.discover = false;
	world_run();
	cr_expect_eq(kernel.count, 0);
	cr_expect_eq(server("nginx:80"), 0);
}

/* ---- what the configuration covers ---- */

struct cover_case {
	char address[16]; /* no pointers: each case runs in a process of its own */
	char found[20];
	uint32_t netns; /* where it is found */
	enum shunt_role role;
	uint16_t port;
	uint8_t bits;
	uint8_t is;
};

enum { ANY_NETNS = 1, NARROWED = 2, REMOTE = 4, COVERED = 8 };

static char narrowed_to[] = "/a";

ParameterizedTestParameters(plan, coverage)
{
	static struct cover_case cases[] = {
		{"*", "10.0.0.5", OWN, SHUNT_ROLE_SERVER, 80, 0, COVERED},
		{"*", "::", OWN, SHUNT_ROLE_SERVER, 80, 0, COVERED},
		{"*", "10.0.0.5", OWN, SHUNT_ROLE_SERVER, 81, 0, 0},
		{"*", "10.0.0.5", OTHER, SHUNT_ROLE_SERVER, 80, 0, 0},
		{"*", "10.0.0.5", OTHER, SHUNT_ROLE_SERVER, 80, 0, ANY_NETNS | COVERED},
		{"*", "10.0.0.5", OWN, SHUNT_ROLE_SERVER, 80, 0, NARROWED},
		{"*", "10.0.0.5", OWN, SHUNT_ROLE_SERVER, 80, 0, REMOTE},
		{"10.0.0.5", "10.0.0.5", OWN, SHUNT_ROLE_SERVER, 80, 128, COVERED},
		{"10.0.0.5", "10.0.0.4", OWN, SHUNT_ROLE_SERVER, 80, 128, 0},
		{"10.0.0.5", "0.0.0.0", OWN, SHUNT_ROLE_SERVER, 80, 128, 0},
		{"10.1.0.0", "10.1.255.255", OWN, SHUNT_ROLE_CLIENT, 80, 112, REMOTE | COVERED},
		{"10.1.0.0", "10.2.0.0", OWN, SHUNT_ROLE_CLIENT, 80, 112, REMOTE},
		{"10.0.0.16", "10.0.0.31", OWN, SHUNT_ROLE_CLIENT, 80, 124, REMOTE | COVERED},
		{"10.0.0.16", "10.0.0.32", OWN, SHUNT_ROLE_CLIENT, 80, 124, REMOTE},
		{"10.0.0.16", "10.0.0.15", OWN, SHUNT_ROLE_CLIENT, 80, 124, REMOTE},
		{"0.0.0.0", "10.0.0.32", OWN, SHUNT_ROLE_CLIENT, 80, 96, REMOTE | COVERED},
		{"0.0.0.0", "2001:db8::1", OWN, SHUNT_ROLE_CLIENT, 80, 96, REMOTE},
		{"2001:db8::", "2001:db8:7fff::1", OWN, SHUNT_ROLE_CLIENT, 80, 33,
		 REMOTE | COVERED},
		{"2001:db8::", "2001:db8:8000::1", OWN, SHUNT_ROLE_CLIENT, 80, 33, REMOTE},
	};

	return cr_make_param_array(struct cover_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct cover_case *c, plan, coverage)
{
	struct config_service *service = configure("known", c->role, c->address, c->bits, c->port);
	unsigned services = 0;

	service->netns_any = c->is & ANY_NETNS;
	service->cgroup = c->is & NARROWED ? narrowed_to : NULL;
	if (c->is & REMOTE)
		talks_to(c->netns, c->found, 80);
	else
		listens("found", c->netns, c->found, 80);
	world_run();
	for (uint32_t i = SHUNT_SLOT_FIRST; i < world.services.count; i++)
		services += world.services.items[i].origin != SERVICE_FREE;
	cr_assert_eq(services, c->is & COVERED ? 1 : 2, "%s/%u covers %s", c->address, c->bits,
		     c->found);
}

/* A listener that was found first is the configuration's once it says so. */
Test(plan, a_reload_takes_a_listener_over)
{
	uint32_t found;

	listens("nginx", OWN, "0.0.0.0", 80);
	world_run();
	found = server("nginx:80");
	cr_assert_neq(found, 0);
	configure("web", SHUNT_ROLE_SERVER, "*", 0, 80);
	world_run();
	cr_expect_eq(server("nginx:80"), 0);
	cr_expect_neq(server("web"), found);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("web"));
	unconfigure();
	world_run();
	cr_expect_eq(server("web"), 0);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), found, "and gets its slot and counts back");
	cr_expect_eq(server("nginx:80"), found);
}

/* ---- identity ---- */

Test(plan, a_restart_keeps_the_slot)
{
	uint64_t socket = listens("nginx", OWN, "0.0.0.0", 80);
	uint32_t slot;

	listens("other", OWN, "0.0.0.0", 81);
	world_run();
	slot = server("nginx:80");
	kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK] = 9;
	unlistens(socket);
	world_run();
	cr_expect_eq(server("nginx:80"), slot, "it is still known");
	cr_expect_not(shown("nginx:80", SHUNT_ROLE_SERVER)->listening);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), slot, "what it refuses now is its own");
	world_live(3600);
	cr_expect_eq(server("nginx:80"), slot);
	listens("nginx", OWN, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(server("nginx:80"), slot);
	cr_expect(shown("nginx:80", SHUNT_ROLE_SERVER)->listening);
	cr_expect_eq(kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK], 9);
}

Test(plan, another_program_on_the_port_is_another_service)
{
	uint64_t socket = listens("nginx", OWN, "0.0.0.0", 80);
	uint32_t slot;

	world_run();
	slot = server("nginx:80");
	unlistens(socket);
	listens("caddy", OWN, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(server("nginx:80"), slot);
	cr_expect_neq(server("caddy:80"), slot);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("caddy:80"), "who listens comes first");
}

Test(plan, a_reload_keeps_the_slots_of_what_stays)
{
	uint32_t a, b;

	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("b", SHUNT_ROLE_SERVER, "*", 0, 81);
	world_run();
	a = server("a");
	b = server("b");
	kernel.sets = kernel.unsets = 0;
	/* The file lists them the other way around, and one more first. */
	world.config.services_count = 0;
	configure("c", SHUNT_ROLE_SERVER, "*", 0, 82);
	configure("b", SHUNT_ROLE_SERVER, "*", 0, 81);
	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	world_run();
	cr_expect_eq(server("a"), a);
	cr_expect_eq(server("b"), b);
	cr_expect_eq(kernel.sets, 2, "the new one's two wildcards");
	cr_expect_eq(kernel.unsets, 0);
}

Test(plan, a_run_without_a_change_writes_nothing)
{
	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("b", SHUNT_ROLE_CLIENT, "10.0.0.0", 104, 81);
	listens("nginx", OTHER, "::", 80);
	talks_to(OWN, "10.0.0.9", 5432);
	world_run();
	kernel.sets = kernel.unsets = 0;
	world_run();
	world_run();
	cr_expect_eq(kernel.sets, 0);
	cr_expect_eq(kernel.unsets, 0);
}

Test(plan, what_is_no_longer_configured_ends)
{
	uint32_t slot;

	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	world_run();
	slot = server("a");
	kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK] = 1;
	unconfigure();
	world_run();
	cr_expect_eq(server("a"), 0);
	cr_expect_eq(kernel.count, 0);
	world_live(60);
	cr_expect_eq(world.services.items[slot].origin, SERVICE_RETIRED, "one is open still");
	kernel.cells[slot].counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
	world_live(1);
	cr_expect_eq(world.services.items[slot].origin, SERVICE_FREE);
	cr_expect_eq(kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK], 0);
	configure("b", SHUNT_ROLE_SERVER, "*", 0, 81);
	world_run();
	cr_expect_eq(server("b"), slot);
}

Test(plan, what_is_configured_again_goes_on)
{
	uint32_t slot;

	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	world_run();
	slot = server("a");
	kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK] = 1;
	unconfigure();
	world_run();
	world_live(1);
	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	world_run();
	cr_expect_eq(server("a"), slot);
	world_live(60);
	cr_expect_eq(server("a"), slot);
	cr_expect_eq(kernel.cells[slot].counters.handshakes[SHUNT_HANDSHAKE_OK], 1);
}

/* ---- names that collide ---- */

static void listens_in_unit(const char *comm, uint32_t netns, uint16_t port, const char *unit)
{
	struct shunt_event event = make_event(SHUNT_EVENT_LISTEN, comm, netns, "0.0.0.0", port);

	event.socket = ++world.sockets;
	memcpy(event.unit, unit, strlen(unit));
	discovery_event(&world.discovery, &event);
}

Test(plan, one_name_in_several_namespaces)
{
	listens_in_unit("nginx", OWN, 80, "nginx.service");
	listens_in_unit("nginx", OTHER, 80, "docker-0123.scope");
	listens_in_unit("nginx", OTHER + 1, 80, "docker-0123.scope");
	listens_in_unit("nginx", OTHER + 2, 80, "");
	world_run();
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("nginx:80"));
	cr_expect_eq(inbound(OTHER, "0.0.0.0", 80), server("nginx:80@docker-0123.scope"));
	cr_expect_eq(inbound(OTHER + 1, "0.0.0.0", 80), server("nginx:80@netns-4026533000"));
	cr_expect_eq(inbound(OTHER + 2, "0.0.0.0", 80), server("nginx:80@netns-4026533001"));
	cr_expect_eq(kernel.count, 4);
	for (uint32_t netns = OTHER; netns < OTHER + 3; netns++)
		cr_expect_geq(inbound(netns, "0.0.0.0", 80), SHUNT_SLOT_FIRST);
	/* Names are stable: another run is no change. */
	kernel.sets = 0;
	world_run();
	cr_expect_eq(kernel.sets, 0);
}

Test(plan, the_first_of_a_name_keeps_it)
{
	uint32_t slot;

	listens("nginx", OTHER, "0.0.0.0", 80);
	world_run();
	slot = server("nginx:80");
	listens("nginx", OWN, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(server("nginx:80"), slot);
	cr_expect_eq(inbound(OTHER, "0.0.0.0", 80), slot);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("nginx:80@netns-4026531840"));
	cr_expect_neq(inbound(OWN, "0.0.0.0", 80), slot);
}

Test(plan, a_remote_of_several_namespaces)
{
	talks_to(OWN, "10.0.0.9", 5432);
	talks_to(OTHER, "10.0.0.9", 5432);
	world_run();
	cr_expect_eq(outbound(OWN, "10.0.0.9", 5432), client("_out:10.0.0.9:5432"));
	cr_expect_eq(outbound(OTHER, "10.0.0.9", 5432),
		     client("_out:10.0.0.9:5432@netns-4026532999"));
	cr_expect_neq(outbound(OTHER, "10.0.0.9", 5432), 0);
}

/* A container that restarts has another namespace each time, and is the same service. */
Test(plan, a_restarted_container_takes_its_place)
{
	uint64_t socket = listens("nginx", OTHER, "0.0.0.0", 80);
	uint32_t slot;

	world_run();
	slot = server("nginx:80");
	unlistens(socket);
	world_run();
	listens("nginx", OTHER + 1, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(server("nginx:80"), slot);
	cr_expect_eq(inbound(OTHER + 1, "0.0.0.0", 80), slot);
}

/* The configuration's name is not for a process of that name to count in. */
Test(plan, a_found_name_that_is_configured)
{
	configure("nginx:80", SHUNT_ROLE_SERVER, "10.0.0.5", 128, 8080);
	listens_in_unit("nginx", OWN, 80, "nginx.service");
	world_run();
	cr_expect_eq(inbound(OWN, "10.0.0.5", 8080), server("nginx:80"));
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("nginx:80@nginx.service"));
	cr_expect_neq(server("nginx:80@nginx.service"), 0);
}
