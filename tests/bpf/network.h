/* SPDX-License-Identifier: GPL-2.0 */
/* A scene whose network loses what it is told to: every packet on the loopback passes here once. */
#ifndef SHUNT_TESTS_BPF_NETWORK_H
#define SHUNT_TESTS_BPF_NETWORK_H

#include <linux/if_link.h>
#include <net/if.h>

#include "bpf/scene.h"

#include "lossy.skel.h"

#define PORT 7000

/* Slots of the two ends. */
#define SERVER SHUNT_SLOT_FIRST
#define CLIENT (SHUNT_SLOT_FIRST + 1)

static struct lossy_bpf *network;

static inline void network_open(void)
{
	scene_open();
	name_inbound("10.0.0.5", PORT, SERVER);
	name_outbound("10.0.0.5", PORT, CLIENT);
	network = lossy_bpf__open_and_load();
	cr_assert_not_null(network);
	network->bss->server_port = PORT;
	cr_assert_eq(bpf_xdp_attach((int)if_nametoindex("lo"),
				    bpf_program__fd(network->progs.lossy), XDP_FLAGS_SKB_MODE,
				    NULL),
		     0);
}

static inline void network_close(void)
{
	lossy_bpf__destroy(network);
	scene_close();
}

static inline void expect_both(const char *what, const char *server, const char *client)
{
	expect_slot(SERVER, what, server);
	expect_slot(CLIENT, what, client);
}

#endif
