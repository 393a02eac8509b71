/* SPDX-License-Identifier: GPL-2.0 */
/* trip, reset, mode: orders to the daemon, over its control socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/config.h"
#include "daemon/order.h"

#define TIMEOUT_SECONDS 5
#define ANSWER_MAX	65536

/* ---- the order ---- */

static void add(json_t *order, const char *key, const char *value)
{
	if (value)
		json_object_set_new(order, key, json_string(value));
}

static json_t *make_order(const char *command, const struct cli_options *options)
{
	json_t *order = json_object();
	bool sets_mode = !strcmp(command, "mode");

	add(order, "order", command);
	if (options->all)
		json_object_set_new(order, "all", json_true());
	/* `mode --all off` names no service. */
	if (sets_mode && options->all && !options->arguments[1]) {
		add(order, "mode", options->arguments[0]);
	} else {
		add(order, "service", options->arguments[0]);
		add(order, "mode", options->arguments[1]);
	}
	add(order, "action", options->action);
	add(order, "for", options->lasts);
	add(order, "why", options->why);
	return order;
}

/*
 * The order as a line, to be freed; NULL where it is wrong, which is said as the daemon
 * would.
 */
static char *make_line(const char *command, const struct cli_options *options)
{
	char complaint[ORDER_COMPLAINT_MAX] = "not UTF-8";
	json_t *object = make_order(command, options);
	char *line = json_dumps(object, JSON_COMPACT);
	struct order order;

	json_decref(object);
	if (line && strlen(line) < ORDER_LINE_MAX &&
	    !order_parse(line, strlen(line), &order, complaint))
		return line;
	log_error("%s: %s", command, complaint);
	free(line);
	return NULL;
}

/* ---- the daemon ---- */

static int fail(const char *command, const char *path)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		log_error("%s: no daemon answers at %s", command, path);
		return EXIT_NO_DAEMON;
	case EACCES:
		log_error("%s: %s: not permitted, expected root or a member of the group shunt",
			  command, path);
		return EXIT_FAILED;
	default:
		log_error("%s: %s: %s", command, path, strerror(errno));
		return EXIT_FAILED;
	}
}

static int connect_to(const char *path)
{
	const struct timeval patience = {.tv_sec = TIMEOUT_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* Sends the line and takes what comes until the end; false with errno. */
static bool exchange(int fd, const char *line, char ret_answer[static ANSWER_MAX])
{
	size_t used = 0;
	ssize_t size;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return false;
	while ((size = recv(fd, ret_answer + used, ANSWER_MAX - 1 - used, 0)) > 0)
		used += (size_t)size;
	ret_answer[used] = '\0';
	if (size < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	return size >= 0;
}

static int show(const char *command, const char *text, bool as_json)
{
	json_t *answer = json_loads(text, 0, NULL);
	const char *message = json_string_value(json_object_get(answer, "message"));
	bool ok = json_is_true(json_object_get(answer, "ok"));

	if (!message)
		log_error("%s: not the answer of a shunt daemon", command);
	else if (as_json)
		fputs(text, stdout);
	else if (ok)
		puts(message);
	if (message && !ok)
		log_error("%s: %s", command, message);
	json_decref(answer);
	return ok ? EXIT_DONE : EXIT_FAILED;
}

static int give(const char *command, const char *path, const char *line, bool as_json)
{
	static char answer[ANSWER_MAX];
	int fd = connect_to(path), r;

	if (fd < 0)
		return fail(command, path);
	if (exchange(fd, line, answer))
		r = show(command, answer, as_json);
	else
		r = fail(command, path);
	close(fd);
	return r;
}

static int order(const char *command, const struct cli_options *options)
{
	struct config *config;
	char *line;
	int r;

	line = make_line(command, options);
	if (!line)
		return EXIT_USAGE;
	r = config_load(options->config_path, !options->config_given, cli_complain, (void *)command,
			&config);
	if (r < 0) {
		free(line);
		return EXIT_USAGE;
	}
	r = give(command, config->control, line, options->json);
	config_free(config);
	free(line);
	return r;
}

int cli_trip(const struct cli_options *options)
{
	return order("trip", options);
}

int cli_reset(const struct cli_options *options)
{
	return order("reset", options);
}

int cli_mode(const struct cli_options *options)
{
	return order("mode", options);
}
