/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What HAProxy thinks of its servers, as often as it changes its mind:
 *
 *	states SOCKET MS
 *
 * asks `show servers state` at HAProxy's stats socket every so many milliseconds, and
 * prints a line for each server whose state is another than before, but for the result
 * alone, which is unknown while a check is under way:
 *
 *	MS SERVER op=N health=N status=N admin=N result=N
 *
 * The time is the realtime clock's as the answer came. `op` is srv_op_state (0 stopped,
 * 1 starting, 2 running, 3 stopping), `health` srv_check_health (0 to rise + fall - 1),
 * `result` srv_check_result (0 unknown, 1 neutral, 2 failed, 3 passed, 4 conditionally
 * passed), `status` srv_check_status, `admin` srv_admin_state (0: nobody has meddled).
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer.h"

#define SERVERS_MAX 64
#define STATE_MAX   128
#define ANSWER_MAX  65536
/* Of the line, the first seventeen words are of the first version; the rest is not needed. */
#define FIELDS 15

enum field { NAME = 3, OP = 5, ADMIN = 6, STATUS = 10, RESULT = 11, HEALTH = 12 };

static struct server {
	char name[64];
	char state[STATE_MAX]; /* without the result */
} servers[SERVERS_MAX];

/* Whether HAProxy answered. */
static bool ask(const char *path, char answer[ANSWER_MAX])
{
	static const char question[] = "show servers state\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0;
	ssize_t size = -1;

	if (fd < 0)
		err(1, "socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    send(fd, question, strlen(question), 0) > 0) {
		while ((size = recv(fd, answer + length, ANSWER_MAX - 1 - length, 0)) > 0)
			length += (size_t)size;
	}
	answer[length] = '\0';
	close(fd);
	return !size;
}

/* The record of that name, or a new one; NULL where there are too many. */
static struct server *server_named(const char *name)
{
	for (size_t i = 0; i < SERVERS_MAX; i++) {
		if (!*servers[i].name)
			snprintf(servers[i].name, sizeof(servers[i].name), "%s", name);
		if (!strcmp(servers[i].name, name))
			return &servers[i];
	}
	return NULL;
}

static void compare(char *line)
{
	char *words[FIELDS] = {0}, state[STATE_MAX];
	struct timespec now;
	struct server *server;
	size_t count = 0;

	while (count < FIELDS && (words[count] = strsep(&line, " ")))
		count++;
	/* The version stands on a line of its own, the names of the fields in a comment. */
	if (count < FIELDS || !strcmp(words[0], "#") || !(server = server_named(words[NAME])))
		return;
	snprintf(state, sizeof(state), "op=%s health=%s result=%s status=%s admin=%s", words[OP],
		 words[HEALTH], words[RESULT], words[STATUS], words[ADMIN]);
	if (!strcmp(server->state, state))
		return;
	memcpy(server->state, state, sizeof(state));
	clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld.%03ld %s %s result=%s\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
	       now.tv_nsec / 1000 % 1000, server->name, state, words[RESULT]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char answer[ANSWER_MAX];
	unsigned long every;

	if (argc != 3)
		errx(2, "usage: states SOCKET MS");
	every = peer_number(argv[2]);
	for (;;) {
		char *rest = answer, *line;

		if (ask(argv[1], answer)) {
			while ((line = strsep(&rest, "\n")))
				compare(line);
		}
		peer_pause(every);
	}
}
