/* SPDX-License-Identifier: GPL-2.0 */
/* Which service a socket belongs to. */
#ifndef SHUNT_BPF_SERVICE_H
#define SHUNT_BPF_SERVICE_H

#include "address.bpf.h"
#include "cell.bpf.h"

/*
 * A function of its own for what happens seldom: what happens with every segment stays
 * together in the instruction cache.
 */
#define __cold_path static __noinline

/* A set of enum shunt_port for each port, kept by the daemon. */
__u8 shunt_ports[65536];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct shunt_endpoint);
	__type(value, __u32); /* slot */
} shunt_inbound SEC(".maps"), shunt_outbound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct shunt_prefix);
	__type(value, __u32); /* slot */
} shunt_prefixes SEC(".maps");

/*
 * What may be found under a port.  The verifiers of Linux 6.1 and 6.12 forget the range
 * of a number whose bytes were swapped, so it is masked again, where the compiler
 * cannot know that it need not be.
 */
static __always_inline __u8 port_kinds(__u16 port)
{
	__u32 index = port;

	barrier_var(index);
	return shunt_ports[index & 0xffff];
}

/* Linux 6.2 and later; costs nothing, for the verifier replaces the call. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* The whole of a socket that is known to be TCP's; the verifier wants NULL looked for. */
static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	if (!bpf_rdonly_cast)
		return bpf_skc_to_tcp_sock(sk);
	return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
}

static __always_inline __u32 netns_of(const struct sock_common *common)
{
	return common->skc_net.net->ns.inum;
}

/* The id of the socket's cgroup; an accepted one has its listener's. */
static __always_inline __u64 cgroup_of(const struct sock *sk)
{
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;

	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

static __always_inline void copy_ipv6(__u8 ret_addr[16], const struct in6_addr *ipv6)
{
	__be32 *words = (__be32 *)ret_addr;

	words[0] = ipv6->in6_u.u6_addr32[0];
	words[1] = ipv6->in6_u.u6_addr32[1];
	words[2] = ipv6->in6_u.u6_addr32[2];
	words[3] = ipv6->in6_u.u6_addr32[3];
}

static __always_inline void local_endpoint(const struct sock_common *common,
					   struct shunt_endpoint *ret_local)
{
	if (common->skc_family == AF_INET)
		map_ipv4(ret_local->addr, common->skc_rcv_saddr);
	else
		copy_ipv6(ret_local->addr, &common->skc_v6_rcv_saddr);
	ret_local->port = common->skc_num;
	ret_local->netns = netns_of(common);
}

/*
 * The local port of a connection.  Not skc_num: tcp_set_state() has given that back
 * (inet_put_port()) by the time it tells of CLOSE.
 */
static __always_inline __u16 local_port(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
}

static __always_inline void remote_endpoint(const struct sock_common *common,
					    struct shunt_endpoint *ret_remote)
{
	if (common->skc_family == AF_INET)
		map_ipv4(ret_remote->addr, common->skc_daddr);
	else
		copy_ipv6(ret_remote->addr, &common->skc_v6_daddr);
	ret_remote->port = bpf_ntohs(common->skc_dport);
	ret_remote->netns = netns_of(common);
}

/*
 * Looks a local endpoint up as it stands, then as its family's wildcard, and
 * that in the given namespace, then in any.  Most specific first.
 */
static __always_inline __u32 *find_inbound_in(const struct shunt_endpoint *local, __u64 cgroup,
					      __u8 ports)
{
	struct shunt_endpoint key = *local;
	struct shunt_endpoint wildcard = *local;
	__u32 *slot;

	key.cgroup = cgroup;
	wildcard.cgroup = cgroup;
	make_wildcard(wildcard.addr);

	if (ports & SHUNT_PORT_INBOUND && (slot = bpf_map_lookup_elem(&shunt_inbound, &key)))
		return slot;
	if (ports & SHUNT_PORT_INBOUND_WILD &&
	    (slot = bpf_map_lookup_elem(&shunt_inbound, &wildcard)))
		return slot;
	if (!(ports & SHUNT_PORT_INBOUND_ANY_NETNS))
		return NULL;
	key.netns = 0;
	if ((slot = bpf_map_lookup_elem(&shunt_inbound, &key)))
		return slot;
	wildcard.netns = 0;
	return bpf_map_lookup_elem(&shunt_inbound, &wildcard);
}

/*
 * The slot of a local endpoint, or NULL where nobody has named it.  `sk` tells
 * the cgroup, which is asked for only where the port has narrowed services; it
 * may be NULL.
 */
static __always_inline __u32 *find_inbound(const struct shunt_endpoint *local,
					   const struct sock *sk)
{
	__u8 ports = port_kinds(local->port);
	__u64 cgroup;
	__u32 *slot;

	if (!(ports &
	      (SHUNT_PORT_INBOUND | SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_INBOUND_ANY_NETNS)))
		return NULL;
	if (ports & SHUNT_PORT_CGROUP && sk && (cgroup = cgroup_of(sk)) &&
	    (slot = find_inbound_in(local, cgroup, ports)))
		return slot;
	return find_inbound_in(local, 0, ports);
}

static __always_inline __u32 *find_prefix(const struct shunt_endpoint *remote, __u64 cgroup,
					  __u32 netns)
{
	struct shunt_prefix key = {
		.length = SHUNT_PREFIX_FIXED_BITS + 128,
		.netns = netns,
		.cgroup = cgroup,
		.port = remote->port,
	};

	__builtin_memcpy(key.addr, remote->addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&shunt_prefixes, &key);
}

static __always_inline __u32 *find_outbound_in(const struct shunt_endpoint *remote, __u64 cgroup,
					       __u8 ports)
{
	__u32 *slot;

	if (ports & SHUNT_PORT_OUTBOUND) {
		struct shunt_endpoint key = *remote;

		key.cgroup = cgroup;
		if ((slot = bpf_map_lookup_elem(&shunt_outbound, &key)))
			return slot;
	}
	if (ports & SHUNT_PORT_OUTBOUND_PREFIX &&
	    (slot = find_prefix(remote, cgroup, remote->netns)))
		return slot;
	if (ports & SHUNT_PORT_OUTBOUND_ANY_NETNS)
		return find_prefix(remote, cgroup, 0);
	return NULL;
}

/* The slot of a remote endpoint, or NULL where nobody has named it. */
static __always_inline __u32 *find_outbound(const struct shunt_endpoint *remote,
					    const struct sock *sk)
{
	__u8 ports = port_kinds(remote->port);
	__u64 cgroup;
	__u32 *slot;

	if (!(ports &
	      (SHUNT_PORT_OUTBOUND | SHUNT_PORT_OUTBOUND_PREFIX | SHUNT_PORT_OUTBOUND_ANY_NETNS)))
		return NULL;
	if (ports & SHUNT_PORT_CGROUP && (cgroup = cgroup_of(sk)) &&
	    (slot = find_outbound_in(remote, cgroup, ports)))
		return slot;
	return find_outbound_in(remote, 0, ports);
}

#endif
