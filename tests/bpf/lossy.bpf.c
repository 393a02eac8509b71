/* SPDX-License-Identifier: GPL-2.0 */
/* Loses what the test says, as a network would. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u16 server_port;
__u32 syns; /* of these so many more are lost */
__u32 synacks;
__u32 data; /* segments with data, either way */
__u32 lost;

static __always_inline int lose(__u32 *left)
{
	if (!*left)
		return XDP_PASS;
	--*left;
	lost++;
	return XDP_DROP;
}

SEC("xdp")
int lossy(struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *packet = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = packet + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u16 port = bpf_htons(server_port);

	/* IPv4 without options is all that the tests send here. */
	if ((void *)(tcp + 1) > end || ip->version != 4 || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	if (tcp->dest != port && tcp->source != port)
		return XDP_PASS;
	if (tcp->syn)
		return lose(tcp->ack ? &synacks : &syns);
	if (bpf_ntohs(ip->tot_len) > 4 * (5 + tcp->doff))
		return lose(&data);
	return XDP_PASS;
}
