/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses in user space: 16 bytes in network order, IPv4 as IPv4-mapped IPv6 (RFC 4291,
 * 2.5.5.2).  The programs have bpf/address.bpf.h.
 */
#ifndef SHUNT_ADDRESS_H
#define SHUNT_ADDRESS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What all of IPv4 begin with. */
#define ADDRESS_IPV4_BYTES 12
#define ADDRESS_IPV4_BITS  96

/* The unspecified address of each family: a listener's for all of it. */
static const uint8_t address_any_ipv4[16] = {[10] = 0xff, [11] = 0xff};
static const uint8_t address_any_ipv6[16] = {0};

static inline bool address_is_ipv4(const uint8_t addr[16])
{
	return !memcmp(addr, address_any_ipv4, ADDRESS_IPV4_BYTES);
}

static inline bool address_is_any(const uint8_t addr[16])
{
	return !memcmp(addr, address_any_ipv4, 16) || !memcmp(addr, address_any_ipv6, 16);
}

/* Whether two addresses begin with the same bits, of which there are 0 to 128. */
static inline bool address_same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return !memcmp(a, b, bytes) && (!rest || !((a[bytes] ^ b[bytes]) >> (8 - rest)));
}

/* "10.0.0.5" or "2001:db8::5". */
static inline void address_format(const uint8_t addr[16], char ret_text[static INET6_ADDRSTRLEN])
{
	if (address_is_ipv4(addr))
		inet_ntop(AF_INET, addr + ADDRESS_IPV4_BYTES, ret_text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, addr, ret_text, INET6_ADDRSTRLEN);
}

#endif
