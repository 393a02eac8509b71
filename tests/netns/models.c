/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What shunt's models of load balancers say, as often as it changes:
 *
 *	models PORT MS
 *
 * asks for /api/v1/status on the loopback every so many milliseconds, and prints a line for
 * each prober that has checked since, or is thought of differently:
 *
 *	MS SERVICE PROBER health=N certain=0|1 checks=N history=..x
 *
 * The time is the realtime clock's as the answer came; `checks` counts all of that prober's,
 * and `history` has the last of them, the newest last: `.` passed, `x` failed.
 */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define PROBERS_MAX 512
#define LINE_MAX    256
#define ANSWER_MAX  (1 << 20)

static struct seen {
	char who[96];
	char line[LINE_MAX];
} seen[PROBERS_MAX];

/* The body of the answer, or NULL. */
static const char *ask(const struct peer *peer, char answer[ANSWER_MAX])
{
	static const char question[] = "GET /api/v1/status HTTP/1.0\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *body;
	size_t length = 0;
	ssize_t size = -1;

	if (fd < 0)
		err(1, "socket");
	if (!connect(fd, (const struct sockaddr *)&peer->address, peer->size) &&
	    send(fd, question, strlen(question), 0) > 0) {
		while ((size = recv(fd, answer + length, ANSWER_MAX - 1 - length, 0)) > 0)
			length += (size_t)size;
	}
	answer[length] = '\0';
	close(fd);
	body = size ? NULL : strstr(answer, "\r\n\r\n");
	return body ? body + 4 : NULL;
}

/* The record of that name, or a new one; NULL where there are too many. */
static struct seen *seen_of(const char *who)
{
	for (size_t i = 0; i < PROBERS_MAX; i++) {
		if (!*seen[i].who)
			snprintf(seen[i].who, sizeof(seen[i].who), "%s", who);
		if (!strcmp(seen[i].who, who))
			return &seen[i];
	}
	return NULL;
}

static long long total(json_t *checks)
{
	const char *outcome;
	json_t *count;
	long long sum = 0;

	json_object_foreach(checks, outcome, count) sum += json_integer_value(count);
	return sum;
}

static void compare(json_t *service, json_t *prober)
{
	char who[sizeof(seen->who)], line[LINE_MAX];
	struct timespec now;
	struct seen *record;

	snprintf(who, sizeof(who), "%s %s", json_string_value(json_object_get(service, "name")),
		 json_string_value(json_object_get(prober, "address")));
	snprintf(line, sizeof(line), "health=%lld certain=%d checks=%lld history=%s",
		 (long long)json_integer_value(json_object_get(prober, "health")),
		 json_is_true(json_object_get(prober, "certain")),
		 total(json_object_get(prober, "checks")),
		 json_string_value(json_object_get(prober, "history")));
	record = seen_of(who);
	if (!record || !strcmp(record->line, line))
		return;
	memcpy(record->line, line, sizeof(line));
	clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld.%03ld %s %s\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
	       now.tv_nsec / 1000 % 1000, who, line);
	fflush(stdout);
}

static void read_status(const char *body)
{
	json_t *status = json_loads(body, 0, NULL), *service, *prober;
	size_t i, k;

	json_array_foreach(json_object_get(status, "services"), i, service)
		json_array_foreach(json_object_get(service, "probers"), k, prober)
			compare(service, prober);
	json_decref(status);
}

int main(int argc, char **argv)
{
	static char answer[ANSWER_MAX];
	struct peer peer;
	unsigned long every;

	if (argc != 3)
		errx(2, "usage: models PORT MS");
	peer_parse("127.0.0.1", peer_number(argv[1]), &peer);
	every = peer_number(argv[2]);
	for (;;) {
		const char *body = ask(&peer, answer);

		if (body)
			read_status(body);
		peer_pause(every);
	}
}
