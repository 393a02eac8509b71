/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon: one loop that owns everything. */
#ifndef SHUNT_DAEMON_DAEMON_H
#define SHUNT_DAEMON_DAEMON_H

#include <stdbool.h>

struct daemon_options {
	const char *config_path;
	bool config_may_be_absent;
	const char *version;
};

/*
 * Starts, observes until SIGTERM or SIGINT, and stops; what goes wrong is logged.
 * Returns the exit status: 0, 1 where it failed, 2 where the configuration is wrong.
 */
int daemon_run(const struct daemon_options *options);

#endif
