/* SPDX-License-Identifier: GPL-2.0 */
/* What shunt top shows: the list, one service in depth, the keys. */
#ifndef SHUNT_CLI_TOP_VIEW_H
#define SHUNT_CLI_TOP_VIEW_H

#include <jansson.h>

#include "cli/terminal.h"
#include "cli/top_list.h"

/* The tone of a state's word. */
enum terminal_tone top_tone(const char *state);

/* The head of every screen, and its last row. */
void top_draw_frame(const json_t *status, const struct top_list *list, const char *trouble,
		    const char *keys);

/* Below the head: the services, and why the chosen one is as it is. */
void top_draw_list(const struct top_list *list);

/* Below the head: all of one service.  `signal` says which of its histograms comes first.
 */
void top_draw_service(const json_t *service, unsigned signal);

void top_draw_help(void);

#endif
