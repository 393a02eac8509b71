/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

double words_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

const char *words_string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

void words_seconds(double seconds, size_t size, char *ret_text)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
	size_t i = 0;

	while (i < 2 && seconds < units[i].unit)
		i++;
	snprintf(ret_text, size, "%.3g%s", seconds / units[i].unit, units[i].name);
}

void words_duration(const json_t *value, size_t size, char *ret_text)
{
	if (json_is_number(value))
		words_seconds(json_number_value(value), size, ret_text);
	else
		snprintf(ret_text, size, "-");
}

const char *words_state(const json_t *service)
{
	const char *state = words_string(service, "state");
	const char *activity = words_string(service, "activity");

	if (*state && strcmp(state, "healthy"))
		return state;
	return *state && !strcmp(activity, "busy") ? state : activity;
}

bool words_is_silent(const json_t *service)
{
	const char *name = words_string(service, "name"), *key;
	json_t *count;

	if (name[0] != '_' || !strncmp(name, "_out:", 5))
		return false;
	json_object_foreach(json_object_get(service, "handshakes"), key, count)
	{
		if (json_integer_value(count))
			return false;
	}
	return words_number(service, "connections_active") == 0;
}

void words_prober(const json_t *prober, size_t size, char *ret_text)
{
	bool known = json_is_number(json_object_get(prober, "seconds_until_down"));
	char interval[16], left[16], when[96] = "";

	words_duration(json_object_get(prober, "interval_seconds"), sizeof(interval), interval);
	words_duration(json_object_get(prober, "seconds_until_down"), sizeof(left), left);
	if (words_number(prober, "checks_until_down") > 0)
		snprintf(when, sizeof(when), ", out after %.0f more failed check%s%s%s",
			 words_number(prober, "checks_until_down"),
			 words_number(prober, "checks_until_down") > 1 ? "s" : "",
			 known ? ", in " : "", known ? left : "");
	snprintf(ret_text, size, "%s checks it every %s (%s, %.0f%% sure): %s%s",
		 words_string(prober, "address"), interval, words_string(prober, "model"),
		 100 * words_number(prober, "confidence"), words_string(prober, "state"), when);
}

bool words_is_open(const json_t *service)
{
	const char *state = words_string(json_object_get(service, "breaker"), "state");

	return *state && strcmp(state, "closed") != 0;
}

/* "NAME: open, was closed: WHY" without what stands before it already. */
static const char *bare(const char *reason, const char *name)
{
	size_t length = strlen(name);
	const char *was, *end;

	if (strncmp(reason, name, length) != 0 || strncmp(reason + length, ": ", 2) != 0)
		return reason;
	reason += length + 2;
	was = strstr(reason, ", was ");
	end = strstr(reason, ": ");
	return was && end && was < end ? end + 2 : reason;
}

/* What comes next stands before why, which may be long and cut. */
void words_breaker(const json_t *service, size_t size, char *ret_text)
{
	const json_t *breaker = json_object_get(service, "breaker");
	const char *state = words_string(breaker, "state");
	const char *unable = words_string(breaker, "not_carried_out");
	const json_t *left = json_object_get(breaker, "until_seconds");
	char next[48] = "";

	if (json_is_number(left))
		snprintf(next, sizeof(next),
			 strcmp(state, "open") ? ", at most %.0f s more" : ", half-open in %.0f s",
			 json_number_value(left));
	snprintf(ret_text, size, "breaker %s (%s)%s: %s%s%s", state, words_string(breaker, "mode"),
		 next, bare(words_string(breaker, "reason"), words_string(service, "name")),
		 *unable ? "; not carried out: " : "", unable);
}
