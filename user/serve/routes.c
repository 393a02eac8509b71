/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/routes.h"

#include <errno.h>
#include <string.h>

#include "serve/gzip.h"
#include "serve/negotiate.h"
#include "serve/page.h"
#include "serve/status.h"

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_JSON "application/json"

static const struct {
	const char *path;
	enum route_name name;
} routes[] = {
	{"/", ROUTE_PAGE},
	{"/metrics", ROUTE_METRICS},
	{"/healthz", ROUTE_HEALTH},
	{"/api/v1/status", ROUTE_STATUS},
	{"/api/v1/events", ROUTE_EVENTS},
};

struct route route_find(const char *method, const char *path, const char *accept,
			const char *accept_encoding)
{
	struct route route = {ROUTE_NOT_FOUND, METRICS_TEXT, false};

	if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
		route.name = ROUTE_BAD_METHOD;
		return route;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!strcmp(path, routes[i].path))
			route.name = routes[i].name;
	}
	if (route.name == ROUTE_METRICS)
		route.format = negotiate_format(accept);
	if (route.name == ROUTE_METRICS || route.name == ROUTE_STATUS || route.name == ROUTE_PAGE)
		route.gzip = negotiate_gzip(accept_encoding);
	return route;
}

static void answer_text(struct answer *answer, unsigned int status, const char *text)
{
	answer->status = status;
	answer->type = TYPE_TEXT;
	buffer_string(&answer->body, text);
}

static void answer_health(struct answer *answer, const struct http_handler *handler, void *userdata)
{
	const char *reason = handler->health(userdata);

	answer_text(answer, reason ? 503 : 200, reason ? reason : "ok");
	buffer_char(&answer->body, '\n');
}

/* What an answer's body is made of. */
typedef int (*encode_fn)(const struct route *route, const struct view *view, struct buffer *out);

/* Compressed while it is made, so that a scrape's megabytes never lie in memory. */
static int answer_body(struct answer *answer, const struct route *route, encode_fn encode,
		       const struct view *view)
{
	struct gzip *gzip;
	int err, end;

	if (!route->gzip)
		return encode(route, view, &answer->body);
	err = gzip_begin(&answer->body, &gzip);
	if (err)
		return err;
	err = encode(route, view, gzip_input(gzip));
	end = gzip_end(gzip);
	answer->gzip = true;
	return err ? err : end;
}

static int encode_page(const struct route *route, const struct view *view, struct buffer *out)
{
	(void)route;
	(void)view;
	buffer_append(out, page_html, page_length);
	return out->error;
}

static int answer_page(struct answer *answer, const struct route *route)
{
	answer->status = 200;
	answer->type = "text/html; charset=utf-8";
	answer->policy = page_policy;
	return answer_body(answer, route, encode_page, NULL);
}

static int encode_view(const struct route *route, const struct view *view, struct buffer *out)
{
	if (route->name == ROUTE_METRICS)
		return metrics_encode(route->format, view, out);
	return status_encode(view, out);
}

static int answer_view(struct answer *answer, const struct route *route,
		       const struct http_handler *handler, void *userdata)
{
	const struct view *view;
	int err = handler->view(userdata, &view);

	if (err)
		return err;
	answer->status = 200;
	answer->type = route->name == ROUTE_METRICS ? metrics_content_type(route->format)
						    : TYPE_JSON;
	return answer_body(answer, route, encode_view, view);
}

int route_answer(const struct route *route, const struct http_handler *handler, void *userdata,
		 struct answer *ret_answer)
{
	struct answer answer = {0};
	int err = 0;

	switch (route->name) {
	case ROUTE_PAGE:
		err = answer_page(&answer, route);
		break;
	case ROUTE_EVENTS:
		answer.status = 200;
		answer.type = ROUTE_EVENTS_TYPE;
		break;
	case ROUTE_BUSY:
		answer_text(&answer, 503, "too many read events already\n");
		break;
	case ROUTE_METRICS:
	case ROUTE_STATUS:
		err = answer_view(&answer, route, handler, userdata);
		break;
	case ROUTE_HEALTH:
		answer_health(&answer, handler, userdata);
		break;
	case ROUTE_BAD_METHOD:
		answer_text(&answer, 405, "only GET and HEAD are answered\n");
		break;
	case ROUTE_BAD_HOST:
		answer_text(&answer, 421,
			    "this server does not go by that host name; ask for localhost or an "
			    "address, or add the name to `allowed_hosts` in its configuration\n");
		break;
	default:
		answer_text(&answer, 404, "there is no such page; / links those there are\n");
		break;
	}
	if (err) {
		buffer_free(&answer.body);
		answer.gzip = false;
		answer.policy = NULL;
		answer_text(&answer, 503, "no data: ");
		buffer_string(&answer.body, strerror(-err));
		buffer_char(&answer.body, '\n');
	}
	if (answer.body.error) {
		buffer_free(&answer.body);
		return -ENOMEM;
	}
	*ret_answer = answer;
	return 0;
}
