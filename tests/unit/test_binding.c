/* SPDX-License-Identifier: GPL-2.0 */
/* The set of keys, replaced whole by difference. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "daemon/binding.h"
#include "unit/fake_observer.h"

static struct observer kernel;
static struct bindings installed, desired;

static const struct binding inbound = {
	.kind = BINDING_INBOUND,
	.port = 80,
	.netns = 7,
	.addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
	.slot = 4,
};
static const struct binding outbound = {
	.kind = BINDING_OUTBOUND,
	.port = 443,
	.netns = 7,
	.cgroup = 99,
	.addr = {0x20, 0x01, [15] = 9},
	.slot = 5,
};
static const struct binding prefix = {
	.kind = BINDING_PREFIX,
	.bits = 112,
	.port = 5432,
	.netns = 7,
	.addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1},
	.slot = 6,
};

static void tear_down(void)
{
	bindings_done(&installed);
	bindings_done(&desired);
}

TestSuite(binding, .fini = tear_down);

static void want(struct binding binding, uint32_t slot)
{
	binding.slot = slot;
	cr_assert_eq(bindings_add(&desired, &binding), 0);
}

static int apply(void)
{
	int r = bindings_apply(&kernel, &installed, &desired);

	bindings_done(&desired);
	return r;
}

static void forget_calls(void)
{
	kernel.sets = kernel.unsets = 0;
}

/* The slot that an inbound binding has in the kernel; 0: none. */
static uint32_t inbound_slot(const struct binding *binding)
{
	struct shunt_endpoint key = {
		.cgroup = binding->cgroup, .netns = binding->netns, .port = binding->port};
	const struct fake_key *found;

	memcpy(key.addr, binding->addr, sizeof(key.addr));
	found = fake_find(&kernel, FAKE_INBOUND, &key, sizeof(key));
	return found ? found->slot : 0;
}

Test(binding, keys_are_what_the_kernel_looks_up)
{
	const struct shunt_endpoint local = {
		.netns = 7, .port = 80, .addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
	const struct shunt_endpoint remote = {
		.cgroup = 99, .netns = 7, .port = 443, .addr = {0x20, 0x01, [15] = 9}};
	const struct shunt_prefix net = {
		.length = SHUNT_PREFIX_FIXED_BITS + 112,
		.netns = 7,
		.port = 5432,
		.addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1},
	};

	want(inbound, 4);
	want(outbound, 5);
	want(prefix, 6);
	cr_assert_eq(apply(), 0);
	cr_assert_eq(kernel.count, 3);
	cr_expect_eq(fake_find(&kernel, FAKE_INBOUND, &local, sizeof(local))->slot, 4);
	cr_expect_eq(fake_find(&kernel, FAKE_OUTBOUND, &remote, sizeof(remote))->slot, 5);
	cr_expect_eq(fake_find(&kernel, FAKE_PREFIX, &net, sizeof(net))->slot, 6);
}

Test(binding, what_did_not_change_is_not_written)
{
	want(inbound, 4);
	want(outbound, 5);
	want(prefix, 6);
	apply();
	forget_calls();
	/* In another order, which is no change. */
	want(prefix, 6);
	want(inbound, 4);
	want(outbound, 5);
	cr_assert_eq(apply(), 0);
	cr_expect_eq(kernel.sets, 0);
	cr_expect_eq(kernel.unsets, 0);
	cr_expect_eq(kernel.count, 3);
}

Test(binding, another_slot_is_written_in_place)
{
	want(inbound, 4);
	want(outbound, 5);
	apply();
	forget_calls();
	want(inbound, 9);
	want(outbound, 5);
	cr_assert_eq(apply(), 0);
	cr_expect_eq(kernel.sets, 1);
	cr_expect_eq(kernel.unsets, 0, "a key that is taken away for a moment loses connections");
	cr_expect_eq(inbound_slot(&inbound), 9);
}

Test(binding, what_is_not_wanted_goes)
{
	want(inbound, 4);
	want(outbound, 5);
	want(prefix, 6);
	apply();
	forget_calls();
	want(outbound, 5);
	apply();
	cr_expect_eq(kernel.sets, 0);
	cr_expect_eq(kernel.unsets, 2);
	cr_expect_eq(kernel.count, 1);
	cr_expect_eq(kernel.keys[0].map, FAKE_OUTBOUND);
	apply();
	cr_expect_eq(kernel.count, 0);
	apply();
	cr_expect_eq(kernel.unsets, 3);
	cr_expect_eq(kernel.stray_unsets, 0);
}

Test(binding, the_first_of_two_holds)
{
	want(outbound, 8);
	want(inbound, 40);
	want(inbound, 4);
	want(inbound, 41);
	want(outbound, 3);
	apply();
	cr_expect_eq(kernel.count, 2);
	cr_expect_eq(kernel.sets, 2);
	cr_expect_eq(inbound_slot(&inbound), 40);
	cr_expect_eq(installed.count, 2);
}

struct difference {
	char what[8];
	struct binding other;
};

/* Each part of the key alone makes another key. */
ParameterizedTestParameters(binding, every_part_of_the_key_counts)
{
	static struct difference cases[] = {
		{"port", {.kind = BINDING_PREFIX, .bits = 112, .port = 5433, .netns = 7}},
		{"netns", {.kind = BINDING_PREFIX, .bits = 112, .port = 5432, .netns = 8}},
		{"bits", {.kind = BINDING_PREFIX, .bits = 111, .port = 5432, .netns = 7}},
		{"cgroup",
		 {.kind = BINDING_PREFIX, .bits = 112, .port = 5432, .netns = 7, .cgroup = 1}},
		{"kind", {.kind = BINDING_OUTBOUND, .port = 5432, .netns = 7}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		memcpy(cases[i].other.addr, prefix.addr, sizeof(prefix.addr));
	return cr_make_param_array(struct difference, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct difference *c, binding, every_part_of_the_key_counts)
{
	want(prefix, 6);
	want(c->other, 7);
	apply();
	cr_assert_eq(kernel.count, 2, "%s", c->what);
	want(prefix, 6);
	apply();
	cr_assert_eq(kernel.count, 1, "%s", c->what);
	cr_assert_eq(kernel.keys[0].slot, 6, "%s", c->what);
}

Test(binding, a_full_map_is_told_and_tried_again)
{
	struct binding many = inbound;

	kernel.capacity = 3;
	for (uint8_t i = 0; i < 5; i++) {
		many.addr[15] = i;
		want(many, 10 + i);
	}
	cr_assert_eq(apply(), 2);
	cr_assert_eq(kernel.count, 3);
	cr_assert_eq(installed.count, 3, "what was refused is not taken for installed");
	kernel.capacity = 0;
	forget_calls();
	for (uint8_t i = 0; i < 5; i++) {
		many.addr[15] = i;
		want(many, 10 + i);
	}
	cr_assert_eq(apply(), 0);
	cr_expect_eq(kernel.sets, 2);
	for (uint8_t i = 0; i < 5; i++) {
		many.addr[15] = i;
		cr_expect_eq(inbound_slot(&many), 10 + i);
	}
}

/* New keys come before the old go, so that there must be room for both. */
Test(binding, a_key_that_waits_gets_the_place_of_one_that_goes)
{
	struct binding other = inbound;

	other.addr[15] = 2;
	kernel.capacity = 1;
	want(inbound, 4);
	apply();
	want(other, 5);
	cr_expect_eq(apply(), 1);
	want(other, 5);
	cr_expect_eq(apply(), 0);
	cr_expect_eq(inbound_slot(&other), 5);
	cr_expect_eq(inbound_slot(&inbound), 0);
}

struct port_case {
	struct binding binding;
	uint8_t kinds;
};

ParameterizedTestParameters(binding, ports)
{
	static struct port_case cases[] = {
		{{.kind = BINDING_INBOUND, .netns = 7, .addr = {[15] = 1}}, SHUNT_PORT_INBOUND},
		{{.kind = BINDING_INBOUND, .netns = 7}, SHUNT_PORT_INBOUND_WILD},
		{{.kind = BINDING_INBOUND, .netns = 7, .addr = {[10] = 0xff, [11] = 0xff}},
		 SHUNT_PORT_INBOUND_WILD},
		{{.kind = BINDING_INBOUND, .addr = {[15] = 1}}, SHUNT_PORT_INBOUND_ANY_NETNS},
		{{.kind = BINDING_INBOUND}, SHUNT_PORT_INBOUND_ANY_NETNS},
		{{.kind = BINDING_INBOUND, .netns = 7, .cgroup = 3},
		 SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_CGROUP},
		{{.kind = BINDING_OUTBOUND, .netns = 7, .addr = {[15] = 1}}, SHUNT_PORT_OUTBOUND},
		{{.kind = BINDING_PREFIX, .netns = 7, .bits = 64}, SHUNT_PORT_OUTBOUND_PREFIX},
		{{.kind = BINDING_PREFIX, .bits = 64}, SHUNT_PORT_OUTBOUND_ANY_NETNS},
		{{.kind = BINDING_PREFIX, .bits = 64, .cgroup = 3},
		 SHUNT_PORT_OUTBOUND_ANY_NETNS | SHUNT_PORT_CGROUP},
	};

	return cr_make_param_array(struct port_case, cases, sizeof(cases) / sizeof(cases[0]));
}

/* The ports whose table is not empty. */
static unsigned ports_used(void)
{
	unsigned used = 0;

	for (unsigned port = 0; port < 65536; port++)
		used += kernel.ports[port] != 0;
	return used;
}

ParameterizedTest(struct port_case *c, binding, ports)
{
	static const uint16_t ports[] = {1, 8080, 65535};

	for (unsigned i = 0; i < 3; i++) {
		c->binding.port = ports[i];
		want(c->binding, 4);
	}
	apply();
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(kernel.ports[ports[i]], c->kinds, "port %u: %#x", ports[i],
			     kernel.ports[ports[i]]);
	cr_expect_eq(ports_used(), 3);
	apply();
	cr_expect_eq(ports_used(), 0);
}

Test(binding, a_port_is_all_of_its_keys)
{
	struct binding other = inbound;

	want(inbound, 4);
	memset(other.addr, 0, sizeof(other.addr));
	other.netns = 0;
	want(other, 5);
	other = outbound;
	other.port = inbound.port;
	want(other, 6);
	apply();
	cr_expect_eq(kernel.ports[80], SHUNT_PORT_INBOUND | SHUNT_PORT_INBOUND_ANY_NETNS |
					       SHUNT_PORT_OUTBOUND | SHUNT_PORT_CGROUP);
	/* One goes, the others' bits stay. */
	want(inbound, 4);
	apply();
	cr_expect_eq(kernel.ports[80], SHUNT_PORT_INBOUND);
}
