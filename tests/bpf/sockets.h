/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets for the tests, and what is done with the two ends of a connection. */
#ifndef SHUNT_TESTS_BPF_SOCKETS_H
#define SHUNT_TESTS_BPF_SOCKETS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No wait of a test lasts longer: a hang guard. */
#define SOCKET_PATIENCE 20

union address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Writes the address; its size. */
static inline socklen_t make_address(const char *text, uint16_t port, union address *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (strchr(text, ':')) {
		ret_address->ipv6.sin6_family = AF_INET6;
		ret_address->ipv6.sin6_port = htons(port);
		cr_assert_eq(inet_pton(AF_INET6, text, &ret_address->ipv6.sin6_addr), 1);
		return sizeof(ret_address->ipv6);
	}
	ret_address->ipv4.sin_family = AF_INET;
	ret_address->ipv4.sin_port = htons(port);
	cr_assert_eq(inet_pton(AF_INET, text, &ret_address->ipv4.sin_addr), 1);
	return sizeof(ret_address->ipv4);
}

static inline int make_socket(const union address *address)
{
	const struct timeval patience = {.tv_sec = SOCKET_PATIENCE};
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Every address of a range that is routed here is ours, though none has been added. */
	setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static inline int listen_on(const char *text, uint16_t port, int backlog)
{
	union address address;
	socklen_t size = make_address(text, port, &address);
	int fd = make_socket(&address);

	cr_assert_eq(bind(fd, &address.any, size), 0, "%s port %u: %s", text, port,
		     strerror(errno));
	cr_assert_eq(listen(fd, backlog), 0);
	return fd;
}

/* A connected socket, or a negative errno. */
static inline int try_connect(const char *text, uint16_t port)
{
	union address address;
	socklen_t size = make_address(text, port, &address);
	int fd = make_socket(&address), r;

	if (!connect(fd, &address.any, size))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static inline int connect_to(const char *text, uint16_t port)
{
	int fd = try_connect(text, port);

	cr_assert_geq(fd, 0, "%s port %u: %s", text, port, strerror(-fd));
	return fd;
}

static inline int accept_on(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	cr_assert_geq(fd, 0, "accept: %s", strerror(errno));
	return fd;
}

/* Begins to connect and does not wait. */
static inline int begin_connect(const char *text, uint16_t port)
{
	union address address;
	socklen_t size = make_address(text, port, &address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, &address.any, size), -1);
	cr_assert_eq(errno, EINPROGRESS, "%s", strerror(errno));
	return fd;
}

static inline void set_linger(int fd, int seconds)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = seconds};

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
}

/* connect(2) to nowhere, which cuts a connection short. */
static inline void disconnect(int fd)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	cr_assert_eq(connect(fd, &nowhere, sizeof(nowhere)), 0);
}

static inline void wait_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	cr_assert_eq(poll(&poll_fd, 1, SOCKET_PATIENCE * 1000), 1);
}

/*
 * What an end does: `>` sends a byte, `<` receives what comes (a byte, an end, an
 * error), `?` waits for that and leaves it there, `|` shuts its sending direction
 * down, `!` closes, `R` closes with a reset (linger 0), `L` will wait in close(2) for
 * what was sent (linger 1), `U` disconnects, `.` takes longer than a delayed ACK.
 */
static inline void act_one(int fd, char action)
{
	char byte = 'x';

	switch (action) {
	case '>':
		cr_assert_eq(send(fd, &byte, 1, MSG_NOSIGNAL), 1);
		break;
	case '<':
		cr_assert(recv(fd, &byte, 1, 0) >= 0 || errno != EAGAIN);
		break;
	case '?':
		wait_readable(fd);
		break;
	case '|':
		cr_assert_eq(shutdown(fd, SHUT_WR), 0);
		break;
	case 'L':
		set_linger(fd, 1);
		break;
	case '.':
		usleep(100000);
		break;
	case 'U':
		disconnect(fd);
		break;
	case 'R':
		set_linger(fd, 0);
		close(fd);
		break;
	case '!':
		close(fd);
		break;
	default:
		cr_assert_fail("no action '%c'", action);
	}
}

/* A script of "c!" (the client closes), "s<" (the server receives) and so on. */
static inline void act(int client, int server, const char *script)
{
	for (; *script; script++) {
		if (*script == ' ')
			continue;
		act_one(*script == 'c' ? client : server, script[1]);
		script++;
	}
}

#endif
