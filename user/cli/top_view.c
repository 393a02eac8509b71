/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/top_view.h"

#include <stdio.h>
#include <string.h>

#include <ncurses.h>

#include "cli/words.h"

/* Rows of the frame, and of the foot that says why. */
#define HEAD_ROWS 2
#define FOOT_ROWS 3

/* Columns besides the name's; why is shown beside, where there is room. */
#define FIGURES_WIDTH 63
#define NAME_LEAST    16
#define NAME_MOST     40
#define WHY_LEAST     30

enum terminal_tone top_tone(const char *state)
{
	static const struct {
		const char *state;
		enum terminal_tone tone;
	} tones[] = {
		{"failing", TONE_BAD},	      {"wedged", TONE_BAD},   {"flapping", TONE_BAD},
		{"checker_fault", TONE_WARN}, {"at_risk", TONE_WARN}, {"healthy", TONE_GOOD},
	};

	for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
		if (!strcmp(state, tones[i].state))
			return tones[i].tone;
	}
	return TONE_SOFT;
}

/* Without colour the same is said by a mark. */
static const char *mark_of(const char *state)
{
	enum terminal_tone tone = top_tone(state);

	return tone == TONE_BAD ? "!!" : tone == TONE_WARN ? "! " : "  ";
}

void top_draw_frame(const json_t *status, const struct top_list *list, const char *trouble,
		    const char *keys)
{
	terminal_printf(0, 0, 0, TONE_PLAIN,
			"%zu service%s by %s%s%s%s; shunt %s on Linux %s, up %.0f s", list->count,
			list->count == 1 ? "" : "s", top_sort_name(list->sort),
			list->reversed ? ", reversed" : "", *list->filter ? ", that match " : "",
			list->filter, words_string(status, "version"),
			words_string(status, "kernel"), words_number(status, "uptime_seconds"));
	if (*trouble)
		terminal_printf(0, 0, 0, TONE_BAD, "%s", trouble);
	terminal_put(LINES - 1, 0, 0, TONE_SOFT, keys);
}

/* ---- the list ---- */

struct columns {
	int name;
	int why; /* 0: there is no room beside */
};

static struct columns measure(void)
{
	struct columns columns = {.name = COLS - FIGURES_WIDTH - 2};

	if (columns.name > NAME_MOST + WHY_LEAST) {
		columns.why = columns.name - NAME_MOST;
		columns.name = NAME_MOST;
	}
	if (columns.name < NAME_LEAST)
		columns.name = NAME_LEAST;
	return columns;
}

static void draw_service(int row, const struct columns *columns, const json_t *service, bool chosen)
{
	static const char *const keys[] = {"handshake_p50_seconds", "handshake_p95_seconds",
					   "handshake_p99_seconds"};
	const json_t *recent = json_object_get(service, "recent");
	const char *state = words_state(service);
	int at = 2 + columns->name;
	char quantiles[3][16];

	for (int i = 0; i < 3; i++)
		words_duration(json_object_get(recent, keys[i]), sizeof(quantiles[i]),
			       quantiles[i]);
	terminal_printf(row, 0, 2, TONE_PLAIN, "%s", chosen ? ">" : "");
	terminal_put(row, 2, columns->name, TONE_PLAIN, words_string(service, "name"));
	terminal_printf(row, at, 2, TONE_PLAIN, " %.1s", words_string(service, "role"));
	terminal_printf(row, at + 2, 17, top_tone(state), "%s%s%s",
			words_is_open(service) ? "X" : " ", mark_of(state), state);
	terminal_printf(row, at + 19, FIGURES_WIDTH - 19, TONE_PLAIN, "%8.1f %6.1f %6.0f%7s%7s%7s",
			words_number(recent, "handshakes_per_second"),
			words_number(recent, "failures_per_second"),
			words_number(service, "connections_active"), quantiles[0], quantiles[1],
			quantiles[2]);
	if (columns->why)
		terminal_printf(row, at + FIGURES_WIDTH, 0, TONE_PLAIN, "  %s",
				words_string(service, "reason"));
	if (chosen)
		terminal_invert(row);
}

static void draw_heads(const struct columns *columns)
{
	terminal_printf(1, 0, 0, TONE_SOFT, "  %-*s R %-16s%8s %6s %6s%7s%7s%7s%s", columns->name,
			"SERVICE", "  STATE", "CONN/S", "FAIL/S", "OPEN", "P50", "P95", "P99",
			columns->why ? "  WHY" : "");
}

/* The words of whoever is about to take it out, if somebody is; else of the first that checks it.
 */
static void draw_prober(int row, const json_t *service)
{
	const json_t *probers = json_object_get(service, "probers"), *prober;
	const json_t *worst = json_array_get(probers, 0);
	char text[512];
	size_t i;

	json_array_foreach(probers, i, prober)
	{
		if (strcmp(words_string(prober, "state"), "up"))
			worst = prober;
	}
	if (!worst)
		return;
	words_prober(worst, sizeof(text), text);
	terminal_put(row, 0, 0, TONE_PLAIN, text);
}

static void draw_foot(const json_t *service)
{
	const char *reason = words_string(service, "reason");
	int row = LINES - 1 - FOOT_ROWS;
	char text[512];

	snprintf(text, sizeof(text), "%s (%s): %s%s%s", words_string(service, "name"),
		 words_string(service, "role"), words_state(service), *reason ? ": " : "", reason);
	row += terminal_wrap(row, 0, FOOT_ROWS - 1, TONE_PLAIN, text);
	/* What passes nothing on says so, before who checks it. */
	if (words_is_open(service)) {
		words_breaker(service, sizeof(text), text);
		terminal_wrap(row, 0, LINES - 1 - row, TONE_PLAIN, text);
	} else {
		draw_prober(row, service);
	}
}

void top_draw_list(const struct top_list *list)
{
	const struct columns columns = measure();
	int rows = LINES - HEAD_ROWS - FOOT_ROWS - 1;
	size_t room = rows > 0 ? (size_t)rows : 0;
	/* A page at a time: a list that moves with each step is hard to follow. */
	size_t first = room ? list->chosen / room * room : 0;

	draw_heads(&columns);
	for (size_t i = 0; i < room && first + i < list->count; i++)
		draw_service(HEAD_ROWS + (int)i, &columns, list->services[first + i],
			     first + i == list->chosen);
	if (!list->count)
		terminal_put(HEAD_ROWS, 2, 0, TONE_PLAIN, "no service matches");
	else
		draw_foot(top_list_chosen(list));
}

/* ---- help ---- */

void top_draw_help(void)
{
	static const char *const lines[] = {
		"Up Down k j        the service above, below",
		"PgUp PgDn g G      a page on, the first, the last",
		"Enter              one service in depth; Tab: the next of its histograms",
		"s S                the next order, the one before: urgency, name, connects,",
		"                   failures, open, p99",
		"r                  the other way round",
		"/                  only those whose name or state has what is typed; Esc: all",
		"q Esc              back, and out",
		"",
		"CONN/S FAIL/S      over the last ten seconds",
		"OPEN               connections that are established",
		"P50 P95 P99        of successful handshakes of the last 30 to 60 seconds",
		"R                  s: a server here; c: what is called from here, a client",
		"!! and !           it does not do its work; first signs, or a checker's fault",
		"X                  its breaker is open or half-open",
		"shunt-status(8) says what the states mean. Nothing can be changed here.",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		terminal_put(HEAD_ROWS + (int)i, 2, 0, TONE_PLAIN, lines[i]);
}
