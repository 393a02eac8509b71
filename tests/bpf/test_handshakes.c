/* SPDX-License-Identifier: GPL-2.0 */
/* How attempts to connect end, and how long they took. */
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>

#include "bpf/network.h"
#include "bpf/sockets.h"

TestSuite(handshakes, .init = network_open, .fini = network_close);

/* The bound below which the shortest handshake of a slot lies, in seconds; 0: no sample. */
static double shortest(uint32_t slot)
{
	struct shunt_cell cell;

	observer_read(observer, slot, &cell);
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++) {
		if (cell.histograms[SHUNT_SIGNAL_HANDSHAKE].buckets[i])
			return exp2(((double)i - SHUNT_BUCKET_SECOND) / SHUNT_BUCKETS_PER_OCTAVE);
	}
	return 0;
}

static void call(int listener)
{
	int client = connect_to("10.0.0.5", PORT);

	act(client, accept_on(listener), "c! s< s!");
}

/* One sample at each end, and neither longer than the kernel's first timeout (1 s). */
Test(handshakes, succeed)
{
	int listener = listen_on("10.0.0.5", PORT, 5);

	for (unsigned i = 0; i < 10; i++)
		call(listener);
	expect_both("ten", "established=10 closed=10", "established=10 closed=10");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_HANDSHAKE), 10);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 10);
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_CONNECTION), 10);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_CONNECTION), 10);
	cr_expect(shortest(SERVER) > 0 && shortest(SERVER) < 0.5, "%g", shortest(SERVER));
	cr_expect(shortest(CLIENT) > 0 && shortest(CLIENT) < 0.5, "%g", shortest(CLIENT));
	close(listener);
	expect_nothing_left();
}

/* Refused over both families, and no latency of anybody. */
Test(handshakes, refused)
{
	const char *server = observer_has(observer, SIGNAL_REFUSED_INBOUND)
				     ? "refused=2 resets_sent=2"
				     : "";

	name_inbound("::", PORT, SERVER);
	name_outbound("::1", PORT, CLIENT);
	cr_expect_eq(try_connect("10.0.0.5", PORT), -ECONNREFUSED);
	cr_expect_eq(try_connect("::1", PORT), -ECONNREFUSED);
	expect_both("nobody listens", server, "refused=2 resets_received=2");
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 0);
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_HANDSHAKE), 0);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_CONNECTION), 0);
	expect_nothing_left();
}

/* The application closes before there is an answer. */
Test(handshakes, given_up)
{
	int client;

	network->bss->syns = UINT32_MAX;
	client = begin_connect("10.0.0.5", PORT);
	expect_slot(CLIENT, "it waits", "");
	close(client);
	expect_both("it has waited enough", "", "timed_out=1");
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 0);
	expect_nothing_left();
}

/* The kernel gives up. */
Test(handshakes, timed_out)
{
	const int tries = 1;
	union address address;
	socklen_t size = make_address("10.0.0.5", PORT, &address);
	int client = make_socket(&address);
	char counts[64];

	network->bss->syns = UINT32_MAX;
	setsockopt(client, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries));
	cr_expect_eq(connect(client, &address.any, size), -1);
	cr_expect_eq(errno, ETIMEDOUT);
	close(client);
	/* How often it tries is the kernel's to know: since Linux 6.5 more than it was told. */
	cr_assert_geq(network->bss->lost, 2);
	snprintf(counts, sizeof(counts), "timed_out=1 retransmits=%u", network->bss->lost - 1);
	expect_both("some SYNs", "", counts);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 0);
	cr_expect_eq(own_keys("shunt_retries"), 0);
	expect_nothing_left();
}

/* Nobody answers the neighbour's request: the kernel hears of it by its own ICMP. */
Test(handshakes, host_unreachable)
{
	run_command("ip link add near type veth peer name far && ip addr add 192.0.2.1/24 dev near "
		    "&& ip link set near up && ip link set far up && "
		    "echo 50 >/proc/sys/net/ipv4/neigh/near/retrans_time_ms");
	name_outbound("192.0.2.7", PORT, CLIENT);
	cr_expect_eq(try_connect("192.0.2.7", PORT), -EHOSTUNREACH);
	expect_slot(CLIENT, "no such host", "host_unreachable=1");
	expect_nothing_left();
}

/* ---- tried again ---- */

/* The client's took a second and the server's did not: it saw one SYN. */
Test(handshakes, the_first_syn_is_lost)
{
	int listener = listen_on("10.0.0.5", PORT, 5);

	network->bss->syns = 1;
	call(listener);
	cr_assert_eq(network->bss->lost, 1);
	expect_both("once", "established=1 closed=1", "established=1 closed=1 retransmits=1");
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 1);
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_HANDSHAKE), 1);
	cr_expect_geq(shortest(CLIENT), 1.0);
	cr_expect_lt(shortest(SERVER), shortest(CLIENT));
	cr_expect_eq(own_keys("shunt_retries"), 0);
	close(listener);
	expect_nothing_left();
}

/* It took both a second, and both tried again. */
Test(handshakes, the_first_answer_is_lost)
{
	int listener = listen_on("10.0.0.5", PORT, 5);

	network->bss->synacks = 1;
	call(listener);
	cr_assert_eq(network->bss->lost, 1);
	expect_slot(CLIENT, "once", "established=1 closed=1 retransmits=1");
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 1);
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_HANDSHAKE), 1);
	cr_expect_geq(shortest(CLIENT), 1.0);
	cr_expect_geq(shortest(SERVER), 0.9);
	cr_expect_eq(own_keys("shunt_retries"), 0);
	close(listener);
	expect_nothing_left();
}

/* A socket that was refused first connects again, and owes nothing to its past. */
Test(handshakes, a_socket_is_used_again)
{
	union address address;
	socklen_t size = make_address("10.0.0.5", PORT, &address);
	int client = make_socket(&address), listener;

	cr_expect_eq(connect(client, &address.any, size), -1);
	listener = listen_on("10.0.0.5", PORT, 5);
	cr_expect_eq(connect(client, &address.any, size), 0);
	act(client, accept_on(listener), "cU s< s!");
	cr_expect_eq(connect(client, &address.any, size), 0);
	act(client, accept_on(listener), "c! s< s!");
	expect_slot(CLIENT, "three times",
		    "established=2 refused=1 closed=1 reset_by_local=1 resets_sent=1 "
		    "resets_received=1");
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_HANDSHAKE), 2);
	close(listener);
	expect_nothing_left();
}

/* ---- unusual ones ---- */

static int bind_to(const char *text, union address *ret_address)
{
	socklen_t size = make_address(text, PORT, ret_address);
	int fd = make_socket(ret_address);

	cr_assert_eq(bind(fd, &ret_address->any, size), 0);
	return fd;
}

/* Two that call each other at once: both are clients, and nobody serves. */
Test(handshakes, both_ends_connect)
{
	const uint32_t other = CLIENT + 1;
	union address here, there;
	int one = bind_to("10.0.0.5", &here), two = bind_to("10.0.0.6", &there);

	name_outbound("10.0.0.6", PORT, other);
	/* The first one's is lost, and so finds the other end waiting. */
	network->bss->syns = 1;
	fcntl(one, F_SETFL, O_NONBLOCK);
	cr_assert_eq(connect(one, &there.any, sizeof(there.ipv4)), -1);
	cr_assert_eq(errno, EINPROGRESS);
	cr_assert_eq(connect(two, &here.any, sizeof(here.ipv4)), 0);
	fcntl(one, F_SETFL, 0);
	act(one, two, "c> s< s> c< c! s< s!");
	expect_both("the second", "", "established=1 closed=1");
	expect_slot(other, "the first", "established=1 closed=1");
	expect_nothing_left();
}

/* Data in the SYN: the server's socket is there, and accepted, before it is established. */
Test(handshakes, fast_open)
{
	const int queue = 5;
	union address address;
	socklen_t size = make_address("10.0.0.5", PORT, &address);
	int listener = listen_on("10.0.0.5", PORT, 5);

	run_command("echo 3 >/proc/sys/net/ipv4/tcp_fastopen");
	cr_assert_eq(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)), 0);
	for (unsigned i = 0; i < 3; i++) {
		int client = make_socket(&address);

		cr_assert_eq(sendto(client, "x", 1, MSG_FASTOPEN, &address.any, size), 1);
		act(client, accept_on(listener), "s< s> c< c! s< s!");
	}
	expect_both("three", "established=3 closed=3", "established=3 closed=3");
	close(listener);
	expect_nothing_left();
}

/* ---- full queues ---- */

static int copy_queue(void *userdata, const struct shunt_queue *queue)
{
	struct shunt_queue *found = userdata;

	if (queue->local.netns == own_netns() && queue->local.port == PORT)
		*found = *queue;
	return 0;
}

static struct shunt_queue read_queue(void)
{
	struct shunt_queue queue = {0};

	cr_assert_eq(observer_read_queues(observer, copy_queue, &queue), 0);
	return queue;
}

/* A queue of 1 holds two; the third's SYN is dropped and comes again. */
Test(handshakes, a_full_queue)
{
	int listener = listen_on("10.0.0.5", PORT, 1), clients[3];
	struct shunt_queue queue = read_queue();
	struct pollfd poll_fd;

	cr_expect_eq(queue.limit, 1);
	cr_expect_eq(queue.length, 0);
	clients[0] = connect_to("10.0.0.5", PORT);
	clients[1] = connect_to("10.0.0.5", PORT);
	cr_expect_eq(read_queue().length, 2);
	cr_expect_eq(read_queue().drops, 0);
	clients[2] = begin_connect("10.0.0.5", PORT);
	expect_both("full", "established=2 active=2", "established=2 active=2");
	cr_expect_eq(read_queue().drops, 1);
	for (unsigned i = 0; i < 2; i++)
		act(clients[i], accept_on(listener), "c! s< s!");
	cr_expect_eq(read_queue().length, 0);
	poll_fd = (struct pollfd){.fd = clients[2], .events = POLLOUT};
	cr_assert_eq(poll(&poll_fd, 1, SOCKET_PATIENCE * 1000), 1);
	act(clients[2], accept_on(listener), "c! s< s!");
	expect_both("drained", "established=3 closed=3", "established=3 closed=3 retransmits=1");
	close(listener);
	cr_expect_eq(read_queue().limit, 0, "it listens no more");
	expect_nothing_left();
}
