/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/clients.h"

#define PEERS 6

static struct clients clients;
static struct client peers[PEERS];
static int far[PEERS];

static void add(int i, uint64_t now)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	far[i] = pair[1];
	clients_add(&clients, &peers[i], pair[0], now);
}

/* What the other end sees. */
static bool is_shut(int i)
{
	char byte;

	return recv(far[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_shut(const char *pattern)
{
	for (int i = 0; pattern[i]; i++)
		cr_expect_eq(is_shut(i), pattern[i] == 'x', "client %d of %s", i, pattern);
}

Test(clients, who_has_shown_least_gives_way)
{
	const struct client_limits limits = {.connections = 3};

	clients_init(&clients, &limits);
	add(0, 1);
	add(1, 2);
	add(2, 3);
	clients_answer(&clients, &peers[0], 10, 4);
	clients_answer(&clients, &peers[1], 10, 5);
	clients_idle(&clients, &peers[1], 6);
	/* 0 answering, 1 idle, 2 new */
	expect_shut("...");
	add(3, 7);
	expect_shut("..x.");
	clients_answer(&clients, &peers[3], 10, 8);
	add(4, 9);
	expect_shut(".xx..");
	clients_answer(&clients, &peers[4], 10, 10);
	add(5, 11);
	expect_shut("xxx...");
	cr_assert_eq(clients.count, 3);
	for (int i = 0; i < PEERS; i++)
		clients_remove(&clients, &peers[i]);
	cr_assert_eq(clients.count, 0);
	cr_assert_eq(clients.bytes, 0);
}

Test(clients, slow_readers_give_way_to_bytes)
{
	const struct client_limits limits = {.bytes = 100};

	clients_init(&clients, &limits);
	for (int i = 0; i < 4; i++)
		add(i, (uint64_t)i);
	clients_answer(&clients, &peers[1], 40, 10);
	clients_answer(&clients, &peers[0], 40, 11);
	clients_answer(&clients, &peers[2], 20, 12);
	expect_shut("....");
	clients_answer(&clients, &peers[3], 1, 13);
	expect_shut(".x..");
	cr_assert_eq(clients.bytes, 61);
	clients_idle(&clients, &peers[0], 14);
	cr_assert_eq(clients.bytes, 21);
	/* One answer that is too large alone is still given. */
	clients_answer(&clients, &peers[0], 1000, 15);
	expect_shut(".xxx");
	cr_assert_eq(clients.bytes, 1000);
}

Test(clients, each_phase_has_its_deadline)
{
	const struct client_limits limits = {
		.request_timeout = 10, .answer_timeout = 20, .idle_timeout = 30};

	clients_init(&clients, &limits);
	cr_assert_eq(clients_deadline(&clients), UINT64_MAX);
	for (int i = 0; i < 3; i++)
		add(i, 100);
	cr_assert_eq(clients_deadline(&clients), 110);
	clients_answer(&clients, &peers[1], 1, 100);
	clients_answer(&clients, &peers[2], 1, 100);
	clients_idle(&clients, &peers[2], 105);
	clients_expire(&clients, 109);
	expect_shut("...");
	clients_expire(&clients, 110);
	expect_shut("x..");
	cr_assert_eq(clients_deadline(&clients), 120);
	clients_expire(&clients, 120);
	expect_shut("xx.");
	cr_assert_eq(clients_deadline(&clients), 135);
	/* The server may yet report the end of a request that was cut. */
	clients_idle(&clients, &peers[1], 121);
	cr_assert_eq(clients_deadline(&clients), 135);
	clients_expire(&clients, 135);
	expect_shut("xxx");
	cr_assert_eq(clients_deadline(&clients), UINT64_MAX);
}

Test(clients, defaults)
{
	const struct client_limits none = {0};

	clients_init(&clients, &none);
	cr_assert_eq(clients.limits.connections, 64);
	cr_assert_eq(clients.limits.request_timeout, 5000000);
	cr_assert_eq(clients.limits.answer_timeout, 10000000);
	cr_assert_eq(clients.limits.idle_timeout, 75000000);
	cr_assert_eq(clients.limits.bytes, 32 << 20);
}
