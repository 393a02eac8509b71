/* SPDX-License-Identifier: GPL-2.0 */
/* shunt: one program, a table of subcommands; the table is the help text. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/config.h"

struct command {
	const char *name;
	const char *what;
	int (*run)(const struct cli_options *options);
	unsigned arguments; /* how many may follow */
	bool orders; /* takes --why, --for, --action and --all */
};

static const struct command commands[] = {
	{"run", "observe this host in the foreground and serve what is seen", cli_run, 0, false},
	{"check", "check the configuration, print its canonical form and its memory", cli_check, 0,
	 false},
	{"doctor", "say what this kernel and this user can have, and why not", cli_doctor, 0,
	 false},
	{"status", "show every service: rate, failures, latency, state", cli_status, 0, false},
	{"top", "show every service live in the terminal, one in depth", cli_top, 0, false},
	{"simulate", "run the scenario in FILE in virtual time", cli_simulate, 1, false},
	{"replay", "decide what was recorded again, or with another configuration", cli_replay, 1,
	 false},
	{"timeline", "say what happened, in order, from the journal", cli_timeline, 1, false},
	{"trip", "cut a service off: trip NAME --why TEXT", cli_trip, 1, true},
	{"reset", "let a service's connections pass again: reset NAME --why TEXT", cli_reset, 1,
	 true},
	{"mode", "set a breaker's mode: mode NAME off|shadow|enforce --why TEXT", cli_mode, 2,
	 true},
	{"version", "print the version", cli_version, 0, false},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct arguments {
	struct cli_options options;
	const struct command *command;
	unsigned count; /* of arguments */
};

/* Options without a letter. */
enum { KEY_SEED = 256, KEY_ALL, KEY_FROM, KEY_TO, KEY_SERVICE, KEY_FORMAT };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0,
	 "configuration (default " CONFIG_DEFAULT_PATH ", which may be absent)", 0},
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"why", 'w', "TEXT", 0, "trip, reset, mode: the reason, which is recorded; needed", 0},
	{"for", 'f', "DURATION", 0, "trip, reset, mode: how long it stands, 1s to 24h", 0},
	{"action", 'a', "ACTION", 0, "trip: drop, reject, redirect or drain; else as configured",
	 0},
	{"all", KEY_ALL, NULL, 0, "mode: of all services, which only ever calms", 0},
	{"seed", KEY_SEED, "NUMBER", 0, "simulate: of its chances (default 1)", 0},
	{"from", KEY_FROM, "TIME", 0,
	 "replay, timeline: from then on (2026-01-31T12:00:00Z, or 2h ago)", 0},
	{"since", KEY_FROM, NULL, OPTION_ALIAS, NULL, 0},
	{"to", KEY_TO, "TIME", 0, "replay, timeline: up to then", 0},
	{"service", KEY_SERVICE, "NAME", 0, "timeline: of that one alone", 0},
	{"format", KEY_FORMAT, "FORMAT", 0, "timeline: text (the default), markdown or json", 0},
	{0},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/* What stands after the command. */
static error_t take_argument(struct arguments *arguments, const char *argument,
			     struct argp_state *state)
{
	if (arguments->count >= arguments->command->arguments)
		argp_error(state, "%s: expected nothing more after %s", argument,
			   arguments->command->name);
	else
		arguments->options.arguments[arguments->count++] = argument;
	return 0;
}

/* What only an order can have. */
static error_t check_orders(const struct arguments *arguments, struct argp_state *state)
{
	const struct cli_options *given = &arguments->options;

	if (arguments->command && !arguments->command->orders &&
	    (given->lasts || given->action || given->why || given->all))
		argp_error(state, "%s: expected no --why, --for, --action or --all",
			   arguments->command->name);
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->options.config_path = argument;
		arguments->options.config_given = true;
		return 0;
	case 'j':
		arguments->options.json = true;
		return 0;
	case KEY_SEED:
		arguments->options.seed = argument;
		return 0;
	case 'w':
		arguments->options.why = argument;
		return 0;
	case 'f':
		arguments->options.lasts = argument;
		return 0;
	case 'a':
		arguments->options.action = argument;
		return 0;
	case KEY_ALL:
		arguments->options.all = true;
		return 0;
	case ARGP_KEY_END:
		return check_orders(arguments, state);
	case KEY_FROM:
		arguments->options.from = argument;
		return 0;
	case KEY_SERVICE:
		arguments->options.service = argument;
		return 0;
	case KEY_FORMAT:
		arguments->options.format = argument;
		return 0;
	case KEY_TO:
		arguments->options.to = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->command)
			return take_argument(arguments, argument, state);
		arguments->command = find_command(argument);
		if (!arguments->command)
			argp_error(state, "%s: not a command, see shunt --help", argument);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command, see shunt --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands between the usage line and the options. */
static char *filter_help(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_PRE_DOC)
		return (char *)text;
	out = open_memstream(&list, &size);
	if (!out)
		return NULL;
	fprintf(out, "Observes every TCP service of this host in the kernel.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
	fclose(out);
	return list;
}

int main(int argc, char *argv[])
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Exit status: 0 done, 1 it failed, 2 wrong usage or configuration, "
		       "3 the daemon is not there.",
		.help_filter = filter_help,
	};
	struct arguments arguments = {.options.config_path = CONFIG_DEFAULT_PATH};

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		return EXIT_USAGE;
	return arguments.command->run(&arguments.options);
}

void cli_complain(void *userdata, const char *line)
{
	log_error("%s: %s", (const char *)userdata, line);
}
