/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of either family, as 16 bytes. */
#ifndef SHUNT_BPF_ADDRESS_H
#define SHUNT_BPF_ADDRESS_H

#include "shunt/abi.h"

/* From <sys/socket.h> and <netinet/in.h>, which cannot be had here. */
#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

static __always_inline void map_ipv4(__u8 ret_addr[16], __be32 ipv4)
{
	__be32 *words = (__be32 *)ret_addr;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ipv4;
}

/* Whether 16 bytes are an IPv4-mapped address. */
static __always_inline bool is_ipv4(const __u8 addr[16])
{
	const __be32 *words = (const __be32 *)addr;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* Makes an address the wildcard of its own family. */
static __always_inline void make_wildcard(__u8 addr[16])
{
	__be32 *words = (__be32 *)addr;

	if (!is_ipv4(addr)) {
		words[0] = 0;
		words[1] = 0;
		words[2] = 0;
	}
	words[3] = 0;
}

#endif
