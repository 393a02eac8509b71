/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client that keeps the time of each handshake and of each answer by its own clock,
 * and a server that takes as long to answer as it is asked to:
 *
 *	stopwatch serve PORT
 *	stopwatch ask PORT LANES HANDSHAKES ANSWERS <LINES
 *
 * A line is `ADDRESS MICROSECONDS`: one connection with one request, which the server
 * answers that long after it has it, or a little later, but never sooner.  LANES of them
 * are under way at once.  HANDSHAKES and ANSWERS are files for what connect(2) took, and
 * what lay between send(2) and the return of recv(2): ns, a line each.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define CALLS_MAX 8192
#define LANES_MAX 64
/* A request is the time to take, in microseconds. */
#define REQUEST_SIZE sizeof(uint32_t)

struct call {
	struct peer to;
	uint32_t micros;
	uint64_t handshake; /* ns */
	uint64_t answer; /* ns */
};

static struct call calls[CALLS_MAX];
static size_t calls_count;
static atomic_size_t calls_begun;

static int make_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void start_thread(void *(*run)(void *), void *argument, pthread_t *ret_thread)
{
	errno = pthread_create(ret_thread, NULL, run, argument);
	if (errno)
		err(1, "pthread_create");
}

/* ---- the server ---- */

static void sleep_until(uint64_t at)
{
	struct timespec time = {(time_t)(at / 1000000000), (long)(at % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

static void answer(int fd)
{
	uint32_t micros;
	char end;

	while (recv(fd, &micros, REQUEST_SIZE, MSG_WAITALL) == REQUEST_SIZE) {
		sleep_until(peer_now() + ntohl(micros) * 1000ULL);
		if (send(fd, "!", 1, 0) != 1)
			break;
	}
	/* Whatever ended it, the client's end of file is the last word. */
	while (recv(fd, &end, 1, 0) > 0)
		;
	close(fd);
}

static void *answer_in_turn(void *listener)
{
	for (;;) {
		int fd = accept(*(const int *)listener, NULL, NULL);

		if (fd < 0)
			err(1, "accept");
		answer(fd);
	}
	return NULL;
}

/* As many at once as there may be lanes, so that none waits for another. */
static void serve(unsigned long port)
{
	pthread_t threads[LANES_MAX];
	int listener = make_socket();
	struct peer any;

	peer_parse("0.0.0.0", port, &any);
	peer_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listener, (struct sockaddr *)&any.address, any.size) || listen(listener, 4096))
		err(1, "port %lu", port);
	for (size_t i = 0; i < LANES_MAX; i++)
		start_thread(answer_in_turn, &listener, &threads[i]);
	puts("ready");
	fflush(stdout);
	pthread_join(threads[0], NULL);
}

/* ---- the client ---- */

static void ask_one(struct call *call)
{
	uint32_t request = htonl(call->micros);
	int fd = make_socket();
	uint64_t began;
	char reply;

	began = peer_now();
	if (connect(fd, (struct sockaddr *)&call->to.address, call->to.size))
		err(1, "connect");
	call->handshake = peer_now() - began;
	began = peer_now();
	if (send(fd, &request, REQUEST_SIZE, 0) != REQUEST_SIZE || recv(fd, &reply, 1, 0) != 1)
		err(1, "no answer");
	call->answer = peer_now() - began;
	close(fd);
}

static void *ask_in_turn(void *unused)
{
	size_t i;

	(void)unused;
	while ((i = atomic_fetch_add(&calls_begun, 1)) < calls_count)
		ask_one(&calls[i]);
	return NULL;
}

static void read_calls(unsigned long port)
{
	char address[64], micros[16];

	while (scanf("%63s %15s", address, micros) == 2) {
		if (calls_count == CALLS_MAX)
			errx(2, "more than %d lines", CALLS_MAX);
		peer_parse(address, port, &calls[calls_count].to);
		calls[calls_count++].micros = (uint32_t)peer_number(micros);
	}
}

static FILE *open_output(const char *path)
{
	FILE *output = fopen(path, "we");

	if (!output)
		err(1, "%s", path);
	return output;
}

static void write_calls(const char *handshakes_path, const char *answers_path)
{
	FILE *handshakes = open_output(handshakes_path), *answers = open_output(answers_path);

	for (size_t i = 0; i < calls_count; i++) {
		fprintf(handshakes, "%llu\n", (unsigned long long)calls[i].handshake);
		fprintf(answers, "%llu\n", (unsigned long long)calls[i].answer);
	}
	if (fclose(handshakes) || fclose(answers))
		err(1, "%s or %s", handshakes_path, answers_path);
}

static void ask(unsigned long port, unsigned long lanes, char **paths)
{
	pthread_t threads[LANES_MAX];

	if (!lanes || lanes > LANES_MAX)
		errx(2, "1 to %d lanes", LANES_MAX);
	read_calls(port);
	for (unsigned long i = 0; i < lanes; i++)
		start_thread(ask_in_turn, NULL, &threads[i]);
	for (unsigned long i = 0; i < lanes; i++)
		pthread_join(threads[i], NULL);
	write_calls(paths[0], paths[1]);
	printf("answered=%zu\n", calls_count);
}

int main(int argc, char **argv)
{
	peer_prepare();
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(peer_number(argv[2]));
	else if (argc == 6 && !strcmp(argv[1], "ask"))
		ask(peer_number(argv[2]), peer_number(argv[3]), argv + 4);
	else
		errx(2, "usage: stopwatch serve PORT | ask PORT LANES HANDSHAKES ANSWERS");
	return 0;
}
