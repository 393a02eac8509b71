/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/cli.h"
#include "daemon/daemon.h"

int cli_run(const struct cli_options *options)
{
	const struct daemon_options daemon = {
		.config_path = options->config_path,
		.config_may_be_absent = !options->config_given,
		.version = cli_version_text(),
	};

	return daemon_run(&daemon);
}
