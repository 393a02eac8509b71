/* SPDX-License-Identifier: GPL-2.0 */
/* Asks the daemon for /api/v1/status: once, or again and again beside something else. */
#ifndef SHUNT_CLI_ASK_H
#define SHUNT_CLI_ASK_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/cli.h"

#define ASK_URL_MAX 128

/*
 * Where the configuration says that the daemon listens.  EXIT_DONE, or EXIT_USAGE once what is
 * wrong with it was logged as the command's.
 */
int ask_url(const struct cli_options *options, const char *command, char ret_url[ASK_URL_MAX]);

/*
 * Asks, and waits for the answer, at most five seconds.  EXIT_DONE, and the status to
 * json_decref() and its text to free(); EXIT_NO_DAEMON or EXIT_FAILED, and what went wrong
 * was logged as the command's.
 */
int ask_status(const char *command, const char *url, json_t **ret_status, char **ret_text);

struct asker;

/* Asks without waiting.  NULL without memory. */
struct asker *asker_new(const char *url);

void asker_free(struct asker *asker);

/*
 * Asks anew whenever so many milliseconds have passed, and waits until there is an answer, `fd` can
 * be read, or a while, which is never longer than `wait_ms`, is over.  True where there is an
 * answer: then *ret_status is a status to json_decref(), or NULL where the daemon gave none.
 */
bool asker_wait(struct asker *asker, int fd, int period_ms, int wait_ms, json_t **ret_status);

#endif
