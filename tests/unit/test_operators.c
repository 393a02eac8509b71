/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket's connections, by real ones: orders, who may give them, and what those
 * come to who are slow, silent, many or malicious, while the loop's tick goes on.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/operators.h"

#define ORDER	   "{\"order\":\"reset\",\"service\":\"a\",\"why\":\"x\"}\n"
#define SHUNT_GID  54321
#define OTHER_ID   54322
#define TICK_USEC  10000
#define PATIENT_MS 20000

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener;
static sd_event *event;
static sd_event_source *tick;
static struct operators *operators;
static unsigned orders, ticks;
static struct order last;
static char last_who[BREAKER_WHO_MAX];

static json_t *on_order(void *userdata, const struct order *order, const char *who)
{
	cr_assert_eq(userdata, &orders);
	orders++;
	last = *order;
	snprintf(last_who, sizeof(last_who), "%s", who);
	return json_pack("{s:b, s:s}", "ok", 1, "message", "done");
}

static int on_tick(sd_event_source *source, uint64_t due, void *userdata)
{
	(void)userdata;
	ticks++;
	return sd_event_source_set_time(source, due + TICK_USEC);
}

static void set_up(void)
{
	struct operators_options options = {
		.group = SHUNT_GID, .fn = on_order, .userdata = &orders};
	uint64_t now;

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/shunt-test-%d.sock",
		 (int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 128), 0);
	/* Wider than the daemon's, so that those come in who are to be turned away. */
	cr_assert_eq(chmod(address.sun_path, 0666), 0);
	cr_assert_geq(sd_event_new(&event), 0);
	options.fd = listener;
	cr_assert_geq(operators_new(event, &options, &operators), 0);
	sd_event_now(event, CLOCK_MONOTONIC, &now);
	cr_assert_geq(sd_event_add_time(event, &tick, CLOCK_MONOTONIC, now, 1, on_tick, NULL), 0);
	sd_event_source_set_enabled(tick, SD_EVENT_ON);
	sd_event_source_set_priority(tick, SD_EVENT_PRIORITY_IMPORTANT);
}

static void tear_down(void)
{
	operators_free(operators);
	sd_event_source_unref(tick);
	sd_event_unref(event);
	close(listener);
	unlink(address.sun_path);
}

TestSuite(operators, .init = set_up, .fini = tear_down, .timeout = 60);

static int connect_one(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0, "%s",
		     strerror(errno));
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text), "%s",
		     strerror(errno));
}

static bool is_ready(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

/* Turns the loop until the descriptor has something to say, or its end. */
static void turn_until(int fd)
{
	for (unsigned turns = 0; !is_ready(fd); turns++) {
		cr_assert_lt(turns, PATIENT_MS);
		cr_assert_geq(sd_event_run(event, 1000), 0);
	}
}

/* What comes back until the connection is closed. */
static const char *hear(int fd)
{
	static char text[4096];
	size_t used = 0;
	ssize_t size;

	do {
		turn_until(fd);
		size = recv(fd, text + used, sizeof(text) - 1 - used, MSG_DONTWAIT);
		if (size > 0)
			used += (size_t)size;
	} while (size > 0);
	text[used] = '\0';
	return text;
}

static void expect_answer(int fd, const char *answer)
{
	const char *text = hear(fd);

	cr_expect_str_eq(text, answer, "'%s', expected '%s'", text, answer);
	close(fd);
}

#define DONE "{\"ok\":true,\"message\":\"done\"}\n"

/* ---- orders ---- */

Test(operators, an_order_is_carried_out_and_answered)
{
	char who[BREAKER_WHO_MAX];
	int fd = connect_one();

	say(fd, ORDER);
	expect_answer(fd, DONE);
	cr_expect_eq(orders, 1);
	cr_expect_str_eq(last.service, "a");
	cr_expect_eq(last.command.order, BREAKER_RESET);
	snprintf(who, sizeof(who), "root (pid %d)", (int)getpid());
	/* Someone who has logged in elsewhere may run the test. */
	cr_expect(strstr(last_who, who) || strstr(last_who, ", as root (pid "), "%s", last_who);
}

Test(operators, an_order_in_pieces)
{
	int fd = connect_one();

	for (const char *at = ORDER; *at; at++) {
		char piece[2] = {*at, '\0'};

		cr_assert_eq(orders, 0);
		say(fd, piece);
		sd_event_run(event, 0);
	}
	expect_answer(fd, DONE);
	cr_expect_eq(orders, 1);
}

Test(operators, a_wrong_order_is_refused_and_says_why)
{
	int fd = connect_one();

	say(fd, "{\"order\":\"stop\"}\n");
	expect_answer(fd, "{\"ok\":false,\"message\":\"order: 'stop', expected trip, reset or "
			  "mode\"}\n");
	cr_expect_eq(orders, 0);
}

/* One connection, one order: what follows was not asked for. */
Test(operators, what_follows_an_order_is_not_heard)
{
	int fd = connect_one();

	say(fd, ORDER ORDER ORDER);
	turn_until(fd);
	close(fd);
	for (unsigned i = 0; i < 10; i++)
		sd_event_run(event, 1000);
	cr_expect_eq(orders, 1);
}

Test(operators, who_leaves_early_leaves_nothing_behind)
{
	int fd;

	for (unsigned i = 0; i < 5 * OPERATORS_MAX; i++) {
		fd = connect_one();
		if (i % 2)
			say(fd, "{\"order\":");
		close(fd);
		sd_event_run(event, 0);
	}
	/* Without its newline it is not said. */
	fd = connect_one();
	send(fd, ORDER, strlen(ORDER) - 1, 0);
	shutdown(fd, SHUT_WR);
	cr_expect_str_eq(hear(fd), "");
	close(fd);
	cr_expect_eq(orders, 0);
	fd = connect_one();
	say(fd, ORDER);
	expect_answer(fd, DONE);
}

/* He orders, and never takes the answer. */
Test(operators, who_does_not_listen_is_answered_all_the_same)
{
	int fd = connect_one(), other;

	say(fd, ORDER);
	shutdown(fd, SHUT_RD);
	other = connect_one();
	say(other, ORDER);
	expect_answer(other, DONE);
	cr_expect_eq(orders, 2);
	close(fd);
}

/* ---- limits ---- */

Test(operators, an_order_without_end_is_refused)
{
	int fd = connect_one();
	char noise[ORDER_LINE_MAX];

	memset(noise, 'x', sizeof(noise));
	cr_assert_eq(send(fd, noise, sizeof(noise) - 1, 0), (ssize_t)sizeof(noise) - 1);
	for (unsigned i = 0; i < 10; i++)
		sd_event_run(event, 1000);
	cr_expect_not(is_ready(fd), "a byte less than too long");
	say(fd, "x");
	expect_answer(fd, "{\"ok\":false,\"message\":\"expected an order of less than 2048 "
			  "bytes\"}\n");
}

Test(operators, the_silent_are_hung_up_on)
{
	int silent = connect_one(), slow = connect_one();

	say(slow, "{\"order\":");
	cr_expect_str_eq(hear(silent), "");
	cr_expect_str_eq(hear(slow), "");
	close(silent);
	close(slow);
	cr_expect_eq(orders, 0);
}

Test(operators, of_too_many_the_oldest_gives_way)
{
	int fds[OPERATORS_MAX], late;

	for (unsigned i = 0; i < OPERATORS_MAX; i++) {
		fds[i] = connect_one();
		sd_event_run(event, 0);
		sd_event_run(event, 0);
	}
	late = connect_one();
	say(late, ORDER);
	expect_answer(late, DONE);
	cr_expect_str_eq(hear(fds[0]), "", "the oldest is gone");
	say(fds[1], ORDER);
	expect_answer(fds[1], DONE);
	close(fds[0]);
	for (unsigned i = 2; i < OPERATORS_MAX; i++)
		close(fds[i]);
}

/* One turn of the loop.  If a tick is due, it is that. */
static void turn(void)
{
	unsigned before = ticks;
	struct timespec now;
	uint64_t due;

	sd_event_source_get_time(tick, &due);
	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_assert_geq(sd_event_run(event, TICK_USEC), 0);
	if (due <= (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000)
		cr_assert_neq(ticks, before, "something else came before a tick that was due");
}

/* Everybody at once who means no good. */
Test(operators, nobody_holds_the_tick_up)
{
	static char noise[65536];
	int fds[100], good;
	unsigned before;

	memset(noise, '[', sizeof(noise));
	for (unsigned i = 0; i < 100; i++) {
		fds[i] = connect_one();
		if (i % 3)
			send(fds[i], noise, i % 3 == 1 ? 1000 : sizeof(noise),
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	good = connect_one();
	say(good, ORDER);
	before = ticks;
	for (unsigned turns = 0; !is_ready(good); turns++) {
		cr_assert_lt(turns, 10000);
		turn();
	}
	expect_answer(good, DONE);
	while (ticks < before + 20)
		turn();
	for (unsigned i = 0; i < 100; i++)
		close(fds[i]);
}

/* One that cannot be accepted would be announced for ever, and the loop would do nothing else. */
Test(operators, without_a_descriptor_to_be_had_they_are_turned_away)
{
	struct rlimit limit, used_up;
	int fd = connect_one(), next = dup(fd);

	say(fd, ORDER);
	close(next);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	used_up = limit;
	used_up.rlim_cur = (rlim_t)next;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &used_up), 0);
	cr_expect_str_eq(hear(fd), "");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(orders, 0);
	close(fd);
	fd = connect_one();
	say(fd, ORDER);
	expect_answer(fd, DONE);
}

/* ---- who ---- */

/* Gives an order as somebody; whether it was carried out. */
static bool may_order(uid_t uid, gid_t gid, gid_t supplementary)
{
	unsigned before = orders;
	int status, pipe_fds[2];
	char byte;
	pid_t child;

	cr_assert_eq(pipe(pipe_fds), 0);
	child = fork();
	if (!child) {
		int fd;

		close(pipe_fds[0]);
		if (setgroups(1, &supplementary) || setresgid(gid, gid, gid) ||
		    setresuid(uid, uid, uid))
			_exit(2);
		fd = connect_one();
		say(fd, ORDER);
		_exit(read(fd, &byte, 1) != 1);
	}
	close(pipe_fds[1]);
	turn_until(pipe_fds[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "the child has an answer");
	close(pipe_fds[0]);
	return orders != before;
}

Test(operators, root_and_the_group_may)
{
	if (geteuid())
		cr_skip_test("only root can be somebody else");
	cr_expect(may_order(0, OTHER_ID, OTHER_ID), "root");
	cr_expect(may_order(OTHER_ID, SHUNT_GID, OTHER_ID), "whose group it is");
	cr_expect(strstr(last_who, "uid 54322 (pid ") || strstr(last_who, ", as uid 54322 (pid "),
		  "%s", last_who);
	cr_expect(may_order(OTHER_ID, OTHER_ID, SHUNT_GID), "who is in it as well");
	cr_expect_not(may_order(OTHER_ID, OTHER_ID, OTHER_ID), "another");
	cr_expect_not(may_order(65534, 65534, 65534), "nobody");
}

Test(operators, without_the_group_root_alone_may)
{
	const struct operators_options options = {
		.fd = listener, .group = (gid_t)-1, .fn = on_order, .userdata = &orders};

	if (geteuid())
		cr_skip_test("only root can be somebody else");
	operators_free(operators);
	cr_assert_geq(operators_new(event, &options, &operators), 0);
	cr_expect(may_order(0, OTHER_ID, OTHER_ID), "root");
	cr_expect_not(may_order(OTHER_ID, OTHER_ID, OTHER_ID), "another");
	cr_expect_not(may_order(OTHER_ID, (gid_t)-2, OTHER_ID), "one with no group");
}
