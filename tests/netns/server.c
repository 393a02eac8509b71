/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP server that treats every connection in one known way, and says at its end
 * (SIGTERM) how many it accepted.  See usage() for the ways.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "peer.h"

#define LISTENERS_MAX 64
#define EVENTS_MAX    256

/* What an epoll event is about: its high half, the descriptor being the low one. */
enum kind { KIND_SIGNAL, KIND_LISTENER, KIND_CONNECTION };

struct server {
	int epoll;
	int signals;
	bool done;
	bool accepts;
	unsigned long accepted;
	/* NULL: a connection that was accepted is left alone, and open. */
	void (*on_data)(int fd);
	void (*on_accept)(int fd);
};

static void usage(void)
{
	fputs("usage: server [--listen ADDRESS] --port PORT... [--backlog N] [--v6only]\n"
	      "              [--behaviour NAME] [--lag MS]\n"
	      "  echo    send back what came, close when the client has\n"
	      "  answer  send one byte for the first request, then close first\n"
	      "  greet   close at once, before anything was said\n"
	      "  reset   reset the connection at the first request\n"
	      "  unread  close at the first request without reading it\n"
	      "  silent  read everything, never answer, close when the client has\n"
	      "  mum     read the first request, then close first without an answer\n"
	      "  hold    accept and do nothing\n"
	      "  ignore  never accept\n",
	      stderr);
	exit(2);
}

/* ---- the ways to treat a connection ---- */

/* How long the client's end of file waits for ours, in ms: the server does nothing else then. */
static unsigned long lag;

static void finish(int fd)
{
	close(fd);
}

static void reset(int fd)
{
	peer_linger0(fd);
	close(fd);
}

/* Reads what is there; false where the connection is over, and then closed. */
static bool take(int fd, char *buffer, size_t size, ssize_t *ret_length)
{
	ssize_t length = recv(fd, buffer, size, MSG_DONTWAIT);

	if (length < 0 && errno == EAGAIN)
		length = 0;
	else if (length <= 0) {
		peer_pause(lag);
		close(fd);
		return false;
	}
	*ret_length = length;
	return true;
}

static void echo(int fd)
{
	char buffer[4096];
	ssize_t length;

	/* A request of the tests fits a socket buffer: no partial sends. */
	if (take(fd, buffer, sizeof(buffer), &length) && length &&
	    send(fd, buffer, (size_t)length, 0) != length)
		close(fd);
}

static void answer(int fd)
{
	char buffer[4096];
	ssize_t length;

	if (!take(fd, buffer, sizeof(buffer), &length) || !length)
		return;
	if (send(fd, buffer, 1, 0) != 1)
		warn("send");
	close(fd);
}

static void mum(int fd)
{
	char buffer[4096];
	ssize_t length;

	if (take(fd, buffer, sizeof(buffer), &length) && length)
		close(fd);
}

static void swallow(int fd)
{
	char buffer[4096];
	ssize_t length;

	take(fd, buffer, sizeof(buffer), &length);
}

static const struct behaviour {
	const char *name;
	void (*on_data)(int fd);
	void (*on_accept)(int fd);
} behaviours[] = {
	{"echo", echo, NULL},	{"answer", answer, NULL}, {"greet", NULL, finish},
	{"reset", reset, NULL}, {"unread", finish, NULL}, {"silent", swallow, NULL},
	{"mum", mum, NULL},	{"hold", NULL, NULL},	  {"ignore", NULL, NULL},
};

/* ---- the loop ---- */

static void watch(struct server *server, int fd, enum kind kind)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)kind << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll_ctl");
}

static void accept_all(struct server *server, int listener)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		server->accepted++;
		if (server->on_accept)
			server->on_accept(fd);
		else if (server->on_data)
			watch(server, fd, KIND_CONNECTION);
	}
}

static void handle(struct server *server, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;

	switch ((enum kind)(event->data.u64 >> 32)) {
	case KIND_SIGNAL:
		server->done = true;
		break;
	case KIND_LISTENER:
		accept_all(server, fd);
		break;
	case KIND_CONNECTION:
		server->on_data(fd);
		break;
	}
}

static void run(struct server *server)
{
	struct epoll_event events[EVENTS_MAX];

	while (!server->done) {
		int count = epoll_wait(server->epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++)
			handle(server, &events[i]);
	}
}

/* ---- the start ---- */

/* Port 0 is left to listen(2), as by a program that never calls bind(2). */
static int make_listener(const char *address, unsigned long port, int backlog, bool v6only)
{
	struct peer local;
	int fd;

	peer_parse(address, port, &local);
	fd = socket(local.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	peer_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (local.address.ss_family == AF_INET6)
		peer_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
	if ((port && bind(fd, (struct sockaddr *)&local.address, local.size)) ||
	    listen(fd, backlog))
		err(1, "%s port %lu", address, port);
	if (!port) {
		getsockname(fd, (struct sockaddr *)&local.address, &local.size);
		/* Both families have their port at the same place. */
		printf("port=%u\n", ntohs(((struct sockaddr_in *)&local.address)->sin_port));
	}
	return fd;
}

static void watch_signals(struct server *server)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	server->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (server->signals < 0)
		err(1, "signalfd");
	watch(server, server->signals, KIND_SIGNAL);
}

static void choose(struct server *server, const char *name)
{
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		if (strcmp(behaviours[i].name, name))
			continue;
		server->on_data = behaviours[i].on_data;
		server->on_accept = behaviours[i].on_accept;
		server->accepts = strcmp(name, "ignore");
		return;
	}
	usage();
}

/* What the command line asks for, beside the behaviour. */
struct settings {
	const char *address;
	unsigned long ports[LISTENERS_MAX];
	size_t ports_count;
	int backlog;
	bool v6only;
};

static void take_option(struct server *server, struct settings *settings, int option)
{
	switch (option) {
	case 'l':
		settings->address = optarg;
		break;
	case 'p':
		if (settings->ports_count == LISTENERS_MAX)
			usage();
		settings->ports[settings->ports_count++] = peer_number(optarg);
		break;
	case 'n':
		settings->backlog = (int)peer_number(optarg);
		break;
	case 'b':
		choose(server, optarg);
		break;
	case 'g':
		lag = peer_number(optarg);
		break;
	case '6':
		settings->v6only = true;
		break;
	default:
		usage();
	}
}

static void parse(struct server *server, struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"port", required_argument, NULL, 'p'},
		{"backlog", required_argument, NULL, 'n'},
		{"behaviour", required_argument, NULL, 'b'},
		{"lag", required_argument, NULL, 'g'},
		{"v6only", no_argument, NULL, '6'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(server, settings, option);
	if (!settings->ports_count || optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct server server = {.on_data = echo, .accepts = true};
	struct settings settings = {.address = "0.0.0.0", .backlog = 4096};

	parse(&server, &settings, argc, argv);
	peer_prepare();
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll < 0)
		err(1, "epoll_create1");
	watch_signals(&server);
	for (size_t i = 0; i < settings.ports_count; i++) {
		int fd = make_listener(settings.address, settings.ports[i], settings.backlog,
				       settings.v6only);

		if (server.accepts)
			watch(&server, fd, KIND_LISTENER);
	}
	puts("ready");
	fflush(stdout);
	run(&server);
	printf("accepted=%lu\n", server.accepted);
	return 0;
}
