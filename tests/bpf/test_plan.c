/* SPDX-License-Identifier: GPL-2.0 */
/* What the plan leaves in the kernel's maps. */
#include <criterion/criterion.h>
#include <errno.h>

#include "bpf/own.h"
#include "kernel/observer.h"
#include "unit/plan_world.h"

#define MAX 4

static struct observer *observer;

static void set_up(void)
{
	const struct observer_limits limits = {.slots = SHUNT_SLOT_FIRST + MAX};

	cr_assert_eq(observer_open(&limits, &observer), 0);
	world_open(observer, MAX);
}

static void tear_down(void)
{
	world_close();
	observer_close(observer);
}

TestSuite(plan, .init = set_up, .fini = tear_down);

static struct shunt_endpoint endpoint(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_endpoint key = {.netns = netns, .port = port};

	parse_address(address, key.addr);
	return key;
}

static uint32_t slot_in(const char *map, const void *key)
{
	uint32_t slot = 0;

	bpf_map_lookup_elem(own_map(map), key, &slot);
	return slot;
}

static uint32_t inbound(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_endpoint key = endpoint(netns, address, port);

	return slot_in("shunt_inbound", &key);
}

static uint32_t outbound(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_endpoint key = endpoint(netns, address, port);

	return slot_in("shunt_outbound", &key);
}

/* By longest match, as the programs look it up. */
static uint32_t prefix(uint32_t netns, const char *address, uint16_t port)
{
	struct shunt_prefix key = {
		.length = SHUNT_PREFIX_FIXED_BITS + 128, .netns = netns, .port = port};

	parse_address(address, key.addr);
	return slot_in("shunt_prefixes", &key);
}

Test(plan, keys_are_in_the_maps)
{
	configure("web", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("net", SHUNT_ROLE_CLIENT, "10.1.0.0", 96 + 16, 443);
	listens("nginx", OTHER, "10.0.0.5", 81);
	talks_to(OWN, "2001:db8::9", 5432);
	world_run();
	cr_expect_eq(own_keys("shunt_inbound"), 3);
	cr_expect_eq(own_keys("shunt_outbound"), 1);
	cr_expect_eq(own_keys("shunt_prefixes"), 1);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), server("web"));
	cr_expect_eq(inbound(OWN, "::", 80), server("web"));
	cr_expect_eq(inbound(OTHER, "10.0.0.5", 81), server("nginx:81"));
	cr_expect_eq(outbound(OWN, "2001:db8::9", 5432), client("_out:[2001:db8::9]:5432"));
	cr_expect_eq(prefix(OWN, "10.1.255.1", 443), client("net"));
	cr_expect_eq(prefix(OWN, "10.2.0.1", 443), 0);
	cr_expect_eq(prefix(OWN, "10.1.255.1", 444), 0);
	cr_expect_eq(prefix(OTHER, "10.1.255.1", 443), 0);
	/* No slot that the lookups gave is 0, which is _unknown's and would be none. */
	cr_expect(server("web") && server("nginx:81") && client("net"));
}

Test(plan, the_longest_prefix_holds)
{
	configure("all", SHUNT_ROLE_CLIENT, "*", 0, 443);
	configure("ipv4", SHUNT_ROLE_CLIENT, "0.0.0.0", 96, 443);
	configure("ten", SHUNT_ROLE_CLIENT, "10.0.0.0", 96 + 8, 443);
	configure("one", SHUNT_ROLE_CLIENT, "10.0.0.1", 128, 443)->netns_any = true;
	world_run();
	cr_expect_eq(prefix(OWN, "2001:db8::9", 443), client("all"));
	cr_expect_eq(prefix(OWN, "192.0.2.1", 443), client("ipv4"));
	cr_expect_eq(prefix(OWN, "10.0.0.1", 443), client("ten"));
	cr_expect_eq(prefix(0, "10.0.0.1", 443), client("one"));
}

Test(plan, the_table_of_ports)
{
	const uint8_t *ports = own_variables()->shunt_ports;
	unsigned used = 0;

	configure("web", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("net", SHUNT_ROLE_CLIENT, "10.1.0.0", 96 + 16, 80);
	configure("any", SHUNT_ROLE_CLIENT, "10.1.0.0", 96 + 16, 65535)->netns_any = true;
	listens("nginx", OWN, "10.0.0.5", 81);
	world_run();
	cr_expect_eq(ports[80], SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_OUTBOUND_PREFIX);
	cr_expect_eq(ports[81], SHUNT_PORT_INBOUND);
	cr_expect_eq(ports[65535], SHUNT_PORT_OUTBOUND_ANY_NETNS);
	for (unsigned port = 0; port < 65536; port++)
		used += ports[port] != 0;
	cr_expect_eq(used, 3);
	world.config.services_count = 1;
	world_run();
	cr_expect_eq(ports[80], SHUNT_PORT_INBOUND_WILD);
	cr_expect_eq(ports[65535], 0);
}

Test(plan, what_did_not_change_is_not_written)
{
	struct shunt_endpoint key = endpoint(OWN, "::", 80);
	const uint32_t mark = 7;

	configure("web", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("other", SHUNT_ROLE_SERVER, "*", 0, 81);
	world_run();
	bpf_map_update_elem(own_map("shunt_inbound"), &key, &mark, BPF_EXIST);
	configure("more", SHUNT_ROLE_SERVER, "*", 0, 82);
	world_run();
	cr_expect_eq(inbound(OWN, "::", 80), mark, "it would be back if it had been written");
	cr_expect_eq(inbound(OWN, "::", 82), server("more"));
	world.config.services_count = 0;
	world_run();
	cr_expect_eq(own_keys("shunt_inbound"), 0);
}

/* ---- slots ---- */

/* Sets all that is counted in a slot's shards to ones. */
static void fill_cells(uint32_t slot)
{
	int rows = libbpf_num_possible_cpus() + 1;
	int shards = own_map("shunt_cells"), histograms = own_map("shunt_histograms");
	static struct shunt_buckets ones;
	struct shunt_shard shard = {0};

	shard.counters.handshakes[SHUNT_HANDSHAKE_OK] = 1;
	shard.counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
	shard.counters.answered = 1;
	shard.responses = 1;
	shard.last_responses = 1;
	for (int i = 0; i < SHUNT_HISTOGRAM_MAX; i++) {
		shard.sums[i] = 1;
		for (int bucket = 0; bucket < SHUNT_BUCKETS; bucket++)
			ones.buckets[i][bucket] = 1;
	}
	for (int row = 0; row < rows; row++) {
		uint32_t index = (uint32_t)row * (SHUNT_SLOT_FIRST + MAX) + slot;

		cr_assert_eq(bpf_map_update_elem(shards, &index, &shard, BPF_ANY), 0);
		cr_assert_eq(bpf_map_update_elem(histograms, &index, &ones, BPF_ANY), 0);
	}
}

static bool is_zero(uint32_t slot)
{
	static const struct shunt_cell zero;
	struct shunt_cell cell;

	observer_read(observer, slot, &cell);
	return !memcmp(&cell, &zero, sizeof(cell));
}

Test(plan, readings_are_sums_over_the_shards)
{
	uint64_t rows = (uint64_t)libbpf_num_possible_cpus() + 1;
	struct shunt_cell cell;

	fill_cells(5);
	observer_read(observer, 5, &cell);
	cr_expect_eq(cell.counters.handshakes[SHUNT_HANDSHAKE_OK], rows);
	cr_expect_eq(cell.responses, 2 * rows);
	cr_expect_eq(cell.response_time, 2 * rows);
	for (int signal = 0; signal < SHUNT_SIGNAL_MAX; signal++) {
		/* The last response of a connection is a response. */
		uint64_t times = signal == SHUNT_SIGNAL_RESPONSE ? 2 : 1;

		cr_expect_eq(cell.histograms[signal].sum, times * rows);
		cr_expect_eq(cell.histograms[signal].buckets[0], times * rows);
		cr_expect_eq(cell.histograms[signal].buckets[SHUNT_BUCKET_OVERFLOW], times * rows);
	}
	cr_expect(is_zero(4));
	cr_expect(is_zero(6));
	fill_cells(0);
	observer_read(observer, SHUNT_SLOT_FIRST + MAX, &cell);
	cr_expect_eq(cell.counters.handshakes[SHUNT_HANDSHAKE_OK], 0,
		     "out of range reads as nothing");
}

Test(plan, a_slot_that_is_given_away_is_zero)
{
	uint32_t slot;

	configure("a", SHUNT_ROLE_SERVER, "*", 0, 80);
	configure("b", SHUNT_ROLE_SERVER, "*", 0, 81);
	world_run();
	slot = server("b");
	fill_cells(server("a"));
	fill_cells(slot);
	unconfigure();
	world_run();
	cr_expect_not(is_zero(slot), "the last scrape may want it");
	world_live(3);
	cr_expect(is_zero(slot));
	cr_expect_not(is_zero(server("a")));
	configure("c", SHUNT_ROLE_SERVER, "*", 0, 81);
	world_run();
	cr_expect_eq(server("c"), slot);
	cr_expect_eq(inbound(OWN, "::", 81), slot);
}

Test(plan, a_restart_keeps_slot_key_and_counts)
{
	uint64_t socket = listens("nginx", OWN, "0.0.0.0", 80);
	uint32_t slot;

	world_run();
	slot = server("nginx:80");
	fill_cells(slot);
	unlistens(socket);
	world_run();
	world_live(5);
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), slot);
	listens("nginx", OWN, "0.0.0.0", 80);
	world_run();
	cr_expect_eq(inbound(OWN, "0.0.0.0", 80), slot);
	cr_expect_not(is_zero(slot));
}

/* ---- full maps ---- */

Test(plan, a_full_map_is_told)
{
	struct bindings installed = {0}, desired = {0};
	struct binding binding = {.kind = BINDING_INBOUND, .netns = OWN, .port = 80, .slot = 5};

	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < OBSERVER_ENDPOINTS + 3; i++) {
			memcpy(binding.addr, &i, sizeof(i));
			cr_assert_eq(bindings_add(&desired, &binding), 0);
		}
		cr_expect_eq(bindings_apply(observer, &installed, &desired), 3);
		cr_expect_eq(installed.count, OBSERVER_ENDPOINTS);
		bindings_done(&desired);
	}
	cr_expect_eq(own_keys("shunt_inbound"), OBSERVER_ENDPOINTS);
	/* …and there is room again once some are gone. */
	cr_expect_eq(bindings_apply(observer, &installed, &desired), 0);
	cr_expect_eq(own_keys("shunt_inbound"), 0);
	bindings_done(&installed);
	bindings_done(&desired);
}

Test(plan, errors_of_the_maps_are_passed_on)
{
	struct shunt_endpoint key = endpoint(OWN, "::", 80);
	struct shunt_prefix net = {.length = SHUNT_PREFIX_FIXED_BITS};

	cr_expect_eq(observer_unset_inbound(observer, &key), -ENOENT);
	cr_expect_eq(observer_unset_outbound(observer, &key), -ENOENT);
	cr_expect_eq(observer_unset_prefix(observer, &net), -ENOENT);
	net.length = 8 * sizeof(net);
	cr_expect_eq(observer_set_prefix(observer, &net, 1), -EINVAL);
}
