/* SPDX-License-Identifier: GPL-2.0 */
/* How connections end, as both of their ends are told. */
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define FIRST_PORT 7000

TestSuite(closes, .init = scene_open, .fini = scene_close);

struct ending {
	const char *name;
	const char *script;
	const char *server;
	const char *client;
};

#define ORDERLY "established=1 closed=1"

static const struct ending endings[] = {
	{"the client closes first", "c! s< s!", ORDERLY, ORDERLY},
	{"the server closes first", "s! c< c!", ORDERLY, ORDERLY},
	{"…after an exchange", "c> s< s> c< s! c< c!", ORDERLY, ORDERLY},
	{"the client is done sending", "c| s< s> c< s! c< c!", ORDERLY, ORDERLY},
	{"the server is done sending", "s| c< c> s< c! s< s!", ORDERLY, ORDERLY},
	{"the client resets", "cR s< s!", "established=1 reset_by_peer=1 resets_received=1",
	 "established=1 reset_by_local=1 resets_sent=1"},
	{"the server resets", "sR c< c!", "established=1 reset_by_local=1 resets_sent=1",
	 "established=1 reset_by_peer=1 resets_received=1"},
	{"the client resets amid an exchange", "c> s< cR s< s!",
	 "established=1 reset_by_peer=1 resets_received=1",
	 "established=1 reset_by_local=1 resets_sent=1"},
	{"the client disconnects", "cU c! s< s!", "established=1 reset_by_peer=1 resets_received=1",
	 "established=1 reset_by_local=1 resets_sent=1"},
	{"the server resets when the client is done", "c| s< sR c< c!",
	 "established=1 reset_by_local=1 resets_sent=1",
	 "established=1 reset_by_peer=1 resets_received=1"},
	{"the server leaves a request unread", "c> s? s! c< c!",
	 "established=1 closed=1 resets_sent=1", "established=1 reset_by_peer=1 resets_received=1"},
	{"…and would have lingered", "c> s? sL s! c< c!", "established=1 closed=1 resets_sent=1",
	 "established=1 reset_by_peer=1 resets_received=1"},
	{"the client leaves an answer unread", "c> s< s> c? c! s< s!",
	 "established=1 reset_by_peer=1 resets_received=1", "established=1 closed=1 resets_sent=1"},
	{"the client speaks after the server closed", "s! c< c> c< c!",
	 "established=1 closed=1 resets_sent=1", "established=1 reset_by_peer=1 resets_received=1"},
};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

static uint32_t server_slot(unsigned i)
{
	return SHUNT_SLOT_FIRST + 2 * i;
}

static uint32_t client_slot(unsigned i)
{
	return SHUNT_SLOT_FIRST + 2 * i + 1;
}

static void name_case(unsigned i, const char *address)
{
	name_inbound(address, (uint16_t)(FIRST_PORT + i), server_slot(i));
	name_outbound(address, (uint16_t)(FIRST_PORT + i), client_slot(i));
}

/* Each in slots of its own, so that what strays from one shows in another. */
static void play_all(const char *address)
{
	for (unsigned i = 0; i < ENDINGS; i++) {
		uint16_t port = (uint16_t)(FIRST_PORT + i);
		int listener = listen_on(address, port, 5), client = connect_to(address, port);

		act(client, accept_on(listener), endings[i].script);
		close(listener);
	}
	for (unsigned i = 0; i < ENDINGS; i++) {
		expect_slot(server_slot(i), endings[i].name, endings[i].server);
		expect_slot(client_slot(i), endings[i].name, endings[i].client);
	}
}

Test(closes, by_both_ends)
{
	for (unsigned i = 0; i < ENDINGS; i++)
		name_case(i, "127.0.0.1");
	play_all("127.0.0.1");
	expect_nothing_left();
}

Test(closes, by_both_ends_over_ipv6)
{
	for (unsigned i = 0; i < ENDINGS; i++)
		name_case(i, "::1");
	play_all("::1");
	expect_nothing_left();
}

/* Its connections are reset, which is no failure of theirs. */
Test(closes, a_listener_goes_away_with_connections_nobody_accepted)
{
	int listener, clients[3];

	name_case(0, "127.0.0.1");
	listener = listen_on("127.0.0.1", FIRST_PORT, 5);
	for (unsigned i = 0; i < 3; i++)
		clients[i] = connect_to("127.0.0.1", FIRST_PORT);
	expect_slot(server_slot(0), "before", "established=3 active=3");
	cr_expect_eq(followed(server_slot(0), server_slot(0)), 3);
	close(listener);
	expect_slot(server_slot(0), "after", "established=3 closed=3 resets_sent=3");
	for (unsigned i = 0; i < 3; i++)
		act_one(clients[i], '!');
	expect_slot(client_slot(0), "clients", "established=3 reset_by_peer=3 resets_received=3");
	expect_nothing_left();
}

/* One socket is both ends: a client's, that met itself. */
Test(closes, a_socket_that_connects_to_itself)
{
	union address address;
	socklen_t size = make_address("127.0.0.1", FIRST_PORT, &address);
	int fd = make_socket(&address);
	char byte = 0;

	name_case(0, "127.0.0.1");
	cr_assert_eq(bind(fd, &address.any, size), 0);
	cr_assert_eq(connect(fd, &address.any, size), 0);
	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert_eq(recv(fd, &byte, 1, 0), 1);
	expect_slot(client_slot(0), "open", "established=1 active=1");
	close(fd);
	expect_slot(client_slot(0), "closed", ORDERLY);
	expect_slot(server_slot(0), "nobody served", "");
	expect_nothing_left();
}

/* ---- silence ---- */

static void exchange(int listener, const char *script)
{
	int client = connect_to("127.0.0.1", FIRST_PORT);

	act(client, accept_on(listener), script);
}

/* A service that never answered may be one that only listens. */
Test(closes, silence_is_a_failure_of_who_has_answered)
{
	int listener;

	name_case(0, "127.0.0.1");
	listener = listen_on("127.0.0.1", FIRST_PORT, 5);
	exchange(listener, "c> s< s! c< c!");
	exchange(listener, "s> c< s! c< c!");
	expect_slot(server_slot(0), "never answered", "established=2 closed=2");
	expect_slot(client_slot(0), "never answered", "established=2 closed=2");
	exchange(listener, "c> s< s> c< s! c< c!");
	exchange(listener, "c> s< s! c< c!");
	exchange(listener, "c> s< c! s< s!");
	expect_slot(server_slot(0), "answered once", "established=5 closed=3 no_response=2");
	expect_slot(client_slot(0), "answered once", "established=5 closed=3 no_response=2");
	/* Nobody asked; it spoke first; a byte is an answer. */
	exchange(listener, "c! s< s!");
	exchange(listener, "s> c< s! c< c!");
	exchange(listener, "c> s< s> c< c! s< s!");
	/* The client's kernel may have forgotten the socket before the server's FIN comes. */
	exchange(listener, "c> s< s> c< c! s< s. s!");
	expect_slot(server_slot(0), "no question", "established=9 closed=7 no_response=2");
	expect_slot(client_slot(0), "no question", "established=9 closed=7 no_response=2");
	close(listener);
}
