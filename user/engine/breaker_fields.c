/* SPDX-License-Identifier: GPL-2.0 */
/* A decision as fields. */
#include <stdio.h>
#include <string.h>

#include "engine/breaker.h"

#define NSEC_PER_SEC 1e9

static const char *const whats[] = {
	[BREAKER_MOVED] = "moved",
	[BREAKER_REFUSED] = "refused",
	[BREAKER_ORDERED] = "ordered",
	[BREAKER_LAPSED] = "lapsed",
};

static const char *const orders[] = {
	[BREAKER_NO_ORDER] = "none",
	[BREAKER_TRIP] = "trip",
	[BREAKER_RESET] = "reset",
	[BREAKER_SET_MODE] = "mode",
};

static const char *const modes[] = {
	[CONFIG_MODE_OFF] = "off",
	[CONFIG_MODE_SHADOW] = "shadow",
	[CONFIG_MODE_ENFORCE] = "enforce",
};

static void add(struct breaker_fields *fields, struct breaker_field field)
{
	if (fields->count < BREAKER_FIELDS_MAX)
		fields->items[fields->count++] = field;
}

static void add_text(struct breaker_fields *fields, const char *name, const char *text)
{
	if (*text)
		add(fields, (struct breaker_field){name, BREAKER_TEXT, text, 0});
}

/* 0 does not apply. */
static void add_value(struct breaker_fields *fields, enum breaker_field_type type, const char *name,
		      double value)
{
	if (value != 0)
		add(fields, (struct breaker_field){name, type, "", value});
}

static void add_count(struct breaker_fields *fields, const char *name, uint64_t count)
{
	add_value(fields, BREAKER_COUNT, name, (double)count);
}

static void add_seconds(struct breaker_fields *fields, const char *name, uint64_t ns)
{
	add_value(fields, BREAKER_SECONDS, name, (double)ns / NSEC_PER_SEC);
}

static void list_guards(uint32_t set, char buf[static BREAKER_GUARDS_MAX])
{
	size_t length = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < GUARD_MAX; i++)
		if (set & GUARD_BIT(i))
			length += (size_t)snprintf(buf + length, BREAKER_GUARDS_MAX - length,
						   "%s%s", length ? " " : "",
						   guard_name((enum guard)i));
}

static void add_numbers(struct breaker_fields *fields, const struct breaker_numbers *numbers)
{
	add_seconds(fields, "window_seconds", numbers->window);
	add_count(fields, "connections", numbers->connections);
	add_count(fields, "failures", numbers->failures);
	add_count(fields, "failed_ticks", numbers->failed_ticks);
	add_count(fields, "failures_in_a_row", numbers->run);
	add_count(fields, "samples", numbers->samples);
	add_count(fields, "slow", numbers->slow);
	add_seconds(fields, "slow_over_seconds", numbers->slow_over);
	add_seconds(fields, "slow_for_seconds", numbers->slow_lasts);
	add_count(fields, "trials", numbers->trials);
	add_count(fields, "trials_failed", numbers->trials_failed);
	add_count(fields, "trials_slow", numbers->trials_slow);
	add_value(fields, BREAKER_SHARE, "share", numbers->share);
	add_value(fields, BREAKER_SHARE, "limit", numbers->limit);
	add_value(fields, BREAKER_SHARE, "flap_score", numbers->flap_score);
	add_count(fields, "times_down", numbers->withdrawals);
}

static void add_guards(struct breaker_fields *fields, const struct breaker_decision *decision)
{
	const struct guards_limits *limits = &decision->guards_limits;
	const struct guards_case *about = &decision->about;
	enum guard guard = guards_first(&decision->guards);

	if (!decision->guards.asked)
		return;
	list_guards(decision->guards.asked, fields->asked);
	list_guards(decision->guards.refused, fields->refused);
	add_text(fields, "guards_asked", fields->asked);
	add_text(fields, "guards_against", fields->refused);
	if (guard != GUARD_MAX)
		add_text(fields, "guard", guard_name(guard));
	add_count(fields, "services", about->services);
	add_count(fields, "would_be_open", about->open);
	add_count(fields, "max_open", limits->max_open);
	add_value(fields, BREAKER_SHARE, "max_open_share", limits->max_open_share);
	add_count(fields, "of_its_kind", about->kind);
	add_count(fields, "others_usable", about->kind_usable);
	add_count(fields, "trips_within_a_minute", about->trips);
	add_count(fields, "observer_stretch", about->stretch);
}

static void add_order(struct breaker_fields *fields, const struct breaker_decision *decision)
{
	if (decision->order == BREAKER_NO_ORDER || decision->order > BREAKER_SET_MODE)
		return;
	add_text(fields, "order", orders[decision->order]);
	if (decision->order == BREAKER_SET_MODE && decision->mode <= CONFIG_MODE_ENFORCE)
		add_text(fields, "mode", modes[decision->mode]);
	add_text(fields, "who", decision->who);
	add_text(fields, "why", decision->why);
}

void breaker_fields(const struct breaker_decision *decision, const char *name,
		    struct breaker_fields *ret_fields)
{
	memset(ret_fields, 0, sizeof(*ret_fields));
	breaker_path(decision, name, ret_fields->path, sizeof(ret_fields->path));
	add_count(ret_fields, "number", decision->number);
	add_text(ret_fields, "service", decision->service == BREAKER_ALL ? "*" : name);
	add_text(ret_fields, "decision",
		 decision->what <= BREAKER_LAPSED ? whats[decision->what] : "unknown");
	add_text(ret_fields, "from", breaker_state_name((enum breaker_state)decision->from));
	add_text(ret_fields, "to", breaker_state_name((enum breaker_state)decision->to));
	add_text(ret_fields, "reason", breaker_reason_name((enum breaker_reason)decision->reason));
	add_text(ret_fields, "rule", ret_fields->path);
	if (decision->until)
		add_seconds(ret_fields, "for_seconds", decision->until - decision->now);
	add_count(ret_fields, "backoff", decision->backoff);
	add_numbers(ret_fields, &decision->numbers);
	add_guards(ret_fields, decision);
	add_order(ret_fields, decision);
}
