/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP requests over a range of ports, one connection each and one after the
 * other: no load generator that is packaged goes over many ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Odd and prime: a walk of this step meets each port of the range, and none after its neighbour. */
#define STEP 1009

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The whole answer, to its end; 0 or a negative errno. */
static int ask(int fd)
{
	char answer[4096];
	size_t size = 0;
	ssize_t n;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		return -errno;
	while ((n = recv(fd, answer, sizeof(answer), 0)) > 0)
		size += (size_t)n;
	if (n < 0)
		return -errno;
	return size ? 0 : -EPROTO;
}

static int exchange(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : ask(fd);
	close(fd);
	return r;
}

int main(int argc, char **argv)
{
	unsigned long first, count, done;
	double until;

	if (argc != 4) {
		fputs("usage: spread FIRST-PORT PORTS SECONDS\n", stderr);
		return 2;
	}
	first = strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	if (!count)
		return 2;
	until = seconds_now() + strtod(argv[3], NULL);
	/* Every port once, however long that takes. */
	for (done = 0; done < count || seconds_now() < until; done++) {
		int r = exchange((uint16_t)(first + done * STEP % count));

		if (r < 0) {
			fprintf(stderr, "spread: %s\n", strerror(-r));
			return 1;
		}
	}
	/* As wrk says it. */
	printf("%lu requests in %s\n", done, argv[3]);
	return 0;
}
