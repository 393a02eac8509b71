/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP client that knows what became of each of its connections, and prints it as
 * one line of NAME=COUNT.
 *
 * Connections go through four steps, `--batch` of them side by side: connect, some
 * rounds of request and answer, an optional hold until SIGUSR1, and an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define TARGETS_MAX 64
#define BATCH_MAX   8192

/* What the application saw of its connect(2)s, and then of the connections. */
enum outcome {
	OK,
	REFUSED,
	TIMED_OUT, /* the kernel gave up */
	GAVE_UP, /* we did */
	RESET,
	OTHER,
	ANSWERED, /* every round had its answer */
	CUT, /* met a reset */
	CLOSED, /* met the peer's end of file before ours */
	OUTCOME_MAX,
};

static const char *const outcome_names[OUTCOME_MAX] = {
	"ok", "refused", "timed_out", "gave_up", "reset", "other", "answered", "cut", "closed",
};

enum end { END_CLOSE, END_RESET, END_UNREAD, END_SHUTDOWN, END_WAIT };

struct flow {
	int fd; /* -1: none any more */
	enum outcome outcome;
	uint64_t began; /* ns */
};

struct client {
	struct peer targets[TARGETS_MAX];
	size_t targets_count;
	unsigned long port;
	unsigned long spread; /* distinct addresses from a target on */
	unsigned long count;
	unsigned long batch;
	unsigned long give_up; /* ms */
	unsigned long user_timeout; /* ms; 0: the kernel's own */
	unsigned long rounds;
	unsigned long every; /* ms between two rounds */
	bool mute; /* sends, but waits for no answer */
	bool hold;
	enum end end;
	const char *durations; /* a file for the duration of each connect(), in ns, or NULL */
	FILE *output;
	unsigned long opened; /* so far, of `count` */
	unsigned long outcomes[OUTCOME_MAX];
};

/* Those that are under way, and what is polled for while they connect. */
static struct flow flows[BATCH_MAX];
static struct pollfd polls[BATCH_MAX];

static void usage(void)
{
	fputs("usage: client --to ADDRESS... --port PORT [--count N] [--batch N] [--spread N]\n"
	      "              [--give-up MS] [--user-timeout MS] [--rounds N] [--every MS] [--mute]\n"
	      "              [--hold] [--end close|reset|unread|shutdown|wait] [--durations FILE]\n",
	      stderr);
	exit(2);
}

/* ---- connect ---- */

static enum outcome outcome_of(int error)
{
	switch (error) {
	case 0:
		return OK;
	case ECONNREFUSED:
		return REFUSED;
	case ETIMEDOUT:
		return TIMED_OUT;
	case ECONNRESET:
		return RESET;
	default:
		return OTHER;
	}
}

/* The target of the n-th connection: targets in turn, each `spread` addresses wide. */
static struct peer target_of(const struct client *client, unsigned long n)
{
	struct peer target = client->targets[n % client->targets_count];
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&target.address;
	unsigned long step = n / client->targets_count % client->spread;

	if (step && target.address.ss_family == AF_INET)
		ipv4->sin_addr.s_addr = htonl(ntohl(ipv4->sin_addr.s_addr) + (uint32_t)step);
	return target;
}

static void settle(struct client *client, struct flow *flow, int error)
{
	unsigned long long took = peer_now() - flow->began;

	flow->outcome = outcome_of(error);
	if (flow->outcome == OK) {
		if (client->output)
			fprintf(client->output, "%llu\n", took);
		return;
	}
	close(flow->fd);
	flow->fd = -1;
}

/* Whether it is pending. */
static bool start(struct client *client, struct flow *flow, struct pollfd *poll_fd)
{
	struct peer target = target_of(client, client->opened++);

	flow->fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (flow->fd < 0)
		err(1, "socket");
	*poll_fd = (struct pollfd){.fd = flow->fd, .events = POLLOUT};
	if (client->user_timeout)
		peer_option(flow->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)client->user_timeout);
	flow->began = peer_now();
	if (connect(flow->fd, (struct sockaddr *)&target.address, target.size) &&
	    errno == EINPROGRESS)
		return true;
	settle(client, flow, errno);
	poll_fd->fd = -1;
	return false;
}

/* Whether it is pending still. */
static bool check(struct client *client, struct flow *flow, struct pollfd *poll_fd)
{
	socklen_t size = sizeof(int);
	int error;

	if (poll_fd->fd < 0 || !poll_fd->revents)
		return poll_fd->fd >= 0;
	if (getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		err(1, "getsockopt");
	settle(client, flow, error);
	poll_fd->fd = -1;
	return false;
}

static void connect_all(struct client *client, size_t count)
{
	uint64_t at, deadline = peer_now() + client->give_up * 1000000;
	size_t pending = 0;

	for (size_t i = 0; i < count; i++) {
		errno = 0;
		pending += start(client, &flows[i], &polls[i]);
	}
	while (pending && (at = peer_now()) < deadline) {
		poll(polls, count, (int)((deadline - at) / 1000000 + 1));
		pending = 0;
		for (size_t i = 0; i < count; i++)
			pending += check(client, &flows[i], &polls[i]);
	}
	for (size_t i = 0; i < count; i++) {
		struct flow *flow = &flows[i];

		if (polls[i].fd >= 0) {
			close(flow->fd);
			flow->fd = -1;
			flow->outcome = GAVE_UP;
		}
		client->outcomes[flow->outcome]++;
	}
}

/* ---- talk ---- */

/* Waits for input, for at most ten seconds; whether there is some (an end counts). */
static bool wait_input(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 10000) == 1;
}

/* Reads once: 1 for data, 0 for the end or a reset, which are noted. */
static bool read_once(struct client *client, int fd)
{
	char buffer[4096];
	ssize_t length = -1;

	errno = ETIMEDOUT;
	if (wait_input(fd))
		length = recv(fd, buffer, sizeof(buffer), 0);
	if (length > 0)
		return true;
	if (!length)
		client->outcomes[CLOSED]++;
	else if (errno == ECONNRESET)
		client->outcomes[CUT]++;
	else
		warn("recv");
	return false;
}

static bool talk_once(struct client *client, int fd)
{
	if (send(fd, "?", 1, 0) != 1) {
		client->outcomes[CUT]++;
		return false;
	}
	if (client->mute)
		return true;
	/* With the answer still unread the close is the end that was asked for. */
	if (client->end == END_UNREAD)
		return wait_input(fd);
	return read_once(client, fd);
}

static void talk_all(struct client *client, size_t count)
{
	for (unsigned long round = 0; round < client->rounds; round++) {
		if (round && client->every)
			peer_pause(client->every);
		for (size_t i = 0; i < count; i++) {
			struct flow *flow = &flows[i];

			if (flow->fd < 0 || flow->outcome != OK)
				continue;
			if (!talk_once(client, flow->fd))
				flow->outcome = OTHER;
		}
	}
	for (size_t i = 0; i < count && client->rounds && !client->mute; i++) {
		if (flows[i].outcome == OK)
			client->outcomes[ANSWERED]++;
	}
}

/* ---- end ---- */

static void wait_signal(void)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	puts("holding");
	fflush(stdout);
	sigwait(&set, &number);
}

static void end_one(struct client *client, const struct flow *flow)
{
	switch (client->end) {
	case END_RESET:
		peer_linger0(flow->fd);
		break;
	case END_SHUTDOWN:
		shutdown(flow->fd, SHUT_WR);
		while (read_once(client, flow->fd))
			;
		break;
	case END_WAIT:
		/* A flow that has met its end already would wait in vain. */
		while (flow->outcome == OK && read_once(client, flow->fd))
			;
		break;
	case END_CLOSE:
	case END_UNREAD:
		break;
	}
	close(flow->fd);
}

static void run(struct client *client)
{
	while (client->opened < client->count) {
		unsigned long left = client->count - client->opened;
		size_t count = left < client->batch ? left : client->batch;

		connect_all(client, count);
		talk_all(client, count);
		if (client->hold)
			wait_signal();
		for (size_t i = 0; i < count; i++) {
			if (flows[i].fd >= 0)
				end_one(client, &flows[i]);
		}
	}
}

/* ---- the start ---- */

static enum end end_named(const char *name)
{
	static const char *const names[] = {
		[END_CLOSE] = "close",	     [END_RESET] = "reset", [END_UNREAD] = "unread",
		[END_SHUTDOWN] = "shutdown", [END_WAIT] = "wait",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], name))
			return (enum end)i;
	}
	usage();
	return END_CLOSE;
}

/* Takes one option; `to` is kept until the port is known. */
static void take_option(struct client *client, int option, const char *to[TARGETS_MAX])
{
	unsigned long *const numbers[] = {
		['p'] = &client->port,	 ['n'] = &client->count,   ['b'] = &client->batch,
		['s'] = &client->spread, ['g'] = &client->give_up, ['u'] = &client->user_timeout,
		['r'] = &client->rounds, ['e'] = &client->every,
	};

	if (option == 't' && client->targets_count < TARGETS_MAX)
		to[client->targets_count++] = optarg;
	else if (option == 'm')
		client->mute = true;
	else if (option == 'h')
		client->hold = true;
	else if (option == 'E')
		client->end = end_named(optarg);
	else if (option == 'd')
		client->durations = optarg;
	else if (option >= 0 && (size_t)option < sizeof(numbers) / sizeof(numbers[0]) &&
		 numbers[option])
		*numbers[option] = peer_number(optarg);
	else
		usage();
}

static void parse(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{"to", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'},
		{"count", required_argument, NULL, 'n'},
		{"batch", required_argument, NULL, 'b'},
		{"spread", required_argument, NULL, 's'},
		{"give-up", required_argument, NULL, 'g'},
		{"rounds", required_argument, NULL, 'r'},
		{"user-timeout", required_argument, NULL, 'u'},
		{"every", required_argument, NULL, 'e'},
		{"mute", no_argument, NULL, 'm'},
		{"hold", no_argument, NULL, 'h'},
		{"end", required_argument, NULL, 'E'},
		{"durations", required_argument, NULL, 'd'},
		{0},
	};
	const char *to[TARGETS_MAX];
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(client, option, to);
	if (!client->targets_count || !client->port || !client->batch ||
	    client->batch > BATCH_MAX || !client->spread || optind != argc)
		usage();
	for (size_t i = 0; i < client->targets_count; i++)
		peer_parse(to[i], client->port, &client->targets[i]);
}

int main(int argc, char **argv)
{
	struct client client = {.count = 1, .batch = 1, .spread = 1, .give_up = 10000, .rounds = 1};
	sigset_t set;

	parse(&client, argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	peer_prepare();

	if (client.durations && !(client.output = fopen(client.durations, "we")))
		err(1, "%s", client.durations);

	run(&client);
	for (int i = 0; i < OUTCOME_MAX; i++)
		printf("%s=%lu%c", outcome_names[i], client.outcomes[i],
		       i == OUTCOME_MAX - 1 ? '\n' : ' ');
	if (client.output && fclose(client.output))
		err(1, "%s", client.durations);
	return 0;
}
