/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 254 /* RFC 1035, as text, and the terminating 0 */
#define DIGITS	  "0123456789"

/* What RFC 6761 keeps for loopback: no server of names is asked for it. */
#define LOCAL "localhost"

static bool is_loopback(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

void hosts_init(struct hosts *hosts, const char *address)
{
	*hosts = (struct hosts){.loopback = is_loopback(address)};
	if (gethostname(hosts->own, sizeof(hosts->own) - 1))
		hosts->own[0] = '\0';
}

void hosts_done(struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		free(hosts->names[i]);
	free(hosts->names);
	hosts->names = NULL;
	hosts->count = 0;
}

int hosts_set(struct hosts *hosts, char *const *names, size_t count)
{
	struct hosts next = {.names = calloc(count + 1, sizeof(*next.names))};

	if (!next.names)
		return -ENOMEM;
	for (; next.count < count; next.count++) {
		next.names[next.count] = strdup(names[next.count]);
		if (!next.names[next.count]) {
			hosts_done(&next);
			return -ENOMEM;
		}
	}
	hosts_done(hosts);
	hosts->names = next.names;
	hosts->count = next.count;
	return 0;
}

/* ---- the header ---- */

/* A port, if there is one, and the end. */
static bool is_port(const char *text)
{
	if (*text == ':')
		text += 1 + strspn(text + 1, DIGITS);
	return !*text;
}

/* "[ADDRESS]" or "[ADDRESS]:PORT" */
static bool is_ipv6(const char *header)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t length;

	if (*header != '[')
		return false;
	length = strcspn(++header, "]");
	if (length >= sizeof(text) || header[length] != ']')
		return false;
	memcpy(text, header, length);
	text[length] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 && is_port(header + length + 1);
}

/* "NAME" or "NAME:PORT"; a dot may close the name. */
static bool get_name(const char *header, char ret_name[NAME_SIZE])
{
	size_t length = strcspn(header, ":");

	if (!is_port(header + length))
		return false;
	if (length && header[length - 1] == '.')
		length--;
	if (!length || length >= NAME_SIZE)
		return false;
	memcpy(ret_name, header, length);
	ret_name[length] = '\0';
	return true;
}

/* ---- names ---- */

static bool is_local(const char *name)
{
	size_t length = strlen(name), tail = strlen("." LOCAL);

	return !strcasecmp(name, LOCAL) ||
	       (length > tail && !strcasecmp(name + length - tail, "." LOCAL));
}

/* As the kernel has it, or the first part of that. */
static bool is_own(const struct hosts *hosts, const char *name)
{
	size_t first = strcspn(hosts->own, ".");

	return !strcasecmp(name, hosts->own) ||
	       (strlen(name) == first && !strncasecmp(name, hosts->own, first));
}

static bool is_allowed(const struct hosts *hosts, const char *name)
{
	for (size_t i = 0; i < hosts->count; i++) {
		if (!strcasecmp(name, hosts->names[i]))
			return true;
	}
	return false;
}

bool hosts_allow(const struct hosts *hosts, const char *header)
{
	struct in_addr address;
	char name[NAME_SIZE];

	if (!header || !(hosts->loopback || hosts->count) || is_ipv6(header))
		return true;
	if (!get_name(header, name))
		return false;
	return inet_pton(AF_INET, name, &address) == 1 || is_local(name) || is_own(hosts, name) ||
	       is_allowed(hosts, name);
}
