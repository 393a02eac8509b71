/* SPDX-License-Identifier: GPL-2.0 */
/* Which way packets to an address go: rtnetlink(7), which asks for no privileges. */
#ifndef SHUNT_KERNEL_NEXTHOP_H
#define SHUNT_KERNEL_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

/* Addresses are 16 bytes, IPv4 as IPv4-mapped IPv6. */
struct nexthop {
	bool local; /* the address is this host's own */
	uint32_t interface; /* its index */
	uint8_t source[16]; /* what this host calls itself on that way */
	uint8_t next[16]; /* whom to hand packets to: a router, or the address itself */
};

/*
 * The route to an address from the caller's network namespace.  0 or a negative errno:
 * -ENETUNREACH, -EHOSTUNREACH …
 */
int nexthop_find(const uint8_t addr[16], struct nexthop *ret_nexthop);

/*
 * The Ethernet address of a neighbour, as the kernel has it.  0 or a negative errno: -ENOENT
 * where it has none, -EHOSTUNREACH where it has asked in vain.
 */
int nexthop_neighbour(uint32_t interface, const uint8_t addr[16], uint8_t ret_address[6]);

#endif
