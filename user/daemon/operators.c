/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/operators.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/peer.h"

#define PATIENCE_USEC 1000000ULL

/* Somebody who has connected and has not said it all. */
struct caller {
	struct operators *operators;
	sd_event_source *input; /* NULL: nobody; it owns the descriptor */
	sd_event_source *deadline;
	uint64_t number; /* of the connection */
	size_t size;
	char line[ORDER_LINE_MAX];
};

struct operators {
	struct operators_options options;
	sd_event *event;
	sd_event_source *listener;
	uint64_t connections; /* so far */
	int spare; /* a descriptor, for when there is no other */
	struct caller items[OPERATORS_MAX];
};

json_t *operators_refusal(const char *format, ...)
{
	char message[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return json_pack("{s:b, s:s}", "ok", 0, "message", message);
}

static void hang_up(struct caller *caller)
{
	caller->input = sd_event_source_disable_unref(caller->input);
	caller->deadline = sd_event_source_disable_unref(caller->deadline);
	caller->size = 0;
}

/* ---- an order ---- */

/* A socket's buffer holds any answer; who has made his too small does not get it. */
static void send_answer(int fd, const json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t length;

	if (!text)
		return;
	length = strlen(text);
	text[length] = '\n';
	if (send(fd, text, length + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_warning("control: an answer could not be given: %s", strerror(errno));
	free(text);
}

static json_t *carry_out(const struct caller *caller, const struct peer_identity *peer)
{
	const struct operators_options *options = &caller->operators->options;
	char complaint[ORDER_COMPLAINT_MAX];
	struct order order;

	if (!peer_is_member(peer, options->group)) {
		log_warning("control: an order of %s is refused, expected root or the group shunt",
			    peer->name);
		return operators_refusal("not permitted, expected root or a member of the group "
					 "shunt");
	}
	if (order_parse(caller->line, caller->size, &order, complaint) < 0)
		return operators_refusal("%s", complaint);
	return options->fn(options->userdata, &order, peer->name);
}

/* The line is there, or will never be. */
static void answer(struct caller *caller)
{
	int fd = sd_event_source_get_io_fd(caller->input);
	struct peer_identity peer;
	json_t *object;

	if (peer_identify(fd, &peer) < 0) {
		hang_up(caller);
		return;
	}
	object = carry_out(caller, &peer);
	send_answer(fd, object);
	json_decref(object);
	hang_up(caller);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct caller *caller = userdata;
	size_t room = sizeof(caller->line) - caller->size;
	ssize_t size = recv(fd, caller->line + caller->size, room, MSG_DONTWAIT);
	const char *end;

	(void)source;
	(void)revents;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size <= 0) {
		hang_up(caller);
		return 0;
	}
	end = memchr(caller->line + caller->size, '\n', (size_t)size);
	caller->size += (size_t)size;
	if (end) {
		caller->size = (size_t)(end - caller->line);
		answer(caller);
	} else if (caller->size == sizeof(caller->line)) {
		json_t *refusal = operators_refusal("expected an order of less than %d bytes",
						    ORDER_LINE_MAX);

		send_answer(fd, refusal);
		json_decref(refusal);
		hang_up(caller);
	}
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t due, void *userdata)
{
	(void)source;
	(void)due;
	hang_up(userdata);
	return 0;
}

/* ---- connections ---- */

/* A free place, or that of who has been here longest. */
static struct caller *make_room(struct operators *operators)
{
	struct caller *oldest = &operators->items[0];

	for (unsigned i = 0; i < OPERATORS_MAX; i++) {
		struct caller *caller = &operators->items[i];

		if (!caller->input)
			return caller;
		if (caller->number < oldest->number)
			oldest = caller;
	}
	hang_up(oldest);
	return oldest;
}

/* Takes the descriptor over. */
static int take(struct operators *operators, int fd)
{
	struct caller *caller = make_room(operators);
	int r;

	caller->operators = operators;
	caller->number = ++operators->connections;
	r = sd_event_add_io(operators->event, &caller->input, fd, EPOLLIN, on_input, caller);
	if (r < 0) {
		close(fd);
		return r;
	}
	sd_event_source_set_io_fd_own(caller->input, true);
	r = sd_event_add_time_relative(operators->event, &caller->deadline, CLOCK_MONOTONIC,
				       PATIENCE_USEC, 0, on_deadline, caller);
	if (r < 0)
		hang_up(caller);
	return r;
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * Where there is no descriptor for a connection it would be announced for ever: so one is
 * let go of for it, and it is closed.
 */
static void turn_away(struct operators *operators, int listener)
{
	int client;

	if (operators->spare >= 0)
		close(operators->spare);
	client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client >= 0)
		close(client);
	operators->spare = open_spare();
	log_warning("control: too many open files, who would give an order is turned away");
}

/* One in each turn of the loop, so that a crowd holds nobody up. */
static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int r;

	(void)source;
	(void)revents;
	if (client < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(userdata, fd);
	if (client < 0)
		return 0;
	r = take(userdata, client);
	if (r < 0)
		log_warning("control: %s", strerror(-r));
	return 0;
}

int operators_new(sd_event *event, const struct operators_options *options,
		  struct operators **ret_operators)
{
	struct operators *operators = calloc(1, sizeof(*operators));
	int r;

	if (!operators)
		return -ENOMEM;
	operators->options = *options;
	operators->spare = open_spare();
	operators->event = sd_event_ref(event);
	r = sd_event_add_io(event, &operators->listener, options->fd, EPOLLIN, on_connection,
			    operators);
	if (r < 0) {
		operators_free(operators);
		return r;
	}
	*ret_operators = operators;
	return 0;
}

void operators_free(struct operators *operators)
{
	if (!operators)
		return;
	for (unsigned i = 0; i < OPERATORS_MAX; i++)
		hang_up(&operators->items[i]);
	sd_event_source_disable_unref(operators->listener);
	sd_event_unref(operators->event);
	if (operators->spare >= 0)
		close(operators->spare);
	free(operators);
}
