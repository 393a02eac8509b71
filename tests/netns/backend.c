/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A server behind a load balancer, that falls ill on command:
 *
 *	backend PORT CONTROL
 *
 * CONTROL is a FIFO; a line in it is a mode, which holds from then on, for connections
 * that are open already, too:
 *	good		answers
 *	503		answers /healthz alone with 503
 *	error		answers every request with 500
 *	slow MS		answers so much later
 *	silent		accepts, reads, never answers
 *	reset		accepts and resets at once
 *	refuse		does not listen
 *	drop		listens with a full queue and never accepts
 * Each is said on standard output, with the time at which it held: `MS MODE`, of the
 * realtime clock.  What begins with a capital letter is taken for HTTP/1; anything else is
 * sent back.  At its end (SIGTERM) it says what it did, as NAME=COUNT.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define CONNECTIONS_MAX 4096
#define REQUEST_MAX	2048
#define BACKLOG		4096

enum { POLL_CONTROL, POLL_LISTENER, POLL_FIRST };

static const struct mode {
	const char *name;
	bool listens, accepts, resets, answers;
	int status, health_status; /* of HTTP */
} modes[] = {
	{"good", true, true, false, true, 200, 200},  {"503", true, true, false, true, 200, 503},
	{"error", true, true, false, true, 500, 500}, {"slow", true, true, false, true, 200, 200},
	{"silent", true, true, false, false, 0, 0},   {"reset", true, true, true, false, 0, 0},
	{"refuse", false, false, false, false, 0, 0}, {"drop", true, false, false, false, 0, 0},
};

struct connection {
	size_t length; /* of what is not answered yet */
	uint64_t due; /* ns: when the answer is; 0: none is */
	int fd;
	char request[REQUEST_MAX + 1];
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connections_count;
static struct pollfd polls[POLL_FIRST + CONNECTIONS_MAX];

static const struct mode *mode = modes;
static unsigned long lag; /* ms, of `slow` */
static struct peer local;
static int listener = -1;
static int filler = -1; /* what fills the queue of `drop` */
static unsigned long accepted, answered, health_checks;
static volatile sig_atomic_t done;

/* ---- connections ---- */

static void drop_connection(size_t index)
{
	close(connections[index].fd);
	connections[index] = connections[--connections_count];
}

static void accept_all(void)
{
	int fd;

	while (mode->accepts && connections_count < CONNECTIONS_MAX &&
	       (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		accepted++;
		if (mode->resets) {
			peer_linger0(fd);
			close(fd);
			continue;
		}
		connections[connections_count++] = (struct connection){.fd = fd};
	}
}

/* Whether a whole request is there, and whether it is HTTP. */
static bool is_whole(const struct connection *connection, bool *ret_http)
{
	*ret_http = connection->length && isupper((unsigned char)connection->request[0]);
	return connection->length && (!*ret_http || strstr(connection->request, "\r\n\r\n"));
}

/* Writes the answer to HTTP; whether the connection stays open after it. */
static bool answer_http(struct connection *connection)
{
	bool health = strstr(connection->request, " /healthz ");
	int status = health ? mode->health_status : mode->status;
	bool stays = strstr(connection->request, " HTTP/1.1\r\n") &&
		     !strcasestr(connection->request, "\r\nconnection: close\r\n");
	const char *body = status == 200 ? "well\n" : "ill\n";

	health_checks += health;
	dprintf(connection->fd, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
		status == 200 ? "OK" : "Failure", strlen(body),
		stays ? "" : "Connection: close\r\n", body);
	return stays;
}

/* Whether the connection stays open. */
static bool answer(struct connection *connection)
{
	bool http, stays = true;

	if (!is_whole(connection, &http))
		return true;
	if (http)
		stays = answer_http(connection);
	else
		stays = send(connection->fd, connection->request, connection->length, 0) > 0;
	answered++;
	connection->length = 0;
	connection->due = 0;
	return stays;
}

/* An answer is due for a whole request, unless nobody answers in this mode. */
static void schedule(struct connection *connection)
{
	bool http;

	connection->due = 0;
	if (mode->answers && is_whole(connection, &http))
		connection->due = peer_now() + lag * 1000000;
}

/* Reads what came; whether the connection stays open. */
static bool take_in(struct connection *connection)
{
	size_t room = REQUEST_MAX - connection->length;
	ssize_t size = recv(connection->fd, connection->request + connection->length, room, 0);

	if (size <= 0)
		return size < 0 && errno == EAGAIN;
	connection->length += (size_t)size;
	connection->request[connection->length] = '\0';
	schedule(connection);
	return true;
}

static void serve_connections(size_t count)
{
	/* From the end, as one that is dropped gives its place to the last. */
	while (count--) {
		struct connection *connection = &connections[count];
		bool stays = true;

		if (polls[POLL_FIRST + count].revents)
			stays = take_in(connection);
		if (stays && connection->due && connection->due <= peer_now())
			stays = answer(connection);
		if (!stays)
			drop_connection(count);
	}
}

/* ---- modes ---- */

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void open_listener(void)
{
	listener = open_socket();
	peer_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listener, (struct sockaddr *)&local.address, local.size))
		err(1, "bind");
}

/* A queue of 0 is full with one connection in it, which is our own, over the loopback. */
static void fill_queue(void)
{
	struct pollfd poll_fd = {.fd = filler = open_socket(), .events = POLLOUT};

	if (connect(filler, (struct sockaddr *)&local.address, local.size) && errno != EINPROGRESS)
		err(1, "connect");
	poll(&poll_fd, 1, 1000);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void turn(const struct mode *to, unsigned long ms)
{
	struct timespec now;

	shut(&filler);
	mode = to;
	lag = ms;
	if (!mode->listens)
		shut(&listener);
	else if (listener < 0)
		open_listener();
	if (mode->listens && listen(listener, mode->accepts ? BACKLOG : 0))
		err(1, "listen");
	if (mode->listens && !mode->accepts)
		fill_queue();
	for (size_t i = 0; i < connections_count; i++)
		schedule(&connections[i]);
	clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld.%03ld %s\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
	       now.tv_nsec / 1000 % 1000, mode->name);
	fflush(stdout);
}

static void take_command(char *line)
{
	char *argument = strchr(line, ' ');

	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(line, modes[i].name)) {
			turn(&modes[i], argument ? peer_number(argument) : 0);
			return;
		}
	}
	warnx("no mode '%s'", line);
}

/* A line is written at once, and so read at once. */
static void take_commands(int control)
{
	char buffer[512], *rest = buffer, *line;
	ssize_t size = read(control, buffer, sizeof(buffer) - 1);

	if (size <= 0)
		return;
	buffer[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			take_command(line);
	}
}

/* ---- the loop ---- */

/* Until the next answer is due; NULL: none is. */
static const struct timespec *time_left(void)
{
	static struct timespec left;
	uint64_t next = 0, now = peer_now();

	for (size_t i = 0; i < connections_count; i++) {
		uint64_t due = connections[i].due;

		if (due && (!next || due < next))
			next = due;
	}
	if (!next)
		return NULL;
	next = next > now ? next - now : 0;
	left = (struct timespec){(time_t)(next / 1000000000), (long)(next % 1000000000)};
	return &left;
}

static void run(int control)
{
	sigset_t none;

	sigemptyset(&none);
	while (!done) {
		size_t count = connections_count;

		polls[POLL_CONTROL] = (struct pollfd){.fd = control, .events = POLLIN};
		polls[POLL_LISTENER] = (struct pollfd){
			.fd = mode->accepts ? listener : -1,
			.events = POLLIN,
		};
		for (size_t i = 0; i < count; i++)
			polls[POLL_FIRST + i] = (struct pollfd){.fd = connections[i].fd,
								.events = POLLIN};
		if (ppoll(polls, POLL_FIRST + count, time_left(), &none) < 0)
			continue;
		serve_connections(count);
		if (polls[POLL_LISTENER].revents)
			accept_all();
		if (polls[POLL_CONTROL].revents)
			take_commands(control);
	}
}

static void end(int number)
{
	(void)number;
	done = true;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = end};
	sigset_t set;
	int control;

	if (argc != 3)
		errx(2, "usage: backend PORT CONTROL");
	peer_parse("0.0.0.0", peer_number(argv[1]), &local);
	peer_prepare();
	/* It comes while we wait, and at no other time. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Written to as well, so that it never comes to an end. */
	control = open(argv[2], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (control < 0)
		err(1, "%s", argv[2]);
	turn(modes, 0);
	run(control);
	printf("accepted=%lu answered=%lu health_checks=%lu\n", accepted, answered, health_checks);
	return 0;
}
