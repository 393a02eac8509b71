/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The real server on loopback, and libcurl as its client, both driven from one
 * loop in one thread.  The server's clock is the test's, so that deadlines are
 * reached by setting it.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/http.h"
#include "test_serve_view.h"

#define SECOND 1000000ULL

static struct fixture {
	struct http *http;
	struct test_view test;
	int view_error;
	unsigned int views; /* how often the view was asked for */
	const char *reason;
	uint64_t now;
} fixture;

static int give_view(void *userdata, const struct view **ret_view)
{
	struct fixture *own = userdata;

	own->views++;
	*ret_view = &own->test.view;
	return own->view_error;
}

static const char *give_health(void *userdata)
{
	return ((struct fixture *)userdata)->reason;
}

static uint64_t give_now(void *userdata)
{
	return ((struct fixture *)userdata)->now;
}

static void start(const struct client_limits *limits)
{
	struct http_handler handler = {give_view, give_health, give_now, *limits};

	test_view_init(&fixture.test);
	cr_assert_eq(http_start("127.0.0.1", 0, &handler, &fixture, &fixture.http), 0);
	cr_assert_neq(http_port(fixture.http), 0);
}

static void stop(void)
{
	http_stop(fixture.http);
}

/* As the daemon does: when the descriptor is readable or the timeout is over. */
static void turn(int wait_ms)
{
	struct pollfd fd = {.fd = http_fd(fixture.http), .events = POLLIN};

	if (poll(&fd, 1, http_timeout_us(fixture.http) ? wait_ms : 0) ||
	    !http_timeout_us(fixture.http))
		cr_assert_eq(http_run(fixture.http), 0);
}

struct reply {
	long status;
	char head[2048];
	char body[65536];
	size_t head_length, length;
};

static size_t on_head(char *data, size_t size, size_t count, void *userdata)
{
	struct reply *reply = userdata;
	size_t length = size * count;

	cr_assert_lt(reply->head_length + length, sizeof(reply->head));
	memcpy(reply->head + reply->head_length, data, length);
	reply->head_length += length;
	return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct reply *reply = userdata;
	size_t length = size * count;

	cr_assert_lt(reply->length + length, sizeof(reply->body));
	memcpy(reply->body + reply->length, data, length);
	reply->length += length;
	return length;
}

static CURL *request(const char *path, const char *method, struct curl_slist *headers,
		     struct reply *reply)
{
	CURL *easy = curl_easy_init();
	char url[128];

	memset(reply, 0, sizeof(*reply));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_port(fixture.http), path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(easy, CURLOPT_NOBODY, !strcmp(method, "HEAD") ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, reply);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
	return easy;
}

/* Until all transfers are done; the hang guard is the runner's. */
static void perform(CURLM *multi)
{
	int running = 1;

	while (running) {
		cr_assert_eq(curl_multi_perform(multi, &running), CURLM_OK);
		turn(1);
	}
}

static void fetch(const char *path, const char *method, const char *header, struct reply *reply)
{
	struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
	CURL *easy = request(path, method, headers, reply);
	CURLM *multi = curl_multi_init();
	CURLMsg *message;
	int left;

	curl_multi_add_handle(multi, easy);
	perform(multi);
	message = curl_multi_info_read(multi, &left);
	cr_assert_eq(message->data.result, CURLE_OK, "%s",
		     curl_easy_strerror(message->data.result));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_multi_remove_handle(multi, easy);
	curl_easy_cleanup(easy);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
}

#define CONTAINS(text, part) cr_assert_not_null(strstr(text, part), "no \"%s\" in:\n%s", part, text)

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
