/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A wire of known length between two network namespaces: a TUN device in each, and
 * what enters the near one leaves the far one as many milliseconds later as the last
 * byte of its destination address says.  The way back takes no time.
 *
 * In user space, since kernels need not have netem; a packet may be late by what the
 * scheduler adds, and is never early.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer.h"

#define PACKET_MAX  2048
#define PACKETS_MAX 4096

#define IPV4_DESTINATION_END 19
#define IPV6_DESTINATION_END 39

struct packet {
	uint64_t due; /* ns */
	size_t size;
	unsigned char bytes[PACKET_MAX];
};

/* On their way, in no order. */
static struct packet packets[PACKETS_MAX];
static size_t packets_count;

/* Makes the device in the namespace, which stays this process' own from then on. */
static int open_tun(const char *netns, const char *device)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int namespace = open(netns, O_RDONLY | O_CLOEXEC);
	int fd;

	if (namespace < 0 || setns(namespace, CLONE_NEWNET))
		err(1, "%s", netns);
	close(namespace);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		err(1, "/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(fd, TUNSETIFF, &request))
		err(1, "TUNSETIFF %s", device);
	return fd;
}

static unsigned int length_of(const struct packet *packet)
{
	unsigned int version = packet->bytes[0] >> 4;

	return packet->bytes[version == 6 ? IPV6_DESTINATION_END : IPV4_DESTINATION_END];
}

static void take_in(int fd)
{
	while (packets_count < PACKETS_MAX) {
		struct packet *packet = &packets[packets_count];
		ssize_t size = read(fd, packet->bytes, sizeof(packet->bytes));

		if (size <= 0)
			return;
		packet->size = (size_t)size;
		packet->due = peer_now() + length_of(packet) * 1000000ULL;
		packets_count++;
	}
}

static struct packet *next_due(void)
{
	struct packet *next = NULL;

	for (size_t i = 0; i < packets_count; i++) {
		if (!next || packets[i].due < next->due)
			next = &packets[i];
	}
	return next;
}

/* A device that is down takes nothing, as a cut wire. */
static void send_on(int fd, const struct packet *packet)
{
	if (write(fd, packet->bytes, packet->size) < 0 && errno != EIO)
		warn("write");
}

static void deliver(int fd)
{
	struct packet *packet;

	while ((packet = next_due()) && packet->due <= peer_now()) {
		send_on(fd, packet);
		*packet = packets[--packets_count];
	}
}

static void pass_back(int from, int to)
{
	struct packet packet;
	ssize_t size;

	while ((size = read(from, packet.bytes, sizeof(packet.bytes))) > 0) {
		packet.size = (size_t)size;
		send_on(to, &packet);
	}
}

static void wait_for(int near, int far)
{
	struct pollfd fds[] = {{.fd = near, .events = POLLIN}, {.fd = far, .events = POLLIN}};
	const struct packet *next = next_due();
	struct timespec timeout = {0};
	uint64_t now = peer_now();

	if (next && next->due > now) {
		timeout.tv_sec = (time_t)((next->due - now) / 1000000000);
		timeout.tv_nsec = (long)((next->due - now) % 1000000000);
	}
	ppoll(fds, 2, next ? &timeout : NULL, NULL);
}

int main(int argc, char **argv)
{
	int near, far;

	if (argc != 5)
		errx(2, "usage: delay NEAR-NETNS-FILE DEVICE FAR-NETNS-FILE DEVICE");
	near = open_tun(argv[1], argv[2]);
	far = open_tun(argv[3], argv[4]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		wait_for(near, far);
		pass_back(far, near);
		take_in(near);
		deliver(far);
	}
}
