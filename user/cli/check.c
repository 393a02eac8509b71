/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/config.h"
#include "daemon/enforcer.h"
#include "kernel/memory.h"

#define MIB (1024.0 * 1024.0)

/* What the daemon would take; as comments, so that the output is a configuration. */
static void print_memory(const struct config *config, const struct kernel_memory *memory)
{
	printf("# kernel memory: %.1f MiB, of which %.1f MiB to count %u services and %.1f MiB to "
	       "follow connections\n",
	       (double)memory->fixed / MIB, (double)memory->cells / MIB, config->max_services,
	       (double)memory->connections / MIB);
	if (memory->verdicts)
		printf("# and %.1f MiB of it to carry verdicts out\n",
		       (double)memory->verdicts / MIB);
}

static int print_json(const struct config *config, const struct kernel_memory *memory)
{
	json_t *root = NULL;
	char *text;
	int r;

	r = config_print_json(config, &text);
	if (r < 0)
		return r;
	root = json_pack("{s:o, s:{s:I, s:I, s:I, s:I, s:I}}", "config", json_loads(text, 0, NULL),
			 "kernel_memory", "fixed_bytes", (json_int_t)memory->fixed, "cells_bytes",
			 (json_int_t)memory->cells, "connections_bytes",
			 (json_int_t)memory->connections, "verdicts_bytes",
			 (json_int_t)memory->verdicts, "per_overflow_bytes",
			 (json_int_t)memory->per_overflow);
	free(text);
	if (!root)
		return -ENOMEM;
	r = json_dumpf(root, stdout, JSON_INDENT(2)) ? -EIO : 0;
	putchar('\n');
	json_decref(root);
	return r;
}

int cli_check(const struct cli_options *options)
{
	struct observer_limits limits = {0};
	struct kernel_memory memory;
	struct config *config;
	int r;

	r = config_load(options->config_path, !options->config_given, cli_complain, (void *)"check",
			&config);
	if (r < 0)
		return EXIT_USAGE;

	limits.slots = SHUNT_SLOT_FIRST + config->max_services;
	r = memory_foretell(&limits, &memory);
	if (r >= 0 && (config->interfaces.count || enforcer_wants_outbound(config)))
		r = memory_add_dataplane(limits.slots, enforcer_wants_outbound(config), &memory);
	if (r < 0)
		goto out;
	if (options->json) {
		r = print_json(config, &memory);
	} else {
		r = config_print(config, stdout);
		print_memory(config, &memory);
	}
out:
	config_free(config);
	if (r >= 0 && fflush(stdout))
		r = -errno;
	if (r < 0)
		log_error("check: cannot print: %s", strerror(-r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
