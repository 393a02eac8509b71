/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As many connections a second as one asks for, each of which is accepted and reset at once:
 *
 *	storm serve PORT
 *	storm ADDRESS PORT RATE SECONDS [FROM SPREAD]
 *
 * The first accepts and closes. The second connects and resets, from SPREAD addresses in turn
 * from FROM on, and says at its end how many were made and what was reached of the rate:
 * `made=N failed=N rate=N`. Both block, and do one at a time: what a connection costs is then
 * nearly all the kernel's.
 */
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void serve(unsigned long port)
{
	int fd = open_socket(), connection;
	struct peer local;

	peer_parse("0.0.0.0", port, &local);
	peer_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&local.address, local.size) || listen(fd, 4096))
		err(1, "listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		connection = accept(fd, NULL, NULL);
		if (connection >= 0)
			close(connection);
	}
}

/* Whether it was made. */
static int call(const struct peer *target, const struct peer *from)
{
	int fd = open_socket(), r;

	if (from->size) {
		peer_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (const struct sockaddr *)&from->address, from->size))
			err(1, "bind");
	}
	r = connect(fd, (const struct sockaddr *)&target->address, target->size);
	peer_linger0(fd);
	close(fd);
	return !r;
}

static void storm(const struct peer *target, unsigned long rate, unsigned long seconds,
		  const struct peer *first, unsigned long spread)
{
	uint64_t began = peer_now(), end = began + seconds * 1000000000, now = began;
	unsigned long made = 0, failed = 0;

	for (; now < end; now = peer_now()) {
		struct peer from = *first;
		struct sockaddr_in *ipv4 = (struct sockaddr_in *)&from.address;
		uint64_t due = (now - began) / 1000 * rate / 1000000;

		if (made + failed >= due) {
			peer_pause(1);
			continue;
		}
		ipv4->sin_addr.s_addr = htonl(ntohl(ipv4->sin_addr.s_addr) +
					      (uint32_t)((made + failed) % spread));
		if (call(target, &from))
			made++;
		else
			failed++;
	}
	printf("made=%lu failed=%lu rate=%lu\n", made, failed,
	       (unsigned long)((double)(made + failed) * 1e9 / (double)(now - began)));
}

int main(int argc, char **argv)
{
	struct peer target, from = {0};

	peer_prepare();
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(peer_number(argv[2]));
	if (argc != 5 && argc != 7)
		errx(2, "usage: storm serve PORT | storm ADDRESS PORT RATE SECONDS [FROM SPREAD]");
	peer_parse(argv[1], peer_number(argv[2]), &target);
	if (argc == 7)
		peer_parse(argv[5], 0, &from);
	storm(&target, peer_number(argv[3]), peer_number(argv[4]), &from,
	      argc == 7 ? peer_number(argv[6]) : 1);
	return 0;
}
