/* SPDX-License-Identifier: GPL-2.0 */
/* shunt: one program, a table of subcommands; the tables are the help text. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "shunt/config.h"

/* Options that a command may take, at most. */
#define TAKES_MAX 8

struct command {
	const char *name;
	const char *what;
	int (*run)(const struct cli_options *options);
	const char *usage; /* what may follow it */
	unsigned arguments; /* how many of that */
	const char *takes[TAKES_MAX]; /* long names of options */
};

static const struct command commands[] = {
	{
		.name = "run",
		.what = "observe this host in the foreground and serve what is seen",
		.run = cli_run,
		.takes = {"config"},
	},
	{
		.name = "check",
		.what = "check the configuration, print its canonical form and its memory",
		.run = cli_check,
		.takes = {"config", "json"},
	},
	{
		.name = "doctor",
		.what = "say what this kernel and this user can have, and why not",
		.run = cli_doctor,
		.takes = {"json"},
	},
	{
		.name = "status",
		.what = "show every service: rate, failures, latency, state",
		.run = cli_status,
		.takes = {"config", "json"},
	},
	{
		.name = "top",
		.what = "show every service live in the terminal, one in depth",
		.run = cli_top,
		.takes = {"config"},
	},
	{
		.name = "simulate",
		.what = "run the scenario in FILE in virtual time",
		.run = cli_simulate,
		.usage = "FILE",
		.arguments = 1,
		.takes = {"config", "json", "seed"},
	},
	{
		.name = "replay",
		.what = "decide what was recorded again, or with another configuration",
		.run = cli_replay,
		.usage = "[JOURNAL]",
		.arguments = 1,
		.takes = {"config", "json", "from", "to"},
	},
	{
		.name = "timeline",
		.what = "say what happened, in order, from the journal",
		.run = cli_timeline,
		.usage = "[JOURNAL]",
		.arguments = 1,
		.takes = {"config", "json", "from", "to", "service", "format"},
	},
	{
		.name = "trip",
		.what = "cut a service off, for a reason and a while",
		.run = cli_trip,
		.usage = "NAME --why TEXT",
		.arguments = 1,
		.takes = {"config", "json", "why", "for", "action"},
	},
	{
		.name = "reset",
		.what = "let a service's connections pass again",
		.run = cli_reset,
		.usage = "NAME --why TEXT",
		.arguments = 1,
		.takes = {"config", "json", "why", "for"},
	},
	{
		.name = "mode",
		.what = "set a breaker's mode for a while, or calm all of them",
		.run = cli_mode,
		.usage = "NAME off|shadow|enforce --why TEXT\n--all off|shadow|enforce --why TEXT",
		.arguments = 2,
		.takes = {"config", "json", "why", "for", "all"},
	},
	{
		.name = "version",
		.what = "print the version",
		.run = cli_version,
		.takes = {"json"},
	},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct arguments {
	struct cli_options options;
	const struct command *command;
	unsigned count; /* of arguments */
	unsigned given; /* a bit for each of options[] */
	unsigned help; /* flags of argp_help(); 0: none was asked for */
};

/* Options without a letter. */
enum { KEY_SEED = 256, KEY_ALL, KEY_FROM, KEY_TO, KEY_SERVICE, KEY_FORMAT, KEY_USAGE };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0,
	 "configuration (default " CONFIG_DEFAULT_PATH ", which may be absent)", 0},
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"why", 'w', "TEXT", 0, "the reason, which is recorded; needed", 0},
	{"for", 'f', "DURATION", 0, "how long it stands, 1s to 24h", 0},
	{"action", 'a', "ACTION", 0, "drop, reject, redirect or drain; else as configured", 0},
	{"all", KEY_ALL, NULL, 0, "of all services, which only ever calms", 0},
	{"seed", KEY_SEED, "NUMBER", 0, "of its chances (default 1)", 0},
	{"from", KEY_FROM, "TIME", 0, "from then on (2026-01-31T12:00:00Z, or 2h ago)", 0},
	{"since", KEY_FROM, NULL, OPTION_ALIAS, NULL, 0},
	{"to", KEY_TO, "TIME", 0, "up to then", 0},
	{"service", KEY_SERVICE, "NAME", 0, "of that one alone", 0},
	{"format", KEY_FORMAT, "FORMAT", 0, "text (the default), markdown or json", 0},
	{"help", '?', NULL, 0, "list commands and options; COMMAND --help: those of that one", -1},
	{"usage", KEY_USAGE, NULL, 0, "the same, shorter", -1},
	{0},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]) - 1)

/* ---- the tables ---- */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/* Of an alias, the one that it stands for. */
static size_t find_option(int key)
{
	size_t i = 0;

	while (i < OPTIONS && options[i].key != key)
		i++;
	return i;
}

static bool takes(const struct command *command, const struct argp_option *option)
{
	const char *name = options[find_option(option->key)].name;

	for (size_t i = 0; i < TAKES_MAX && command->takes[i]; i++) {
		if (!strcmp(command->takes[i], name))
			return true;
	}
	return option->group == -1;
}

/* ---- help ---- */

/* "trip, reset, mode: " before what an option of a few commands does; the caller frees it. */
static char *name_takers(const struct argp_option *option, const char *text)
{
	char *list = NULL;
	unsigned count = 0;
	size_t size;
	FILE *out = open_memstream(&list, &size);

	if (!out)
		return (char *)text;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (takes(&commands[i], option))
			fprintf(out, "%s%s", count++ ? ", " : "", commands[i].name);
	}
	fprintf(out, ": %s", text);
	fclose(out);
	if (count <= COMMANDS / 2)
		return list;
	free(list);
	return (char *)text;
}

/* The list of commands between the usage line and the options. */
static char *list_commands(void)
{
	char *list = NULL;
	size_t size;
	FILE *out = open_memstream(&list, &size);

	if (!out)
		return NULL;
	fprintf(out, "Observes every TCP service of this host in the kernel.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
	fclose(out);
	return list;
}

static char *filter_help(int key, const char *text, void *input)
{
	size_t option = find_option(key);

	(void)input;
	if (key == ARGP_KEY_HELP_PRE_DOC)
		return list_commands();
	return text && option < OPTIONS ? name_takers(&options[option], text) : (char *)text;
}

#define EXIT_STATUSES                                                                              \
	"Exit status: 0 done, 1 it failed, 2 wrong usage or configuration, "                       \
	"3 the daemon is not there."

static void print_command_help(const struct command *command, unsigned flags)
{
	struct argp_option taken[OPTIONS + 1] = {0};
	char doc[512], name[32];
	const struct argp argp = {.options = taken, .args_doc = command->usage, .doc = doc};
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (takes(command, &options[i]))
			taken[count++] = options[i];
	}
	snprintf(name, sizeof(name), "shunt %s", command->name);
	snprintf(doc, sizeof(doc), "shunt %s: %s.\v" EXIT_STATUSES " See shunt-%s(8).",
		 command->name, command->what, command->name);
	argp_help(&argp, stdout, flags, name);
}

/* ---- the command line ---- */

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

static error_t take_word(struct arguments *arguments, const char *word, struct argp_state *state)
{
	if (arguments->command)
		return take_argument(arguments, word, state);
	arguments->command = find_command(word);
	if (!arguments->command)
		argp_error(state, "%s: not a command, see shunt --help", word);
	return 0;
}

/* A configuration may be named to all of them, as by an alias of the shell. */
static void check_options(const struct arguments *arguments, struct argp_state *state)
{
	const struct command *command = arguments->command;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (arguments->given & 1U << i && options[i].key != 'c' &&
		    !takes(command, &options[i]))
			argp_error(state, "%s: expected no --%s", command->name, options[i].name);
	}
}

static void end(const struct arguments *arguments, struct argp_state *state)
{
	if (arguments->help && !arguments->command)
		argp_help(state->root_argp, stdout, arguments->help, state->name);
	else if (!arguments->command)
		argp_error(state, "no command, see shunt --help");
	else
		check_options(arguments, state);
	if (arguments->help && arguments->command)
		print_command_help(arguments->command, arguments->help);
	if (arguments->help)
		exit(fflush(stdout) ? EXIT_FAILED : EXIT_DONE);
}

/* Where the value of an option goes; NULL: it has none. */
static const char **place_of(struct cli_options *given, int key)
{
	switch (key) {
	case 'c':
		return &given->config_path;
	case 'w':
		return &given->why;
	case 'f':
		return &given->lasts;
	case 'a':
		return &given->action;
	case KEY_SEED:
		return &given->seed;
	case KEY_FROM:
		return &given->from;
	case KEY_TO:
		return &given->to;
	case KEY_SERVICE:
		return &given->service;
	case KEY_FORMAT:
		return &given->format;
	default:
		return NULL;
	}
}

static error_t take_option(struct arguments *arguments, int key, const char *value)
{
	const char **place = place_of(&arguments->options, key);
	size_t option = find_option(key);

	if (option == OPTIONS)
		return ARGP_ERR_UNKNOWN;
	arguments->given |= 1U << option;
	if (place)
		*place = value;
	if (key == 'c')
		arguments->options.config_given = true;
	else if (key == 'j')
		arguments->options.json = true;
	else if (key == KEY_ALL)
		arguments->options.all = true;
	else if (key == '?')
		arguments->help = ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK;
	else if (key == KEY_USAGE)
		arguments->help = ARGP_HELP_USAGE;
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		return take_word(arguments, argument, state);
	case ARGP_KEY_END:
		end(arguments, state);
		return 0;
	default:
		return take_option(arguments, key, argument);
	}
}

int main(int argc, char *argv[])
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = EXIT_STATUSES,
		.help_filter = filter_help,
	};
	struct arguments arguments = {.options.config_path = CONFIG_DEFAULT_PATH};

	argp_err_exit_status = EXIT_USAGE;
	/* --help is of the command, which may come after it. */
	if (argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &arguments))
		return EXIT_USAGE;
	return arguments.command->run(&arguments.options);
}

void cli_complain(void *userdata, const char *line)
{
	log_error("%s: %s", (const char *)userdata, line);
}
