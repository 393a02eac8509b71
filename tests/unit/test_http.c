/* SPDX-License-Identifier: GPL-2.0 */
/* What the server answers to which request. */
#include <zlib.h>

#include "unit/http_world.h"

static const struct client_limits no_limits;

Test(http, text_is_the_default)
{
	struct reply reply;

	start(&no_limits);
	fetch("/metrics", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 200);
	CONTAINS(reply.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	CONTAINS(reply.head, "X-Content-Type-Options: nosniff\r\n");
	CONTAINS(reply.head, "Cache-Control: no-store\r\n");
	CONTAINS(reply.body,
		 "\nshunt_tcp_retransmits_total{service=\"nginx:80\",role=\"server\"} 7\n");
	stop();
}

Test(http, openmetrics_by_accept)
{
	struct reply reply;

	start(&no_limits);
	fetch("/metrics", "GET", "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1",
	      &reply);
	CONTAINS(reply.head, "Content-Type: application/openmetrics-text; version=1.0.0; "
			     "charset=utf-8\r\n");
	cr_assert_gt(reply.length, 6);
	cr_assert_eq(memcmp(reply.body + reply.length - 6, "# EOF\n", 6), 0);
	stop();
}

Test(http, gzip_holds_the_same)
{
	struct reply plain, packed;
	char text[sizeof(plain.body)];
	z_stream stream = {0};

	start(&no_limits);
	fetch("/metrics", "GET", NULL, &plain);
	fetch("/metrics", "GET", "Accept-Encoding: gzip, deflate", &packed);
	CONTAINS(packed.head, "Content-Encoding: gzip\r\n");
	cr_assert_lt(packed.length, plain.length / 2);

	cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = (Bytef *)packed.body;
	stream.avail_in = (uInt)packed.length;
	stream.next_out = (Bytef *)text;
	stream.avail_out = sizeof(text);
	cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	cr_assert_eq(stream.total_out, plain.length);
	cr_assert_eq(memcmp(text, plain.body, plain.length), 0);
	inflateEnd(&stream);
	stop();
}

Test(http, head_has_the_length_and_no_body)
{
	struct reply get, head;
	char length[64];

	start(&no_limits);
	fetch("/metrics", "GET", NULL, &get);
	fetch("/metrics", "HEAD", NULL, &head);
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", get.length);
	cr_assert_eq(head.status, 200);
	cr_assert_eq(head.length, 0);
	CONTAINS(head.head, length);
	stop();
}

Test(http, unknown_paths_and_methods)
{
	struct reply reply;

	start(&no_limits);
	fetch("/metricsx", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 404);
	fetch("/metrics", "POST", NULL, &reply);
	cr_assert_eq(reply.status, 405);
	CONTAINS(reply.head, "Allow: GET, HEAD\r\n");
	fetch("/metrics", "DELETE", NULL, &reply);
	cr_assert_eq(reply.status, 405);
	CONTAINS(reply.head,
		 "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
	CONTAINS(reply.head, "X-Content-Type-Options: nosniff\r\n");
	cr_assert_eq(fixture.views, 0);
	stop();
}

Test(http, a_foreign_host_name_reads_nothing)
{
	static const char *const paths[] = {
		"/", "/metrics", "/healthz", "/api/v1/status", "/api/v1/events", "/nothing"};
	static char example[] = "shunt.example";
	char *const names[] = {example};
	struct reply reply;

	start(&no_limits);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fetch(paths[i], "GET", "Host: evil.example", &reply);
		cr_assert_eq(reply.status, 421, "%s", paths[i]);
		CONTAINS(reply.body, "does not go by that host name");
	}
	cr_assert_eq(fixture.views, 0);
	fetch("/metrics", "GET", "Host: shunt.example", &reply);
	cr_assert_eq(reply.status, 421);
	cr_assert_eq(http_allow(fixture.http, names, 1), 0);
	fetch("/metrics", "GET", "Host: shunt.example", &reply);
	cr_assert_eq(reply.status, 200);
	stop();
}

Test(http, the_page_is_one_file)
{
	struct reply reply;

	start(&no_limits);
	fetch("/", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 200);
	CONTAINS(reply.head, "Content-Type: text/html; charset=utf-8\r\n");
	CONTAINS(reply.head, "; script-src 'sha256-");
	CONTAINS(reply.head, "X-Frame-Options: DENY\r\n");
	CONTAINS(reply.body, "<a href=\"/metrics\">");
	CONTAINS(reply.body, "new EventSource(\"/api/v1/events\")");
	cr_assert_null(strstr(reply.body, "\n@s"), "a file is not in it");
	cr_assert_eq(fixture.views, 0);
	stop();
}

Test(http, health_gives_its_reason)
{
	struct reply reply;

	start(&no_limits);
	fetch("/healthz", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 200);
	cr_assert_str_eq(reply.body, "ok\n");
	fixture.reason = "tick: 12 s late";
	fetch("/healthz", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 503);
	cr_assert_str_eq(reply.body, "tick: 12 s late\n");
	stop();
}

Test(http, status_is_json)
{
	struct reply reply;

	start(&no_limits);
	fetch("/api/v1/status", "GET", NULL, &reply);
	CONTAINS(reply.head, "Content-Type: application/json\r\n");
	CONTAINS(reply.body, "\"name\":\"nginx:80\"");
	stop();
}

Test(http, no_view_is_a_503)
{
	struct reply reply;

	start(&no_limits);
	fixture.view_error = -ENODATA;
	fetch("/metrics", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 503);
	CONTAINS(reply.body, strerror(ENODATA));
	CONTAINS(reply.head, "Content-Type: text/plain; charset=utf-8\r\n");
	stop();
}

Test(http, start_says_what_is_wrong)
{
	struct http_handler handler = {give_view, give_health, NULL, no_limits};
	struct http *second = NULL;

	start(&no_limits);
	cr_assert_eq(http_start("127.0.0.1", http_port(fixture.http), &handler, NULL, &second),
		     -EADDRINUSE);
	cr_assert_eq(http_start("localhost", 0, &handler, NULL, &second), -EINVAL);
	cr_assert_eq(http_start("192.0.2.1", 0, &handler, NULL, &second), -EADDRNOTAVAIL);
	cr_assert_null(second);
	http_stop(second);
	stop();
}
