/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries the verdicts on dependencies out where a process of this host calls connect(2):
 * the call fails at once, or goes to the fallback, in whatever language it was made.
 *
 * The kernel runs this for the socket's cgroup, with the socket locked and once for each
 * attempt (tcp_v4_pre_connect(), tcp_v6_pre_connect()), Fast Open's too.  No packet has left
 * by then, and no local port is chosen.  An IPv6 socket that is to reach an IPv4-mapped
 * address comes by connect6 alone.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "outbound.bpf.h"
#include "ruling.bpf.h"
#include "socket.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* From <errno.h>, which cannot be had here. */
#define ECONNREFUSED 111

/* What such a program says. */
#define GO_ON  1
#define REFUSE 0

/* What may be found under a port that nobody has told of. */
#define PORT_KINDS                                                                                 \
	(SHUNT_PORT_OUTBOUND | SHUNT_PORT_OUTBOUND_PREFIX | SHUNT_PORT_OUTBOUND_ANY_NETNS)

/*
 * Whether a ruling is in force on the service that a remote endpoint belongs to, as
 * find_outbound() of bpf/service.bpf.h finds it.
 */
static __always_inline bool find_ruling(struct bpf_sock_addr *ctx, struct shunt_endpoint *remote,
					struct found *ret_found)
{
	const struct sock *sk = (const struct sock *)bpf_skc_to_tcp_sock(ctx->sk);
	__u32 *slot = NULL;
	__u64 cgroup;

	if (!sk)
		return false;
	remote->netns = netns_of(&sk->__sk_common);
	cgroup = cgroup_of(sk);
	if (cgroup)
		slot = find_outbound_in(remote, cgroup, PORT_KINDS);
	if (!slot)
		slot = find_outbound_in(remote, 0, PORT_KINDS);
	return slot && is_ruled(*slot, ret_found);
}

/*
 * Whether a half-open ruling lets this one through.  The socket is what there is to choose
 * by, and one that tries again gets the same answer.
 */
static __always_inline bool is_admitted(struct bpf_sock_addr *ctx, const struct found *found)
{
	if (!found->ruling.admit)
		return false;
	return mix(found->ruling.salt + 1, bpf_get_socket_cookie(ctx)) >> 32 < found->ruling.admit;
}

/* What the ruling says; a socket that cannot reach the fallback is refused. */
static __always_inline __u32 judge(struct bpf_sock_addr *ctx, const struct found *found,
				   const struct shunt_target *fallback)
{
	__u32 verdict = found->ruling.verdict;

	if (verdict != SHUNT_VERDICT_DROP && verdict != SHUNT_VERDICT_REJECT &&
	    verdict != SHUNT_VERDICT_REDIRECT) {
		count_unjudged(SHUNT_UNJUDGED_UNSUPPORTED);
		return SHUNT_VERDICT_PASS;
	}
	if (is_admitted(ctx, found))
		return SHUNT_VERDICT_PASS;
	if (verdict == SHUNT_VERDICT_REDIRECT && !fallback)
		return SHUNT_VERDICT_REJECT;
	return verdict;
}

/* ECONNREFUSED; EPERM, which is what the kernel makes of it, before Linux 5.18. */
static __always_inline int refuse(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_set_retval))
		bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

/*
 * Carries the verdict on an attempt out, but for the address to go to instead, which is that
 * of *ret_fallback; left as it is where there is none.
 */
static __always_inline int rule(struct bpf_sock_addr *ctx, struct shunt_endpoint *remote,
				const struct shunt_target **ret_fallback)
{
	const struct shunt_target *fallback;
	struct found found = {};
	__u32 verdict;

	remote->port = bpf_ntohs(ctx->user_port);
	if (!find_ruling(ctx, remote, &found))
		return GO_ON;
	fallback = bpf_map_lookup_elem(&shunt_targets, &found.slot);
	if (fallback && ctx->family == AF_INET && !is_ipv4(fallback->addr))
		fallback = NULL;
	verdict = pronounce(&found, judge(ctx, &found, fallback));
	if (verdict == SHUNT_VERDICT_PASS)
		return GO_ON;
	if (verdict != SHUNT_VERDICT_REDIRECT || !fallback)
		return refuse();
	ctx->user_port = bpf_htons(fallback->port);
	*ret_fallback = fallback;
	return GO_ON;
}

/* Each hook lets its program at the address of its own family alone. */
SEC("cgroup/connect4")
int shunt_connect4(struct bpf_sock_addr *ctx)
{
	const struct shunt_target *fallback = NULL;
	struct shunt_endpoint remote = {};
	int answer;

	if (!shunt_armed || ctx->protocol != IPPROTO_TCP)
		return GO_ON;
	map_ipv4(remote.addr, ctx->user_ip4);
	answer = rule(ctx, &remote, &fallback);
	if (fallback)
		ctx->user_ip4 = ((const __be32 *)fallback->addr)[3];
	return answer;
}

SEC("cgroup/connect6")
int shunt_connect6(struct bpf_sock_addr *ctx)
{
	const struct shunt_target *fallback = NULL;
	struct shunt_endpoint remote = {};
	__be32 *words = (__be32 *)remote.addr;
	const __be32 *there;
	int answer;

	if (!shunt_armed || ctx->protocol != IPPROTO_TCP)
		return GO_ON;
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	answer = rule(ctx, &remote, &fallback);
	if (!fallback)
		return answer;
	there = (const __be32 *)fallback->addr;
	ctx->user_ip6[0] = there[0];
	ctx->user_ip6[1] = there[1];
	ctx->user_ip6[2] = there[2];
	ctx->user_ip6[3] = there[3];
	return answer;
}
