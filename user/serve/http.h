/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The HTTP server: /metrics, /healthz, /api/v1/status, /api/v1/events, which streams
 * the latter, and at / the page that shows them.
 *
 * It has no thread and never waits: the caller's loop watches http_fd() for
 * input and calls http_run() when that is readable and when http_timeout_us()
 * is over.  The socket is bound and listening once http_start() has returned,
 * so that privileges can be dropped after it.
 */
#ifndef SHUNT_HTTP_H
#define SHUNT_HTTP_H

#include <stdint.h>

#include "serve/clients.h"
#include "serve/view.h"

/* Called from within http_run(). */
struct http_handler {
	/* What to show; it stays valid until http_run() returns.  0 or negative errno. */
	int (*view)(void *userdata, const struct view **ret_view);
	/* NULL, or one line that says why the daemon is not healthy. */
	const char *(*health)(void *userdata);
	/* Microseconds on a clock that never goes back; NULL: CLOCK_MONOTONIC. */
	uint64_t (*now)(void *userdata);
	struct client_limits limits;
};

struct http;

/*
 * Listens on a numeric address (`::` covers IPv4 as well); port 0 chooses one,
 * see http_port().  `handler` is copied.  Nothing is logged.
 *
 * Returns 0; -EINVAL for what is no numeric address; -EADDRINUSE, -EACCES,
 * -EADDRNOTAVAIL, … from the kernel; -ENOMEM.
 */
int http_start(const char *host, uint16_t port, const struct http_handler *handler, void *userdata,
	       struct http **ret_http);

/*
 * Answers requests for these host names, too, in place of those that were set before; which
 * ones are answered in any case has serve/hosts.h.  They are copied.  0 or -ENOMEM.
 */
int http_allow(struct http *http, char *const *names, size_t count);

/* An epoll descriptor: readable when there is something to do.  Not to be closed. */
int http_fd(const struct http *http);

uint16_t http_port(const struct http *http);

/*
 * How long until http_run() has something to do that makes no descriptor
 * readable: a deadline, or an answer that it did not finish in one go (then 0).
 * UINT64_MAX: nothing.
 */
uint64_t http_timeout_us(struct http *http);

/*
 * Takes what is there to be taken and returns.  One call encodes the view but a
 * few times, however many clients ask: those that ask together share an answer.
 * Returns 0, -ENOMEM, or -EIO when the server can no longer serve.
 */
int http_run(struct http *http);

/*
 * The next http_run(), which http_timeout_us() then asks for at once, sends a status to
 * those who read /api/v1/events.  Where nobody does, this costs nothing.
 */
void http_publish_soon(struct http *http);

/* How many read /api/v1/events. */
size_t http_streams(const struct http *http);

/* Closes every connection and the socket.  NULL is allowed. */
void http_stop(struct http *http);

#endif
