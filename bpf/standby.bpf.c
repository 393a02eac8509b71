/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds the sockets that standbys on this host listen with: a walk over the sockets of the
 * reader's network namespace, which needs no privileges once it is attached.  So a standby
 * that starts anew is found again, where the daemon could neither open its descriptors nor
 * look a socket up by its address (sk_lookup has no such helper).
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "address.bpf.h"
#include "standby.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* What such a program says; ENOUGH ends the walk, and its reader's read(2) with EAGAIN. */
#define GO_ON  0
#define ENOUGH 1

/* The ports at which standbys on this host would listen. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u32); /* non-zero */
} shunt_standby_ports SEC(".maps");

static __always_inline void take_address(const struct sock_common *common, __u8 ret_addr[16])
{
	__be32 *words = (__be32 *)ret_addr;

	if (common->skc_family == AF_INET) {
		map_ipv4(ret_addr, common->skc_rcv_saddr);
		return;
	}
	words[0] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[0];
	words[1] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[1];
	words[2] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[2];
	words[3] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
}

/* Whether it listens at :: and takes IPv4, too. */
static __always_inline bool takes_both(const struct sock_common *common, const __u8 addr[16])
{
	const __u64 *halves = (const __u64 *)addr;

	return common->skc_family == AF_INET6 && !halves[0] && !halves[1] &&
	       !BPF_CORE_READ_BITFIELD(common, skc_ipv6only);
}

SEC("iter/tcp")
int shunt_find_standbys(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct shunt_listener key = {};
	__u32 port;

	if (!common)
		return GO_ON;
	/* The kernel tells of all that listen first, and there may be very many others. */
	if (common->skc_state != BPF_TCP_LISTEN)
		return ENOUGH;
	port = common->skc_num;
	if (!bpf_map_lookup_elem(&shunt_standby_ports, &port))
		return GO_ON;
	key.port = port;
	take_address(common, key.addr);
	bpf_map_update_elem(&shunt_standbys, &key, common, BPF_ANY);
	if (takes_both(common, key.addr)) {
		map_ipv4(key.addr, 0);
		bpf_map_update_elem(&shunt_standbys, &key, common, BPF_ANY);
	}
	return GO_ON;
}
