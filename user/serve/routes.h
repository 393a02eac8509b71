/* SPDX-License-Identifier: GPL-2.0 */
/* What the server answers to which request, apart from any HTTP library. */
#ifndef SHUNT_ROUTES_H
#define SHUNT_ROUTES_H

#include <stdbool.h>

#include "serve/buffer.h"
#include "serve/http.h"
#include "serve/metrics.h"

#define ROUTE_EVENTS_TYPE "text/event-stream"

enum route_name {
	ROUTE_PAGE,
	ROUTE_METRICS,
	ROUTE_HEALTH,
	ROUTE_STATUS,
	ROUTE_EVENTS, /* its head alone; the rest is streamed */
	ROUTE_BUSY,
	ROUTE_NOT_FOUND,
	ROUTE_BAD_METHOD,
	ROUTE_BAD_HOST,
	ROUTE_MAX,
};

/* All that an answer depends on besides the moment. */
struct route {
	enum route_name name;
	enum metrics_format format;
	bool gzip;
};

struct answer {
	unsigned int status; /* of HTTP */
	const char *type; /* Content-Type */
	const char *policy; /* Content-Security-Policy; NULL: that nothing may be done */
	bool gzip; /* `body` is compressed */
	struct buffer body; /* buffer_free() or buffer_take() */
};

/* Header values may be NULL. */
struct route route_find(const char *method, const char *path, const char *accept,
			const char *accept_encoding);

/*
 * Makes the answer; where the view cannot be had or encoded that is a 503
 * which says so.  Returns 0, or -ENOMEM with nothing to free.
 */
int route_answer(const struct route *route, const struct http_handler *handler, void *userdata,
		 struct answer *ret_answer);

#endif
