/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asks for connections, one after the other, and says nothing on them:
 *
 *	knock ADDRESS PORT COUNT
 *	knock ADDRESS PORT until
 *
 * The first asks so often where it is refused, and prints how long that took by its own
 * clock: `refused=N p50=NS p99=NS max=NS`.  The second asks until it is refused, and prints
 * when that one was asked for and when it was refused, of the realtime clock:
 * `began=US knew=US`.
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

/* Whether it was refused, and then after how many ns.  No port is kept waiting for it. */
static int knock(const struct peer *to, uint64_t *ret_took)
{
	const struct linger reset = {.l_onoff = 1};
	int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t began;
	int refused;

	if (fd < 0)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		err(1, "SO_LINGER");
	began = peer_now();
	refused = connect(fd, (const struct sockaddr *)&to->address, to->size) &&
		  errno == ECONNREFUSED;
	*ret_took = peer_now() - began;
	close(fd);
	return refused;
}

static uint64_t realtime_micros(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* So often that a time is known to a tenth of a millisecond, and leaves others the CPU. */
static void knock_until_refused(const struct peer *to)
{
	const struct timespec pause = {.tv_nsec = 50000};
	uint64_t began, ns;

	for (;;) {
		began = realtime_micros();
		if (knock(to, &ns))
			break;
		nanosleep(&pause, NULL);
	}
	printf("began=%lu knew=%lu\n", began, realtime_micros());
}

static void knock_often(const struct peer *to, unsigned long count)
{
	unsigned long refused = 0;

	if (!count || count > COUNT_MAX)
		errx(2, "COUNT is 1 to %d", COUNT_MAX);
	for (unsigned long i = 0; i < count; i++)
		refused += (unsigned long)knock(to, &took[refused]);
	if (!refused)
		errx(1, "none was refused");
	qsort(took, refused, sizeof(took[0]), compare);
	printf("refused=%lu p50=%lu p99=%lu max=%lu\n", refused, took[(refused - 1) / 2],
	       took[(refused * 99 + 99) / 100 - 1], took[refused - 1]);
}

int main(int argc, char **argv)
{
	struct peer to;

	if (argc != 4) {
		fputs("usage: knock ADDRESS PORT COUNT|until\n", stderr);
		return 2;
	}
	peer_parse(argv[1], peer_number(argv[2]), &to);
	if (!strcmp(argv[3], "until"))
		knock_until_refused(&to);
	else
		knock_often(&to, peer_number(argv[3]));
	return 0;
}
