/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of state that nobody told of, as when an interrupt comes amid a run of the
 * program: made here by taking a connection out of the table, and putting it back.
 */
#include "bpf/scene.h"
#include "bpf/sockets.h"

#define PORT   7000
#define SERVER SHUNT_SLOT_FIRST
#define CLIENT (SHUNT_SLOT_FIRST + 1)

static void set_up(void)
{
	scene_open();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
	cr_assert_eq(observer_seed(observer), 0);
}

TestSuite(missed, .init = set_up, .fini = scene_close);

/* Where the table keeps the connection of a slot; its set as it is now. */
static uint32_t find_set(uint32_t slot, struct shunt_conn_set *ret_set)
{
	const struct shunt_conn_set *table = own_table();

	for (uint32_t i = 0; i < SHUNT_CONN_SETS; i++) {
		for (unsigned way = 0; way < SHUNT_CONN_WAYS; way++) {
			if (!table[i].ways[way].socket || table[i].ways[way].slot != slot)
				continue;
			*ret_set = table[i];
			return i;
		}
	}
	cr_assert_fail("no connection of slot %u is followed", slot);
	return 0;
}

static void write_set(uint32_t index, const struct shunt_conn_set *set)
{
	own_table()[index] = *set;
}

static void forget(uint32_t slot)
{
	const struct shunt_conn_set nobody = {0};
	struct shunt_conn_set set;

	write_set(find_set(slot, &set), &nobody);
}

Test(missed, a_connection_that_speaks_is_taken_up)
{
	int listener = listen_on("10.0.0.5", PORT, 1);
	int client = connect_to("10.0.0.5", PORT), server = accept_on(listener);

	expect_slot(SERVER, "open", "established=1 active=1");
	forget(SERVER);
	forget(CLIENT);
	/* Both were counted as open before they were forgotten, and so are twice now. */
	act(client, server, "c> s< s> c<");
	expect_slot(SERVER, "taken up", "established=1 older=1 active=2");
	expect_slot(CLIENT, "taken up", "established=1 older=1 active=2");
	act(client, server, "c> s< s> c<");
	act(client, server, "c! s< s!");
	expect_slot(SERVER, "closed", "established=1 closed=1 older=1 active=1");
	expect_slot(CLIENT, "closed", "established=1 closed=1 older=1 active=1");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_RESPONSE), 1, "what was said before is no part");
	cr_expect_eq(samples(SERVER, SHUNT_SIGNAL_CONNECTION), 0, "nobody knows how long it was");
}

/* A socket in CLOSE whose process has not closed it yet is destroyed later. */
Test(missed, a_connection_that_is_destroyed_is_closed)
{
	int listener = listen_on("10.0.0.5", PORT, 1);
	int client = connect_to("10.0.0.5", PORT), server = accept_on(listener);
	struct shunt_conn_set set;
	uint32_t index = find_set(SERVER, &set);

	act(client, server, "cR");
	expect_slot(SERVER, "reset", "established=1 reset_by_peer=1 resets_received=1");
	write_set(index, &set);
	act(client, server, "s!");
	/* How it ended is not known any more: as if both ends had closed it. */
	expect_slot(SERVER, "destroyed",
		    "established=1 closed=1 reset_by_peer=1 resets_received=1");
	cr_expect_eq(followed(SERVER, CLIENT), 0, "it is not followed any more");
}
