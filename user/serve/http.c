/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/headers.h"
#include "serve/hosts.h"
#include "serve/listen.h"
#include "serve/routes.h"
#include "serve/streams.h"

/* A connection's memory holds its request's head; what does not fit gets a 431. */
#define REQUEST_MEMORY ((size_t)16 << 10)

/*
 * The library may hold more connections than the limit by those that were shut
 * down and that it has not noticed: it takes in ten at most before it looks.
 */
#define CLOSING_MAX 32

/* Rounds of the library in one http_run(), so that an answer is sent in one go… */
#define ROUNDS_MAX 16

/* …unless the view was encoded so often meanwhile: the loop has other duties. */
#define ENCODINGS_MAX 2

struct shared {
	struct MHD_Response *response; /* NULL: not made in this round */
	unsigned int status;
	size_t length;
};

struct http {
	struct MHD_Daemon *daemon;
	struct http_handler handler;
	void *userdata;
	struct hosts hosts;
	struct clients clients;
	struct streams streams;
	bool publish; /* in the next http_run() */
	int epoll;
	uint16_t port;
	unsigned int encodings; /* in this http_run() */
	/* Answers of this round, for all that ask the same. */
	struct shared shared[ROUTE_MAX][METRICS_FORMATS][2];
};

static uint64_t http_now(const void *userdata)
{
	const struct http *http = userdata;

	if (http->handler.now)
		return http->handler.now(http->userdata);
	return clock_monotonic() / 1000;
}

/* Consumes the answer's body. */
static int response_make(struct answer *answer, struct shared *ret_shared)
{
	struct shared shared = {.status = answer->status};
	char *body = buffer_take(&answer->body, &shared.length);

	if (!body)
		return -ENOMEM;
	shared.response = MHD_create_response_from_buffer(shared.length, body,
							  MHD_RESPMEM_MUST_FREE);
	if (!shared.response) {
		free(body);
		return -ENOMEM;
	}
	if (headers_add(shared.response, answer)) {
		MHD_destroy_response(shared.response);
		return -ENOMEM;
	}
	*ret_shared = shared;
	return 0;
}

static int shared_find(struct http *http, const struct route *route, struct shared **ret_shared)
{
	struct shared *shared = &http->shared[route->name][route->format][route->gzip];
	struct answer answer;
	int err = 0;

	if (!shared->response) {
		http->encodings++;
		err = route_answer(route, &http->handler, http->userdata, &answer);
		if (!err)
			err = response_make(&answer, shared);
	}
	if (!err)
		*ret_shared = shared;
	return err;
}

/* The library counts references: a response lives until its last byte is sent. */
static void shared_drop(struct http *http)
{
	struct shared *shared = &http->shared[0][0][0];

	for (size_t i = 0; i < sizeof(http->shared) / sizeof(*shared); i++) {
		if (shared[i].response)
			MHD_destroy_response(shared[i].response);
		shared[i].response = NULL;
	}
}

/* ---- streams ---- */

/* Readers of a stream share what is asked for by others in this round, but never a stream. */
static int http_publish(struct http *http)
{
	const struct route route = {ROUTE_STATUS, METRICS_TEXT, false};
	struct answer answer;
	int err;

	http->publish = false;
	http->encodings++;
	err = route_answer(&route, &http->handler, http->userdata, &answer);
	if (err)
		return err;
	/* Without data readers keep what they have, and see that nothing comes. */
	if (answer.status == 200)
		err = streams_publish(&http->streams, &answer.body);
	buffer_free(&answer.body);
	return err;
}

static int stream_make(struct http *http, struct MHD_Connection *connection, struct client *client,
		       struct MHD_Response **ret_response)
{
	const struct answer answer = {.status = MHD_HTTP_OK, .type = ROUTE_EVENTS_TYPE};
	int err = streams_open(&http->streams, connection, client, ret_response);

	if (err)
		return err;
	/* Who is first must not wait for the next event. */
	if (!http->streams.latest)
		err = http_publish(http);
	if (!err)
		err = headers_add(*ret_response, &answer);
	if (err)
		MHD_destroy_response(*ret_response);
	return err;
}

static enum MHD_Result http_stream(struct http *http, struct MHD_Connection *connection,
				   struct client *client)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (stream_make(http, connection, client, &response))
		return MHD_NO;
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- requests ---- */

static struct client *connection_client(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static const char *connection_header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct route request_route(const struct http *http, struct MHD_Connection *connection,
				  const char *method, const char *url)
{
	struct route route = route_find(
		method, url, connection_header(connection, MHD_HTTP_HEADER_ACCEPT),
		connection_header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING));

	if (route.name != ROUTE_BAD_METHOD &&
	    !hosts_allow(&http->hosts, connection_header(connection, MHD_HTTP_HEADER_HOST)))
		route = (struct route){ROUTE_BAD_HOST, METRICS_TEXT, false};
	if (route.name == ROUTE_EVENTS && http->streams.count >= STREAMS_MAX)
		route.name = ROUTE_BUSY;
	return route;
}

/*
 * Called once for the head, once for each piece of a body and once at the end.
 * Bodies are thrown away; a method that has no answer need not send its own.
 */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
				  const char *url, const char *method, const char *version,
				  const char *upload_data, size_t *upload_data_size, void **request)
{
	struct http *http = userdata;
	struct client *client = connection_client(connection);
	struct shared *shared;
	struct route route;

	(void)version;
	(void)upload_data;
	if (!client || client->phase == CLIENT_CLOSING)
		return MHD_NO;
	route = request_route(http, connection, method, url);
	if ((!*request && route.name != ROUTE_BAD_METHOD) || *upload_data_size) {
		*request = http;
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (route.name == ROUTE_EVENTS && strcmp(method, "HEAD"))
		return http_stream(http, connection, client);
	if (shared_find(http, &route, &shared))
		return MHD_NO;
	clients_answer(&http->clients, client, shared->length, http_now(http));
	return MHD_queue_response(connection, shared->status, shared->response);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	struct http *http = userdata;
	struct client *client = connection_client(connection);

	(void)request;
	(void)code;
	if (client)
		clients_idle(&http->clients, client, http_now(http));
}

static void connection_started(struct http *http, struct MHD_Connection *connection,
			       void **socket_context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = calloc(1, sizeof(*client));

	*socket_context = client;
	if (client)
		clients_add(&http->clients, client, info->connect_fd, http_now(http));
	else
		shutdown(info->connect_fd, SHUT_RDWR);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *http = userdata;
	struct client *client = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_started(http, connection, socket_context);
	} else if (client) {
		clients_remove(&http->clients, client);
		free(client);
		*socket_context = NULL;
	}
}

/* Takes the listening socket over; the library's own timeouts stay off. */
static int http_start_daemon(struct http *http, int fd)
{
	unsigned int limit = (unsigned int)http->clients.limits.connections + CLOSING_MAX;
	const union MHD_DaemonInfo *info;

	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_END);
	if (!http->daemon)
		return -ENOMEM;
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return -ENOTSUP;
	http->epoll = info->epoll_fd;
	return 0;
}

int http_start(const char *host, uint16_t port, const struct http_handler *handler, void *userdata,
	       struct http **ret_http)
{
	struct http *http;
	int err, fd;

	http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	http->handler = *handler;
	http->userdata = userdata;
	hosts_init(&http->hosts, host);
	clients_init(&http->clients, &handler->limits);
	streams_init(&http->streams, &http->clients, http_now, http);
	err = listen_tcp(host, port, &fd, &http->port);
	if (!err) {
		err = http_start_daemon(http, fd);
		/* Only a daemon closes it; a failed start may have, or not. */
		if (!http->daemon)
			close(fd);
	}
	if (err)
		http_stop(http);
	else
		*ret_http = http;
	return err;
}

int http_allow(struct http *http, char *const *names, size_t count)
{
	return hosts_set(&http->hosts, names, count);
}

int http_fd(const struct http *http)
{
	return http->epoll;
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}

static bool http_pending(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	return MHD_get_timeout(http->daemon, &timeout) == MHD_YES && !timeout;
}

uint64_t http_timeout_us(struct http *http)
{
	uint64_t deadline, now;

	if (http->publish || http_pending(http))
		return 0;
	deadline = clients_deadline(&http->clients);
	if (deadline == UINT64_MAX)
		return UINT64_MAX;
	now = http_now(http);
	return deadline > now ? deadline - now : 0;
}

int http_run(struct http *http)
{
	int rounds = 0;

	clients_expire(&http->clients, http_now(http));
	http->encodings = 0;
	if (http->publish && http_publish(http))
		return -ENOMEM;
	do {
		if (MHD_run(http->daemon) != MHD_YES)
			return -EIO;
		shared_drop(http);
	} while (http_pending(http) && ++rounds < ROUNDS_MAX && http->encodings < ENCODINGS_MAX);
	return 0;
}

void http_publish_soon(struct http *http)
{
	http->publish = http->streams.count;
}

size_t http_streams(const struct http *http)
{
	return http->streams.count;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	if (http->daemon) {
		streams_end(&http->streams);
		MHD_stop_daemon(http->daemon);
	}
	hosts_done(&http->hosts);
	free(http);
}
