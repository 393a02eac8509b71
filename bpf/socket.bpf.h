/* SPDX-License-Identifier: GPL-2.0 */
/* What a socket says of itself. */
#ifndef SHUNT_BPF_SOCKET_H
#define SHUNT_BPF_SOCKET_H

#include "address.bpf.h"

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
 * The local port of a connection.  tcp_set_state() has given skc_num back (inet_put_port())
 * by the time it tells of CLOSE; inet_sport stays, but costs a call.
 */
static __always_inline __u16 local_port(const struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;

	return port ? port : bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
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

#endif
