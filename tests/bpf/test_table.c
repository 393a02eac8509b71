/* SPDX-License-Identifier: GPL-2.0 */
/* The table of connections where it is full, and what goes beside it. */
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define PORT   7000
#define COUNT  20
#define SERVER SHUNT_SLOT_FIRST
#define CLIENT (SHUNT_SLOT_FIRST + 1)
#define STALE  (SHUNT_SLOT_FIRST + 2)

/* No socket lies at this address. */
#define SOMEBODY 2

static void set_up(void)
{
	enter_netns();
	scene_load();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
}

TestSuite(table, .init = set_up, .fini = scene_close);

/* Leaves so many free ways in each set. */
static void fill_table(unsigned free_ways)
{
	struct shunt_conn_set set = {0};

	for (unsigned way = free_ways; way < SHUNT_CONN_WAYS; way++)
		set.ways[way].socket = SOMEBODY;
	for (uint32_t i = 0; i < SHUNT_CONN_SETS; i++)
		own_table()[i] = set;
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

/* The rest of the host is in the overflow as well, and does not stand still for us. */
static void expect_overflow_counted(void)
{
	bool equal = false;

	for (unsigned ms = 0; ms < PATIENCE_MS && !equal; ms++) {
		usleep(1000);
		equal = own_keys("shunt_conns_overflow") == own_variables()->shunt_overflowed;
	}
	cr_expect(equal, "%llu counted, %u there", own_variables()->shunt_overflowed,
		  own_keys("shunt_conns_overflow"));
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
	expect_overflow_counted();
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

/* The set in which a slot has a connection. */
static uint32_t set_of(uint32_t slot)
{
	for (uint32_t i = 0; i < SHUNT_CONN_SETS * SHUNT_CONN_WAYS; i++) {
		const struct shunt_conn *conn =
			&own_table()[i / SHUNT_CONN_WAYS].ways[i % SHUNT_CONN_WAYS];

		if (conn->socket && conn->slot == slot)
			return i / SHUNT_CONN_WAYS;
	}
	cr_assert_fail("slot %u has no connection", slot);
	return 0;
}

/* Puts the entries of a closed connection's back, as if that had not been seen. */
static void forget_close(uint32_t index, struct shunt_conn_set set)
{
	for (unsigned way = 0; way < SHUNT_CONN_WAYS; way++) {
		if (set.ways[way].slot == CLIENT)
			set.ways[way].slot = STALE;
	}
	own_table()[index] = set;
}

/* A close that was missed: the next to have that memory finds the entry of the last. */
Test(table, a_stale_entry)
{
	int listener = listen_on("10.0.0.5", PORT, 5), client;
	struct shunt_conn_set set;
	unsigned calls = 1;
	char counts[64];
	uint32_t index;

	scene_attach();
	client = connect_to("10.0.0.5", PORT);
	index = set_of(CLIENT);
	set = own_table()[index];
	act(client, accept_on(listener), "c! s< s!");
	expect_both("closed", "established=1 closed=1");
	forget_close(index, set);
	/* The kernel gives the memory out again soon. */
	for (; calls < 200 && followed(STALE, STALE); calls++) {
		client = connect_to("10.0.0.5", PORT);
		act(client, accept_on(listener), "c! s< s!");
	}
	if (followed(STALE, STALE))
		cr_skip_test("the memory did not come back");
	cr_expect_eq(observer_errors(observer, SHUNT_SITE_CONN_STALE, EEXIST), 1);
	expect_slot(STALE, "what came of it is not known", "closed=1");
	snprintf(counts, sizeof(counts), "established=%u closed=%u", calls, calls);
	expect_both("the next one is whole", counts);
	close(listener);
}
