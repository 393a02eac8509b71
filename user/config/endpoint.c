/* SPDX-License-Identifier: GPL-2.0 */
#include "config/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "config/values.h"
#include "shunt/address.h"

/* A text taken apart, nothing of it understood yet. */
struct parts {
	char host[ENDPOINT_TEXT_MAX];
	char *bits; /* into host, after the slash; NULL: none */
	const char *port; /* NULL: none */
	bool bracketed;
};

static const char *expected(unsigned int forms)
{
	if (!(forms & ENDPOINT_PORT))
		return "expected ADDRESS or ADDRESS/BITS such as 10.0.0.3 or 2001:db8::/64";
	if (forms & ENDPOINT_PREFIX)
		return "expected ADDRESS[/BITS]:PORT such as 10.1.0.0/16:443, [2001:db8::/32]:443 "
		       "or *:443";
	if (forms & ENDPOINT_ANY)
		return "expected ADDRESS:PORT such as 10.0.0.5:8080, [2001:db8::5]:8080 or *:8081";
	return "expected ADDRESS:PORT such as 10.0.0.9:8080 or [2001:db8::9]:8080";
}

static int refuse(char *why, const char *what, unsigned int forms)
{
	snprintf(why, ENDPOINT_WHY_MAX, "%s, %s", what, expected(forms));
	return -EINVAL;
}

/* Where the colon before the port is, which in "[HOST]:PORT" follows the bracket. */
static const char *find_port(const char *text)
{
	const char *bracket = *text == '[' ? strrchr(text, ']') : NULL;

	return strrchr(bracket ? bracket : text, ':');
}

/* "[HOST]:PORT" or "HOST:PORT"; without a port all of it is the host. */
static int split(const char *text, unsigned int forms, struct parts *parts, char *why)
{
	const char *start = text;
	const char *end = text + strlen(text);

	*parts = (struct parts){0};
	if (forms & ENDPOINT_PORT) {
		end = find_port(text);
		if (!end || !end[1])
			return refuse(why, "has no port", forms);
		parts->port = end + 1;
		if (*text == '[' && end[-1] == ']') {
			parts->bracketed = true;
			start++;
			end--;
		}
	}
	if (end < start || (size_t)(end - start) >= sizeof(parts->host))
		return refuse(why, "is not a numeric address", forms);
	memcpy(parts->host, start, (size_t)(end - start));
	parts->bits = strchr(parts->host, '/');
	if (parts->bits)
		*parts->bits++ = '\0';
	return 0;
}

static int parse_port(const char *text, unsigned int forms, uint16_t *ret_port, char *why)
{
	uint64_t port = 0;

	if ((forms & ENDPOINT_ANY_PORT) && !strcmp(text, "*")) {
		*ret_port = 0;
		return 0;
	}
	if (value_parse_uint(text, &port) || port < 1 || port > UINT16_MAX) {
		snprintf(why, ENDPOINT_WHY_MAX, "has no valid port, expected 1 to 65535");
		return -EINVAL;
	}
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_host(const struct parts *parts, unsigned int forms,
		      struct config_endpoint *endpoint, char *why)
{
	bool colon = strchr(parts->host, ':');

	if (!parts->bracketed && inet_pton(AF_INET, parts->host, endpoint->addr + 12) == 1) {
		memcpy(endpoint->addr, address_any_ipv4, ADDRESS_IPV4_BYTES);
		return 0;
	}
	if ((forms & ENDPOINT_PORT) && colon && !parts->bracketed && *parts->host != '[') {
		snprintf(why, ENDPOINT_WHY_MAX,
			 "has no brackets around its IPv6 address, expected [ADDRESS]:PORT");
		return -EINVAL;
	}
	if (inet_pton(AF_INET6, parts->host, endpoint->addr) == 1)
		return 0;
	return refuse(why, "is not a numeric address", forms);
}

/* Zeroes what lies beyond the prefix; says whether something did. */
static bool mask_host_bits(struct config_endpoint *endpoint)
{
	bool found = false;

	for (unsigned int bit = endpoint->bits; bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80u >> (bit % 8));

		found |= endpoint->addr[bit / 8] & mask;
		endpoint->addr[bit / 8] &= (uint8_t)~mask;
	}
	return found;
}

static int parse_bits(const struct parts *parts, unsigned int forms,
		      struct config_endpoint *endpoint, char *why)
{
	bool ipv4 = address_is_ipv4(endpoint->addr) && !strchr(parts->host, ':');
	char suggestion[ENDPOINT_TEXT_MAX];
	uint64_t bits = 0;

	if (!(forms & ENDPOINT_PREFIX))
		return refuse(why, "has a prefix", forms);
	if (value_parse_uint(parts->bits, &bits) || bits > (ipv4 ? 32 : 128)) {
		snprintf(why, ENDPOINT_WHY_MAX, "has no valid prefix length, expected 0 to %d",
			 ipv4 ? 32 : 128);
		return -EINVAL;
	}
	endpoint->bits = (uint8_t)(ipv4 ? bits + ADDRESS_IPV4_BITS : bits);
	if (mask_host_bits(endpoint)) {
		endpoint_format(endpoint, forms, suggestion);
		snprintf(why, ENDPOINT_WHY_MAX, "has bits set beyond its prefix, expected %s",
			 suggestion);
		return -EINVAL;
	}
	return 0;
}

int endpoint_parse(const char *text, unsigned int forms, struct config_endpoint *ret_endpoint,
		   char why[static ENDPOINT_WHY_MAX])
{
	struct config_endpoint endpoint = {.bits = 128};
	struct parts parts;
	int err;

	err = split(text, forms, &parts, why);
	if (!err && parts.port)
		err = parse_port(parts.port, forms, &endpoint.port, why);
	if (err)
		return err;
	if ((forms & ENDPOINT_ANY) && !parts.bracketed && !parts.bits && !strcmp(parts.host, "*")) {
		endpoint.bits = 0;
		*ret_endpoint = endpoint;
		return 0;
	}
	err = parse_host(&parts, forms, &endpoint, why);
	if (!err && parts.bits)
		err = parse_bits(&parts, forms, &endpoint, why);
	if (err)
		return err;
	if (endpoint.bits == 128 && !(forms & ENDPOINT_UNSPECIFIED) &&
	    address_is_any(endpoint.addr))
		return refuse(why, "is the unspecified address", forms);
	*ret_endpoint = endpoint;
	return 0;
}

void endpoint_format_host(const struct config_endpoint *endpoint,
			  char ret_text[static ENDPOINT_TEXT_MAX])
{
	if (address_is_ipv4(endpoint->addr) && endpoint->bits >= ADDRESS_IPV4_BITS)
		inet_ntop(AF_INET, endpoint->addr + 12, ret_text, ENDPOINT_TEXT_MAX);
	else
		inet_ntop(AF_INET6, endpoint->addr, ret_text, ENDPOINT_TEXT_MAX);
}

/* "*", or the address with its prefix if that is not the whole of it. */
static void format_address(const struct config_endpoint *endpoint,
			   char ret_text[static ENDPOINT_TEXT_MAX])
{
	bool ipv4 = address_is_ipv4(endpoint->addr) && endpoint->bits >= ADDRESS_IPV4_BITS;
	size_t length;

	if (!endpoint->bits) {
		strcpy(ret_text, "*");
		return;
	}
	endpoint_format_host(endpoint, ret_text);
	if (endpoint->bits == 128)
		return;
	length = strlen(ret_text);
	snprintf(ret_text + length, ENDPOINT_TEXT_MAX - length, "/%d",
		 ipv4 ? endpoint->bits - ADDRESS_IPV4_BITS : endpoint->bits);
}

void endpoint_format(const struct config_endpoint *endpoint, unsigned int forms,
		     char ret_text[static ENDPOINT_TEXT_MAX])
{
	char address[ENDPOINT_TEXT_MAX];
	char port[8] = "*";
	bool brackets;

	if (!(forms & ENDPOINT_PORT)) {
		format_address(endpoint, ret_text);
		return;
	}
	format_address(endpoint, address);
	brackets = strchr(address, ':');
	if (endpoint->port)
		snprintf(port, sizeof(port), "%u", endpoint->port);
	snprintf(ret_text, ENDPOINT_TEXT_MAX, "%s%.*s%s:%s", brackets ? "[" : "",
		 (int)sizeof(address) - 16, address, brackets ? "]" : "", port);
}

bool endpoint_contains(const struct config_endpoint *outer, const struct config_endpoint *inner)
{
	if (outer->bits > inner->bits || (outer->port && outer->port != inner->port))
		return false;
	return address_same_prefix(outer->addr, inner->addr, outer->bits);
}

int endpoint_compare(const struct config_endpoint *a, const struct config_endpoint *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	if (!order)
		order = a->bits - b->bits;
	return order ? order : a->port - b->port;
}
