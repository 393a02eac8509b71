/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A receiver of webhooks on loopback: prints the body of each POST on a line of its own
 * and answers 200.  With --stumble N it prints each Nth one, and then hangs up without an
 * answer.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define REQUEST_MAX (1 << 20)

static char request[REQUEST_MAX + 1];

static void usage(void)
{
	fputs("usage: hook --port PORT [--stumble N]\n", stderr);
	exit(2);
}

/* The body once it is all there, else NULL. */
static const char *body(void)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "\r\ncontent-length:");

	if (!end || !length || strlen(end + 4) < strtoul(length + 17, NULL, 10))
		return NULL;
	return end + 4;
}

/* Reads a request to its end; its body, or NULL where the peer has hung up. */
static const char *take(int fd)
{
	size_t total = 0;
	ssize_t length;

	request[0] = '\0';
	while (!body()) {
		length = recv(fd, request + total, REQUEST_MAX - total, 0);
		if (length <= 0)
			return NULL;
		total += (size_t)length;
		request[total] = '\0';
	}
	return body();
}

static int make_listener(unsigned long port)
{
	struct peer local;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	peer_parse("127.0.0.1", port, &local);
	if (fd < 0)
		err(1, "socket");
	peer_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&local.address, local.size) || listen(fd, 128))
		err(1, "port %lu", port);
	return fd;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"stumble", required_argument, NULL, 's'},
		{0},
	};
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
				     "Connection: close\r\n\r\n";
	unsigned long port = 0, stumble = 0, count = 0;
	int option, listener;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			port = peer_number(optarg);
		else if (option == 's')
			stumble = peer_number(optarg);
		else
			usage();
	}
	if (!port || optind != argc)
		usage();
	peer_prepare();
	listener = make_listener(port);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		const char *text = take(fd);

		if (text) {
			puts(text);
			fflush(stdout);
			count++;
		}
		if (text && (!stumble || count % stumble))
			send(fd, answer, sizeof(answer) - 1, 0);
		close(fd);
	}
}
