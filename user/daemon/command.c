/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/operators.h"

/* Names that are offered in place of one that nobody has. */
#define NEAR_MAX 3
/* A part of a name that says something. */
#define PART_LEAST 3
/* Characters that a slip of the hand changes. */
#define SLIP_MOST 2

/* ---- which service ---- */

/* The slot of a name; 0: nobody has it. */
static uint32_t find(const struct engine *engine, const char *name)
{
	uint32_t count = engine_breakers(engine)->count;

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < count; slot++) {
		if (!strcmp(engine_name(engine, slot), name))
			return slot;
	}
	return 0;
}

/* Whether one is a part of the other, or what differs is one slip; in linear time. */
static bool is_near(const char *one, const char *other)
{
	size_t left = strlen(one), right = strlen(other), same = 0;

	if (left < PART_LEAST || right < PART_LEAST)
		return false;
	if (strstr(one, other) || strstr(other, one))
		return true;
	while (*one && *one == *other) {
		one++;
		other++;
		same++;
	}
	left -= same;
	right -= same;
	for (; left && right && one[left - 1] == other[right - 1]; same++) {
		left--;
		right--;
	}
	return same >= PART_LEAST && left <= SLIP_MOST && right <= SLIP_MOST;
}

static json_t *refuse_name(const struct engine *engine, const char *name)
{
	uint32_t count = engine_breakers(engine)->count;
	char near[NEAR_MAX * (ENGINE_NAME_MAX + 2)] = "";
	size_t length = 0;
	unsigned found = 0;

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < count && found < NEAR_MAX; slot++) {
		const char *candidate = engine_name(engine, slot);

		if (*candidate && is_near(candidate, name))
			length += (size_t)snprintf(near + length, sizeof(near) - length, "%s%s",
						   found++ ? ", " : "", candidate);
	}
	if (found)
		return operators_refusal("no service is called '%s', there is %s", name, near);
	return operators_refusal("no service is called '%s', see shunt status", name);
}

/* ---- what came of it ---- */

static json_t *decision_json(const struct breaker_decision *decision, const char *name)
{
	struct breaker_fields fields;
	json_t *object = json_object();

	breaker_fields(decision, name, &fields);
	for (size_t i = 0; i < fields.count; i++) {
		const struct breaker_field *field = &fields.items[i];
		json_t *value = json_real(field->value);

		if (field->type == BREAKER_TEXT || field->type == BREAKER_COUNT) {
			json_decref(value);
			value = field->type == BREAKER_TEXT
					? json_string(field->text)
					: json_integer((json_int_t)field->value);
		}
		json_object_set_new(object, field->name, value);
	}
	return object;
}

/* The explanation names the first guard that was against it; these are the others. */
static void add_guards(const struct breaker_decision *decision, size_t size, char *message)
{
	enum guard first = guards_first(&decision->guards);
	size_t length = strlen(message);
	bool begun = false;

	for (enum guard guard = 0; guard < GUARD_MAX; guard++) {
		if (guard == first || !(decision->guards.refused & GUARD_BIT(guard)))
			continue;
		length += (size_t)snprintf(message + length, size - length, "%s%s",
					   begun ? ", " : "; also against ", guard_name(guard));
		begun = true;
		if (length >= size)
			return;
	}
}

static json_t *answer(const struct engine *engine, const char *name, bool ok)
{
	const struct engine_outcome outcome = engine_outcome(engine);
	const struct breaker_decision *decision;
	char message[1024];

	/* One is made of each order that can be. */
	if (!outcome.decisions_count)
		return operators_refusal("the order came to nothing");
	decision = &outcome.decisions[outcome.decisions_count - 1];
	breaker_explain(decision, name, message, sizeof(message));
	add_guards(decision, sizeof(message), message);
	return json_pack("{s:b, s:s, s:o}", "ok", ok, "message", message, "decision",
			 decision_json(decision, name));
}

/* An action that the service cannot have. */
static json_t *refuse_action(const struct engine *engine, const struct breaker_command *command)
{
	const struct breaker_service *service = &engine_rules(engine)->services[command->service];
	enum config_action action = command->own_action ? command->action
							: service->breaker->action;

	if (action == CONFIG_ACTION_REDIRECT)
		return operators_refusal("%s: cannot be redirected, expected a redirect_to in its "
					 "configuration",
					 service->name);
	return operators_refusal("%s: cannot be drained, for a dependency has no probers, expected "
				 "another --action",
				 service->name);
}

json_t *command_run(struct engine *engine, const struct order *order, const char *who, uint64_t now)
{
	struct breaker_command command = order->command;
	const char *name = *order->service ? order->service : "all services";
	int r;

	command.now = now;
	command.service = BREAKER_ALL;
	snprintf(command.who, sizeof(command.who), "%s", who);
	if (*order->service) {
		command.service = find(engine, order->service);
		if (!command.service)
			return refuse_name(engine, order->service);
	}
	r = engine_command(engine, &command);
	if (r == -EINVAL && command.order == BREAKER_TRIP)
		return refuse_action(engine, &command);
	if (r < 0 && r != -EPERM)
		return operators_refusal("%s: %s", name, strerror(-r));
	return answer(engine, name, r >= 0);
}
