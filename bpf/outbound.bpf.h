/* SPDX-License-Identifier: GPL-2.0 */
/* Which service a remote endpoint belongs to. */
#ifndef SHUNT_BPF_OUTBOUND_H
#define SHUNT_BPF_OUTBOUND_H

#include "address.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct shunt_endpoint);
	__type(value, __u32); /* slot */
} shunt_outbound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct shunt_prefix);
	__type(value, __u32); /* slot */
} shunt_prefixes SEC(".maps");

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

/*
 * Looks a remote endpoint up as it stands, then by the longest prefix, and that in
 * its namespace, then in any.  `ports` is what may be found under its port.
 */
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

#endif
