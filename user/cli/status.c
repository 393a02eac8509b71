/* SPDX-License-Identifier: GPL-2.0 */
/* One screen: every service, from the daemon's /api/v1/status. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/config.h"

#define TIMEOUT_SECONDS 5L

/* Rows of a screen that are not services: head, what is amiss, the next prompt. */
#define FRAME_ROWS 9

/* An answer as it comes in. */
struct answer {
	char *text;
	size_t size;
};

static size_t take(char *data, size_t size, size_t count, void *userdata)
{
	struct answer *answer = userdata;
	char *text = realloc(answer->text, answer->size + size * count + 1);

	if (!text)
		return 0;
	memcpy(text + answer->size, data, size * count);
	answer->text = text;
	answer->size += size * count;
	answer->text[answer->size] = '\0';
	return size * count;
}

/* A daemon that listens everywhere is asked on loopback. */
static void make_url(const struct config *config, size_t size, char *ret_url)
{
	const char *host = config->listen_host;

	if (!strcmp(host, "0.0.0.0"))
		host = "127.0.0.1";
	else if (!strcmp(host, "::"))
		host = "::1";
	snprintf(ret_url, size,
		 strchr(host, ':') ? "http://[%s]:%u/api/v1/status" : "http://%s:%u/api/v1/status",
		 host, config->listen_port);
}

/* Asks the daemon.  An exit status; what went wrong is logged. */
static int ask(const char *url, struct answer *ret_answer)
{
	CURL *curl = curl_easy_init();
	long code = 0;
	CURLcode r;

	if (!curl)
		return EXIT_FAILED;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_SECONDS);
	/* The daemon is on this host, whatever proxy the environment names. */
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer);
	r = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_cleanup(curl);

	if (r == CURLE_COULDNT_CONNECT) {
		log_error("status: no daemon answers at %s", url);
		return EXIT_NO_DAEMON;
	}
	if (r != CURLE_OK || code != 200 || !ret_answer->text) {
		log_error("status: %s: %s", url,
			  r != CURLE_OK ? curl_easy_strerror(r)
					: "not the answer of a shunt daemon");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* ---- the screen ---- */

/* Three significant digits and a unit, in at most 7 columns: "1.25ms", "-". */
static void format_duration(const json_t *value, size_t size, char *ret_text)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
	double seconds = json_number_value(value);
	size_t i = 0;

	if (!json_is_number(value)) {
		snprintf(ret_text, size, "-");
		return;
	}
	while (i < 2 && seconds < units[i].unit)
		i++;
	snprintf(ret_text, size, "%.3g%s", seconds / units[i].unit, units[i].name);
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* "" where there is no such string. */
static const char *string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* In one word: of a healthy service, and one that is not judged, whether there is any life in it.
 */
static const char *state_of(const json_t *service)
{
	const char *state = string(service, "state"), *activity = string(service, "activity");

	if (*state && strcmp(state, "healthy"))
		return state;
	return *state && !strcmp(activity, "busy") ? state : activity;
}

/* Whether there is a line more to say why. */
static bool has_reason(const json_t *service)
{
	return *string(service, "reason");
}

/* _unknown and _other are of interest only once something was counted there. */
static bool is_silent(const json_t *service)
{
	const char *name = json_string_value(json_object_get(service, "name")), *key;
	json_t *count;

	if (!name || name[0] != '_' || !strncmp(name, "_out:", 5))
		return false;
	json_object_foreach(json_object_get(service, "handshakes"), key, count)
	{
		if (json_integer_value(count))
			return false;
	}
	return number(service, "connections_active") == 0;
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
		format_duration(json_object_get(recent, keys[i]), sizeof(quantiles[i]),
				quantiles[i]);
	printf("%-32.32s %-6s %9.1f %9.1f %7.0f %8s %8s %8s  %s\n",
	       json_string_value(json_object_get(service, "name")),
	       json_string_value(json_object_get(service, "role")),
	       number(recent, "handshakes_per_second"), number(recent, "failures_per_second"),
	       number(service, "connections_active"), quantiles[0], quantiles[1], quantiles[2],
	       state_of(service));
	if (has_reason(service))
		printf("    since %.19sZ, %.0f s: %s\n", string(service, "since"),
		       number(service, "since_seconds"), string(service, "reason"));
}

/* Whether its breaker has anything to say: it is not closed. */
static bool has_breaker(const json_t *service)
{
	const char *state = string(json_object_get(service, "breaker"), "state");

	return *state && strcmp(state, "closed");
}

/* "    breaker open (enforce): 30 of 30 connections failed …" */
static void print_breaker(const json_t *service)
{
	const json_t *breaker = json_object_get(service, "breaker");
	const char *unable = string(breaker, "not_carried_out");

	if (!has_breaker(service))
		return;
	printf("    breaker %s (%s): %s%s%s\n", string(breaker, "state"), string(breaker, "mode"),
	       string(breaker, "reason"), *unable ? "; not carried out: " : "", unable);
}

static const json_t *probers_of(const json_t *service)
{
	return json_object_get(service, "probers");
}

/* "    10.0.0.1 checks it every 2 s (haproxy): going_down, out in 2 checks, 3.1s" */
static void print_prober(const json_t *prober)
{
	char interval[16], left[16];

	format_duration(json_object_get(prober, "interval_seconds"), sizeof(interval), interval);
	format_duration(json_object_get(prober, "seconds_until_down"), sizeof(left), left);
	printf("    %s checks it every %s (%s, %.0f%% sure): ", string(prober, "address"), interval,
	       string(prober, "model"), 100 * number(prober, "confidence"));
	if (number(prober, "checks_until_down") > 0)
		printf("%s, out after %.0f more failed checks, in %s\n", string(prober, "state"),
		       number(prober, "checks_until_down"), left);
	else
		printf("%s\n", string(prober, "state"));
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
		size_t rows = 1 + has_reason(service) + has_breaker(service) +
			      json_array_size(probers_of(service));

		if (is_silent(service))
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
	if (number(status, "events_lost") > 0 || number(status, "bpf_runs_missed") > 0)
		printf("lost: %.0f events, %.0f program runs\n", number(status, "events_lost"),
		       number(status, "bpf_runs_missed"));
	if (json_array_size(json_object_get(status, "bpf_errors")))
		printf("BPF helpers failed: see shunt_bpf_errors_total\n");
}

static void print_text(const json_t *status)
{
	printf("shunt %s on Linux %s, up %.0f s\n\n",
	       json_string_value(json_object_get(status, "version")),
	       json_string_value(json_object_get(status, "kernel")),
	       number(status, "uptime_seconds"));
	printf("%-32s %-6s %9s %9s %7s %26s  %s\n", "", "", "connects", "failures", "open",
	       "handshake          ", "");
	printf("%-32s %-6s %9s %9s %7s %8s %8s %8s  %s\n", "SERVICE", "ROLE", "/s", "/s", "now",
	       "p50", "p95", "p99", "STATE");
	print_services(json_object_get(status, "services"));
	print_problems(status);
}

static int show(const struct cli_options *options, const char *url)
{
	struct answer answer = {0};
	json_t *status = NULL;
	int r;

	r = ask(url, &answer);
	if (r != EXIT_DONE)
		goto out;
	status = json_loads(answer.text, 0, NULL);
	if (!json_is_array(json_object_get(status, "services"))) {
		log_error("status: %s: not the answer of a shunt daemon", url);
		r = EXIT_FAILED;
	} else if (options->json) {
		fputs(answer.text, stdout);
	} else {
		print_text(status);
	}
out:
	json_decref(status);
	free(answer.text);
	return r;
}

int cli_status(const struct cli_options *options)
{
	struct config *config;
	char url[128];
	int r;

	r = config_load(options->config_path, !options->config_given, cli_complain,
			(void *)"status", &config);
	if (r < 0)
		return EXIT_USAGE;
	make_url(config, sizeof(url), url);
	config_free(config);
	return show(options, url);
}
