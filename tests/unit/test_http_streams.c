/* SPDX-License-Identifier: GPL-2.0 */
/* Streams of events from the real server on loopback, its clock the test's. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/http.h"
#include "serve/streams.h"
#include "test_serve_view.h"

#define SECOND 1000000ULL

static struct fixture {
	struct http *http;
	struct test_view test;
	unsigned int views; /* how often the view was asked for */
	uint64_t now;
} fixture;

static int give_view(void *userdata, const struct view **ret_view)
{
	struct fixture *own = userdata;

	own->views++;
	*ret_view = &own->test.view;
	return 0;
}

static const char *give_health(void *userdata)
{
	(void)userdata;
	return NULL;
}

static uint64_t give_now(void *userdata)
{
	return ((struct fixture *)userdata)->now;
}

static void start(void)
{
	const struct http_handler handler = {give_view, give_health, give_now, {0}};

	test_view_init(&fixture.test);
	cr_assert_eq(http_start("127.0.0.1", 0, &handler, &fixture, &fixture.http), 0);
}

/* The server has done all that it can do now. */
static void settle(void)
{
	for (int quiet = 0; quiet < 5; quiet++) {
		struct pollfd fd = {.fd = http_fd(fixture.http), .events = POLLIN};

		if (!poll(&fd, 1, 1) && http_timeout_us(fixture.http))
			continue;
		quiet = 0;
		cr_assert_eq(http_run(fixture.http), 0);
	}
}

/* Asks for events; at most `window` bytes wait in its own kernel, 0: as many as it likes. */
static int listen_to_events(int window)
{
	const char *get = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (window)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	address.sin_port = htons(http_port(fixture.http));
	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(send(fd, get, strlen(get), MSG_NOSIGNAL), (ssize_t)strlen(get));
	settle();
	return fd;
}

struct heard {
	char text[1 << 20];
	size_t length;
	bool closed;
};

/* All that has come. */
static void hear(int fd, struct heard *heard)
{
	ssize_t got;

	memset(heard, 0, sizeof(*heard));
	while ((got = recv(fd, heard->text + heard->length, sizeof(heard->text) - 1 - heard->length,
			   MSG_DONTWAIT)) > 0)
		heard->length += (size_t)got;
	heard->closed = !got || (got < 0 && errno != EAGAIN);
}

static unsigned int events_in(const struct heard *heard)
{
	unsigned int count = 0;

	for (const char *at = heard->text; (at = strstr(at, "data: {")); at++)
		count++;
	return count;
}

static void publish(void)
{
	http_publish_soon(fixture.http);
	settle();
}

static struct heard heard;

Test(streams, an_event_at_once_and_with_each_publishing)
{
	int fd;

	start();
	fd = listen_to_events(0);
	hear(fd, &heard);
	cr_expect_eq(strncmp(heard.text, "HTTP/1.1 200 OK\r\n", 17), 0);
	cr_expect_not_null(strstr(heard.text, "Content-Type: text/event-stream\r\n"));
	cr_expect_not_null(strstr(heard.text, "Content-Security-Policy: default-src 'none'"));
	cr_expect_eq(events_in(&heard), 1);
	cr_expect_not_null(strstr(heard.text, "\"name\":\"nginx:80\""));
	cr_expect_not_null(strstr(heard.text, "}\n\n"));
	cr_expect_eq(http_streams(fixture.http), 1);
	for (int i = 0; i < 3; i++) {
		fixture.now += SECOND;
		publish();
		hear(fd, &heard);
		cr_expect_eq(events_in(&heard), 1);
	}
	cr_expect_eq(fixture.views, 4);
	close(fd);
	http_stop(fixture.http);
}

Test(streams, nobody_listens_and_nothing_is_made)
{
	int fd;

	start();
	publish();
	cr_expect_eq(fixture.views, 0);
	fd = listen_to_events(0);
	close(fd);
	publish();
	cr_expect_eq(http_streams(fixture.http), 0);
	fixture.views = 0;
	publish();
	cr_expect_eq(fixture.views, 0);
	cr_expect_eq(http_timeout_us(fixture.http), UINT64_MAX);
	http_stop(fixture.http);
}

Test(streams, all_share_one_event_and_one_too_many_is_refused)
{
	int fds[STREAMS_MAX], late;

	start();
	for (int i = 0; i < STREAMS_MAX; i++)
		fds[i] = listen_to_events(0);
	cr_expect_eq(fixture.views, 1);
	late = listen_to_events(0);
	hear(late, &heard);
	cr_expect_eq(strncmp(heard.text, "HTTP/1.1 503 ", 13), 0);
	cr_expect_not_null(strstr(heard.text, "Retry-After: 5\r\n"));
	publish();
	cr_expect_eq(fixture.views, 2);
	for (int i = 0; i < STREAMS_MAX; i++) {
		hear(fds[i], &heard);
		cr_expect_eq(events_in(&heard), 2);
	}
	/* Where one leaves there is room again; the first event that it does not take tells. */
	close(fds[3]);
	publish();
	publish();
	cr_expect_eq(http_streams(fixture.http), STREAMS_MAX - 1);
	close(listen_to_events(0));
	cr_expect_eq(http_streams(fixture.http), STREAMS_MAX);
	http_stop(fixture.http);
}

/* Services enough that an event does not fit the sockets' buffers. */
static void grow_view(size_t count)
{
	struct view_service *services = calloc(count, sizeof(*services));

	for (size_t i = 0; i < count; i++)
		services[i] = fixture.test.services[0];
	fixture.test.view.services = services;
	fixture.test.view.services_count = count;
}

Test(streams, who_reads_nothing_is_cut_and_holds_up_nobody)
{
	int slow, quick;

	start();
	grow_view(6000);
	slow = listen_to_events(4096);
	fixture.test.view.services_count = 2;
	publish();
	quick = listen_to_events(0);
	for (int i = 0; i < 9; i++) {
		fixture.now += SECOND;
		publish();
	}
	hear(quick, &heard);
	cr_expect_geq(events_in(&heard), 9);
	cr_expect_eq(http_streams(fixture.http), 2);
	fixture.now += SECOND + 1;
	publish();
	cr_expect_eq(http_streams(fixture.http), 1);
	close(slow);
	close(quick);
	http_stop(fixture.http);
}

Test(streams, a_sleeper_outlives_the_idle_limit_while_it_is_served)
{
	int fd;

	start();
	fd = listen_to_events(0);
	for (int i = 0; i < 200; i++) {
		fixture.now += SECOND;
		publish();
	}
	cr_expect_eq(http_streams(fixture.http), 1);
	hear(fd, &heard);
	cr_expect_eq(heard.closed, false);
	cr_expect_gt(events_in(&heard), 100);
	http_stop(fixture.http);
	hear(fd, &heard);
	cr_expect_eq(heard.closed, true);
}
