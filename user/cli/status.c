/* SPDX-License-Identifier: GPL-2.0 */
/* One screen: every service, from the daemon's /api/v1/status. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/words.h"

#define TEXT_SIZE 512

/* Rows of a screen that are not services: head, what is amiss, the next prompt. */
#define FRAME_ROWS 9

/* ---- the screen ---- */

/* Whether there is a line more to say why. */
static bool has_reason(const json_t *service)
{
	return *words_string(service, "reason");
}

static void print_service(const json_t *service)
{
	const json_t *recent = json_object_get(service, "recent");
	static const char *const keys[] = {
		"handshake_p50_seconds",
		"handshake_p95_seconds",
		"handshake_p99_seconds",
	};
	char quantiles[3][16];

	for (unsigned i = 0; i < 3; i++)
		words_duration(json_object_get(recent, keys[i]), sizeof(quantiles[i]),
			       quantiles[i]);
	printf("%-32.32s %-6s %9.1f %9.1f %7.0f %8s %8s %8s  %s\n",
	       json_string_value(json_object_get(service, "name")),
	       json_string_value(json_object_get(service, "role")),
	       words_number(recent, "handshakes_per_second"),
	       words_number(recent, "failures_per_second"),
	       words_number(service, "connections_active"), quantiles[0], quantiles[1],
	       quantiles[2], words_state(service));
	if (has_reason(service))
		printf("    since %.19sZ, %.0f s: %s\n", words_string(service, "since"),
		       words_number(service, "since_seconds"), words_string(service, "reason"));
}

static void print_breaker(const json_t *service)
{
	char text[TEXT_SIZE];

	if (!words_is_open(service))
		return;
	words_breaker(service, sizeof(text), text);
	printf("    %s\n", text);
}

static const json_t *probers_of(const json_t *service)
{
	return json_object_get(service, "probers");
}

static void print_prober(const json_t *prober)
{
	char text[TEXT_SIZE];

	words_prober(prober, sizeof(text), text);
	printf("    %s\n", text);
}

static void print_probers(const json_t *service)
{
	const json_t *prober;
	size_t i;

	json_array_foreach(probers_of(service), i, prober) print_prober(prober);
}

/* How many services a screen has room for; who pipes gets them all. */
static size_t room(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    size.ws_row <= FRAME_ROWS)
		return SIZE_MAX;
	return size.ws_row - FRAME_ROWS;
}

/* The services that there is room for, the most urgent first, and how many more there are. */
static void print_services(const json_t *services)
{
	size_t left = room(), more = 0, i;
	const json_t *service;

	json_array_foreach(services, i, service)
	{
		size_t rows = 1 + has_reason(service) + words_is_open(service) +
			      json_array_size(probers_of(service));

		if (words_is_silent(service))
			continue;
		if (more || left < rows) {
			more++;
			continue;
		}
		print_service(service);
		print_breaker(service);
		print_probers(service);
		left -= rows;
	}
	if (more)
		printf("and %zu calmer ones: shunt status | less, or --json\n", more);
}

static void print_problems(const json_t *status)
{
	const json_t *signals = json_object_get(status, "signals");
	const char *name;
	json_t *available;

	json_object_foreach((json_t *)signals, name, available)
	{
		if (!json_is_true(available))
			printf("signal %s is not available: see shunt doctor\n", name);
	}
	if (words_number(status, "events_lost") > 0 || words_number(status, "bpf_runs_missed") > 0)
		printf("lost: %.0f events, %.0f program runs\n",
		       words_number(status, "events_lost"),
		       words_number(status, "bpf_runs_missed"));
	if (json_array_size(json_object_get(status, "bpf_errors")))
		printf("BPF helpers failed: see shunt_bpf_errors_total\n");
}

static void print_text(const json_t *status)
{
	printf("shunt %s on Linux %s, up %.0f s\n\n",
	       json_string_value(json_object_get(status, "version")),
	       json_string_value(json_object_get(status, "kernel")),
	       words_number(status, "uptime_seconds"));
	printf("%-32s %-6s %9s %9s %7s %26s  %s\n", "", "", "connects", "failures", "open",
	       "handshake          ", "");
	printf("%-32s %-6s %9s %9s %7s %8s %8s %8s  %s\n", "SERVICE", "ROLE", "/s", "/s", "now",
	       "p50", "p95", "p99", "STATE");
	print_services(json_object_get(status, "services"));
	print_problems(status);
}

int cli_status(const struct cli_options *options)
{
	char url[ASK_URL_MAX], *text = NULL;
	json_t *status = NULL;
	int r;

	r = ask_url(options, "status", url);
	if (r == EXIT_DONE)
		r = ask_status("status", url, &status, &text);
	if (r != EXIT_DONE)
		return r;
	if (options->json)
		fputs(text, stdout);
	else
		print_text(status);
	json_decref(status);
	free(text);
	return r;
}
