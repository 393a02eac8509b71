/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses, prefixes and ports as the configuration writes them. */
#ifndef SHUNT_CONFIG_ENDPOINT_H
#define SHUNT_CONFIG_ENDPOINT_H

#include <stdbool.h>

#include "shunt/config.h"

/* What a text may look like; a plain numeric address always may. */
enum endpoint_form {
	ENDPOINT_ANY = 1, /* `*`: any address of either family */
	ENDPOINT_PREFIX = 2, /* ADDRESS/BITS */
	ENDPOINT_PORT = 4, /* `:PORT` must follow, with brackets around IPv6 */
	ENDPOINT_ANY_PORT = 8, /* …and it may be `*` */
	ENDPOINT_UNSPECIFIED = 16, /* 0.0.0.0 and :: without a prefix, to listen on */
};

/* The forms of each key. */
#define ENDPOINT_INBOUND  (ENDPOINT_ANY | ENDPOINT_PORT)
#define ENDPOINT_OUTBOUND (ENDPOINT_ANY | ENDPOINT_PREFIX | ENDPOINT_PORT)
#define ENDPOINT_PROBER	  (ENDPOINT_ANY | ENDPOINT_PREFIX)
#define ENDPOINT_PROTECT  (ENDPOINT_OUTBOUND | ENDPOINT_ANY_PORT)
#define ENDPOINT_TARGET	  ENDPOINT_PORT
#define ENDPOINT_LISTEN	  (ENDPOINT_PORT | ENDPOINT_UNSPECIFIED)

/* Room for "[IPv6/128]:65535" and its NUL. */
#define ENDPOINT_TEXT_MAX 64
/* Room for what endpoint_parse() has to say. */
#define ENDPOINT_WHY_MAX 160

/*
 * Reads `text` in one of `forms`.  IPv4 comes out as IPv4-mapped IPv6 (RFC 4291,
 * 2.5.5.2), as does IPv4-mapped IPv6 itself; the port is in host order.  Returns
 * 0, or -EINVAL with `why` set to what follows "TEXT ": "is not …, expected …".
 */
int endpoint_parse(const char *text, unsigned int forms, struct config_endpoint *ret_endpoint,
		   char why[static ENDPOINT_WHY_MAX]);

/* Writes the canonical text; with ENDPOINT_PORT in `forms` the port too (0: `*`). */
void endpoint_format(const struct config_endpoint *endpoint, unsigned int forms,
		     char ret_text[static ENDPOINT_TEXT_MAX]);

/* As endpoint_format() for the address alone, without prefix and brackets. */
void endpoint_format_host(const struct config_endpoint *endpoint,
			  char ret_text[static ENDPOINT_TEXT_MAX]);

/* Whether every connection that `inner` matches is matched by `outer`, port 0 being all. */
bool endpoint_contains(const struct config_endpoint *outer, const struct config_endpoint *inner);

/* A total order, for sorting and to find equal ones. */
int endpoint_compare(const struct config_endpoint *a, const struct config_endpoint *b);

#endif
