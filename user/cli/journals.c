/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/journals.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/when.h"
#include "config/config.h"

static const char *why_not(int error)
{
	switch (error) {
	case -EUCLEAN:
		return "it is corrupt, or no journal";
	case -EPROTO:
		return "it is not a journal of this version, or nothing was ever written to it";
	default:
		return strerror(-error);
	}
}

void journals_complain(const char *command, const char *path, int error)
{
	log_error("%s: %s: %s", command, path ? path : "the journal", why_not(error));
}

int journals_open(const char *command, const struct cli_options *options,
		  const struct config *config, struct journal **ret_journal)
{
	struct config *own = NULL;
	const char *path = options->arguments[0];
	int r;

	if (!path && !config) {
		if (config_load(options->config_path, !options->config_given, cli_complain,
				(void *)command, &own) < 0)
			return EXIT_USAGE;
		config = own;
	}
	if (!path)
		path = config->state_dir;
	r = journal_open_read(path, ret_journal);
	if (r < 0)
		journals_complain(command, path, r);
	config_free(own);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int read_when(const char *command, const char *option, const char *text, uint64_t *ret_wall)
{
	if (!text || !when_read(text, ret_wall))
		return EXIT_DONE;
	log_error("%s: --%s: '%s' is no time, expected 2026-01-31T12:00:00Z, @SECONDS, or 90s 15m "
		  "1h 2d ago",
		  command, option, text);
	return EXIT_USAGE;
}

int journals_span(const char *command, const struct cli_options *options,
		  struct replay_span *ret_span)
{
	struct replay_span span = {0, UINT64_MAX};
	int r = read_when(command, "from", options->from, &span.from);

	if (r == EXIT_DONE)
		r = read_when(command, "to", options->to, &span.to);
	if (r == EXIT_DONE && span.from > span.to) {
		log_error("%s: --from is later than --to", command);
		r = EXIT_USAGE;
	}
	*ret_span = span;
	return r;
}
