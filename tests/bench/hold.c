/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens connections to itself, both ends, and keeps them idle until it is killed.
 *
 * A process may have few open files, so that several share the work; each has a
 * loopback address of its own and with it all of the local ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files that are not connections, and connections of one process for which there are ports. */
#define SPARE_FILES	 32
#define CONNECTIONS_MOST 20000

static int die(const char *what)
{
	fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
	return 1;
}

/* How many connections one process can hold, at two files each. */
static unsigned long share_of_one(void)
{
	struct rlimit limit;
	unsigned long share;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	share = limit.rlim_max < SPARE_FILES ? 0 : (limit.rlim_max - SPARE_FILES) / 2;
	return share < CONNECTIONS_MOST ? share : CONNECTIONS_MOST;
}

static int listen_at(const struct sockaddr_in *address)
{
	static const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) || listen(fd, 128))
		return -1;
	return fd;
}

/* One process: makes its connections, says so by a byte, and waits to be killed. */
static int hold(const struct sockaddr_in *address, unsigned long count, int told)
{
	int listener = listen_at(address);

	if (listener < 0)
		return die("listen");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned long i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)))
			return die("connect");
		if (accept(listener, NULL, NULL) < 0)
			return die("accept");
	}
	if (write(told, "", 1) != 1)
		return die("pipe");
	for (;;)
		pause();
}

/* Waits until so many have said that they are there; one that fails closes the pipe's last end. */
static int await(int told, unsigned long holders)
{
	char byte;

	for (unsigned long i = 0; i < holders; i++) {
		if (read(told, &byte, 1) != 1)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	unsigned long count, share, holders = 0;
	int told[2];

	if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fputs("usage: hold FIRST-ADDRESS PORT COUNT\n", stderr);
		return 2;
	}
	address.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	count = strtoul(argv[3], NULL, 10);
	share = share_of_one();
	if (!share || pipe(told))
		return die("open files");
	for (unsigned long left = count; left; holders++) {
		unsigned long now = left < share ? left : share;

		switch (fork()) {
		case -1:
			return die("fork");
		case 0:
			close(told[0]);
			return hold(&address, now, told[1]);
		default:
			left -= now;
			address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + 1);
		}
	}
	close(told[1]);
	if (await(told[0], holders))
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
