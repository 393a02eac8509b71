/* SPDX-License-Identifier: GPL-2.0 */
/* Connections: what becomes of those that are slow, many, idle or ill-mannered. */
#include <dirent.h>
#include <sys/resource.h>

#include "unit/http_world.h"

static const struct client_limits no_limits;

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
	say(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n");
	say(fd, "hel");
	say(fd, "lo");
	hear(fd, &reply);
	cr_assert_eq(reply.status, 200);
	/* The body of a method that has no answer is not even waited for. */
	say(fd,
	    "PUT /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nabc");
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
	say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
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
	const char *get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
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
