/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "daemon/discovery.h"

#define IPV4(a, b, c, d)                                                                           \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d)           \
	}

static struct discovery discovery;

static const struct shunt_event nginx = {
	.type = SHUNT_EVENT_LISTEN,
	.netns = 7,
	.cgroup = 99,
	.socket = 0xffff888000000001,
	.pid = 1000,
	.port = 80,
	.addr = IPV4(0, 0, 0, 0),
	.comm = "nginx",
	.unit = "nginx.service",
};
static const struct shunt_event database = {
	.type = SHUNT_EVENT_REMOTE,
	.netns = 7,
	.port = 5432,
	.addr = IPV4(10, 0, 0, 9),
	.comm = "psql",
};

static void tear_down(void)
{
	discovery_done(&discovery);
}

TestSuite(discovery, .fini = tear_down);

/* Whether the event changed what is known. */
static bool tell(struct shunt_event event)
{
	discovery.changed = false;
	discovery_event(&discovery, &event);
	return discovery.changed;
}

static bool unlisten(uint64_t socket)
{
	return tell((struct shunt_event){.type = SHUNT_EVENT_UNLISTEN, .socket = socket});
}

static struct shunt_event on_socket(struct shunt_event event, uint64_t socket)
{
	event.socket = socket;
	return event;
}

static struct shunt_event of_comm(struct shunt_event event, const char *comm)
{
	memset(event.comm, 0, sizeof(event.comm));
	memcpy(event.comm, comm, strnlen(comm, sizeof(event.comm) - 1));
	return event;
}

Test(discovery, a_listener_is_remembered_once)
{
	cr_expect(tell(nginx));
	cr_expect_not(tell(nginx));
	cr_assert_eq(discovery.count, 1);
	cr_expect_arr_eq(&discovery.items[0].event, &nginx, sizeof(nginx));
	cr_expect_not(discovery.items[0].gone);
	cr_expect_eq(discovery.items[0].slot, 0);
}

Test(discovery, a_closed_listener_keeps_its_record)
{
	tell(nginx);
	discovery.items[0].slot = 12;
	cr_expect(unlisten(nginx.socket));
	cr_assert_eq(discovery.count, 1);
	cr_expect(discovery.items[0].gone);
	cr_expect_eq(discovery.items[0].slot, 12);
	cr_expect_not(unlisten(nginx.socket), "it is gone already");
	cr_expect_not(unlisten(4711), "nobody knows that one");
}

Test(discovery, a_restart_finds_its_record_again)
{
	struct shunt_event again = on_socket(nginx, 2);

	again.pid = 2000;
	tell(nginx);
	discovery.items[0].slot = 12;
	unlisten(nginx.socket);
	cr_expect(tell(again));
	cr_assert_eq(discovery.count, 1);
	cr_expect_not(discovery.items[0].gone);
	cr_expect_eq(discovery.items[0].slot, 12);
	cr_expect_eq(discovery.items[0].event.pid, 2000);
	/* The old socket's memory is somebody else's by now. */
	cr_expect_not(unlisten(nginx.socket));
	cr_expect(unlisten(2));
}

/* As in a restart without a gap (SO_REUSEPORT): the new one listens before the old one ends. */
Test(discovery, an_overlapping_restart_is_two_sockets)
{
	tell(nginx);
	tell(on_socket(nginx, 2));
	cr_assert_eq(discovery.count, 2);
	unlisten(nginx.socket);
	cr_expect(discovery.items[0].gone);
	cr_expect_not(discovery.items[1].gone);
	tell(on_socket(nginx, 3));
	cr_assert_eq(discovery.count, 2);
	cr_expect_eq(discovery.items[0].event.socket, 3);
}

struct stranger_case {
	char what[24];
	struct shunt_event event;
};

ParameterizedTestParameters(discovery, who_is_no_return)
{
	static struct stranger_case cases[4];

	for (unsigned i = 0; i < 4; i++)
		cases[i].event = on_socket(nginx, 2);
	strcpy(cases[0].what, "another process name");
	cases[0].event = of_comm(cases[0].event, "nginx2");
	strcpy(cases[1].what, "another namespace");
	cases[1].event.netns = 8;
	strcpy(cases[2].what, "another port");
	cases[2].event.port = 81;
	strcpy(cases[3].what, "another address");
	cases[3].event.addr[12] = 127;
	return cr_make_param_array(struct stranger_case, cases, 4);
}

ParameterizedTest(struct stranger_case *c, discovery, who_is_no_return)
{
	tell(nginx);
	unlisten(nginx.socket);
	cr_assert(tell(c->event));
	cr_assert_eq(discovery.count, 2, "%s", c->what);
	cr_assert(discovery.items[0].gone, "%s", c->what);
}

/* systemd listens and passes the socket on: it is named after who serves it. */
Test(discovery, what_init_holds_is_handed_over)
{
	struct shunt_event held = of_comm(nginx, "systemd");

	held.pid = 1;
	tell(held);
	discovery.items[0].slot = 12;
	cr_expect_not(tell(held));
	cr_expect_eq(discovery.items[0].slot, 12);
	cr_expect(tell(nginx));
	cr_assert_eq(discovery.count, 1);
	cr_expect_eq(strcmp(discovery.items[0].event.comm, "nginx"), 0);
	cr_expect_eq(discovery.items[0].slot, 0, "another name is another service");
	/* The other processes that hold it, and init again, change nothing. */
	cr_expect_not(tell(held));
	cr_expect_not(tell(of_comm(nginx, "helper")));
	cr_expect_eq(strcmp(discovery.items[0].event.comm, "nginx"), 0);
}

Test(discovery, a_listener_without_a_port_wants_a_walk)
{
	struct shunt_event unbound = nginx;

	unbound.port = 0;
	cr_expect_not(tell(unbound));
	cr_expect(discovery.incomplete);
	cr_expect_eq(discovery.count, 0);
	/* …which then finds it with its port. */
	cr_expect(tell(nginx));
	cr_expect_eq(discovery.count, 1);
}

Test(discovery, a_remote_is_remembered_once)
{
	struct shunt_event other = database;

	cr_expect(tell(database));
	cr_expect_not(tell(database));
	cr_expect_not(tell(of_comm(on_socket(database, 5), "pgbench")), "whoever talks to it");
	cr_expect_eq(discovery.count, 1);
	other.netns = 8;
	cr_expect(tell(other));
	other = database;
	other.port = 5433;
	cr_expect(tell(other));
	other = database;
	other.addr[15] = 10;
	cr_expect(tell(other));
	cr_expect_eq(discovery.count, 4);
}

Test(discovery, a_remote_and_a_listener_share_nothing)
{
	struct shunt_event listener = nginx, remote = database;

	remote.port = listener.port;
	memcpy(remote.addr, listener.addr, sizeof(remote.addr));
	remote.socket = listener.socket;
	tell(remote);
	tell(listener);
	cr_assert_eq(discovery.count, 2);
	unlisten(listener.socket);
	cr_expect_not(discovery.items[0].gone);
	cr_expect(discovery.items[1].gone);
}

Test(discovery, an_unknown_event_is_ignored)
{
	struct shunt_event event = nginx;

	event.type = 77;
	cr_expect_not(tell(event));
	cr_expect_eq(discovery.count, 0);
}

/* A host that opens listeners without end must not make us grow without end. */
Test(discovery, memory_is_bounded)
{
	struct shunt_event event = nginx;

	for (unsigned i = 0; i < DISCOVERY_MAX; i++) {
		event.socket = i + 1;
		event.port = (uint16_t)(i + 1);
		discovery_event(&discovery, &event);
	}
	cr_assert_eq(discovery.count, DISCOVERY_MAX);
	cr_assert_eq(discovery.ignored, 0);
	cr_expect_not(tell(on_socket(nginx, DISCOVERY_MAX + 1)));
	cr_expect_not(tell(database));
	cr_expect_eq(discovery.count, DISCOVERY_MAX);
	cr_expect_eq(discovery.ignored, 2);
	/* Those that are known still come and go. */
	cr_expect(unlisten(1));
	event = on_socket(nginx, DISCOVERY_MAX + 2);
	event.port = 1;
	cr_expect(tell(event));
	cr_expect_eq(discovery.ignored, 2);
}

static bool is_odd_port(void *userdata, const struct found *found)
{
	++*(unsigned *)userdata;
	return found->event.port % 2;
}

Test(discovery, pruning_keeps_the_rest_in_order)
{
	struct shunt_event event = nginx;
	unsigned asked = 0;

	for (uint16_t port = 1; port <= 9; port++) {
		event.port = port;
		tell(on_socket(event, port));
	}
	discovery_prune(&discovery, is_odd_port, &asked);
	cr_expect_eq(asked, 9);
	cr_assert_eq(discovery.count, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(discovery.items[i].event.port, 2 * (i + 1));
	/* There is room again. */
	cr_expect(tell(nginx));
	cr_expect_eq(discovery.count, 5);
}

/* ---- names ---- */

static const char *name_of(struct shunt_event event)
{
	static char name[80];
	struct found found = {.event = event};

	found_name(&found, sizeof(name), name);
	return name;
}

Test(discovery, names_of_listeners)
{
	struct shunt_event event = nginx;

	cr_expect_str_eq(name_of(nginx), "nginx:80");
	event.port = 65535;
	cr_expect_str_eq(name_of(event), "nginx:65535");
	cr_expect_str_eq(name_of(of_comm(nginx, "fifteen-letters")), "fifteen-letters:80");
}

/* comm is whatever the process wrote there (prctl(PR_SET_NAME)), and no label may break. */
Test(discovery, names_are_cleaned)
{
	struct shunt_event event = nginx;

	cr_expect_str_eq(name_of(of_comm(nginx, "two words")), "two_words:80");
	cr_expect_str_eq(name_of(of_comm(nginx, "a\"b\\c\nd\te")), "a_b_c_d_e:80");
	cr_expect_str_eq(name_of(of_comm(nginx, "caf\xc3\xa9\x80\xff\x7f\x01")), "caf______:80");
	cr_expect_str_eq(name_of(of_comm(nginx, "kworker/0:1-x")), "kworker/0:1-x:80");
	/* Without a NUL: the kernel always writes one, and still. */
	memset(event.comm, 'x', sizeof(event.comm));
	cr_expect_str_eq(name_of(event), "xxxxxxxxxxxxxxx:80");
}

Test(discovery, names_of_remotes)
{
	const struct shunt_event ipv6 = {.type = SHUNT_EVENT_REMOTE,
					 .port = 443,
					 .addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 5}};
	const struct shunt_event loopback = {
		.type = SHUNT_EVENT_REMOTE, .port = 1, .addr = {[15] = 1}};

	cr_expect_str_eq(name_of(database), "_out:10.0.0.9:5432");
	cr_expect_str_eq(name_of(ipv6), "_out:[2001:db8::5]:443");
	cr_expect_str_eq(name_of(loopback), "_out:[::1]:1");
}

/* The longest that there is must not be cut where the plan puts it. */
Test(discovery, the_longest_name)
{
	struct shunt_event event = {.type = SHUNT_EVENT_REMOTE, .port = 65535};

	memset(event.addr, 0xfe, sizeof(event.addr));
	cr_expect_str_eq(name_of(event), "_out:[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
}

Test(discovery, a_short_buffer_is_not_overrun)
{
	struct found found = {.event = nginx};
	char name[8] = "1234567";

	found_name(&found, 6, name);
	cr_expect_str_eq(name, "nginx");
	cr_expect_eq(name[6], '7');
}

static const char *unit_of(const char *bytes, size_t size)
{
	static char unit[SHUNT_UNIT_MAX];
	struct found found = {.event = nginx};

	memset(found.event.unit, 0, sizeof(found.event.unit));
	memcpy(found.event.unit, bytes, size);
	found_unit(&found, unit);
	return unit;
}

Test(discovery, units_are_cleaned)
{
	char full[SHUNT_UNIT_MAX];

	cr_expect_str_eq(unit_of("", 0), "");
	cr_expect_str_eq(unit_of("nginx.service", 13), "nginx.service");
	cr_expect_str_eq(unit_of("a b\"c", 5), "a_b_c");
	memset(full, 'u', sizeof(full));
	cr_expect_eq(strlen(unit_of(full, sizeof(full))), SHUNT_UNIT_MAX - 1);
}
