/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets every frame pass: somebody else's XDP program; and, at the far end of a veth pair,
 * what makes the kernel poll there, without which frames sent back by XDP are lost.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
