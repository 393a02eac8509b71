/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asks for connections, one after the other, that are to be refused, and prints how long
 * that took by its own clock: `refused=N p50=NS p99=NS max=NS`.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define COUNT_MAX 100000

static uint64_t took[COUNT_MAX];

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/* Whether it was refused, and then after how many ns. */
static int knock(const struct peer *to, uint64_t *ret_took)
{
	int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t began;
	int refused;

	if (fd < 0)
		err(1, "socket");
	began = peer_now();
	refused = connect(fd, (const struct sockaddr *)&to->address, to->size) &&
		  errno == ECONNREFUSED;
	*ret_took = peer_now() - began;
	close(fd);
	return refused;
}

int main(int argc, char **argv)
{
	unsigned long count, refused = 0;
	struct peer to;

	if (argc != 4) {
		fputs("usage: knock ADDRESS PORT COUNT\n", stderr);
		return 2;
	}
	peer_parse(argv[1], peer_number(argv[2]), &to);
	count = peer_number(argv[3]);
	if (!count || count > COUNT_MAX)
		errx(2, "COUNT is 1 to %d", COUNT_MAX);
	for (unsigned long i = 0; i < count; i++)
		refused += (unsigned long)knock(&to, &took[refused]);
	if (!refused)
		errx(1, "none was refused");
	qsort(took, refused, sizeof(took[0]), compare);
	printf("refused=%lu p50=%lu p99=%lu max=%lu\n", refused, took[(refused - 1) / 2],
	       took[(refused * 99 + 99) / 100 - 1], took[refused - 1]);
	return 0;
}
