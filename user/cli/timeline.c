/* SPDX-License-Identifier: GPL-2.0 */
/* What happened, in order: for a terminal, an incident's channel, or a program. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/journals.h"
#include "cli/when.h"
#include "config/names.h"
#include "journal/timeline.h"
#include "serve/names.h"

#define DIGITS	      12
#define DURATION_SIZE 24
#define ELAPSED_WIDTH 10

enum format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_JSON };

/* ---- words ---- */

/* "1.25 s", "350 ms", "95 us", "2 h 05 min" */
static void print_duration(uint64_t ns, char text[DURATION_SIZE])
{
	double seconds = (double)ns / 1e9;

	if (seconds >= 3600)
		snprintf(text, DURATION_SIZE, "%u h %02u min", (unsigned)(ns / 3600000000000),
			 (unsigned)(ns / 60000000000 % 60));
	else if (seconds >= 60)
		snprintf(text, DURATION_SIZE, "%u min %02u s", (unsigned)(ns / 60000000000),
			 (unsigned)(ns / 1000000000 % 60));
	else if (seconds >= 1)
		snprintf(text, DURATION_SIZE, "%.3g s", seconds);
	else if (seconds >= 1e-3)
		snprintf(text, DURATION_SIZE, "%.3g ms", seconds * 1e3);
	else
		snprintf(text, DURATION_SIZE, "%.3g us", seconds * 1e6);
}

static void print_elapsed(uint64_t from, uint64_t to, char text[DURATION_SIZE])
{
	snprintf(text, DURATION_SIZE, "+%.1f s", to > from ? (double)(to - from) / 1e9 : 0);
}

/* What of an event is a state, in one word; "" for what is none. */
static const char *state_of(const struct timeline_event *event)
{
	switch (event->kind) {
	case TIMELINE_SYMPTOM:
	case TIMELINE_CONCLUSION:
	case TIMELINE_CHANGE:
		return health_state_name(event->state);
	default:
		return "";
	}
}

/* "was failing for 41.2 s" */
static void print_summary(const struct timeline_incident *incident, uint64_t now, char *text,
			  size_t size)
{
	char duration[DURATION_SIZE];
	uint64_t end = incident->ended ? incident->ended : now;

	print_duration(end > incident->began ? end - incident->began : 0, duration);
	if (incident->worst == HEALTH_HEALTHY)
		snprintf(text, size, "%s by hand for %s",
			 incident->ended ? "was cut or held" : "is cut or held", duration);
	else
		snprintf(text, size, "%s %s for %s%s", incident->ended ? "was" : "is",
			 health_state_name(incident->worst), duration,
			 incident->seen_begin ? "" : " or longer");
}

static void print_latency(enum format format, const char *when,
			  const struct timeline_latency *latency)
{
	char p50[DURATION_SIZE], p95[DURATION_SIZE], p99[DURATION_SIZE];

	if (!latency->count)
		return;
	print_duration(latency->p50, p50);
	print_duration(latency->p95, p95);
	print_duration(latency->p99, p99);
	if (format == FORMAT_MARKDOWN)
		printf("| %s | %s | %s | %s | %" PRIu64 " |\n", when, p50, p95, p99,
		       latency->count);
	else
		printf("  answers %s: %s (p50), %s (p95), %s (p99), of %" PRIu64 "\n", when, p50,
		       p95, p99, latency->count);
}

/* ---- text ---- */

static void print_text(const struct timeline_incident *incident, uint64_t now)
{
	char when[WHEN_SIZE], summary[128], elapsed[DURATION_SIZE];

	when_print(incident->began, when);
	print_summary(incident, now, summary, sizeof(summary));
	printf("%s  %s (%s, breaker in %s) %s\n", when, incident->name, name_role(incident->role),
	       config_mode_names[incident->mode], summary);
	for (size_t i = 0; i < incident->count; i++) {
		const struct timeline_event *event = &incident->events[i];
		const char *state = state_of(event);

		print_elapsed(incident->began, event->at, elapsed);
		printf("  %*s  %-13s  %s%s%s\n", ELAPSED_WIDTH, elapsed,
		       timeline_kind_name(event->kind), state, *state ? ": " : "", event->text);
	}
	print_latency(FORMAT_TEXT, "before", &incident->before);
	print_latency(FORMAT_TEXT, "then", &incident->then);
	putchar('\n');
}

/* ---- markdown ---- */

/* As it stands, whatever it holds: names and reasons are people's. */
static void put_escaped(const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_{}[]<>|#~@", *text))
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
}

static void markdown_event(const struct timeline_incident *incident,
			   const struct timeline_event *event)
{
	const char *state = state_of(event);
	char when[WHEN_SIZE], elapsed[DURATION_SIZE];

	when_print(event->at, when);
	print_elapsed(incident->began, event->at, elapsed);
	printf("| %s | %s | %s | ", when, elapsed, timeline_kind_name(event->kind));
	if (*state) {
		printf("**");
		put_escaped(state);
		printf("**%s", *event->text ? ": " : "");
	}
	put_escaped(event->text);
	printf(" |\n");
}

static void print_markdown(const struct timeline_incident *incident, uint64_t now)
{
	char summary[128];

	print_summary(incident, now, summary, sizeof(summary));
	printf("### ");
	put_escaped(incident->name);
	putchar(' ');
	put_escaped(summary);
	printf("\n\n%s, breaker in %s\n\n| when | | what | |\n|---|---|---|---|\n",
	       name_role(incident->role), config_mode_names[incident->mode]);
	for (size_t i = 0; i < incident->count; i++)
		markdown_event(incident, &incident->events[i]);
	if (incident->before.count || incident->then.count) {
		printf("\n| answers | p50 | p95 | p99 | count |\n|---|---|---|---|---|\n");
		print_latency(FORMAT_MARKDOWN, "before", &incident->before);
		print_latency(FORMAT_MARKDOWN, "then, at its slowest", &incident->then);
	}
	putchar('\n');
}

/* ---- JSON ---- */

static json_t *pack_latency(const struct timeline_latency *latency)
{
	if (!latency->count)
		return json_null();
	return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)latency->count, "p50_seconds",
			 (double)latency->p50 / 1e9, "p95_seconds", (double)latency->p95 / 1e9,
			 "p99_seconds", (double)latency->p99 / 1e9);
}

static json_t *pack_event(const struct timeline_event *event)
{
	const char *state = state_of(event);
	char at[WHEN_SIZE];

	when_print(event->at, at);
	return json_pack("{s:s, s:s, s:s?, s:s}", "at", at, "what", timeline_kind_name(event->kind),
			 "state", *state ? state : NULL, "text", event->text);
}

static json_t *pack_incident(const struct timeline_incident *incident)
{
	json_t *events = json_array();
	char began[WHEN_SIZE], ended[WHEN_SIZE];

	when_print(incident->began, began);
	when_print(incident->ended, ended);
	for (size_t i = 0; i < incident->count; i++) {
		if (json_array_append_new(events, pack_event(&incident->events[i]))) {
			json_decref(events);
			return NULL;
		}
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:b, s:s, s:o, s:o, s:o}", "service",
			 incident->name, "role", name_role(incident->role), "mode",
			 config_mode_names[incident->mode], "began", began, "ended",
			 incident->ended ? ended : NULL, "began_earlier", !incident->seen_begin,
			 "worst", health_state_name(incident->worst), "latency_before",
			 pack_latency(&incident->before), "latency_then",
			 pack_latency(&incident->then), "events", events);
}

static int print_json(const struct timeline *timeline)
{
	json_t *incidents = json_array(), *object;
	int r = -1;

	for (size_t i = 0; i < timeline->count; i++)
		json_array_append_new(incidents, pack_incident(&timeline->incidents[i]));
	object = json_pack("{s:I, s:I, s:o}", "damaged", (json_int_t)timeline->damaged, "gaps",
			   (json_int_t)timeline->gaps, "incidents", incidents);
	if (object && json_array_size(incidents) == timeline->count)
		r = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
	putchar('\n');
	json_decref(object);
	if (r)
		log_error("timeline: cannot print");
	return r ? EXIT_FAILED : EXIT_DONE;
}

/* ---- all of it ---- */

static void print_frame(const struct timeline *timeline)
{
	char from[WHEN_SIZE], to[WHEN_SIZE];

	when_print(timeline->from, from);
	when_print(timeline->to, to);
	if (!timeline->to)
		printf("Nothing was recorded in that time.\n");
	else
		printf("From %s to %s: %zu %s.\n", from, to, timeline->count,
		       timeline->count == 1 ? "incident" : "incidents");
	if (timeline->damaged || timeline->gaps)
		printf("%" PRIu64 " damaged records, %" PRIu64 " gaps: what was in them is not "
		       "known.\n",
		       timeline->damaged, timeline->gaps);
}

static int print_timeline(const struct timeline *timeline, enum format format)
{
	if (format == FORMAT_JSON)
		return print_json(timeline);
	for (size_t i = 0; i < timeline->count; i++) {
		if (format == FORMAT_MARKDOWN)
			print_markdown(&timeline->incidents[i], timeline->to);
		else
			print_text(&timeline->incidents[i], timeline->to);
	}
	print_frame(timeline);
	return EXIT_DONE;
}

static int find_format(const struct cli_options *options, enum format *ret_format)
{
	static const char *const names[] = {"text", "markdown", "json"};

	*ret_format = options->json ? FORMAT_JSON : FORMAT_TEXT;
	if (!options->format)
		return EXIT_DONE;
	for (enum format format = FORMAT_TEXT; format <= FORMAT_JSON; format++) {
		if (strcmp(options->format, names[format]) != 0)
			continue;
		*ret_format = format;
		return EXIT_DONE;
	}
	log_error("timeline: --format: '%s', expected text, markdown or json", options->format);
	return EXIT_USAGE;
}

int cli_timeline(const struct cli_options *options)
{
	struct timeline timeline = {0};
	struct journal *journal;
	struct replay_span span;
	enum format format;
	int status, r;

	status = find_format(options, &format);
	if (status == EXIT_DONE)
		status = journals_span("timeline", options, &span);
	if (status == EXIT_DONE)
		status = journals_open("timeline", options, NULL, &journal);
	if (status != EXIT_DONE)
		return status;
	r = timeline_read(journal, &span, options->service, &timeline);
	journal_close(journal);
	if (r < 0) {
		journals_complain("timeline", options->arguments[0], r);
		status = EXIT_FAILED;
	} else {
		status = print_timeline(&timeline, format);
	}
	timeline_done(&timeline);
	return status;
}
