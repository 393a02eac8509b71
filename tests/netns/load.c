/* SPDX-License-Identifier: GPL-2.0 */
/*
 * So many connections a second, each with one request, whatever becomes of those before:
 *
 *	load ADDRESS PORT RATE [--seconds N] [--from ADDRESS [--spread N]] [--path PATH]
 *	     [--timeout MS] [--random SEED]
 *
 * They begin at fixed moments, 1/RATE s apart, or with --random after exponentially
 * distributed pauses, as those of many independent clients do. They come from as many
 * addresses in turn as --spread says. A line for each on standard output, as it ends:
 * `BEGAN ENDED OUTCOME`, in ms of the realtime clock; the last line counts the outcomes.
 * It ends after so many seconds, or by SIGTERM, with what is under way then finished.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define FLOWS_MAX 8192

enum outcome { GOOD, HTTP_ERROR, REFUSED, RESET, TIMED_OUT, CLOSED, OTHER, OUTCOME_MAX };

static const char *const outcome_names[OUTCOME_MAX] = {
	"good", "http_error", "refused", "reset", "timed_out", "closed", "other",
};

struct flow {
	int fd;
	bool asked;
	uint64_t began; /* ns, realtime */
	uint64_t deadline; /* ns, monotonic */
};

static struct flow flows[FLOWS_MAX];
static struct pollfd polls[FLOWS_MAX];
static size_t flows_count;
static unsigned long outcomes[OUTCOME_MAX];

static struct peer target, source;
static unsigned long opened, spread = 1, timeout = 1000, seconds, seed;
static double rate;
static const char *path = "/";
static volatile sig_atomic_t done;

static uint64_t now_realtime(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* ---- one connection ---- */

static void finish(size_t index, enum outcome outcome)
{
	struct flow *flow = &flows[index];

	printf("%.3f %.3f %s\n", (double)flow->began / 1e6, (double)now_realtime() / 1e6,
	       outcome_names[outcome]);
	outcomes[outcome]++;
	close(flow->fd);
	flows_count--;
	flows[index] = flows[flows_count];
	polls[index] = polls[flows_count];
}

static enum outcome outcome_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return TIMED_OUT;
	default:
		return OTHER;
	}
}

static void bind_source(int fd)
{
	struct peer from = source;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&from.address;

	if (!from.size)
		return;
	ipv4->sin_addr.s_addr = htonl(ntohl(ipv4->sin_addr.s_addr) + (uint32_t)(opened % spread));
	/* A port is chosen at connect(2), when the other end is known. */
	peer_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (bind(fd, (struct sockaddr *)&from.address, from.size))
		err(1, "bind");
}

static void begin(void)
{
	struct flow *flow = &flows[flows_count];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (flows_count == FLOWS_MAX)
		errx(1, "more than %d connections at once", FLOWS_MAX);
	bind_source(fd);
	opened++;
	*flow = (struct flow){
		.fd = fd,
		.began = now_realtime(),
		.deadline = peer_now() + timeout * 1000000,
	};
	polls[flows_count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (connect(fd, (struct sockaddr *)&target.address, target.size) && errno != EINPROGRESS)
		finish(flows_count - 1, outcome_of(errno));
}

static void ask(size_t index)
{
	socklen_t size = sizeof(int);
	int error;

	if (getsockopt(flows[index].fd, SOL_SOCKET, SO_ERROR, &error, &size))
		err(1, "getsockopt");
	if (error || dprintf(flows[index].fd,
			     "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path) < 0) {
		finish(index, outcome_of(error ? error : errno));
		return;
	}
	flows[index].asked = true;
	polls[index].events = POLLIN;
}

/* An answer of this program's peers comes in one segment. */
static void hear(size_t index)
{
	char answer[1024];
	ssize_t size = recv(flows[index].fd, answer, sizeof(answer) - 1, 0);

	if (size < 0) {
		finish(index, outcome_of(errno));
		return;
	}
	answer[size] = '\0';
	if (!size)
		finish(index, CLOSED);
	else
		finish(index, strncmp(answer, "HTTP/1.1 2", 10) ? HTTP_ERROR : GOOD);
}

/* ---- the pace ---- */

/* A pause before the next connection, in ns. */
static uint64_t pause_next(void)
{
	static uint64_t state;
	double mean = 1e9 / rate;

	if (!seed)
		return (uint64_t)mean;
	if (!state)
		state = seed;
	/* A linear congruential generator (Knuth, MMIX), of which the high bits are good. */
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint64_t)(-mean * log1p(-(double)(state >> 11) * 0x1p-53));
}

static void serve_flows(void)
{
	uint64_t now = peer_now();

	/* From the end, as one that is over gives its place to the last. */
	for (size_t i = flows_count; i--;) {
		if (polls[i].revents && !flows[i].asked)
			ask(i);
		else if (polls[i].revents)
			hear(i);
		else if (flows[i].deadline <= now)
			finish(i, TIMED_OUT);
	}
}

/* Until that moment or a deadline, whichever is first; they are in no order. */
static void wait_until(uint64_t at)
{
	uint64_t now = peer_now();
	struct timespec left = {0};
	sigset_t none;

	for (size_t i = 0; i < flows_count; i++) {
		if (flows[i].deadline < at)
			at = flows[i].deadline;
		polls[i].revents = 0;
	}
	if (at > now) {
		left.tv_sec = (time_t)((at - now) / 1000000000);
		left.tv_nsec = (long)((at - now) % 1000000000);
	}
	sigemptyset(&none);
	if (ppoll(polls, flows_count, &left, &none) < 0) {
		for (size_t i = 0; i < flows_count; i++)
			polls[i].revents = 0;
	}
}

static void run(void)
{
	uint64_t next = peer_now(), end = seconds ? next + seconds * 1000000000 : UINT64_MAX;

	while ((!done && next < end) || flows_count) {
		bool over = done || next >= end;

		wait_until(over ? UINT64_MAX : next);
		serve_flows();
		/* What the scheduler held up is made up for. */
		while (!over && next < end && next <= peer_now()) {
			begin();
			next += pause_next();
		}
	}
}

/* ---- the start ---- */

static void usage(void)
{
	errx(2, "usage: load ADDRESS PORT RATE [--seconds N] [--from ADDRESS [--spread N]] "
		"[--path PATH] [--timeout MS] [--random SEED]");
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'},
		{"from", required_argument, NULL, 'f'},
		{"spread", required_argument, NULL, 'n'},
		{"path", required_argument, NULL, 'p'},
		{"timeout", required_argument, NULL, 't'},
		{"random", required_argument, NULL, 'r'},
		{0},
	};
	unsigned long *const numbers[] = {
		['s'] = &seconds,
		['n'] = &spread,
		['t'] = &timeout,
		['r'] = &seed,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			peer_parse(optarg, 0, &source);
		else if (option == 'p')
			path = optarg;
		else if (option == '?')
			usage();
		else
			*numbers[option] = peer_number(optarg);
	}
	if (optind + 3 != argc || !spread)
		usage();
	peer_parse(argv[optind], peer_number(argv[optind + 1]), &target);
	rate = strtod(argv[optind + 2], NULL);
	if (!(rate > 0))
		usage();
}

static void end(int number)
{
	(void)number;
	done = true;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = end};
	sigset_t set;

	parse(argc, argv);
	peer_prepare();
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* It comes while we wait, and at no other time. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &action, NULL);
	run();
	for (int i = 0; i < OUTCOME_MAX; i++)
		printf("%s=%lu%c", outcome_names[i], outcomes[i],
		       i == OUTCOME_MAX - 1 ? '\n' : ' ');
	return 0;
}
