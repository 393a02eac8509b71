/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that are older than the observer. */
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define PORT   7000
#define COUNT  5
#define SERVER SHUNT_SLOT_FIRST
#define CLIENT (SHUNT_SLOT_FIRST + 1)

static int listener, clients[COUNT], servers[COUNT];

/* Some are open before anything observes. */
static void set_up(void)
{
	enter_netns();
	listener = listen_on("10.0.0.5", PORT, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		clients[i] = connect_to("10.0.0.5", PORT);
		servers[i] = accept_on(listener);
	}
	scene_load();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
	scene_attach();
}

TestSuite(older, .init = set_up, .fini = scene_close);

static void expect_both(const char *what, const char *counts)
{
	expect_slot(SERVER, what, counts);
	expect_slot(CLIENT, what, counts);
}

static void close_all(void)
{
	for (unsigned i = 0; i < COUNT; i++)
		act(clients[i], servers[i], "c! s< s!");
}

static void seed(void)
{
	cr_assert_eq(observer_seed(observer), 0);
}

Test(older, they_are_followed_from_the_seed_on)
{
	expect_both("before", "");
	seed();
	expect_both("open", "older=5 active=5");
	cr_expect_eq(followed(SERVER, CLIENT), 2 * COUNT);
	close_all();
	expect_both("closed", "closed=5 older=5");
	/* Nobody knows how long they lasted. */
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_CONNECTION), 0);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_CONNECTION), 0);
	expect_nothing_left();
}

Test(older, a_second_seed_adds_nothing)
{
	int copy = dup(clients[0]);

	seed();
	seed();
	expect_both("twice", "older=5 active=5");
	close(copy);
	expect_both("a descriptor is no connection", "older=5 active=5");
	close_all();
	expect_both("closed", "closed=5 older=5");
}

/* One that the walk missed is counted whole at its end. */
Test(older, without_a_seed)
{
	close_all();
	expect_both("closed", "closed=5 older=5");
	expect_nothing_left();
}

Test(older, new_ones_beside_them)
{
	int client = connect_to("10.0.0.5", PORT), server = accept_on(listener);

	seed();
	expect_both("one is new", "established=1 older=5 active=6");
	act(client, server, "c! s< s!");
	expect_both("it closed", "established=1 closed=1 older=5 active=5");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_CONNECTION), 1);
	close_all();
	expect_both("all closed", "established=1 closed=6 older=5");
	expect_nothing_left();
}

Test(older, half_closed_ones)
{
	act(clients[0], servers[0], "c| s<");
	act(clients[1], servers[1], "s| c<");
	seed();
	expect_both("open still", "older=5 active=5");
	act(clients[0], servers[0], "s! c< c!");
	act(clients[1], servers[1], "c! s< s!");
	expect_both("two closed", "closed=2 older=5 active=3");
}

Test(older, one_that_nobody_accepted)
{
	int waiting;

	/* It has no file at its server's end, so that the walk does not see it. */
	observer_close(observer);
	waiting = connect_to("10.0.0.5", PORT);
	scene_load();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
	scene_attach();
	seed();
	expect_slot(SERVER, "open", "older=5 active=5");
	expect_slot(CLIENT, "open", "older=6 active=6");
	act(waiting, accept_on(listener), "c! s< s!");
	expect_slot(SERVER, "closed", "closed=1 older=6 active=5");
	expect_slot(CLIENT, "closed", "closed=1 older=6 active=5");
}

Test(older, they_end_as_others_do)
{
	seed();
	act(clients[0], servers[0], "cR s< s!");
	expect_slot(CLIENT, "reset", "reset_by_local=1 older=5 resets_sent=1 active=4");
	expect_slot(SERVER, "reset", "reset_by_peer=1 older=5 resets_received=1 active=4");
	act(clients[1], servers[1], "sR c< c!");
	expect_slot(CLIENT, "reset",
		    "reset_by_peer=1 reset_by_local=1 older=5 resets_sent=1 resets_received=1 "
		    "active=3");
}
