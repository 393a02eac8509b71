/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands: one file each, one row each in main.c's table. */
#ifndef SHUNT_CLI_H
#define SHUNT_CLI_H

#include <stdbool.h>

/* Exit statuses of the contract. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
};

/* Words that a command may have after it. */
#define CLI_ARGUMENTS_MAX 2

struct cli_options {
	const char *config_path;
	bool config_given; /* by -c; else the default path, and it may be absent */
	bool json;
	/* After the command, where it takes any; NULL: none. */
	const char *arguments[CLI_ARGUMENTS_MAX];
	/* NULL: not given. */
	const char *seed;
	const char *why;
	const char *lasts; /* --for */
	const char *action;
	bool all;
	const char *from, *to; /* see when.h */
	const char *service;
	const char *format;
};

int cli_run(const struct cli_options *options);
int cli_check(const struct cli_options *options);
int cli_doctor(const struct cli_options *options);
int cli_status(const struct cli_options *options);
int cli_top(const struct cli_options *options);
int cli_simulate(const struct cli_options *options);
int cli_trip(const struct cli_options *options);
int cli_reset(const struct cli_options *options);
int cli_mode(const struct cli_options *options);
int cli_replay(const struct cli_options *options);
int cli_timeline(const struct cli_options *options);
int cli_version(const struct cli_options *options);

/* "0.1.0+gabc1234" */
const char *cli_version_text(void);

/* Takes a complaint about the configuration to stderr; `userdata` is the command's name. */
void cli_complain(void *userdata, const char *line);

#endif
