/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves data over many connections at once and looks at every byte of it.
 *
 * A server (--serve NAME) says the first byte of its name and then sends back what comes, each
 * byte combined with that one: so each byte tells who has sent it.  A client sends
 * its own sequence over each connection and prints at the end, as NAME=COUNT, how many
 * connections met which server, and how many went wrong and how.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer.h"

#define FLOWS_MAX   16384
#define EVENTS_MAX  256
#define BUFFER_SIZE 16384

enum outcome { UNDER_WAY, RIGHT, WRONG, RESET, REFUSED, ENDED, STALLED, OTHER, OUTCOME_MAX };

static const char *const outcome_names[OUTCOME_MAX] = {
	"under_way", "right", "wrong", "reset", "refused", "ended", "stalled", "other",
};

struct flow {
	int fd;
	enum outcome outcome;
	unsigned char server; /* the byte of its name; 0: not said yet */
	uint64_t sent, received; /* bytes */
	uint64_t heard; /* ns: when it last brought something */
	size_t held, held_at; /* of the server's: what is to be sent back */
	char *buffer;
};

static struct flow flows[FLOWS_MAX];
static int epoll;

static struct {
	struct peer address;
	unsigned char name; /* of a server; 0: this is a client */
	unsigned long count; /* connections */
	unsigned long bytes; /* of each */
	unsigned long chunk; /* bytes between two pauses */
	unsigned long every; /* ms: such a pause; 0: none */
	unsigned long stall; /* ms in which nothing comes, and that is too long */
} settings = {.count = 1, .bytes = 1 << 20, .chunk = 1024, .stall = 20000};

static void usage(void)
{
	fputs("usage: transfer --serve NAME --address ADDRESS --port PORT\n"
	      "       transfer --address ADDRESS --port PORT [--count N] [--bytes N]\n"
	      "                [--chunk N --every MS] [--stall MS]\n",
	      stderr);
	exit(2);
}

static void watch(int fd, uint32_t events, uint64_t what)
{
	struct epoll_event event = {.events = events, .data.u64 = what};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll_ctl");
}

/* ---- the server ---- */

/* Sends what is held; whether all of it is gone. */
static bool send_back(struct flow *flow)
{
	while (flow->held_at < flow->held) {
		ssize_t length = send(flow->fd, flow->buffer + flow->held_at,
				      flow->held - flow->held_at, MSG_DONTWAIT);

		if (length < 0)
			return false;
		flow->held_at += (size_t)length;
	}
	flow->held = flow->held_at = 0;
	return true;
}

/* Whether the connection goes on. */
static bool echo(struct flow *flow)
{
	for (;;) {
		ssize_t length;

		if (!send_back(flow))
			return errno == EAGAIN;
		length = recv(flow->fd, flow->buffer, BUFFER_SIZE, MSG_DONTWAIT);
		if (length < 0)
			return errno == EAGAIN;
		if (!length)
			return false;
		for (ssize_t i = 0; i < length; i++)
			flow->buffer[i] ^= (char)settings.name;
		flow->held = (size_t)length;
	}
}

static void take_in(int listener)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		struct flow *flow = &flows[fd];

		if (fd >= FLOWS_MAX)
			errx(1, "more connections than %d", FLOWS_MAX);
		*flow = (struct flow){.fd = fd, .buffer = malloc(BUFFER_SIZE), .held = 1};
		if (!flow->buffer)
			err(1, "memory");
		flow->buffer[0] = (char)settings.name;
		watch(fd, EPOLLIN | EPOLLOUT | EPOLLET, (uint64_t)fd);
	}
}

static void serve(void)
{
	int listener = socket(settings.address.address.ss_family,
			      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event events[EVENTS_MAX];

	if (listener < 0)
		err(1, "socket");
	peer_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listener, (struct sockaddr *)&settings.address.address, settings.address.size) ||
	    listen(listener, 8192))
		err(1, "listen");
	watch(listener, EPOLLIN, (uint64_t)listener);
	puts("ready");
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++) {
			struct flow *flow = &flows[events[i].data.u64];

			if (events[i].data.u64 == (uint64_t)listener) {
				take_in(listener);
			} else if (!echo(flow)) {
				free(flow->buffer);
				close(flow->fd);
			}
		}
	}
}

/* ---- the client ---- */

/* The n-th byte of a flow: each has a sequence of its own, of no small period. */
static unsigned char byte_of(const struct flow *flow, uint64_t at)
{
	uint64_t number = (uint64_t)(flow - flows) * 0x9e3779b97f4a7c15U + at;

	return (unsigned char)(number ^ number >> 8 ^ number >> 17 ^ number >> 40);
}

static void finish(struct flow *flow, enum outcome outcome)
{
	flow->outcome = outcome;
	close(flow->fd);
}

static enum outcome outcome_of(int error)
{
	return error == ECONNREFUSED ? REFUSED : error == ECONNRESET ? RESET : OTHER;
}

/* What may be sent by now. */
static uint64_t allowed(uint64_t began, uint64_t now)
{
	uint64_t chunks;

	if (!settings.every)
		return settings.bytes;
	chunks = (now - began) / (settings.every * 1000000) + 1;
	return chunks * settings.chunk < settings.bytes ? chunks * settings.chunk : settings.bytes;
}

static void push(struct flow *flow, uint64_t limit)
{
	char buffer[BUFFER_SIZE];

	while (flow->outcome == UNDER_WAY && flow->sent < limit) {
		uint64_t left = limit - flow->sent;
		size_t size = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
		ssize_t length;

		for (size_t i = 0; i < size; i++)
			buffer[i] = (char)byte_of(flow, flow->sent + i);
		length = send(flow->fd, buffer, size, 0);
		if (length < 0 && errno != EAGAIN && errno != ENOTCONN)
			finish(flow, outcome_of(errno));
		if (length < 0)
			return;
		flow->sent += (uint64_t)length;
	}
}

/* Looks at what came; false where a byte is not what it must be. */
static bool look_at(struct flow *flow, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!flow->server)
			flow->server = (unsigned char)bytes[i];
		else if ((unsigned char)bytes[i] !=
			 (byte_of(flow, flow->received++) ^ flow->server))
			return false;
	}
	return true;
}

static void pull(struct flow *flow)
{
	char buffer[BUFFER_SIZE];

	while (flow->outcome == UNDER_WAY) {
		ssize_t length = recv(flow->fd, buffer, sizeof(buffer), 0);

		if (length < 0 && errno != EAGAIN)
			finish(flow, outcome_of(errno));
		if (length < 0)
			return;
		flow->heard = peer_now();
		if (!length)
			finish(flow, ENDED);
		else if (!look_at(flow, buffer, (size_t)length))
			finish(flow, WRONG);
		else if (flow->received == settings.bytes)
			finish(flow, RIGHT);
	}
}

static void begin(struct flow *flow)
{
	flow->fd = socket(settings.address.address.ss_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (flow->fd < 0)
		err(1, "socket");
	flow->heard = peer_now();
	if (connect(flow->fd, (struct sockaddr *)&settings.address.address,
		    settings.address.size) &&
	    errno != EINPROGRESS)
		finish(flow, outcome_of(errno));
	else
		watch(flow->fd, EPOLLIN | EPOLLOUT | EPOLLET, (uint64_t)(flow - flows));
}

/* Waits for as long as there is nothing to do, and does it. */
static void take_events(uint64_t began, int timeout)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(epoll, events, EVENTS_MAX, timeout);

	for (int i = 0; i < count; i++) {
		struct flow *flow = &flows[events[i].data.u64];

		pull(flow);
		push(flow, allowed(began, peer_now()));
	}
}

/* Flows that may go on send; those under way still are counted. */
static unsigned long visit(uint64_t began)
{
	uint64_t now = peer_now(), limit = allowed(began, now);
	unsigned long under_way = 0;

	for (unsigned long i = 0; i < settings.count; i++) {
		struct flow *flow = &flows[i];

		if (flow->outcome != UNDER_WAY)
			continue;
		if (settings.every)
			push(flow, limit);
		if (now > flow->heard && now - flow->heard > settings.stall * 1000000)
			finish(flow, STALLED);
		under_way++;
	}
	return under_way;
}

static bool all_met(void)
{
	for (unsigned long i = 0; i < settings.count; i++) {
		if (flows[i].outcome == UNDER_WAY && !flows[i].server)
			return false;
	}
	return true;
}

static void report(void)
{
	unsigned long outcomes[OUTCOME_MAX] = {0}, servers[256] = {0};

	for (unsigned long i = 0; i < settings.count; i++) {
		outcomes[flows[i].outcome]++;
		servers[flows[i].server]++;
	}
	for (int i = 0; i < OUTCOME_MAX; i++)
		printf("%s=%lu ", outcome_names[i], outcomes[i]);
	for (int i = 'a'; i <= 'z'; i++)
		printf("%c=%lu%c", i, servers[i], i == 'z' ? '\n' : ' ');
}

static void transfer(void)
{
	uint64_t began, visited = 0;
	bool met = false;

	/* A few at a time: no queue is to overflow. */
	began = peer_now();
	for (unsigned long i = 0; i < settings.count; i++) {
		begin(&flows[i]);
		if (i % 64 == 63)
			take_events(began, 1);
	}
	for (;;) {
		take_events(began,
			    settings.every && settings.every < 50 ? (int)settings.every : 50);
		if (!met && all_met()) {
			met = true;
			puts("begun");
		}
		if (peer_now() - visited < 20000000)
			continue;
		visited = peer_now();
		if (!visit(began))
			break;
	}
	report();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"serve", required_argument, NULL, 's'},
		{"address", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'},
		{"count", required_argument, NULL, 'n'},
		{"bytes", required_argument, NULL, 'b'},
		{"chunk", required_argument, NULL, 'c'},
		{"every", required_argument, NULL, 'e'},
		{"stall", required_argument, NULL, 't'},
		{0},
	};
	unsigned long *const numbers[] = {
		['n'] = &settings.count, ['b'] = &settings.bytes, ['c'] = &settings.chunk,
		['e'] = &settings.every, ['t'] = &settings.stall,
	};
	const char *address = NULL;
	unsigned long port = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			settings.name = (unsigned char)optarg[0];
		else if (option == 'a')
			address = optarg;
		else if (option == 'p')
			port = peer_number(optarg);
		else if ((size_t)option < sizeof(numbers) / sizeof(numbers[0]) && numbers[option])
			*numbers[option] = peer_number(optarg);
		else
			usage();
	}
	if (!address || !port || !settings.count || settings.count > FLOWS_MAX || optind != argc)
		usage();
	peer_parse(address, port, &settings.address);
	peer_prepare();
	setlinebuf(stdout);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		err(1, "epoll_create1");
	if (settings.name)
		serve();
	transfer();
	return 0;
}
