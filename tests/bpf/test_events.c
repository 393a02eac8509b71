/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon is told: who listens, who is called; as it happens, and by walking. */
#include <sys/prctl.h>

#include "bpf/cgroups.h"
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define PORT	   7000
#define EVENTS_MAX 64

/* What was heard of this namespace's ports from PORT on. */
static struct shunt_event events[EVENTS_MAX];
static unsigned events_count;
static uint32_t netns;

/* An end has no more than the socket, which must be one that was heard of. */
static bool is_known(uint64_t socket)
{
	for (unsigned i = 0; i < events_count; i++) {
		if (events[i].socket == socket)
			return true;
	}
	return false;
}

static void on_event(void *userdata, const struct shunt_event *event)
{
	bool ours = event->netns == netns && (event->port >= PORT || !event->port);

	(void)userdata;
	if (event->type == SHUNT_EVENT_UNLISTEN)
		ours = is_known(event->socket);
	if (ours && events_count < EVENTS_MAX)
		events[events_count++] = *event;
}

static void set_up(void)
{
	enter_netns();
	netns = own_netns();
	scene_load();
	cr_assert_eq(observer_on_event(observer, on_event, NULL), 0);
	prctl(PR_SET_NAME, "events \"test\"");
}

static void tear_down(void)
{
	cgroups_remove();
	scene_close();
}

TestSuite(events, .init = set_up, .fini = tear_down);

/* Waits for so many events, and then for none that is too many. */
static void expect_events(unsigned count)
{
	struct pollfd poll_fd = {.fd = observer_event_fd(observer), .events = POLLIN};

	for (unsigned ms = 0; ms < PATIENCE_MS && events_count < count; ms += 10) {
		poll(&poll_fd, 1, 10);
		cr_assert_geq(observer_dispatch(observer), 0);
	}
	observer_dispatch(observer);
	cr_expect_eq(events_count, count, "%u events, expected %u", events_count, count);
}

static bool is_address(const struct shunt_event *event, const char *address, uint16_t port)
{
	uint8_t wanted[16];

	parse_address(address, wanted);
	return event->port == port && !memcmp(event->addr, wanted, sizeof(wanted));
}

Test(events, a_listener_comes_and_goes)
{
	int listener;

	scene_attach();
	listener = listen_on("10.0.0.5", PORT, 1);
	expect_events(1);
	cr_expect_eq(events[0].type, SHUNT_EVENT_LISTEN);
	cr_expect(is_address(&events[0], "10.0.0.5", PORT));
	cr_expect_eq(events[0].pid, (uint32_t)getpid());
	cr_expect_eq(events[0].v6only, 0);
	cr_expect_neq(events[0].socket, 0);
	cr_expect_eq(strcmp(events[0].comm, "events \"test\""), 0, "%s", events[0].comm);
	/* Another call of listen(2) changes the queue's limit and no more. */
	cr_assert_eq(listen(listener, 5), 0);
	close(listener);
	expect_events(2);
	cr_expect_eq(events[1].type, SHUNT_EVENT_UNLISTEN);
	cr_expect_eq(events[1].socket, events[0].socket);
	cr_expect_eq(observer_events_lost(observer), 0);
}

Test(events, whose_a_listener_is)
{
	uint64_t unit;
	int listener;

	cgroups_prepare();
	cgroups_make("");
	unit = cgroups_make("/web.service");
	scene_attach();
	cgroups_enter("/web.service");
	listener = listen_on("::", PORT, 1);
	cgroups_enter("/..");
	expect_events(1);
	cr_expect(is_address(&events[0], "::", PORT));
	cr_expect_eq(events[0].cgroup, unit);
	cr_expect_eq(strcmp(events[0].unit, "web.service"), 0, "%s", events[0].unit);
	close(listener);
}

Test(events, a_listener_of_ipv6_alone)
{
	union address address;
	socklen_t size = make_address("::", PORT, &address);
	int listener = make_socket(&address);
	const int on = 1;

	scene_attach();
	cr_assert_eq(setsockopt(listener, SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	cr_assert_eq(bind(listener, &address.any, size), 0);
	cr_assert_eq(listen(listener, 1), 0);
	expect_events(1);
	cr_expect_eq(events[0].v6only, 1);
	close(listener);
}

/* The kernel chooses the port after it has told: a walk finds it. */
Test(events, a_listener_that_was_not_bound)
{
	union address address;
	int listener;

	make_address("10.0.0.5", 0, &address);
	listener = make_socket(&address);
	scene_attach();
	cr_assert_eq(listen(listener, 1), 0);
	expect_events(1);
	cr_expect_eq(events[0].port, 0);
	cr_assert_eq(observer_list(observer, on_event, NULL), 0);
	cr_assert_eq(events_count, 2);
	cr_expect_geq(events[1].port, PORT);
	cr_expect_eq(events[1].socket, events[0].socket);
	close(listener);
}

/* Nobody empties the buffer, and it says so. */
Test(events, a_full_buffer_is_told)
{
	scene_attach();
	for (unsigned i = 0; i < 2000 && !observer_events_lost(observer); i++)
		close(listen_on("10.0.0.5", PORT, 1));
	cr_expect_gt(observer_events_lost(observer), 0);
	/* What fitted is still there, and there is room again. */
	cr_assert_gt(observer_dispatch(observer), 1000);
	events_count = 0;
	close(listen_on("10.0.0.5", PORT, 1));
	expect_events(2);
}

/* ---- remotes ---- */

static void call(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		cr_assert_eq(try_connect("10.0.0.9", PORT), -ECONNREFUSED);
}

static void converse(int listener, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		int client = connect_to("10.0.0.9", PORT);

		act(client, accept_on(listener), "c! s< s!");
	}
}

/* At the fourth attempt, and each time that there were as many again. */
Test(events, a_busy_remote)
{
	int listener = listen_on("10.0.0.9", PORT, 5);

	scene_attach();
	converse(listener, 3);
	expect_events(0);
	converse(listener, 1);
	expect_events(1);
	cr_expect_eq(events[0].type, SHUNT_EVENT_REMOTE);
	cr_expect(is_address(&events[0], "10.0.0.9", PORT));
	converse(listener, 3);
	expect_events(1);
	converse(listener, 1);
	expect_events(2);
	close(listener);
}

/* Whoever does not answer is called, too. */
Test(events, a_remote_that_refuses)
{
	scene_attach();
	call(4);
	for (unsigned i = 0; i < 100 && !events_count; i++)
		observer_dispatch(observer);
	cr_assert_geq(events_count, 1);
	cr_expect_eq(events[0].type, SHUNT_EVENT_REMOTE);
	cr_expect(is_address(&events[0], "10.0.0.9", PORT));
}

Test(events, a_remote_that_is_named)
{
	int listener = listen_on("10.0.0.9", PORT, 5);

	name_outbound("10.0.0.9", PORT, SHUNT_SLOT_FIRST);
	scene_attach();
	converse(listener, 20);
	expect_events(0);
	close(listener);
}

Test(events, nobody_wants_to_hear)
{
	int listener;

	scene_attach();
	observer_set_quiet(observer, true);
	listener = listen_on("10.0.0.9", PORT, 5);
	converse(listener, 20);
	close(listener);
	expect_events(0);
	observer_set_quiet(observer, false);
	listener = listen_on("10.0.0.9", PORT, 5);
	expect_events(1);
	close(listener);
}

/* ---- the walk ---- */

static const struct shunt_event *find_event(uint32_t type, const char *address, uint16_t port)
{
	for (unsigned i = 0; i < events_count; i++) {
		if (events[i].type == type && is_address(&events[i], address, port))
			return &events[i];
	}
	return NULL;
}

static void walk(void)
{
	events_count = 0;
	cr_assert_eq(observer_list(observer, on_event, NULL), 0);
}

Test(events, a_walk_finds_listeners_and_remotes)
{
	int listener = listen_on("10.0.0.9", PORT, 5), ipv6 = listen_on("::", PORT + 1, 5);
	int client = connect_to("10.0.0.9", PORT), server = accept_on(listener);

	name_inbound("10.0.0.9", PORT, SHUNT_SLOT_FIRST);
	walk();
	cr_expect_eq(events_count, 3);
	cr_assert_not_null(find_event(SHUNT_EVENT_LISTEN, "10.0.0.9", PORT));
	cr_expect_not_null(find_event(SHUNT_EVENT_LISTEN, "::", PORT + 1));
	cr_expect_not_null(find_event(SHUNT_EVENT_REMOTE, "10.0.0.9", PORT));
	cr_expect_eq(find_event(SHUNT_EVENT_LISTEN, "10.0.0.9", PORT)->pid, (uint32_t)getpid());
	/* What is over is not there. */
	act(client, server, "c! s< s!");
	close(ipv6);
	walk();
	cr_expect_eq(events_count, 1);
	cr_expect_eq(events[0].type, SHUNT_EVENT_LISTEN);
	close(listener);
}

/* An accepted connection is nobody's that is called: its listener has a key. */
Test(events, a_walk_tells_a_server_by_its_listeners_key)
{
	int listener = listen_on("0.0.0.0", PORT, 5);
	int client = connect_to("10.0.0.9", PORT), server = accept_on(listener);
	unsigned remotes = 0;

	name_inbound("0.0.0.0", PORT, SHUNT_SLOT_FIRST);
	walk();
	for (unsigned i = 0; i < events_count; i++)
		remotes += events[i].type == SHUNT_EVENT_REMOTE;
	cr_expect_eq(remotes, 1);
	cr_expect_not_null(find_event(SHUNT_EVENT_REMOTE, "10.0.0.9", PORT));
	act(client, server, "c! s< s!");
	close(listener);
}

/* Files are walked, not this namespace's tables. */
Test(events, a_walk_sees_every_namespace)
{
	int listener = listen_on("10.0.0.9", PORT, 5);

	enter_netns();
	cr_assert_neq(own_netns(), netns);
	walk();
	cr_expect_not_null(find_event(SHUNT_EVENT_LISTEN, "10.0.0.9", PORT));
	close(listener);
}

/* More than the walk hands over in one piece. */
Test(events, a_long_walk)
{
	int listeners[EVENTS_MAX];

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		listeners[i] = listen_on("10.0.0.9", (uint16_t)(PORT + i), 1);
	walk();
	cr_expect_eq(events_count, EVENTS_MAX);
	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		cr_expect_not_null(
			find_event(SHUNT_EVENT_LISTEN, "10.0.0.9", (uint16_t)(PORT + i)));
		close(listeners[i]);
	}
}
