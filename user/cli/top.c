/* SPDX-License-Identifier: GPL-2.0 */
/* All services, live in the terminal, from the daemon's /api/v1/status. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ncurses.h>

#include "base/log.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/top_list.h"
#include "cli/top_view.h"

#define PERIOD_MS 1000

/* A signal that comes while it waits is noticed so late. */
#define WAIT_MS 200

/* Keys that ncurses has no name for. */
enum { KEY_ESC = 27, KEY_RETURN = '\r' };

enum mode { MODE_LIST, MODE_SERVICE, MODE_FILTER, MODE_HELP };

struct top {
	json_t *status; /* the last that there was */
	struct top_list list;
	enum mode mode;
	unsigned signal; /* which histogram comes first */
	unsigned missed; /* answers in a row */
	bool done;
};

static void draw(const struct top *top)
{
	static const char *const keys[] = {
		[MODE_LIST] = "q quit  ? help  / filter  s sort  r reverse  Enter one service",
		[MODE_SERVICE] = "q back  Tab next histogram  Up Down other services  ? help",
		[MODE_FILTER] = "Enter done  Esc all services",
		[MODE_HELP] = "any key goes back",
	};
	const json_t *chosen = top_list_chosen(&top->list);
	char trouble[96] = "";

	if (top->missed)
		snprintf(trouble, sizeof(trouble),
			 "no daemon answers, asked %u times: this is how things were", top->missed);
	erase();
	top_draw_frame(top->status, &top->list, trouble, keys[top->mode]);
	if (top->mode == MODE_HELP)
		top_draw_help();
	else if (top->mode == MODE_SERVICE && chosen)
		top_draw_service(chosen, top->signal);
	else
		top_draw_list(&top->list);
	if (top->mode == MODE_FILTER)
		terminal_printf(LINES - 1, 0, 0, TONE_PLAIN, "filter: %s_   Enter done  Esc all",
				top->list.filter);
	refresh();
}

static void update(struct top *top)
{
	top_list_update(&top->list, top->status);
}

static void take(struct top *top, json_t *status)
{
	json_t *old = top->status;

	if (!status) {
		top->missed++;
		return;
	}
	top->missed = 0;
	top->status = status;
	/* The list is of the old one until it is updated. */
	update(top);
	json_decref(old);
}

/* ---- keys ---- */

static void sort_by(struct top *top, unsigned step)
{
	top->list.sort = (top->list.sort + step) % TOP_SORTS;
	update(top);
}

static void on_filter_key(struct top *top, int key)
{
	size_t length = strlen(top->list.filter);

	if (key == KEY_RETURN || key == KEY_ENTER) {
		top->mode = MODE_LIST;
	} else if (key == KEY_ESC) {
		top->list.filter[0] = '\0';
		top->mode = MODE_LIST;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length) {
		top->list.filter[length - 1] = '\0';
	} else if (key >= ' ' && key < 127 && length + 1 < TOP_FILTER_MAX) {
		top->list.filter[length] = (char)key;
		top->list.filter[length + 1] = '\0';
	}
	update(top);
}

static bool on_move_key(struct top *top, int key)
{
	long page = LINES > 8 ? LINES - 6 : 1, all = (long)top->list.count;
	const struct {
		int key;
		long by;
	} moves[] = {
		{KEY_UP, -1},	    {'k', -1},	       {KEY_DOWN, 1},	 {'j', 1},
		{KEY_PPAGE, -page}, {KEY_NPAGE, page}, {KEY_HOME, -all}, {'g', -all},
		{KEY_END, all},	    {'G', all},
	};

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		if (key == moves[i].key) {
			top_list_move(&top->list, moves[i].by);
			return true;
		}
	}
	return false;
}

static void on_list_key(struct top *top, int key)
{
	switch (key) {
	case 's':
		sort_by(top, 1);
		break;
	case 'S':
		sort_by(top, TOP_SORTS - 1);
		break;
	case 'r':
		top->list.reversed = !top->list.reversed;
		update(top);
		break;
	case '/':
		top->mode = MODE_FILTER;
		break;
	case KEY_RETURN:
	case KEY_ENTER:
		top_list_move(&top->list, 0);
		top->mode = MODE_SERVICE;
		break;
	case KEY_ESC:
		top->done = !top->list.filter[0];
		top->list.filter[0] = '\0';
		update(top);
		break;
	case 'q':
		top->done = true;
		break;
	default:
		break;
	}
}

static void on_service_key(struct top *top, int key)
{
	if (key == '\t')
		top->signal++;
	else if (key == KEY_BTAB)
		top->signal += 3;
	else if (key == 'q' || key == KEY_ESC || key == KEY_RETURN || key == KEY_BACKSPACE)
		top->mode = MODE_LIST;
}

static void on_key(struct top *top, int key)
{
	if (key == KEY_RESIZE)
		return;
	if (top->mode == MODE_FILTER)
		on_filter_key(top, key);
	else if (top->mode == MODE_HELP)
		top->mode = MODE_LIST;
	else if (key == '?')
		top->mode = MODE_HELP;
	else if (on_move_key(top, key))
		return;
	else if (top->mode == MODE_SERVICE)
		on_service_key(top, key);
	else
		on_list_key(top, key);
}

/* ---- the command ---- */

/* A terminal that is gone reads as its end, and would for ever. */
static bool is_hung_up(void)
{
	return !isatty(STDIN_FILENO);
}

static void run(struct top *top, struct asker *asker)
{
	while (!top->done && !terminal_is_ending() && !is_hung_up()) {
		json_t *status;
		int key;

		draw(top);
		if (asker_wait(asker, STDIN_FILENO, PERIOD_MS, WAIT_MS, &status))
			take(top, status);
		while (!top->done && (key = getch()) != ERR)
			on_key(top, key);
	}
}

static int show(struct top *top, const char *url)
{
	struct asker *asker = asker_new(url);
	int r;

	if (!asker)
		return EXIT_FAILED;
	r = terminal_start();
	if (r < 0) {
		log_error("top: %s",
			  r == -ENOTTY
				  ? "needs a terminal: try 'shunt status', or 'shunt status --json'"
				  : "the terminal's kind (TERM) is not known");
		asker_free(asker);
		return r == -ENOTTY ? EXIT_USAGE : EXIT_FAILED;
	}
	update(top);
	run(top, asker);
	terminal_end();
	asker_free(asker);
	return EXIT_DONE;
}

int cli_top(const struct cli_options *options)
{
	struct top top = {0};
	char url[ASK_URL_MAX], *text;
	int r;

	r = ask_url(options, "top", url);
	if (r == EXIT_DONE)
		r = ask_status("top", url, &top.status, &text);
	if (r != EXIT_DONE)
		return r;
	free(text);
	r = show(&top, url);
	top_list_free(&top.list);
	json_decref(top.status);
	return r;
}
