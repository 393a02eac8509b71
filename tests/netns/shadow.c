/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A load balancer's model without its load balancer: what happened and when on standard
 * input, what the model makes of it on standard output, a line for each.
 *
 * The one program of the network tests that has shunt's own code in it: it is what they
 * compare with a real load balancer.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "engine/model.h"
#include "serve/names.h"

static void usage(void)
{
	fputs("usage: shadow MODEL INTERVAL-MS FALL RISE\n"
	      "  reads   SECONDS pass|refused|reset|timed_out|no_response|http_error|overflow\n"
	      "          SECONDS look\n"
	      "  prints  STATE HEALTH CHECKS-UNTIL-DOWN\n"
	      "  of a load balancer that has just begun\n",
	      stderr);
	exit(2);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end)
		usage();
	return value;
}

static enum config_model model_named(const char *name)
{
	for (int model = 0; config_model_names[model]; model++)
		if (!strcmp(config_model_names[model], name))
			return (enum config_model)model;
	usage();
	return CONFIG_MODEL_NONE;
}

/* Decimal seconds, to the ns; a double has not enough digits for the time of day. */
static uint64_t time_of(const char *text)
{
	uint64_t time = 0;
	int decimals = -1;

	for (; *text; text++) {
		if (*text == '.' && decimals < 0)
			decimals = 0;
		else if (*text < '0' || *text > '9' || decimals == 9)
			errx(2, "no time: %s", text);
		else {
			time = time * 10 + (uint64_t)(*text - '0');
			decimals += decimals >= 0;
		}
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 9; decimals++)
		time *= 10;
	return time;
}

static void happen(struct model *model, const struct model_settings *settings, uint64_t at,
		   const char *what)
{
	for (int outcome = 0; outcome < SHUNT_PROBE_MAX; outcome++) {
		if (!strcmp(name_outcome(outcome), what)) {
			model_probe(model, settings, at, (enum shunt_probe_outcome)outcome);
			return;
		}
	}
	if (strcmp(what, "look") != 0)
		errx(2, "no outcome: %s", what);
}

int main(int argc, char **argv)
{
	struct config_health_check check = {0};
	struct model_settings settings;
	char line[128], when[64], what[64];
	struct model model;

	if (argc != 5)
		usage();
	check.model = model_named(argv[1]);
	check.interval = number(argv[2]) * 1000000;
	check.fall = (uint32_t)number(argv[3]);
	check.rise = (uint32_t)number(argv[4]);
	model_settings_of(&check, &settings);
	model_start(&model, &settings, MODEL_FRESH, 0);

	while (fgets(line, sizeof(line), stdin)) {
		uint64_t at;

		if (sscanf(line, "%63s %63s", when, what) != 2)
			errx(2, "no time and outcome: %s", line);
		at = time_of(when);
		happen(&model, &settings, at, what);
		printf("%s %u %u\n", lb_state_names[model_state(&model, &settings, at)],
		       model_health(&model, &settings), model_checks_until_down(&model, &settings));
	}
	return 0;
}
