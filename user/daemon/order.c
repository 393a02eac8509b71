/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/order.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "config/names.h"
#include "config/values.h"

/* What is shorter is over before anybody has seen it. */
#define LEAST	NSEC_PER_SEC
#define LONGEST (24 * NSEC_PER_HOUR)

/* What is being read, and where to complain. */
struct reading {
	struct order *order;
	char *complaint;
};

typedef int (*take_fn)(const struct reading *reading, const json_t *value);

/* -EINVAL.  What was sent may be anything: what cannot be printed becomes a question mark. */
__attribute__((format(printf, 2, 3))) static int complain(const struct reading *reading,
							  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reading->complaint, ORDER_COMPLAINT_MAX, format, arguments);
	va_end(arguments);
	for (char *at = reading->complaint; *at; at++) {
		if (!isprint((unsigned char)*at))
			*at = '?';
	}
	return -EINVAL;
}

/* The place of a word in a list that NULL ends; -1: it is not there. */
static int find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], word))
			return i;
	}
	return -1;
}

/* ---- keys ---- */

static const char *const orders[] = {
	[BREAKER_NO_ORDER] = "",     [BREAKER_TRIP] = "trip",	    [BREAKER_RESET] = "reset",
	[BREAKER_SET_MODE] = "mode", [BREAKER_SET_MODE + 1] = NULL,
};

static int take_order(const struct reading *reading, const json_t *value)
{
	int order = find_word(orders, json_string_value(value));

	if (order <= BREAKER_NO_ORDER)
		return complain(reading, "order: '%.40s', expected trip, reset or mode",
				json_string_value(value));
	reading->order->command.order = (enum breaker_order)order;
	return 0;
}

static int take_service(const struct reading *reading, const json_t *value)
{
	size_t length = json_string_length(value);

	if (!length || length >= sizeof(reading->order->service))
		return complain(reading, "service: expected a name of 1 to %zu bytes",
				sizeof(reading->order->service) - 1);
	memcpy(reading->order->service, json_string_value(value), length);
	return 0;
}

static int take_mode(const struct reading *reading, const json_t *value)
{
	int mode = find_word(config_mode_names, json_string_value(value));

	if (mode < 0)
		return complain(reading, "mode: '%.40s', expected off, shadow or enforce",
				json_string_value(value));
	reading->order->command.mode = (enum config_mode)mode;
	return 0;
}

static int take_action(const struct reading *reading, const json_t *value)
{
	int action = find_word(config_action_names, json_string_value(value));

	if (action < 0)
		return complain(reading,
				"action: '%.40s', expected drop, reject, redirect or drain",
				json_string_value(value));
	reading->order->command.own_action = true;
	reading->order->command.action = (enum config_action)action;
	return 0;
}

static int take_for(const struct reading *reading, const json_t *value)
{
	const char *text = json_string_value(value);
	uint64_t lasts;

	if (value_parse_duration(text, &lasts) < 0 || lasts < LEAST || lasts > LONGEST)
		return complain(reading, "for: '%.40s', expected a duration of 1s to 24h", text);
	reading->order->command.lasts = lasts;
	return 0;
}

/* It ends up in the log, which has a line for each message. */
static int take_why(const struct reading *reading, const json_t *value)
{
	char *why = reading->order->command.why;
	size_t length = json_string_length(value);

	if (!length || length >= BREAKER_WHY_MAX)
		return complain(reading, "why: expected a reason of 1 to %d bytes",
				BREAKER_WHY_MAX - 1);
	memcpy(why, json_string_value(value), length);
	for (size_t i = 0; i < length; i++) {
		if (iscntrl((unsigned char)why[i]))
			why[i] = ' ';
	}
	return 0;
}

static const struct {
	const char *name;
	take_fn take;
} keys[] = {
	{"order", take_order},	 {"service", take_service}, {"mode", take_mode},
	{"action", take_action}, {"for", take_for},	    {"why", take_why},
};

static int take_key(const struct reading *reading, const char *key, const json_t *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, key))
			continue;
		if (!json_is_string(value))
			return complain(reading, "%s: expected a string", key);
		return keys[i].take(reading, value);
	}
	if (!strcmp(key, "all"))
		return json_is_true(value) ? 0 : complain(reading, "all: expected true");
	return complain(
		reading,
		"unknown key '%.40s', expected one of order service all mode action for why", key);
}

/* ---- the whole ---- */

static int check_whole(const struct reading *reading, const json_t *root)
{
	const struct breaker_command *command = &reading->order->command;
	bool all = json_object_get(root, "all");
	bool sets_mode = command->order == BREAKER_SET_MODE;

	if (!command->order)
		return complain(reading, "order: missing, expected trip, reset or mode");
	if (all == (reading->order->service[0] != '\0'))
		return complain(reading, all ? "service: expected it or all, not both"
					     : "service: missing, expected a service's name");
	if (all && !sets_mode)
		return complain(reading, "all: expected one service for %s",
				orders[command->order]);
	if (sets_mode != !!json_object_get(root, "mode"))
		return complain(reading, sets_mode
						 ? "mode: missing, expected off, shadow or enforce"
						 : "mode: expected with the order mode alone");
	if (command->own_action && command->order != BREAKER_TRIP)
		return complain(reading, "action: expected with the order trip alone");
	if (!command->why[0])
		return complain(reading, "why: missing, expected a reason");
	return 0;
}

static int take_all(const struct reading *reading, json_t *root)
{
	const char *key;
	json_t *value;
	int r;

	if (!json_is_object(root))
		return complain(reading, "expected an object with the key order");
	json_object_foreach(root, key, value)
	{
		r = take_key(reading, key, value);
		if (r < 0)
			return r;
	}
	return check_whole(reading, root);
}

int order_parse(const char *line, size_t size, struct order *ret_order,
		char complaint[static ORDER_COMPLAINT_MAX])
{
	struct order order;
	struct reading reading = {.order = &order};
	json_error_t error;
	json_t *root;
	int r;

	reading.complaint = complaint;
	memset(&order, 0, sizeof(order));
	/* Strings with a zero byte are refused there. */
	root = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!root)
		return complain(&reading, "not JSON: %s", error.text);
	r = take_all(&reading, root);
	json_decref(root);
	if (r >= 0)
		*ret_order = order;
	return r;
}
