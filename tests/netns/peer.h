/* SPDX-License-Identifier: GPL-2.0 */
/* What the client and the server of the network tests share; nothing of shunt's. */
#ifndef TESTS_NETNS_PEER_H
#define TESTS_NETNS_PEER_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* An address of either family, with what bind(2) and connect(2) want beside it. */
struct peer {
	struct sockaddr_storage address;
	socklen_t size;
};

/* A decimal number from the command line; anything else ends the program. */
static inline unsigned long peer_number(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!*text || *end)
		errx(2, "'%s' is no number", text);
	return number;
}

/* Reads a numeric address; an IPv4-mapped one (::ffff:1.2.3.4) is IPv6 here. */
static inline void peer_parse(const char *text, unsigned long port, struct peer *ret_peer)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&ret_peer->address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&ret_peer->address;

	memset(ret_peer, 0, sizeof(*ret_peer));
	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons((in_port_t)port);
		ret_peer->size = sizeof(*ipv4);
	} else if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons((in_port_t)port);
		ret_peer->size = sizeof(*ipv6);
	} else {
		errx(2, "'%s' is no address", text);
	}
}

static inline void peer_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		err(1, "setsockopt %d/%d", level, name);
}

/* Makes the next close(2) send a reset. */
static inline void peer_linger0(int fd)
{
	const struct linger now = {.l_onoff = 1};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)))
		err(1, "setsockopt SO_LINGER");
}

/* CLOCK_MONOTONIC, in ns. */
static inline uint64_t peer_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline void peer_pause(unsigned long ms)
{
	struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

/* As many descriptors as this process may have, and no death by SIGPIPE. */
static inline void peer_prepare(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	signal(SIGPIPE, SIG_IGN);
}

#endif
