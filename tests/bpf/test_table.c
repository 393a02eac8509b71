/* SPDX-License-Identifier: GPL-2.0 */
/* The table of connections where it is full, and what goes beside it. */
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define PORT   7000
#define COUNT  20
#define SERVER SHUNT_SLOT_FIRST
#define CLIENT (SHUNT_SLOT_FIRST + 1)

/* No socket lies at this address. */
#define SOMEBODY 2

static void set_up(void)
{
	scene_enter();
	scene_load();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
}

TestSuite(table, .init = set_up, .fini = scene_close);

/* Leaves so many free ways in each set. */
static void fill_table(unsigned free_ways)
{
	struct shunt_conn_set set = {0};
	int fd = own_map("shunt_conns");

	for (unsigned way = free_ways; way < SHUNT_CONN_WAYS; way++)
		set.ways[way].socket = SOMEBODY;
	for (uint32_t i = 0; i < SHUNT_CONN_SETS; i++)
		cr_assert_eq(bpf_map_update_elem(fd, &i, &set, BPF_ANY), 0);
}

static void expect_both(const char *what, const char *counts)
{
	expect_slot(SERVER, what, counts);
	expect_slot(CLIENT, what, counts);
}

/* All are open at one time, exchange a byte, and close. */
static void live(unsigned overflowing)
{
	int listener = listen_on("10.0.0.5", PORT, COUNT), clients[COUNT], servers[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		clients[i] = connect_to("10.0.0.5", PORT);
		servers[i] = accept_on(listener);
		act(clients[i], servers[i], "c> s< s> c<");
	}
	expect_both("open", "established=20 active=20");
	cr_expect_geq(own_variables()->shunt_overflowed, overflowing);
	for (unsigned i = 0; i < COUNT; i++)
		act(clients[i], servers[i], "c! s< s!");
	close(listener);
	expect_both("closed", "established=20 closed=20");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_CONNECTION), COUNT);
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_RESPONSE), COUNT);
	cr_expect_eq(samples(CLIENT, SHUNT_SIGNAL_RESPONSE), COUNT);
	expect_nothing_left();
}

/* What is in the overflow of our slots. */
static unsigned overflowed(void)
{
	uint64_t key, next, *previous = NULL;
	int fd = own_map("shunt_conns_overflow");
	unsigned count = 0;

	while (!bpf_map_get_next_key(fd, previous, &next)) {
		struct shunt_conn conn;

		key = next;
		previous = &key;
		if (!bpf_map_lookup_elem(fd, &key, &conn))
			count += conn.slot == SERVER || conn.slot == CLIENT;
	}
	return count;
}

Test(table, with_room)
{
	scene_attach();
	live(0);
	cr_expect_eq(overflowed(), 0);
}

Test(table, full)
{
	fill_table(0);
	scene_attach();
	live(2 * COUNT);
	cr_expect_eq(overflowed(), 0);
}

/* A connection in the overflow is found though its set has room again, and stays there. */
Test(table, with_room_again)
{
	int listener = listen_on("10.0.0.5", PORT, 5), client, server;

	fill_table(0);
	scene_attach();
	client = connect_to("10.0.0.5", PORT);
	server = accept_on(listener);
	expect_both("open", "established=1 active=1");
	cr_expect_eq(overflowed(), 2);
	fill_table(SHUNT_CONN_WAYS);
	act(client, server, "c> s< s> c< c! s< s!");
	expect_both("closed", "established=1 closed=1");
	cr_expect_eq(overflowed(), 0);
	close(listener);
	expect_no_errors();
}

/* A seed is no different. */
Test(table, full_of_older_ones)
{
	int listener = listen_on("10.0.0.5", PORT, 5), client = connect_to("10.0.0.5", PORT),
	    server = accept_on(listener);

	fill_table(0);
	scene_attach();
	cr_assert_eq(observer_seed(observer), 0);
	cr_assert_eq(observer_seed(observer), 0);
	expect_both("open", "older=1 active=1");
	act(client, server, "c! s< s!");
	expect_both("closed", "closed=1 older=1");
	cr_expect_eq(overflowed(), 0);
	close(listener);
}

/* A close that was missed: the next to have that memory finds the entry of the last. */
Test(table, a_stale_entry)
{
	int listener = listen_on("10.0.0.5", PORT, 5), client;
	struct shunt_conn_set set;
	uint32_t found = SHUNT_CONN_SETS;

	scene_attach();
	client = connect_to("10.0.0.5", PORT);
	for (uint32_t i = 0; i < SHUNT_CONN_SETS && found == SHUNT_CONN_SETS; i++) {
		for (unsigned way = 0; way < SHUNT_CONN_WAYS; way++) {
			const struct shunt_conn *conn = &own_table()[i].ways[way];

			if (conn->socket && conn->slot == CLIENT)
				found = i;
		}
	}
	cr_assert_lt(found, SHUNT_CONN_SETS);
	set = own_table()[found];
	act(client, accept_on(listener), "c! s< s!");
	expect_both("closed", "established=1 closed=1");
	/* As if the close had not been seen; the kernel gives the memory out again at once. */
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_conns"), &found, &set, BPF_ANY), 0);
	for (unsigned i = 0; i < 200 && followed(CLIENT, CLIENT); i++) {
		client = connect_to("10.0.0.5", PORT);
		act(client, accept_on(listener), "c! s< s!");
	}
	if (followed(CLIENT, CLIENT))
		cr_skip_test("the memory did not come back");
	cr_expect_eq(observer_errors(observer, SHUNT_SITE_CONN_STALE, EEXIST), 1);
	close(listener);
}
