/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands that read a journal have in common. */
#ifndef SHUNT_CLI_JOURNALS_H
#define SHUNT_CLI_JOURNALS_H

#include "cli/cli.h"
#include "journal/replay.h"
#include "shunt/config.h"

/*
 * Opens the journal that is named, or that of the configuration; NULL: that of the default
 * place.  An exit status; what is wrong has been said.
 */
int journals_open(const char *command, const struct cli_options *options,
		  const struct config *config, struct journal **ret_journal);

/* The time that --from, --to and --since say.  An exit status. */
int journals_span(const char *command, const struct cli_options *options,
		  struct replay_span *ret_span);

/* Says why a journal cannot be read; `path` NULL: that of the configuration. */
void journals_complain(const char *command, const char *path, int error);

#endif
