/* SPDX-License-Identifier: GPL-2.0 */
/* One service in depth. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <ncurses.h>

#include "cli/top_view.h"
#include "cli/words.h"

#define TEXT_SIZE 512

/* A histogram's columns: `le`, a bar, a count. */
#define CHART_WIDTH 48
#define BAR_WIDTH   26

static const struct {
	const char *key;
	const char *title;
} charts[] = {
	{"response", "responses"},
	{"handshake", "handshakes"},
	{"rtt", "round trips"},
	{"connection", "connections"},
};

#define CHARTS (sizeof(charts) / sizeof(charts[0]))

/* "handshakes: ok 12, refused 3": those that are not 0. */
static void draw_counts(int row, const char *title, const json_t *counts)
{
	char text[TEXT_SIZE] = "";
	const char *key;
	json_t *count;

	json_object_foreach((json_t *)counts, key, count)
	{
		size_t length = strlen(text);

		if (json_integer_value(count))
			snprintf(text + length, sizeof(text) - length, "%s%s %lld",
				 length ? ", " : "", key, (long long)json_integer_value(count));
	}
	terminal_printf(row, 0, 0, TONE_PLAIN, "%-12s%s", title, *text ? text : "none");
}

static int draw_state(int row, const json_t *service)
{
	const char *state = words_state(service), *reason = words_string(service, "reason");
	int begun = row;

	terminal_printf(row, 0, 0, top_tone(state), "%s (%s) %s", words_string(service, "name"),
			words_string(service, "role"), state);
	row++;
	if (*words_string(service, "since"))
		terminal_printf(row++, 0, 0, TONE_PLAIN, "since %.19sZ, %.0f s",
				words_string(service, "since"),
				words_number(service, "since_seconds"));
	if (*reason)
		row += terminal_wrap(row, 0, 2, TONE_PLAIN, reason);
	return row - begun;
}

static int draw_probers(int row, const json_t *service)
{
	const json_t *prober;
	int begun = row;
	size_t i;

	json_array_foreach(json_object_get(service, "probers"), i, prober)
	{
		char text[TEXT_SIZE];

		words_prober(prober, sizeof(text), text);
		row += terminal_wrap(row, 0, 2, TONE_PLAIN, text);
	}
	return row - begun;
}

static int draw_figures(int row, const json_t *service)
{
	const json_t *recent = json_object_get(service, "recent");

	terminal_printf(
		row, 0, 0, TONE_PLAIN,
		"now         %.1f connects/s, %.1f failures/s, %.0f open, accept queue %.0f of %.0f",
		words_number(recent, "handshakes_per_second"),
		words_number(recent, "failures_per_second"),
		words_number(service, "connections_active"),
		words_number(service, "accept_queue_length"),
		words_number(service, "accept_queue_limit"));
	draw_counts(row + 1, "handshakes", json_object_get(service, "handshakes"));
	draw_counts(row + 2, "closed", json_object_get(service, "closes"));
	terminal_printf(
		row + 3, 0, 0, TONE_PLAIN,
		"wire        %.0f retransmits, %.0f resets sent, %.0f received, %.0f zero windows",
		words_number(service, "retransmits"), words_number(service, "resets_sent"),
		words_number(service, "resets_received"), words_number(service, "zero_windows"));
	return 4;
}

/* ---- histograms ---- */

static double most_of(const json_t *counts)
{
	const json_t *count;
	double most = 0;
	size_t i;

	json_array_foreach(counts, i, count)
	{
		if (json_number_value(count) > most)
			most = json_number_value(count);
	}
	return most;
}

/* At least one mark for what happened at all: the slow few are what one looks for. */
static int bar_length(double count, double most)
{
	int length = (int)lround(BAR_WIDTH * count / most);

	return count > 0 && !length ? 1 : length;
}

static void draw_octave(int row, int column, int log2, double count, double most)
{
	char bar[BAR_WIDTH + 1], bound[16];
	int length = bar_length(count, most);

	memset(bar, '#', (size_t)length);
	bar[length] = '\0';
	words_seconds(ldexp(1, log2), sizeof(bound), bound);
	terminal_printf(row, column, CHART_WIDTH, TONE_PLAIN, "%2s%7s %-*s %.0f",
			log2 > 6 ? " >" : "<=", log2 > 6 ? "64s" : bound, BAR_WIDTH, bar, count);
}

/* Where not all octaves find room, the slowest that there were do. */
static size_t first_octave(const json_t *counts, size_t room)
{
	size_t end = json_array_size(counts);

	if (end <= room)
		return 0;
	while (end > room && json_number_value(json_array_get(counts, end - 1)) <= 0)
		end--;
	return end - room;
}

static void draw_chart(int row, int column, const json_t *service, size_t which)
{
	const json_t *histogram = json_object_get(json_object_get(service, "histograms"),
						  charts[which].key);
	const json_t *counts = json_object_get(histogram, "counts");
	size_t room = LINES - 2 > row ? (size_t)(LINES - 2 - row) : 0;
	size_t first = first_octave(counts, room);
	int log2 = (int)words_number(histogram, "first_le_log2") + (int)first;
	double most = most_of(counts);

	terminal_printf(row, column, CHART_WIDTH, TONE_SOFT, "%s, since the start%s",
			charts[which].title,
			most <= 0 ? ": none"
			: first	  ? "; the slowest"
				  : "");
	for (size_t i = 0; i < room && first + i < json_array_size(counts); i++)
		draw_octave(row + 1 + (int)i, column, log2 + (int)i,
			    json_number_value(json_array_get(counts, first + i)), most);
}

/* As many side by side as have room, from the chosen one on. */
static void draw_charts(int row, const json_t *service, unsigned signal)
{
	size_t beside = COLS / CHART_WIDTH ? (size_t)(COLS / CHART_WIDTH) : 1;

	for (size_t i = 0; i < beside && i < CHARTS; i++)
		draw_chart(row, (int)i * CHART_WIDTH, service, (signal + i) % CHARTS);
}

void top_draw_service(const json_t *service, unsigned signal)
{
	char text[TEXT_SIZE];
	int row = 1;

	row += draw_state(row, service);
	if (words_is_open(service)) {
		words_breaker(service, sizeof(text), text);
		row += terminal_wrap(row, 0, 2, TONE_WARN, text);
	}
	row += draw_probers(row, service);
	row += draw_figures(row, service);
	draw_charts(row + 1, service, signal);
}
