/* SPDX-License-Identifier: GPL-2.0 */
/* Which service a socket belongs to. */
#ifndef SHUNT_BPF_SERVICE_H
#define SHUNT_BPF_SERVICE_H

#include "cell.bpf.h"
#include "inbound.bpf.h"
#include "outbound.bpf.h"
#include "socket.bpf.h"

/*
 * A function of its own for what happens seldom: what happens with every segment stays
 * together in the instruction cache.
 */
#define __cold_path static __noinline

/* A set of enum shunt_port for each port, kept by the daemon. */
__u8 shunt_ports[65536];

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

/*
 * The slot of a local endpoint, or NULL where nobody has named it.  `sk` tells
 * the cgroup, which is asked for only where the port has narrowed services; it
 * may be NULL.
 */
static __always_inline __u32 *find_inbound(const struct shunt_endpoint *local,
					   const struct sock *sk)
{
	__u8 ports = port_kinds(local->port);
	bool by_wildcard;
	__u64 cgroup;
	__u32 *slot;

	if (!(ports &
	      (SHUNT_PORT_INBOUND | SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_INBOUND_ANY_NETNS)))
		return NULL;
	if (ports & SHUNT_PORT_CGROUP && sk && (cgroup = cgroup_of(sk)) &&
	    (slot = find_inbound_in(local, cgroup, ports, &by_wildcard)))
		return slot;
	return find_inbound_in(local, 0, ports, &by_wildcard);
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
