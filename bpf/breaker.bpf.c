/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries out the daemon's verdicts on new connections: on frames, as they come in by an
 * interface, and for clients on this host, whose packets are in no frame that XDP could
 * answer, where the kernel looks for the listening socket.
 *
 * Only a SYN is ever touched, so that established connections live; and only while the
 * daemon, which must renew each ruling's lease, is alive and on time.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "judge.bpf.h"
#include "icmp.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Programs that a frame is handed to; apart, since one stack would not do for all. */
enum part { PART_JUDGE, PART_CARRY, PART_ICMP, PART_MAX };

int shunt_judge(struct xdp_md *ctx);
int shunt_carry(struct xdp_md *ctx);
int shunt_icmp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PART_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} shunt_parts SEC(".maps") = {
	.values =
		{
			[PART_JUDGE] = (void *)&shunt_judge,
			[PART_CARRY] = (void *)&shunt_carry,
			[PART_ICMP] = (void *)&shunt_icmp,
		},
};

/* The Ethernet addresses of the interfaces, by index: what is for others is let pass. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, struct shunt_interface);
} shunt_interfaces SEC(".maps");

/* Interface 1 of every network namespace (LOOPBACK_IFINDEX). */
#define LOOPBACK 1

/* A bridged or overheard frame is for another machine. */
static __always_inline bool is_for_us(const struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	const __u8 *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 index = ctx->ingress_ifindex;
	const struct shunt_interface *interface = bpf_map_lookup_elem(&shunt_interfaces, &index);
	__u8 differs = 0;

	if (!interface || frame + ETH_ALEN > end)
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		differs |= frame[i] ^ interface->address[i];
	return !differs;
}

/*
 * Whether this host would pass a packet on.  One that does not forward at all has no
 * route to tell; what it gets that is not its own is lost in any case.
 */
static __always_inline bool is_forwarded(struct xdp_md *ctx, const struct request *request)
{
	struct bpf_fib_lookup route = {
		.family = request->ipv4 ? AF_INET : AF_INET6,
		.l4_protocol = IPPROTO_TCP,
		.sport = bpf_htons(request->remote_port),
		.dport = bpf_htons(request->local.port),
		.ifindex = ctx->ingress_ifindex,
	};
	long result;

	if (request->ipv4) {
		route.ipv4_src = ((const __be32 *)request->remote)[3];
		route.ipv4_dst = ((const __be32 *)request->local.addr)[3];
	} else {
		__builtin_memcpy(route.ipv6_src, request->remote, 16);
		__builtin_memcpy(route.ipv6_dst, request->local.addr, 16);
	}
	result = bpf_fib_lookup(ctx, &route, sizeof(route), 0);
	return result != BPF_FIB_LKUP_RET_NOT_FWDED && result != BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* An address that was configured is this host's; a port alone is every machine's. */
static __always_inline bool is_elsewhere(struct xdp_md *ctx, const struct request *request,
					 const struct found *found)
{
	return !is_for_us(ctx) || (found->by_wildcard && is_forwarded(ctx, request));
}

/* How a connection gets to its standby. */
struct plan {
	const struct shunt_target *target; /* of its slot; NULL: it is not redirected */
	struct shunt_flow *flow; /* by which it is carried to another host, or NULL */
};

/* The MTU of the interface that a frame came by; 0: nothing is carried by it. */
static __always_inline __u16 mtu_here(const struct xdp_md *ctx)
{
	__u32 index = ctx->ingress_ifindex;
	const struct shunt_interface *interface = bpf_map_lookup_elem(&shunt_interfaces, &index);

	return interface ? interface->mtu : 0;
}

/* Whether a request that is to be redirected can be, and how. */
static __always_inline bool plan_frame(struct xdp_md *ctx, const struct request *request,
				       const struct found *found, struct plan *ret_plan)
{
	const struct shunt_target *target = bpf_map_lookup_elem(&shunt_targets, &found->slot);
	const struct shunt_way *way = bpf_map_lookup_elem(&shunt_ways, &found->slot);

	if (!target)
		return false;
	ret_plan->target = target;
	if (!way)
		return has_standby(request, target);
	if (found->ruling.flags & SHUNT_RULING_SHADOW)
		return is_ipv4(target->addr) == request->ipv4;
	ret_plan->flow = begin_flow(ctx, request, target, way, mtu_here(ctx));
	return ret_plan->flow;
}

/* What becomes of a request: what was judged, if it can be done. */
static __always_inline __u32 decide(struct xdp_md *ctx, const struct request *request,
				    const struct found *found, struct plan *ret_plan)
{
	__u32 verdict = judge(request, found);

	if (verdict != SHUNT_VERDICT_REDIRECT || plan_frame(ctx, request, found, ret_plan))
		return verdict;
	count_unjudged(SHUNT_UNJUDGED_STANDBY);
	return SHUNT_VERDICT_PASS;
}

static __always_inline int rule_frame(struct xdp_md *ctx, const struct request *request)
{
	struct found found = {};
	struct plan plan = {};

	if (!find_ruling(request, &found))
		return XDP_PASS;
	if (is_elsewhere(ctx, request, &found)) {
		count_unjudged(SHUNT_UNJUDGED_ELSEWHERE);
		return XDP_PASS;
	}
	switch (pronounce(&found, decide(ctx, request, &found, &plan))) {
	case SHUNT_VERDICT_DROP:
		return XDP_DROP;
	case SHUNT_VERDICT_REJECT:
	case SHUNT_VERDICT_DRAIN:
		return answer(ctx, request);
	case SHUNT_VERDICT_REDIRECT:
		if (plan.flow)
			bpf_tail_call_static(ctx, &shunt_parts, PART_CARRY);
		else if (plan.target)
			lead(request, plan.target);
		return XDP_PASS;
	default:
		return XDP_PASS;
	}
}

/* Judges what asks for a connection. */
SEC("xdp.frags")
int shunt_judge(struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct request request = {};
	int parsed = parse_frame(frame, end, &request);

	if (parsed == PARSED_REQUEST)
		return rule_frame(ctx, &request);
	count_unjudged(parsed - PARSED_ODD);
	return XDP_PASS;
}

/* Sends on what belongs to a flow, and has the rest judged. */
SEC("xdp.frags")
int shunt_carry(struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct request request = {.segments = 1};
	int parsed = parse_frame(frame, end, &request);
	int action = NOT_CARRIED;

	if (parsed == PARSED_OTHER)
		bpf_tail_call_static(ctx, &shunt_parts, PART_ICMP);
	if ((parsed == PARSED_REQUEST || parsed == PARSED_SEGMENT) && is_for_us(ctx))
		action = carry(ctx, &request);
	if (action != NOT_CARRIED)
		return action;
	if (parsed != PARSED_SEGMENT && shunt_armed)
		bpf_tail_call_static(ctx, &shunt_parts, PART_JUDGE);
	return XDP_PASS;
}

/* What routers say of what was sent on. */
SEC("xdp.frags")
int shunt_icmp(struct xdp_md *ctx)
{
	int action = is_for_us(ctx) ? carry_icmp(ctx) : NOT_CARRIED;

	return action == NOT_CARRIED ? XDP_PASS : action;
}

SEC("xdp.frags")
int shunt_frame(struct xdp_md *ctx)
{
	if (shunt_carried)
		bpf_tail_call_static(ctx, &shunt_parts, PART_CARRY);
	else if (shunt_armed)
		bpf_tail_call_static(ctx, &shunt_parts, PART_JUDGE);
	return XDP_PASS;
}

static __always_inline void take_addresses(const struct bpf_sk_lookup *ctx,
					   struct request *ret_request)
{
	__be32 *local = (__be32 *)ret_request->local.addr, *remote = (__be32 *)ret_request->remote;
	__be32 remote4 = ctx->remote_ip4, local4 = ctx->local_ip4;

	/* The verifier wants the context read at fixed offsets, not at one of two. */
	barrier_var(remote4);
	barrier_var(local4);
	if (ctx->family == AF_INET) {
		map_ipv4(ret_request->remote, remote4);
		map_ipv4(ret_request->local.addr, local4);
		return;
	}
	for (int i = 0; i < 4; i++) {
		remote[i] = ctx->remote_ip6[i];
		local[i] = ctx->local_ip6[i];
	}
}

/*
 * Whether a client is on this host.  Who asks for this host's own address comes by
 * loopback, too, but the kernel names the interface that has the address (rt_iif); such a
 * client has that same address itself, unless it chose another.
 */
static __always_inline bool is_local(const struct request *request, __u32 interface)
{
	const __u64 *remote = (const __u64 *)request->remote;
	const __u64 *local = (const __u64 *)request->local.addr;

	return interface == LOOPBACK || (remote[0] == local[0] && remote[1] == local[1]);
}

/* Clients on this host come by no interface, so that only a standby on it can be given to them. */
static __always_inline __u32 decide_local(const struct request *request, const struct found *found,
					  const struct shunt_target **ret_target)
{
	__u32 verdict = judge(request, found);

	if (verdict != SHUNT_VERDICT_REDIRECT)
		return verdict;
	*ret_target = bpf_map_lookup_elem(&shunt_targets, &found->slot);
	if (*ret_target && !bpf_map_lookup_elem(&shunt_ways, &found->slot) &&
	    has_standby(request, *ret_target))
		return verdict;
	count_unjudged(SHUNT_UNJUDGED_STANDBY);
	return SHUNT_VERDICT_PASS;
}

static __always_inline int rule_local(struct bpf_sk_lookup *ctx, const struct request *request)
{
	const struct shunt_target *target = NULL;
	struct found found = {};

	if (!find_ruling(request, &found))
		return SK_PASS;
	switch (pronounce(&found, decide_local(request, &found, &target))) {
	case SHUNT_VERDICT_PASS:
		return SK_PASS;
	case SHUNT_VERDICT_REDIRECT:
		if (target)
			assign_standby(ctx, request, target);
		return SK_PASS;
	default:
		count_local(&found);
		return SK_DROP;
	}
}

/*
 * SK_DROP is answered with a reset, there is no way to be silent.  What comes in by
 * interfaces has been judged there, or is not to be.
 */
SEC("sk_lookup")
int shunt_local(struct bpf_sk_lookup *ctx)
{
	struct request request = {};

	if (!shunt_armed || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	request.ipv4 = ctx->family == AF_INET;
	request.local.port = ctx->local_port;
	request.remote_port = bpf_ntohs(ctx->remote_port);
	take_addresses(ctx, &request);
	if (is_local(&request, ctx->ingress_ifindex))
		return rule_local(ctx, &request);
	follow_lead(ctx, &request);
	return SK_PASS;
}
