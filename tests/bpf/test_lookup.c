/* SPDX-License-Identifier: GPL-2.0 */
/* Which service a connection is found to belong to, at both of its ends. */
#include "bpf/cgroups.h"
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define OPEN_AND_CLOSED "established=1 closed=1"

static void tear_down(void)
{
	cgroups_remove();
	scene_close();
}

TestSuite(lookup, .init = scene_open, .fini = tear_down);

/* Slots; 0 is nobody's here (it is _unknown's, which the whole host counts in). */
enum {
	NOBODY,
	EXACT = SHUNT_SLOT_FIRST,
	WILD4,
	WILD6,
	EXACT6,
	ANY_EXACT,
	ANY_WILD4,
	ANY_WILD6,
	OUT_EXACT,
	OUT_16,
	OUT_24,
	OUT_32,
	OUT_ALL,
	OUT_IPV4,
	OUT_IPV6,
	OUT_IPV6_48,
	OUT_ANY,
	SLOTS_END,
};

/* Ports, each with keys of its own. */
#define P_INBOUND  7001
#define P_ANY	   7002
#define P_OUTBOUND 7003
#define P_ALL	   7004
#define P_FAMILY   7005
#define P_ANY_OUT  7006
#define P_NOTHING  7007

static void name_all(void)
{
	uint32_t netns = own_netns();

	name_inbound("10.0.0.5", P_INBOUND, EXACT);
	name_inbound("0.0.0.0", P_INBOUND, WILD4);
	name_inbound("::", P_INBOUND, WILD6);
	name_inbound("2001:db8::5", P_INBOUND, EXACT6);
	name_inbound_in(0, 0, "10.0.0.5", P_ANY, ANY_EXACT);
	name_inbound_in(0, 0, "0.0.0.0", P_ANY, ANY_WILD4);
	name_inbound_in(0, 0, "::", P_ANY, ANY_WILD6);
	name_outbound("10.1.2.3", P_OUTBOUND, OUT_EXACT);
	name_prefix_in(netns, 0, "10.1.0.0", 16, P_OUTBOUND, OUT_16);
	name_prefix_in(netns, 0, "10.1.2.0", 24, P_OUTBOUND, OUT_24);
	name_prefix_in(netns, 0, "10.1.2.4", 32, P_OUTBOUND, OUT_32);
	name_prefix_in(netns, 0, "::", 0, P_ALL, OUT_ALL);
	name_prefix_in(netns, 0, "0.0.0.0", 0, P_FAMILY, OUT_IPV4);
	name_prefix_in(netns, 0, "2001:db8::", 32, P_FAMILY, OUT_IPV6);
	name_prefix_in(netns, 0, "2001:db8:5::", 48, P_FAMILY, OUT_IPV6_48);
	name_prefix_in(0, 0, "10.0.0.0", 8, P_ANY_OUT, OUT_ANY);
}

struct call {
	const char *listen;
	const char *connect;
	uint16_t port;
	uint32_t server;
	uint32_t client;
};

static const struct call calls[] = {
	{"10.0.0.5", "10.0.0.5", P_INBOUND, EXACT, NOBODY},
	{"0.0.0.0", "10.0.0.5", P_INBOUND, EXACT, NOBODY},
	{"::", "10.0.0.5", P_INBOUND, EXACT, NOBODY}, /* dual-stack: IPv4-mapped inside */
	{"::", "::ffff:10.0.0.5", P_INBOUND, EXACT, NOBODY},
	{"0.0.0.0", "10.0.0.6", P_INBOUND, WILD4, NOBODY},
	{"::", "10.0.0.6", P_INBOUND, WILD4, NOBODY},
	{"::", "2001:db8::6", P_INBOUND, WILD6, NOBODY},
	{"2001:db8::5", "2001:db8::5", P_INBOUND, EXACT6, NOBODY},
	{"::", "::1", P_INBOUND, WILD6, NOBODY},
	{"0.0.0.0", "10.0.0.5", P_ANY, ANY_EXACT, NOBODY},
	{"0.0.0.0", "10.0.0.6", P_ANY, ANY_WILD4, NOBODY},
	{"::", "2001:db8::6", P_ANY, ANY_WILD6, NOBODY},
	{"0.0.0.0", "10.1.2.3", P_OUTBOUND, NOBODY, OUT_EXACT},
	{"::", "::ffff:10.1.2.3", P_OUTBOUND, NOBODY, OUT_EXACT},
	{"0.0.0.0", "10.1.2.4", P_OUTBOUND, NOBODY, OUT_32},
	{"0.0.0.0", "10.1.2.5", P_OUTBOUND, NOBODY, OUT_24},
	{"::", "::ffff:10.1.2.5", P_OUTBOUND, NOBODY, OUT_24},
	{"0.0.0.0", "10.1.3.5", P_OUTBOUND, NOBODY, OUT_16},
	{"0.0.0.0", "10.2.3.5", P_OUTBOUND, NOBODY, NOBODY},
	{"0.0.0.0", "10.2.3.5", P_ALL, NOBODY, OUT_ALL},
	{"::", "2001:db8::6", P_ALL, NOBODY, OUT_ALL},
	{"::", "::ffff:10.2.3.5", P_FAMILY, NOBODY, OUT_IPV4},
	{"::", "2001:db8:4::1", P_FAMILY, NOBODY, OUT_IPV6},
	{"::", "2001:db8:5::1", P_FAMILY, NOBODY, OUT_IPV6_48},
	{"::", "::1", P_FAMILY, NOBODY, NOBODY},
	{"0.0.0.0", "10.2.3.5", P_ANY_OUT, NOBODY, OUT_ANY},
	{"0.0.0.0", "10.0.0.5", P_NOTHING, NOBODY, NOBODY},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void place(const struct call *call)
{
	int listener = listen_on(call->listen, call->port, 5);
	int client = connect_to(call->connect, call->port);

	act(client, accept_on(listener), "c! s< s!");
	close(listener);
}

/* One connection in the two slots, none in any other; then all begin anew. */
static void expect_call(const struct call *call, uint32_t server, uint32_t client)
{
	char what[128];

	snprintf(what, sizeof(what), "%s to %s port %u", call->listen, call->connect, call->port);
	if (server)
		expect_slot(server, what, OPEN_AND_CLOSED);
	if (client)
		expect_slot(client, what, OPEN_AND_CLOSED);
	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < SLOTS_END; slot++) {
		if (slot != server && slot != client)
			expect_slot(slot, what, "");
		observer_clear(observer, slot);
	}
}

Test(lookup, each_call_finds_its_service)
{
	name_all();
	for (unsigned i = 0; i < CALLS; i++) {
		place(&calls[i]);
		expect_call(&calls[i], calls[i].server, calls[i].client);
	}
	expect_nothing_left();
}

/* In another namespace the same addresses are somebody else's, but for `netns: any`. */
Test(lookup, another_namespace)
{
	name_all();
	enter_netns();
	for (unsigned i = 0; i < CALLS; i++) {
		uint32_t server = calls[i].port == P_ANY ? calls[i].server : NOBODY;
		uint32_t client = calls[i].port == P_ANY_OUT ? calls[i].client : NOBODY;

		place(&calls[i]);
		expect_call(&calls[i], server, client);
	}
}

Test(lookup, both_ends_at_once)
{
	struct call call = {"0.0.0.0", "10.0.0.5", P_INBOUND, EXACT, OUT_EXACT};

	name_inbound("10.0.0.5", P_INBOUND, EXACT);
	name_outbound("10.0.0.5", P_INBOUND, OUT_EXACT);
	for (unsigned i = 0; i < 3; i++) {
		place(&call);
		expect_call(&call, EXACT, OUT_EXACT);
	}
}

/* A refused SYN has no socket: the service is found from the packet. */
Test(lookup, refused)
{
	static const struct {
		const char *address;
		uint16_t port;
		uint32_t slot;
	} refused[] = {
		{"10.0.0.5", P_INBOUND, EXACT},	       {"10.0.0.6", P_INBOUND, WILD4},
		{"2001:db8::6", P_INBOUND, WILD6},     {"2001:db8::5", P_INBOUND, EXACT6},
		{"::ffff:10.0.0.5", P_ANY, ANY_EXACT},
	};

	name_all();
	if (!observer_has(observer, SIGNAL_REFUSED_INBOUND))
		cr_skip_test("this kernel does not tell of refused SYNs");
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_expect_eq(try_connect(refused[i].address, refused[i].port), -ECONNREFUSED);
		expect_slot(refused[i].slot, refused[i].address, "refused=1 resets_sent=1");
		observer_clear(observer, refused[i].slot);
	}
}

/* What is named later is found from then on; what is unnamed is not. */
Test(lookup, keys_come_and_go)
{
	struct call call = {"0.0.0.0", "10.0.0.5", P_INBOUND, EXACT, NOBODY};
	struct shunt_endpoint key = {.netns = own_netns(), .port = P_INBOUND};
	int listener = listen_on("0.0.0.0", P_INBOUND, 5);
	int client = connect_to("10.0.0.5", P_INBOUND);

	parse_address("10.0.0.5", key.addr);
	name_inbound("10.0.0.5", P_INBOUND, EXACT);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(EXACT, "it was somebody else's when it began", "");
	client = connect_to("10.0.0.5", P_INBOUND);
	expect_slot(EXACT, "named", "established=1 active=1");
	cr_assert_eq(observer_unset_inbound(observer, &key), 0);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(EXACT, "it ends where it began", OPEN_AND_CLOSED);
	close(listener);
	observer_clear(observer, EXACT);
	place(&call);
	expect_call(&call, NOBODY, NOBODY);
}

/* ---- cgroups ---- */

/* Makes a listener that belongs to a cgroup, as a unit's does. */
static int listen_in(const char *cgroup, uint16_t port)
{
	int listener;

	cgroups_enter(cgroup);
	listener = listen_on("0.0.0.0", port, 5);
	cgroups_enter("/..");
	return listener;
}

static int connect_in(const char *cgroup, uint16_t port)
{
	int client;

	cgroups_enter(cgroup);
	client = connect_to("10.0.0.5", port);
	cgroups_enter("/..");
	return client;
}

Test(lookup, narrowed_to_a_cgroup)
{
	uint64_t canary, caller;
	int listener, client;

	cgroups_prepare();
	cgroups_make("");
	canary = cgroups_make("/canary");
	caller = cgroups_make("/caller");
	name_inbound("0.0.0.0", P_INBOUND, WILD4);
	name_inbound_in(own_netns(), canary, "0.0.0.0", P_INBOUND, EXACT);
	name_prefix_in(own_netns(), 0, "10.0.0.0", 8, P_INBOUND, OUT_16);
	name_prefix_in(own_netns(), caller, "10.0.0.0", 8, P_INBOUND, OUT_24);

	listener = listen_in("/canary", P_INBOUND);
	client = connect_to("10.0.0.5", P_INBOUND);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(EXACT, "the canary", OPEN_AND_CLOSED);
	expect_slot(OUT_16, "a caller from elsewhere", OPEN_AND_CLOSED);
	expect_slot(WILD4, "the baseline beside it", "");
	close(listener);

	listener = listen_on("0.0.0.0", P_INBOUND, 5);
	client = connect_in("/caller", P_INBOUND);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(WILD4, "the baseline", OPEN_AND_CLOSED);
	expect_slot(EXACT, "the canary beside it", OPEN_AND_CLOSED);
	expect_slot(OUT_24, "a caller of the group", OPEN_AND_CLOSED);
	expect_slot(OUT_16, "a caller from elsewhere", OPEN_AND_CLOSED);
	close(listener);
}

/* Nobody but the group is named: the rest of the port is nobody's. */
Test(lookup, a_cgroup_alone)
{
	uint64_t canary;
	int listener, client;

	cgroups_prepare();
	cgroups_make("");
	canary = cgroups_make("/canary");
	name_inbound_in(0, canary, "10.0.0.5", P_INBOUND, EXACT);
	listener = listen_on("0.0.0.0", P_INBOUND, 5);
	client = connect_to("10.0.0.5", P_INBOUND);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(EXACT, "elsewhere", "");
	close(listener);
	listener = listen_in("/canary", P_INBOUND);
	client = connect_to("10.0.0.5", P_INBOUND);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(EXACT, "in the group", OPEN_AND_CLOSED);
	close(listener);
}
