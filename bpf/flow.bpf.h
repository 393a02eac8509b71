/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are carried to a standby on another host: full translation, in which this
 * host is the standby's client, at a local port that is the connection's own.  There are so
 * many ports and no more: when none is free, a connection is not carried, and none that lives
 * is ever given up for another.
 */
#ifndef SHUNT_BPF_FLOW_H
#define SHUNT_BPF_FLOW_H

#include "lead.bpf.h"

#define FLOW_TRIES 16
/* Odd, so that the ports take turns and those that were free longest come first… */
#define FLOW_STRIDE 1597
/* How exact a flow's time is: each write takes the line from other CPUs. */
#define FLOW_SEEN_NSEC 500000000ULL

/* How many flows there are.  The daemon counts down what it frees. */
__u32 shunt_carried;

/* Which port is tried next: …however scattered those are that live long. */
__u32 shunt_flow_cursor;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct shunt_way);
} shunt_ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SHUNT_FLOWS_MAX);
	__type(key, __u32);
	__type(value, struct shunt_flow);
} shunt_flows SEC(".maps");

/* Flows by what the client knows of them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_FLOWS_MAX);
	__type(key, struct shunt_ends);
	__type(value, __u32); /* index */
} shunt_flow_of SEC(".maps");

static __always_inline bool is_same(const __u8 one[16], const __u8 other[16])
{
	const __u32 *ones = (const __u32 *)one, *others = (const __u32 *)other;

	return ones[0] == others[0] && ones[1] == others[1] && ones[2] == others[2] &&
	       ones[3] == others[3];
}

static __always_inline bool is_in_use(const struct shunt_flow *flow)
{
	__u32 state = *(const volatile __u32 *)&flow->state;

	return state >= SHUNT_FLOW_OPENING && state <= SHUNT_FLOW_OVER;
}

/* The flow whose client these ends are, or NULL. */
static __always_inline struct shunt_flow *find_by_client(const struct shunt_ends *ends,
							 __u32 *ret_index)
{
	__u32 *index = bpf_map_lookup_elem(&shunt_flow_of, ends);
	struct shunt_flow *flow;

	if (!index)
		return NULL;
	*ret_index = *index;
	flow = bpf_map_lookup_elem(&shunt_flows, index);
	return flow && is_in_use(flow) ? flow : NULL;
}

/* The flow whose standby sends from those remote ends to these local ones, or NULL. */
static __always_inline struct shunt_flow *find_by_standby(const struct shunt_ends *ends)
{
	__u32 index = ends->local_port - SHUNT_FLOW_PORT;
	struct shunt_flow *flow;

	if (ends->local_port < SHUNT_FLOW_PORT)
		return NULL;
	flow = bpf_map_lookup_elem(&shunt_flows, &index);
	if (!flow || !is_in_use(flow) || ends->remote_port != flow->standby.port ||
	    !is_same(ends->remote, flow->standby.addr) || !is_same(ends->local, flow->way.source))
		return NULL;
	return flow;
}

/*
 * Notes how one end ends.  Who goes on after a reset has not sent it: somebody else did, and
 * the other end, which looks at sequence numbers, has not believed it.
 */
static __always_inline void track_end(struct shunt_flow *flow, __u8 flags, bool from_client)
{
	__u32 reset = from_client ? SHUNT_FLOW_CLIENT_RESET : SHUNT_FLOW_STANDBY_RESET;

	if (flags & TCP_RST)
		__sync_fetch_and_or(&flow->ended, reset);
	else if (flow->ended & reset)
		__sync_fetch_and_and(&flow->ended, ~reset);
	if (flags & TCP_FIN)
		__sync_fetch_and_or(&flow->ended, from_client ? SHUNT_FLOW_CLIENT_ENDED
							      : SHUNT_FLOW_STANDBY_ENDED);
}

/* Notes what a segment says of its flow. */
static __always_inline void track(struct shunt_flow *flow, __u8 flags, bool from_client)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 ended;

	if (now - flow->seen > FLOW_SEEN_NSEC)
		flow->seen = now;
	track_end(flow, flags, from_client);
	ended = flow->ended;
	if ((ended & SHUNT_FLOW_RESET) ||
	    (ended & SHUNT_FLOW_BOTH_ENDED) == SHUNT_FLOW_BOTH_ENDED) {
		if (flow->state != SHUNT_FLOW_OVER) {
			flow->seen = now;
			flow->state = SHUNT_FLOW_OVER;
		}
	} else if (flow->state == SHUNT_FLOW_OVER ||
		   (from_client && !(flags & TCP_SYN) && flow->state == SHUNT_FLOW_OPENING)) {
		flow->state = SHUNT_FLOW_OPEN;
	}
}

/* The ends of a flow that is over are used anew: what comes is another connection. */
static __always_inline void part(struct shunt_flow *flow, const struct shunt_ends *ends)
{
	bpf_map_delete_elem(&shunt_flow_of, ends);
	flow->state = SHUNT_FLOW_GONE;
}

static __always_inline struct shunt_flow *claim(__u32 *ret_index)
{
	for (int i = 0; i < FLOW_TRIES; i++) {
		__u32 turn = __sync_fetch_and_add(&shunt_flow_cursor, 1);
		__u32 index = turn * FLOW_STRIDE & (SHUNT_FLOWS_MAX - 1);
		struct shunt_flow *flow = bpf_map_lookup_elem(&shunt_flows, &index);

		if (flow && !flow->state &&
		    __sync_val_compare_and_swap(&flow->state, SHUNT_FLOW_FREE,
						SHUNT_FLOW_CLAIMED) == SHUNT_FLOW_FREE) {
			*ret_index = index;
			return flow;
		}
	}
	return NULL;
}

/* Begins a flow for a request whose Ethernet header and tags are given; NULL: none is free. */
static __always_inline struct shunt_flow *make_flow(const struct shunt_ends *ends,
						    const struct shunt_target *target,
						    const struct shunt_way *way, __u32 interface)
{
	__u32 index = 0;
	struct shunt_flow *flow = claim(&index);

	if (!flow)
		return NULL;
	flow->seen = bpf_ktime_get_ns();
	flow->ended = 0;
	flow->ends = *ends;
	flow->standby = *target;
	flow->way = *way;
	flow->client_interface = interface;
	if (bpf_map_update_elem(&shunt_flow_of, ends, &index, BPF_NOEXIST)) {
		__sync_lock_test_and_set(&flow->state, SHUNT_FLOW_FREE);
		return NULL;
	}
	__sync_fetch_and_add(&shunt_carried, 1);
	return flow;
}

#endif
