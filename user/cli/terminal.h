/* SPDX-License-Identifier: GPL-2.0 */
/* The terminal as a screen, which is as it was before however the program ends. */
#ifndef SHUNT_CLI_TERMINAL_H
#define SHUNT_CLI_TERMINAL_H

#include <stdbool.h>

enum terminal_tone { TONE_PLAIN, TONE_BAD, TONE_WARN, TONE_GOOD, TONE_SOFT, TONE_MAX };

/* Takes the terminal.  0, -ENOTTY where there is none, or -ENOENT where it is not known what it can
 * do. */
int terminal_start(void);

/* Gives it back. */
void terminal_end(void);

/* Whether a signal asks for the end; a crash gives the terminal back by itself. */
bool terminal_is_ending(void);

/*
 * Writes text, cut to so many columns, which are filled up with blanks; 0: to the edge.  What would
 * move the cursor or change the terminal is shown as '?'.  Outside the screen nothing is written.
 */
void terminal_put(int row, int column, int width, enum terminal_tone tone, const char *text);

void terminal_printf(int row, int column, int width, enum terminal_tone tone, const char *format,
		     ...) __attribute__((format(printf, 5, 6)));

/* Writes text over as many rows as it needs, `rows` at most.  Returns how many. */
int terminal_wrap(int row, int column, int rows, enum terminal_tone tone, const char *text);

/* Shows a row inverted. */
void terminal_invert(int row);

#endif
