/* SPDX-License-Identifier: GPL-2.0 */
/* Real POSTs, to a server on the same loop: were anything waited for, nothing would move. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alert/sender.h"

#define MSEC 1000ULL

#define REQUEST_MAX (4 << 20)

/* The server: what it was told, and what it says. */
static int listener;
static char *request;
static size_t request_length;
static unsigned int accepts, requests;
static const char *reply; /* NULL: none, ever */
static bool endless;
static bool hangs_up;

static sd_event *event;
static struct sender *sender;
static char url[64];

/* What came of the last transfer. */
static unsigned int answers;
static long status;
static char text[512];
static unsigned int ticks;

/* ---- the server ---- */

/* Whether the whole request is there. */
static bool is_whole(void)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "content-length:");

	return end && length && strlen(end + 4) >= strtoul(length + 15, NULL, 10);
}

static void answer_request(sd_event_source *source, int fd)
{
	requests++;
	if (reply)
		cr_assert_eq(send(fd, reply, strlen(reply), 0), (ssize_t)strlen(reply));
	if (endless)
		sd_event_source_set_io_events(source, EPOLLIN | EPOLLOUT);
	if (hangs_up) {
		sd_event_source_disable_unref(source);
		close(fd);
	}
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	ssize_t length = recv(fd, request + request_length, REQUEST_MAX - request_length,
			      MSG_DONTWAIT);

	(void)userdata;
	if (!length || (revents & EPOLLHUP)) {
		sd_event_source_disable_unref(source);
		close(fd);
		return 0;
	}
	if (length > 0) {
		request_length += (size_t)length;
		request[request_length] = '\0';
		if (is_whole())
			answer_request(source, fd);
	} else if (revents & EPOLLOUT)
		send(fd, request, 4096, MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	sd_event_source *peer;

	(void)source;
	(void)revents;
	(void)userdata;
	accepts++;
	request_length = 0;
	cr_assert_geq(sd_event_add_io(event, &peer, client, EPOLLIN, on_client, NULL), 0);
	return 0;
}

static void serve(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	request = calloc(1, REQUEST_MAX + 1);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(listener, 16), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", ntohs(address.sin_port));
	cr_assert_geq(sd_event_add_io(event, NULL, listener, EPOLLIN, on_accept, NULL), 0);
}

/* ---- the loop ---- */

static int on_tick(sd_event_source *source, uint64_t due, void *userdata)
{
	(void)userdata;
	ticks++;
	sd_event_source_set_time(source, due + MSEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void set_up(void)
{
	uint64_t now;

	cr_assert_geq(sd_event_new(&event), 0);
	serve();
	sd_event_now(event, CLOCK_MONOTONIC, &now);
	cr_assert_geq(sd_event_add_time(event, NULL, CLOCK_MONOTONIC, now, 1, on_tick, NULL), 0);
}

static void tear_down(void)
{
	sender_free(sender);
	sd_event_unref(event);
	close(listener);
	free(request);
}

TestSuite(alert_sender, .init = set_up, .fini = tear_down, .timeout = 60);

static void limit(uint64_t connect_timeout, uint64_t timeout)
{
	const struct sender_limits limits = {.connect_timeout = connect_timeout,
					     .timeout = timeout};

	cr_assert_eq(sender_new(event, &limits, &sender), 0);
}

static void on_answer(void *userdata, const struct sender_answer *answer)
{
	(void)userdata;
	answers++;
	status = answer->status;
	snprintf(text, sizeof(text), "%s", answer->text);
}

static struct transfer *post(const char *to, const char *body)
{
	struct transfer *transfer = NULL;

	if (!sender)
		limit(60000 * MSEC, 60000 * MSEC);
	cr_assert_eq(sender_post(sender, to, body, on_answer, NULL, &transfer), 0);
	return transfer;
}

static void run_until_answers(unsigned int count)
{
	while (answers < count)
		cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
}

/* ---- what is sent ---- */

Test(alert_sender, a_post_of_json)
{
	reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	post(url, "[{\"a\":1}]");
	run_until_answers(1);
	cr_expect_eq(status, 200);
	cr_expect_str_eq(text, "ok");
	cr_expect(strstr(request, "POST /hook HTTP/1.1\r\n") == request, "%s", request);
	cr_expect(strstr(request, "\r\nContent-Type: application/json\r\n"), "%s", request);
	cr_expect(strstr(request, "\r\nUser-Agent: shunt\r\n"), "%s", request);
	cr_expect(strstr(request, "\r\n\r\n[{\"a\":1}]"), "%s", request);
}

/* libcurl would ask whether it may go on with a body of more than 1 MiB. */
Test(alert_sender, a_long_body_goes_at_once)
{
	size_t size = 2 << 20;
	char *body = malloc(size + 1);

	memset(body, 'x', size);
	body[size] = '\0';
	reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	post(url, body);
	run_until_answers(1);
	cr_expect_eq(status, 200);
	cr_expect_geq(request_length, size);
	cr_expect(!strcasestr(request, "expect:"));
	free(body);
}

Test(alert_sender, one_connection_for_several)
{
	reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	for (unsigned int i = 1; i <= 3; i++) {
		request_length = 0;
		post(url, "{}");
		run_until_answers(i);
		cr_expect_eq(status, 200);
	}
	cr_expect_eq(requests, 3);
	cr_expect_eq(accepts, 1);
}

/* ---- what is answered ---- */

Test(alert_sender, answers_are_made_printable_and_cut)
{
	char answer[600];
	size_t length = (size_t)sprintf(answer, "HTTP/1.1 400 No\r\nContent-Length: 500\r\n\r\n"
						"\x1b[31mbad\n");

	memset(answer + length, 'x', 500);
	answer[length + 491] = '\0';
	reply = answer;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 400);
	cr_expect(strstr(text, " [31mbad xxx") == text, "%s", text);
	cr_expect_eq(strlen(text), 199);
}

Test(alert_sender, a_redirect_is_an_answer)
{
	char answer[200];

	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", url);
	reply = answer;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 302);
	cr_expect_eq(requests, 1);
}

Test(alert_sender, garbage_is_none)
{
	reply = "\x01\x02\x03 what?\r\n\r\n";
	hangs_up = true;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 0);
	cr_expect_gt(strlen(text), 0);
}

Test(alert_sender, half_an_answer_is_none)
{
	reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
	hangs_up = true;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 0);
}

Test(alert_sender, an_answer_without_end_is_none)
{
	reply = "HTTP/1.1 200 OK\r\n\r\n";
	endless = true;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 0);
	cr_expect_str_eq(text, "the answer has no end");
}

Test(alert_sender, nobody_listens)
{
	close(listener);
	listener = -1;
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 0);
	cr_expect(strstr(text, "connect"), "%s", text);
}

/* ---- who keeps us waiting ---- */

Test(alert_sender, accepts_and_never_answers)
{
	limit(60000 * MSEC, 50 * MSEC);
	post(url, "{}");
	while (!requests)
		sd_event_run(event, UINT64_MAX);
	ticks = 0;
	while (ticks < 5)
		sd_event_run(event, UINT64_MAX);
	cr_expect_eq(answers, 0, "the loop turns while the answer is waited for");
	run_until_answers(1);
	cr_expect_eq(status, 0);
	cr_expect(strstr(text, "timed out"), "%s", text);
}

Test(alert_sender, cancelled)
{
	struct transfer *transfer = post(url, "{}");

	while (!requests)
		sd_event_run(event, UINT64_MAX);
	sender_cancel(transfer);
	ticks = 0;
	while (ticks < 5)
		sd_event_run(event, UINT64_MAX);
	cr_expect_eq(answers, 0);
	reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	post(url, "{}");
	run_until_answers(1);
	cr_expect_eq(status, 200);
}

static sem_t name_server;
static atomic_uint asked;

/* In the place of libc's: a name server that answers when the test is over. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getaddrinfo(const char *__restrict name, const char *__restrict service,
		const struct addrinfo *__restrict hints, struct addrinfo **__restrict result)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)result;
	atomic_fetch_add(&asked, 1);
	sem_wait(&name_server);
	return EAI_AGAIN;
}

/*
 * While the question is open the loop turns, and when libcurl gives up neither it nor the
 * end of the sender waits for the thread that asks: they would for ever.
 */
Test(alert_sender, a_name_server_that_never_answers)
{
	sem_init(&name_server, 0, 0);
	limit(50 * MSEC, 60000 * MSEC);
	post("http://alertmanager.example:9093/", "[]");
	while (!atomic_load(&asked))
		sd_event_run(event, 1000);
	ticks = 0;
	while (ticks < 5)
		sd_event_run(event, UINT64_MAX);
	run_until_answers(1);
	cr_expect_eq(status, 0);
	post("http://alertmanager.example:9093/", "[]");
	while (atomic_load(&asked) < 2)
		sd_event_run(event, 1000);
	run_until_answers(2);
	cr_expect_eq(status, 0);
	sender_free(sender);
	sender = NULL;
	sem_post(&name_server);
	sem_post(&name_server);
}
