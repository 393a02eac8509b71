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
#include <zlib.h>

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

/* Clients that libcurl is too well-mannered for. */

static int dial_address(int family, const char *address)
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
static void settle(void)
{
	for (int quiet = 0; quiet < 3; quiet++) {
		struct pollfd fd = {.fd = http_fd(fixture.http), .events = POLLIN};

		if (poll(&fd, 1, 0) || !http_timeout_us(fixture.http))
			quiet = 0;
		turn(0);
	}
}

static int dial(void)
{
	int fd = dial_address(AF_INET, "127.0.0.1");

	settle();
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	settle();
}

static bool is_open(int fd)
{
	char byte;

	settle();
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Waits for one whole reply with a length, and takes it. */
static void hear(int fd, struct reply *reply)
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

#define GET_HEALTH "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

Test(http, a_connection_serves_many_requests)
{
	struct reply reply;
	int fd;

	start(&no_limits);
	fd = dial();
	for (int i = 0; i < 3; i++) {
		say(fd, GET_HEALTH);
		hear(fd, &reply);
		cr_assert_eq(reply.status, 200);
	}
	say(fd, GET_HEALTH GET_HEALTH);
	hear(fd, &reply);
	hear(fd, &reply);
	cr_assert_eq(reply.status, 200);
	close(fd);
	stop();
}

Test(http, a_body_is_thrown_away)
{
	struct reply reply;
	int fd;

	start(&no_limits);
	fd = dial();
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
	say(fd, "hel");
	say(fd, "lo");
	hear(fd, &reply);
	cr_assert_eq(reply.status, 200);
	/* The body of a method that has no answer is not even waited for. */
	say(fd, "PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc");
	hear(fd, &reply);
	cr_assert_eq(reply.status, 405);
	cr_assert(!is_open(fd));
	close(fd);
	stop();
}

Test(http, a_head_too_large_is_refused)
{
	static char head[64 << 10];
	struct reply reply;
	int fd;

	start(&no_limits);
	snprintf(head, sizeof(head), "GET /metrics HTTP/1.1\r\nX: ");
	memset(head + strlen(head), 'a', sizeof(head) - 1 - strlen(head));
	fd = dial();
	cr_assert_gt(send(fd, head, strlen(head), MSG_NOSIGNAL), 0);
	hear(fd, &reply);
	cr_assert_eq(reply.status, 431);
	close(fd);
	fetch("/healthz", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 200);
	stop();
}

Test(http, bytes_that_trickle_do_not_move_the_deadline)
{
	int fd;

	start(&no_limits);
	fd = dial();
	say(fd, "GET /metrics HTTP/1.1\r\nHo");
	for (int i = 0; i < 49; i++) {
		fixture.now += SECOND / 10;
		say(fd, "o");
		cr_assert(is_open(fd), "closed after %d.%d s", i / 10, i % 10);
	}
	cr_assert_eq(http_timeout_us(fixture.http), SECOND / 10);
	fixture.now += SECOND / 10;
	cr_assert_eq(http_timeout_us(fixture.http), 0);
	cr_assert(!is_open(fd));
	cr_assert_eq(http_timeout_us(fixture.http), UINT64_MAX);
	close(fd);
	stop();
}

Test(http, an_idle_connection_outlives_a_scrape_interval)
{
	struct reply reply;
	int fd;

	start(&no_limits);
	fd = dial();
	for (int i = 0; i < 2; i++) {
		say(fd, GET_HEALTH);
		hear(fd, &reply);
		fixture.now += 60 * SECOND;
		cr_assert(is_open(fd));
	}
	fixture.now += 15 * SECOND;
	cr_assert(!is_open(fd));
	close(fd);
	stop();
}

/* Services enough that an answer does not fit the socket's buffers. */
static void grow_view(size_t count)
{
	struct view_service *services = calloc(count, sizeof(*services));

	for (size_t i = 0; i < count; i++)
		services[i] = fixture.test.services[0];
	fixture.test.view.services = services;
	fixture.test.view.services_count = count;
}

Test(http, a_slow_reader_is_cut)
{
	char piece[1000];
	int fd;

	start(&no_limits);
	grow_view(3000);
	fd = dial();
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 9; i++) {
		fixture.now += SECOND;
		settle();
		cr_assert_eq(recv(fd, piece, sizeof(piece), 0), sizeof(piece));
	}
	cr_assert_eq(http_timeout_us(fixture.http), SECOND);
	fixture.now += SECOND;
	settle();
	cr_assert_eq(http_timeout_us(fixture.http), UINT64_MAX);
	close(fd);
	stop();
}

Test(http, the_oldest_that_asked_nothing_gives_way)
{
	struct client_limits limits = {.connections = 4};
	struct reply reply;
	int known, idle[5];

	start(&limits);
	known = dial();
	say(known, GET_HEALTH);
	hear(known, &reply);
	for (int i = 0; i < 3; i++)
		idle[i] = dial();
	cr_assert(is_open(idle[0]));
	idle[3] = dial();
	cr_assert(!is_open(idle[0]));
	cr_assert(is_open(idle[1]));
	idle[4] = dial();
	cr_assert(!is_open(idle[1]));
	cr_assert(is_open(idle[2]) && is_open(idle[3]) && is_open(idle[4]));
	say(known, GET_HEALTH);
	hear(known, &reply);
	cr_assert_eq(reply.status, 200);
	stop();
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

#define IDLE 1000

Test(http, a_thousand_idle_connections_keep_nobody_out)
{
	struct rlimit files = {4096, 4096};
	int idle[IDLE], fds;
	struct reply reply;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	start(&no_limits);
	fds = count_fds();
	for (int i = 0; i < IDLE; i++)
		idle[i] = dial_address(AF_INET, "127.0.0.1");
	fetch("/metrics", "GET", NULL, &reply);
	cr_assert_eq(reply.status, 200);
	settle();
	cr_assert_leq(count_fds(), fds + IDLE + 64);
	cr_assert(!is_open(idle[0]));
	cr_assert(is_open(idle[IDLE - 1]));
	for (int i = 0; i < IDLE; i++)
		close(idle[i]);
	settle();
	cr_assert_eq(count_fds(), fds);
	stop();
}

Test(http, who_asks_together_shares_an_answer)
{
	const char *get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	struct reply reply;
	int fds[8];

	start(&no_limits);
	for (int i = 0; i < 8; i++)
		fds[i] = dial();
	for (int i = 0; i < 8; i++)
		cr_assert_gt(send(fds[i], get, strlen(get), 0), 0);
	for (int i = 0; i < 8; i++) {
		hear(fds[i], &reply);
		cr_assert_eq(reply.status, 200);
	}
	cr_assert_eq(fixture.views, 1);
	/* …but nobody gets an answer that was made before the question. */
	say(fds[0], get);
	hear(fds[0], &reply);
	cr_assert_eq(fixture.views, 2);
	stop();
}

Test(http, ipv6_and_both)
{
	struct http_handler handler = {give_view, give_health, give_now, no_limits};
	struct reply reply;
	int fd;

	test_view_init(&fixture.test);
	if (http_start("::", 0, &handler, &fixture, &fixture.http) == -EAFNOSUPPORT)
		cr_skip_test("IPv6 is off");
	fd = dial_address(AF_INET6, "::1");
	say(fd, GET_HEALTH);
	hear(fd, &reply);
	cr_assert_eq(reply.status, 200);
	fd = dial_address(AF_INET, "127.0.0.1");
	say(fd, GET_HEALTH);
	hear(fd, &reply);
	cr_assert_eq(reply.status, 200);
	stop();
}
