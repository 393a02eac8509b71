/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "cli/cli.h"

#ifndef SHUNT_VERSION
#define SHUNT_VERSION "unknown"
#endif

const char *cli_version_text(void)
{
	return SHUNT_VERSION;
}

int cli_version(const struct cli_options *options)
{
	if (options->json)
		printf("{\"version\": \"%s\"}\n", SHUNT_VERSION);
	else
		printf("shunt %s\n", SHUNT_VERSION);
	return EXIT_DONE;
}
