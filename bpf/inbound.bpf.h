/* SPDX-License-Identifier: GPL-2.0 */
/* Which service a local endpoint belongs to. */
#ifndef SHUNT_BPF_INBOUND_H
#define SHUNT_BPF_INBOUND_H

#include "address.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct shunt_endpoint);
	__type(value, __u32); /* slot */
} shunt_inbound SEC(".maps");

/*
 * Looks a local endpoint up as it stands, then as its family's wildcard, and
 * that in the given namespace, then in any.  Most specific first.  `ports` is
 * what may be found under its port, a set of enum shunt_port.
 */
static __always_inline __u32 *find_inbound_in(const struct shunt_endpoint *local, __u64 cgroup,
					      __u8 ports, bool *ret_by_wildcard)
{
	struct shunt_endpoint key = *local;
	struct shunt_endpoint wildcard = *local;
	__u32 *slot;

	key.cgroup = cgroup;
	wildcard.cgroup = cgroup;
	make_wildcard(wildcard.addr);

	*ret_by_wildcard = false;
	if (ports & SHUNT_PORT_INBOUND && (slot = bpf_map_lookup_elem(&shunt_inbound, &key)))
		return slot;
	*ret_by_wildcard = true;
	if (ports & SHUNT_PORT_INBOUND_WILD &&
	    (slot = bpf_map_lookup_elem(&shunt_inbound, &wildcard)))
		return slot;
	if (!(ports & SHUNT_PORT_INBOUND_ANY_NETNS))
		return NULL;
	*ret_by_wildcard = false;
	key.netns = 0;
	if ((slot = bpf_map_lookup_elem(&shunt_inbound, &key)))
		return slot;
	*ret_by_wildcard = true;
	wildcard.netns = 0;
	return bpf_map_lookup_elem(&shunt_inbound, &wildcard);
}

#endif
