/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What comes in while the loop is busy; the kernel caps it at somaxconn. */
#define BACKLOG 4096

static int listen_resolve(const char *host, uint16_t port, struct addrinfo **ret_address)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	switch (getaddrinfo(host, service, &hints, ret_address)) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

/* The port lies at the same place in the addresses of both families. */
static int listen_port(int fd, uint16_t *ret_port)
{
	struct sockaddr_in6 address = {0};
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length))
		return -errno;
	*ret_port = ntohs(address.sin6_port);
	return 0;
}

/* SO_REUSEADDR: connections of the last run that linger are no obstacle. */
static int listen_open(const struct addrinfo *address, int fd)
{
	const int on = 1, off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	if (address->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)))
		return -errno;
	if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

int listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
	struct addrinfo *address;
	int err, fd;

	err = listen_resolve(host, port, &address);
	if (err)
		return err;
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = listen_open(address, fd);
	if (!err)
		err = listen_port(fd, ret_port);
	if (err)
		close(fd);
	else
		*ret_fd = fd;
out:
	freeaddrinfo(address);
	return err;
}
