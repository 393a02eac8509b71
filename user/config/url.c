/* SPDX-License-Identifier: GPL-2.0 */
#include "config/url.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define URL_MAX	 2048
#define HOST_MAX 253 /* RFC 1035, as text */
#define PART_MAX 63

#define DIGITS	   "0123456789"
#define NAME_CHARS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"

#define EXPECTED "expected http://HOST:PORT or https://HOST:PORT"

/* HOST[:PORT], and where each of them begins and ends; `port` is NULL where there is none. */
struct authority {
	const char *host;
	size_t host_length;
	const char *port;
	const char *end;
};

/* Splits what follows the scheme; an IPv6 address keeps its brackets. */
static void split(const char *text, struct authority *ret_authority)
{
	const char *end = text + strcspn(text, "/?#");
	const char *colon = NULL;
	const char *at = memchr(text, '@', (size_t)(end - text));

	/* A second @ makes no host: who means one in a password writes %40. */
	if (at)
		text = at + 1;
	for (at = text; at < end; at++) {
		if (*at == ']')
			colon = NULL;
		else if (*at == ':' && !colon)
			colon = at;
	}
	*ret_authority = (struct authority){
		.host = text,
		.host_length = (size_t)((colon ? colon : end) - text),
		.port = colon ? colon + 1 : NULL,
		.end = end,
	};
}

static bool is_ipv6(const char *host, size_t length)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (length < 2 || length - 2 >= sizeof(text) || host[length - 1] != ']')
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(length - 2), host + 1);
	return inet_pton(AF_INET6, text, &address) == 1;
}

/* Parts of letters, digits, - and _; one dot may close them. */
static bool is_name(const char *host)
{
	for (;;) {
		size_t length = strspn(host, NAME_CHARS);

		if (!length || length > PART_MAX || *host == '-' || host[length - 1] == '-')
			return false;
		host += length;
		if (*host == '.')
			host++;
		else
			return !*host;
		if (!*host)
			return true;
	}
}

/* What ends in a number is an IPv4 address and no name (WHATWG URL, "ends in a number"). */
static bool is_numeric(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	return *last && !last[strspn(last, DIGITS)];
}

static bool is_host(const char *text, size_t length)
{
	char host[HOST_MAX + 1];
	struct in_addr address;

	if (length && *text == '[')
		return is_ipv6(text, length);
	if (!length || length > HOST_MAX)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (is_numeric(host))
		return inet_pton(AF_INET, host, &address) == 1;
	return is_name(host);
}

static bool is_port(const char *text, const char *end)
{
	unsigned int port = 0;

	if (text == end || end - text > 5)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + (unsigned int)(*text - '0');
	}
	return port >= 1 && port <= 65535;
}

const char *url_check(const char *text)
{
	struct authority authority;
	const char *rest;

	if (strlen(text) > URL_MAX)
		return "is too long for a URL, expected at most 2048 characters";
	if (!strncmp(text, "http://", 7))
		rest = text + 7;
	else if (!strncmp(text, "https://", 8))
		rest = text + 8;
	else
		return "is not a URL, " EXPECTED;
	if (strchr(text, ' '))
		return "is not a URL, expected no space in it (%20)";
	if (strchr(text, '#'))
		return "has a fragment, which is never sent, expected a URL without #";
	split(rest, &authority);
	if (!authority.host_length)
		return "has no host, " EXPECTED;
	if (!is_host(authority.host, authority.host_length))
		return "has a host that is neither a name nor an address, " EXPECTED;
	if (authority.port && !is_port(authority.port, authority.end))
		return "has no port after the colon, expected 1 to 65535";
	return NULL;
}

const char *url_check_host(const char *text)
{
	struct in6_addr address;

	if (is_numeric(text) || *text == '[' || inet_pton(AF_INET6, text, &address) == 1)
		return "is no name, and addresses are always answered, expected a host name";
	if (strlen(text) > HOST_MAX || !is_name(text) || text[strlen(text) - 1] == '.')
		return "is not a host name, expected one without scheme, port or final dot";
	return NULL;
}

const char *url_check_base(const char *text)
{
	const char *wrong = url_check(text);

	if (!wrong && strchr(text, '?'))
		wrong = "has a query, expected the URL below which /api/v2/alerts is";
	return wrong;
}
