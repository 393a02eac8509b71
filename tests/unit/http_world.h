/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The real server on loopback, and libcurl as its client, both driven from one
 * loop in one thread.  The server's clock is the test's, so that deadlines are
 * reached by setting it.
 */
#ifndef SHUNT_TESTS_UNIT_HTTP_WORLD_H
#define SHUNT_TESTS_UNIT_HTTP_WORLD_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
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

static inline int give_view(void *userdata, const struct view **ret_view)
{
	struct fixture *own = userdata;

	own->views++;
	*ret_view = &own->test.view;
	return own->view_error;
}

static inline const char *give_health(void *userdata)
{
	return ((struct fixture *)userdata)->reason;
}

static inline uint64_t give_now(void *userdata)
{
	return ((struct fixture *)userdata)->now;
}

static inline void start(const struct client_limits *limits)
{
	struct http_handler handler = {give_view, give_health, give_now, *limits};

	test_view_init(&fixture.test);
	cr_assert_eq(http_start("127.0.0.1", 0, &handler, &fixture, &fixture.http), 0);
	cr_assert_neq(http_port(fixture.http), 0);
}

static inline void stop(void)
{
	http_stop(fixture.http);
}

/* As the daemon does: when the descriptor is readable or the timeout is over. */
static inline void turn(int wait_ms)
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

static inline size_t on_head(char *data, size_t size, size_t count, void *userdata)
{
	struct reply *reply = userdata;
	size_t length = size * count;

	cr_assert_lt(reply->head_length + length, sizeof(reply->head));
	memcpy(reply->head + reply->head_length, data, length);
	reply->head_length += length;
	return length;
}

static inline size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct reply *reply = userdata;
	size_t length = size * count;

	cr_assert_lt(reply->length + length, sizeof(reply->body));
	memcpy(reply->body + reply->length, data, length);
	reply->length += length;
	return length;
}

static inline CURL *request(const char *path, const char *method, struct curl_slist *headers,
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
static inline void perform(CURLM *multi)
{
	int running = 1;

	while (running) {
		cr_assert_eq(curl_multi_perform(multi, &running), CURLM_OK);
		turn(1);
	}
}

static inline void fetch(const char *path, const char *method, const char *header,
			 struct reply *reply)
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

/* Clients that libcurl is too well-mannered for. */

static inline int dial_address(int family, const char *address)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	v4.sin_port = v6.sin6_port = htons(http_port(fixture.http));
	if (family == AF_INET) {
		inet_pton(family, address, &v4.sin_addr);
		cr_assert_eq(connect(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	} else {
		inet_pton(family, address, &v6.sin6_addr);
		cr_assert_eq(connect(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	}
	return fd;
}

/* The server has done all that it can do now. */
static inline void settle(void)
{
	for (int quiet = 0; quiet < 3; quiet++) {
		struct pollfd fd = {.fd = http_fd(fixture.http), .events = POLLIN};

		if (poll(&fd, 1, 0) || !http_timeout_us(fixture.http))
			quiet = 0;
		turn(0);
	}
}

static inline int dial(void)
{
	int fd = dial_address(AF_INET, "127.0.0.1");

	settle();
	return fd;
}

static inline void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	settle();
}

static inline bool is_open(int fd)
{
	char byte;

	settle();
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Waits for one whole reply with a length, and takes it. */
static inline void hear(int fd, struct reply *reply)
{
	size_t expected = SIZE_MAX;

	memset(reply, 0, sizeof(*reply));
	while (reply->length < expected) {
		ssize_t got = recv(fd, reply->body + reply->length, 1, MSG_DONTWAIT);
		const char *end;

		if (got < 0 && errno == EAGAIN) {
			turn(1);
			continue;
		}
		cr_assert_eq(got, 1, "closed after %zu bytes", reply->length);
		reply->length++;
		end = strstr(reply->body, "\r\n\r\n");
		if (end && expected == SIZE_MAX) {
			const char *header = strcasestr(reply->body, "content-length:");

			cr_assert_not_null(header);
			expected = (size_t)(end + 4 - reply->body) + strtoul(header + 15, NULL, 10);
		}
	}
	reply->status = strtol(reply->body + strlen("HTTP/1.1 "), NULL, 10);
}

#define GET_HEALTH "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

#endif
