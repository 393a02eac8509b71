/* SPDX-License-Identifier: GPL-2.0 */
/* What the network, or the peer, does to a connection that is open. */
#include <netinet/tcp.h>

#include "bpf/network.h"
#include "bpf/sockets.h"

static int listener, client, server;

static void set_up(void)
{
	network_open();
	listener = listen_on("10.0.0.5", PORT, 5);
	client = connect_to("10.0.0.5", PORT);
	server = accept_on(listener);
}

static void tear_down(void)
{
	close(listener);
	network_close();
}

TestSuite(losses, .init = set_up, .fini = tear_down);

/* Sent again by who sent it, and one exchange all the same. */
Test(losses, of_a_request)
{
	network->bss->data = 1;
	act(client, server, "c> s< s> c< c! s< s!");
	cr_assert_eq(network->bss->lost, 1);
	expect_both("one", "established=1 closed=1", "established=1 closed=1 retransmits=1");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_RESPONSE), 1);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_RESPONSE), 1);
	expect_nothing_left();
}

Test(losses, of_an_answer)
{
	act(client, server, "c> s<");
	network->bss->data = 1;
	act(client, server, "s> c< c! s< s!");
	cr_assert_eq(network->bss->lost, 1);
	expect_both("one", "established=1 closed=1 retransmits=1", "established=1 closed=1");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_RESPONSE), 1);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_RESPONSE), 1);
	expect_nothing_left();
}

/* The kernel gives up on a connection whose peer is silent. */
Test(losses, of_everything)
{
	const unsigned patience_ms = 300;
	char counts[64], byte;

	network->bss->data = UINT32_MAX;
	cr_assert_eq(setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
				sizeof(patience_ms)),
		     0);
	act(client, server, "c>");
	cr_expect_eq(recv(client, &byte, 1, 0), -1);
	cr_expect_eq(errno, ETIMEDOUT, "%s", strerror(errno));
	close(client);
	cr_assert_geq(network->bss->lost, 2);
	snprintf(counts, sizeof(counts), "established=1 timed_out=1 retransmits=%u",
		 network->bss->lost - 1);
	expect_both("the server knows nothing", "established=1 active=1", counts);
	/* Its own end is nobody's failure here. */
	act(client, server, "sR");
	expect_slot(SERVER, "reset", "established=1 reset_by_local=1 resets_sent=1");
	expect_nothing_left();
}

/* Sends until there is no room, here or at the peer's. */
static void fill_up(void)
{
	static const char bytes[65536];

	while (send(client, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		continue;
	cr_assert_eq(errno, EAGAIN);
}

/* Told when the peer says so, which is once, however often the kernel asks again. */
Test(losses, of_room_at_the_peers)
{
	fill_up();
	expect_both("full", "established=1 active=1", "established=1 zero_windows=1 active=1");
	usleep(1000000);
	expect_both("still", "established=1 active=1", "established=1 zero_windows=1 active=1");
	act(client, server, "sR c< c!");
	expect_both("given up", "established=1 reset_by_local=1 resets_sent=1",
		    "established=1 reset_by_peer=1 resets_received=1 zero_windows=1");
	expect_nothing_left();
}
