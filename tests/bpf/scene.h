/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An observer that is attached, in this process, and a network namespace of the
 * test's own to talk in.  The observer sees the whole host: what is asserted is in
 * slots that only keys of this namespace lead to.
 */
#ifndef SHUNT_TESTS_BPF_SCENE_H
#define SHUNT_TESTS_BPF_SCENE_H

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "bpf/host.h"
#include "bpf/own.h"
#include "engine/window.h"
#include "kernel/observer.h"

#define SCENE_SLOTS 64

/* How long something that must come about may take: a hang guard, no more. */
#define PATIENCE_MS 10000

static struct observer *observer;

static inline void scene_load(void)
{
	const struct observer_limits limits = {.slots = SCENE_SLOTS, .answers = true};

	cr_assert_eq(observer_open(&limits, &observer), 0);
}

static inline void scene_attach(void)
{
	cr_assert_eq(observer_attach(observer), 0);
}

static inline void scene_open(void)
{
	enter_netns();
	scene_load();
	scene_attach();
}

static inline void scene_close(void)
{
	observer_close(observer);
}

/* ---- names ---- */

/* Adds to what may be found under a port. */
static inline void allow(uint16_t port, uint8_t kinds)
{
	observer_set_port(observer, port, own_variables()->shunt_ports[port] | kinds);
}

/* Any kind of key that an address may have; a lookup too many is no error. */
#define INBOUND_KINDS  (SHUNT_PORT_INBOUND | SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_INBOUND_ANY_NETNS)
#define OUTBOUND_KINDS (SHUNT_PORT_OUTBOUND | SHUNT_PORT_OUTBOUND_PREFIX)

static inline void name_inbound_in(uint32_t netns, uint64_t cgroup, const char *address,
				   uint16_t port, uint32_t slot)
{
	struct shunt_endpoint key = {.cgroup = cgroup, .netns = netns, .port = port};

	parse_address(address, key.addr);
	cr_assert_eq(observer_set_inbound(observer, &key, slot), 0);
	allow(port, INBOUND_KINDS | (cgroup ? SHUNT_PORT_CGROUP : 0));
}

static inline void name_inbound(const char *address, uint16_t port, uint32_t slot)
{
	name_inbound_in(own_netns(), 0, address, port, slot);
}

static inline void name_outbound(const char *address, uint16_t port, uint32_t slot)
{
	struct shunt_endpoint key = {.netns = own_netns(), .port = port};

	parse_address(address, key.addr);
	cr_assert_eq(observer_set_outbound(observer, &key, slot), 0);
	allow(port, OUTBOUND_KINDS);
}

/* `bits` of the address as it is written: 0 to 32 for IPv4. */
static inline void name_prefix_in(uint32_t netns, uint64_t cgroup, const char *address,
				  uint32_t bits, uint16_t port, uint32_t slot)
{
	struct shunt_prefix key = {.netns = netns, .cgroup = cgroup, .port = port};
	bool ipv4 = parse_address(address, key.addr);

	key.length = SHUNT_PREFIX_FIXED_BITS + (ipv4 ? 96 : 0) + bits;
	cr_assert_eq(observer_set_prefix(observer, &key, slot), 0);
	allow(port, OUTBOUND_KINDS | (netns ? 0 : SHUNT_PORT_OUTBOUND_ANY_NETNS) |
			    (cgroup ? SHUNT_PORT_CGROUP : 0));
}

/* ---- what was counted ---- */

static inline size_t describe_one(char *text, size_t used, size_t size, const char *name,
				  uint64_t count)
{
	if (!count)
		return used;
	return used +
	       (size_t)snprintf(text + used, size - used, "%s%s=%lu", used ? " " : "", name, count);
}

/* Every counter of a slot that is not zero, in a fixed order: "established=1 closed=1". */
static inline const char *describe(uint32_t slot)
{
	static const char *const handshakes[SHUNT_HANDSHAKE_MAX] = {
		"established",	    "refused",	       "reset",	   "timed_out",
		"host_unreachable", "net_unreachable", "overflow", "other",
	};
	static const char *const closes[SHUNT_CLOSE_MAX] = {
		"closed",    "reset_by_peer", "reset_by_local",
		"timed_out", "no_response",   "closed_otherwise",
	};
	static char text[512];
	struct shunt_cell cell;
	size_t used = 0;

	text[0] = '\0';
	observer_read(observer, slot, &cell);
	for (unsigned i = 0; i < SHUNT_HANDSHAKE_MAX; i++)
		used = describe_one(text, used, sizeof(text), handshakes[i],
				    cell.counters.handshakes[i]);
	for (unsigned i = 0; i < SHUNT_CLOSE_MAX; i++)
		used = describe_one(text, used, sizeof(text), closes[i], cell.counters.closes[i]);
	used = describe_one(text, used, sizeof(text), "older", cell.counters.seeded);
	used = describe_one(text, used, sizeof(text), "retransmits", cell.counters.retransmits);
	used = describe_one(text, used, sizeof(text), "resets_sent", cell.counters.resets_sent);
	used = describe_one(text, used, sizeof(text), "resets_received",
			    cell.counters.resets_received);
	used = describe_one(text, used, sizeof(text), "zero_windows", cell.counters.zero_windows);
	describe_one(text, used, sizeof(text), "active", cell_active(&cell));
	return text;
}

/* Softirqs may come a moment later than the call that caused them. */
static inline void expect_slot(uint32_t slot, const char *what, const char *counts)
{
	static unsigned patience = PATIENCE_MS;

	for (unsigned ms = 0; ms < patience && strcmp(describe(slot), counts) != 0; ms++)
		usleep(1000);
	cr_expect_eq(strcmp(describe(slot), counts), 0, "%s: '%s', expected '%s'", what,
		     describe(slot), counts);
	/* Where one has failed others will, and need not be waited for as long. */
	if (strcmp(describe(slot), counts) != 0)
		patience = 50;
}

/* How many samples a slot's histogram has. */
static inline uint64_t samples(uint32_t slot, enum shunt_signal signal)
{
	struct shunt_cell cell;
	uint64_t count = 0;

	observer_read(observer, slot, &cell);
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		count += cell.histograms[signal].buckets[i];
	return count;
}

/* Connections in these slots that are still followed. */
static inline unsigned followed(uint32_t first, uint32_t last)
{
	const struct shunt_conn_set *table = own_table();
	unsigned count = 0;

	for (uint32_t i = 0; i < SHUNT_CONN_SETS * SHUNT_CONN_WAYS; i++) {
		const struct shunt_conn *conn =
			&table[i / SHUNT_CONN_WAYS].ways[i % SHUNT_CONN_WAYS];

		count += conn->socket && conn->slot >= first && conn->slot <= last;
	}
	return count;
}

static inline void expect_no_errors(void)
{
	uint64_t missed = observer_runs_missed(observer);

	for (enum shunt_site site = 0; site < SHUNT_SITE_MAX; site++) {
		for (int error = 0; error < SHUNT_ERRNO_MAX; error++) {
			uint64_t count = observer_errors(observer, site, error);

			/* The rest of the host is busy too, and a missed close shows there. */
			cr_expect(!count || (missed && site == SHUNT_SITE_CONN_STALE),
				  "%s, errno %d: %lu, with %lu runs missed",
				  observer_site_name(site), error, count, missed);
		}
	}
}

/* Once all is closed: no slot of ours has an entry left, and no helper failed. */
static inline void expect_nothing_left(void)
{
	cr_expect_eq(followed(SHUNT_SLOT_FIRST, SCENE_SLOTS), 0);
	expect_no_errors();
}

#endif
