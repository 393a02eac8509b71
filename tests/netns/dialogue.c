/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ends of a connection in one process, following a script:
 *
 *	dialogue ADDRESS PORT COUNT STEP...
 *
 * holds COUNT dialogues, each on a connection of its own. The steps:
 *	c100 s100	the client, the server sends so many bytes, in a segment of its own
 *	cr sr		reads all that the other end has sent so far
 *	w20		nothing happens for 20 ms
 *	ce se		sends no more (shutdown)
 *	cx sx		closes
 *	h		hands both ends over to a child process
 * What is open at the end is closed, the client's end first.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

enum { CLIENT, SERVER };

struct dialogue {
	int fds[2];
	size_t unread[2]; /* by the end that is to read it */
};

static int listen_at(const struct peer *peer)
{
	int fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&peer->address, peer->size) ||
	    listen(fd, 16))
		err(1, "listen");
	return fd;
}

static void begin(struct dialogue *dialogue, int listener, const struct peer *peer)
{
	int one = 1;

	*dialogue = (struct dialogue){0};
	dialogue->fds[CLIENT] = socket(peer->address.ss_family, SOCK_STREAM, 0);
	if (connect(dialogue->fds[CLIENT], (const struct sockaddr *)&peer->address, peer->size))
		err(1, "connect");
	dialogue->fds[SERVER] = accept(listener, NULL, NULL);
	if (dialogue->fds[SERVER] < 0)
		err(1, "accept");
	for (int end = CLIENT; end <= SERVER; end++)
		setsockopt(dialogue->fds[end], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void say(struct dialogue *dialogue, int end, size_t size)
{
	static const char bytes[65536];

	if (size > sizeof(bytes) ||
	    send(dialogue->fds[end], bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		err(1, "send");
	dialogue->unread[!end] += size;
}

static void hear(struct dialogue *dialogue, int end)
{
	char bytes[65536];

	while (dialogue->unread[end]) {
		ssize_t size = read(dialogue->fds[end], bytes, sizeof(bytes));

		if (size <= 0)
			err(1, "read");
		dialogue->unread[end] -= (size_t)size;
	}
}

static void finish(struct dialogue *dialogue, int end)
{
	if (dialogue->fds[end] >= 0)
		close(dialogue->fds[end]);
	dialogue->fds[end] = -1;
}

/* The parent waits for the child to end the dialogue, and ends likewise. */
static void hand_over(void)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		err(1, "fork");
	if (!child)
		return;
	waitpid(child, &status, 0);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void take_step(struct dialogue *dialogue, const char *step)
{
	int end = step[0] == 's' ? SERVER : CLIENT;

	if (!strcmp(step, "h"))
		hand_over();
	else if (step[0] == 'w')
		usleep((useconds_t)peer_number(step + 1) * 1000);
	else if (step[1] == 'r')
		hear(dialogue, end);
	else if (step[1] == 'e')
		shutdown(dialogue->fds[end], SHUT_WR);
	else if (step[1] == 'x')
		finish(dialogue, end);
	else
		say(dialogue, end, peer_number(step + 1));
}

int main(int argc, char *argv[])
{
	unsigned long count;
	struct peer peer;
	int listener;

	if (argc < 4)
		errx(2, "usage: dialogue ADDRESS PORT COUNT STEP...");
	peer_parse(argv[1], peer_number(argv[2]), &peer);
	count = peer_number(argv[3]);
	listener = listen_at(&peer);
	while (count--) {
		struct dialogue dialogue;

		begin(&dialogue, listener, &peer);
		for (int i = 4; i < argc; i++)
			take_step(&dialogue, argv[i]);
		finish(&dialogue, CLIENT);
		finish(&dialogue, SERVER);
	}
	return 0;
}
