/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's alerts without the daemon: raises what it is told to, and says how it
 * goes.  It reads lines from a FIFO:
 *
 *   raise NAME SERVICE STATE    resolve NAME SERVICE    status WORD
 *
 * and answers the last one with `WORD NAME=COUNT…`, among them the turns of its timer.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "alert/alerts.h"
#include "base/log.h"
#include "config/config.h"

#define TICK_USEC 10000

struct alarm {
	sd_event *event;
	struct alerts *alerts;
	uint64_t ticks;
	int fifo;
	char line[4096];
	size_t length;
};

static void usage(void)
{
	fputs("usage: alarm [--repeat MS] [--timeout MS] CONFIG FIFO\n", stderr);
	exit(2);
}

static int on_tick(sd_event_source *source, uint64_t due, void *userdata)
{
	struct alarm *alarm = userdata;

	alarm->ticks++;
	return sd_event_source_set_time(source, due + TICK_USEC);
}

/* ---- commands ---- */

static void say_status(const struct alarm *alarm, const char *word)
{
	static const char *const names[] = {
		[TARGET_ALERTMANAGER] = "am", [TARGET_WEBHOOK] = "hook"};

	printf("%s ticks=%" PRIu64, word, alarm->ticks);
	for (enum target_kind kind = 0; kind < TARGET_KINDS; kind++) {
		struct target_counts counts;

		alerts_count(alarm->alerts, kind, &counts);
		printf(" %s_sent=%" PRIu64 " %s_failed=%" PRIu64, names[kind], counts.sent,
		       names[kind], counts.failed);
		printf(" %s_dropped=%" PRIu64 " %s_waiting=%" PRIu64, names[kind], counts.dropped,
		       names[kind], counts.waiting);
	}
	printf("\n");
	fflush(stdout);
}

static void obey(struct alarm *alarm, const char *line)
{
	char verb[16], name[64], service[64] = "", state[64] = "";
	const struct alert alert = {
		.name = name,
		.service = service,
		.role = SHUNT_ROLE_SERVER,
		.severity = ALERT_CRITICAL,
		.state = state,
		.summary = "raised by a test",
	};
	int r = 0;

	if (sscanf(line, "%15s %63s %63s %63s", verb, name, service, state) < 2)
		errx(2, "'%s' is no command", line);
	if (!strcmp(verb, "raise"))
		r = alerts_raise(alarm->alerts, &alert);
	else if (!strcmp(verb, "resolve"))
		r = alerts_resolve(alarm->alerts, &alert);
	else
		say_status(alarm, name);
	if (r < 0)
		warnx("%s: %s", line, strerror(-r));
}

static int on_fifo(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct alarm *alarm = userdata;
	ssize_t got = read(fd, alarm->line + alarm->length,
			   sizeof(alarm->line) - 1 - alarm->length);
	char *end;

	(void)source;
	(void)revents;
	if (got <= 0)
		return 0;
	alarm->length += (size_t)got;
	alarm->line[alarm->length] = '\0';
	while ((end = strchr(alarm->line, '\n'))) {
		*end = '\0';
		obey(alarm, alarm->line);
		alarm->length -= (size_t)(end + 1 - alarm->line);
		memmove(alarm->line, end + 1, alarm->length + 1);
	}
	return 0;
}

/* ---- the start ---- */

static void complain(void *userdata, const char *line)
{
	(void)userdata;
	log_error("%s", line);
}

static void start(struct alarm *alarm, const struct alerts_options *options, const char *path)
{
	struct config *config;
	sd_event_source *tick;
	uint64_t now;
	int r;

	if (config_load(path, false, complain, NULL, &config))
		exit(2);
	r = sd_event_new(&alarm->event);
	if (r >= 0)
		r = alerts_new(alarm->event, config, options, &alarm->alerts);
	config_free(config);
	if (r >= 0)
		r = sd_event_add_io(alarm->event, NULL, alarm->fifo, EPOLLIN, on_fifo, alarm);
	if (r >= 0)
		r = sd_event_now(alarm->event, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_add_time(alarm->event, &tick, CLOCK_MONOTONIC, now, 1, on_tick, alarm);
	if (r >= 0)
		r = sd_event_source_set_floating(tick, true);
	if (r >= 0)
		r = sd_event_source_set_enabled(tick, SD_EVENT_ON);
	if (r < 0)
		errx(1, "start: %s", strerror(-r));
	sd_event_source_unref(tick);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"repeat", required_argument, NULL, 'r'},
		{"timeout", required_argument, NULL, 't'},
		{0},
	};
	struct alerts_options chosen = {.instance = "test-host", .seed = 1};
	struct alarm alarm = {0};
	sigset_t mask;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'r')
			chosen.repeat = strtoul(optarg, NULL, 10) * 1000;
		else if (option == 't')
			chosen.timeout = strtoul(optarg, NULL, 10) * 1000;
		else
			usage();
	}
	if (optind + 2 != argc)
		usage();
	/* Its own end, too: writers come and go. */
	alarm.fifo = open(argv[optind + 1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (alarm.fifo < 0)
		err(1, "%s", argv[optind + 1]);
	start(&alarm, &chosen, argv[optind]);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sd_event_add_signal(alarm.event, NULL, SIGTERM, NULL, NULL);
	puts("ready");
	fflush(stdout);
	sd_event_loop(alarm.event);
	alerts_free(alarm.alerts);
	sd_event_unref(alarm.event);
	return 0;
}
