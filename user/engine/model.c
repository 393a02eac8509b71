/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/model.h"

#include "engine/model_rules.h"

#define SECOND 1000000000ULL

_Static_assert(sizeof(struct model) == 32, "no padding, so that equal models have equal bytes");

const char *const lb_state_names[] = {
	[LB_UP] = "up",
	[LB_GOING_DOWN] = "going_down",
	[LB_DOWN] = "down",
	[LB_GOING_UP] = "going_up",
};

static uint32_t threshold(uint32_t given, uint32_t otherwise)
{
	if (!given)
		return otherwise;
	return given < MODEL_FALL_MAX ? given : MODEL_FALL_MAX;
}

void model_settings_of(const struct config_health_check *check, struct model_settings *ret_settings)
{
	enum config_model kind = check->model;
	const struct model_rules *rules;

	if (kind == CONFIG_MODEL_NONE)
		kind = CONFIG_MODEL_CONSECUTIVE;
	rules = &model_rules[kind];
	*ret_settings = (struct model_settings){
		.interval = check->interval ? check->interval : rules->interval,
		.timeout = check->timeout ? check->timeout : rules->timeout,
		.retry_interval = rules->retry_interval,
		.fall = threshold(check->fall, rules->fall),
		.rise = threshold(rules->rise_fixed ? 0 : check->rise, rules->rise),
		.kind = kind,
		.interval_given = check->interval,
	};
}

/* The state that the load balancer itself begins with. */
static void begin(struct model *model, const struct model_settings *settings)
{
	enum model_first first = model_rules[settings->kind].first;

	model->down = first == MODEL_FIRST_DOWN || first == MODEL_FIRST_DOWN_ON_TRIAL;
	if (first == MODEL_FIRST_UP_ON_TRIAL)
		model->run = settings->fall - 1;
	else if (first == MODEL_FIRST_DOWN_ON_TRIAL)
		model->run = settings->rise - 1;
}

void model_start(struct model *model, const struct model_settings *settings,
		 enum model_origin origin, uint64_t now)
{
	*model = (struct model){
		.last_at = now,
		.checked_at = now,
		.doubt = settings->rise,
	};
	if (origin == MODEL_FRESH) {
		model->doubt = 0;
		begin(model, settings);
	}
}

/* Whether more than the time of one trial has passed, as nginx counts: in whole seconds. */
static bool trial_is_due(const struct model *model, const struct model_settings *settings,
			 uint64_t now)
{
	return (now / SECOND - model->checked_at / SECOND) * SECOND > settings->interval;
}

/*
 * ngx_http_upstream_get_peer() and ngx_http_upstream_free_round_robin_peer(): failures
 * add up, however far apart, until a request passes that began later than fail_timeout
 * after the last of them.
 */
static void count_request(struct model *model, const struct model_settings *settings, uint64_t at,
			  bool failed)
{
	if (trial_is_due(model, settings, at)) {
		model->checked_at = at;
		model->trial = true;
	}
	if (failed) {
		model->checked_at = at;
		model->trial = false;
		if (model->run < settings->fall)
			model->run++;
	} else if (model->trial) {
		model->run = 0;
	}
	/* It had been chosen: one failure could not be on it any more. */
	if (failed ? model->run == settings->fall : model->trial || settings->fall == 1)
		model->doubt = 0;
}

/* Results in a row: one that agrees with the state restores it whole. */
static void count_check(struct model *model, const struct model_settings *settings, bool failed,
			bool at_once)
{
	uint32_t limit = model->down ? settings->rise : settings->fall;

	if (failed)
		model->doubt = model->doubt ? settings->rise : 0;
	else if (model->doubt)
		model->doubt--;

	if (failed == model->down) {
		model->run = 0;
		return;
	}
	model->run = at_once ? limit : model->run + 1;
	if (model->run < limit)
		return;
	model->down = failed;
	model->run = 0;
	model->doubt = 0;
}

void model_probe(struct model *model, const struct model_settings *settings, uint64_t at,
		 enum shunt_probe_outcome outcome)
{
	const struct model_rules *rules = &model_rules[settings->kind];
	bool http_error = outcome == SHUNT_PROBE_HTTP_ERROR;
	bool failed = outcome != SHUNT_PROBE_PASS &&
		      !(http_error && rules->http_error == MODEL_HTTP_PASSES);

	if (rules->pace == MODEL_PASSIVE)
		count_request(model, settings, at, failed);
	else
		count_check(model, settings, failed,
			    http_error && rules->http_error == MODEL_HTTP_EJECTS);
	model->last_at = at;
	model->last = (uint8_t)outcome;
	if (failed)
		model->last_failure = (uint8_t)outcome;
}

static bool is_passive(const struct model_settings *settings)
{
	return model_rules[settings->kind].pace == MODEL_PASSIVE;
}

static bool is_out(const struct model *model, const struct model_settings *settings)
{
	return is_passive(settings) ? model->run >= settings->fall : model->down;
}

enum lb_state model_state(const struct model *model, const struct model_settings *settings,
			  uint64_t now)
{
	if (!is_out(model, settings))
		return model->run ? LB_GOING_DOWN : LB_UP;
	if (is_passive(settings))
		return trial_is_due(model, settings, now) ? LB_GOING_UP : LB_DOWN;
	return model->run ? LB_GOING_UP : LB_DOWN;
}

bool model_is_certain(const struct model *model)
{
	return !model->doubt;
}

uint32_t model_health(const struct model *model, const struct model_settings *settings)
{
	if (model->down)
		return model->run;
	return settings->rise + settings->fall - 1 - model->run;
}

uint32_t model_checks_until_down(const struct model *model, const struct model_settings *settings)
{
	if (is_out(model, settings))
		return 0;
	if (model_rules[settings->kind].http_error == MODEL_HTTP_EJECTS &&
	    model->last_failure == SHUNT_PROBE_HTTP_ERROR)
		return 1;
	return settings->fall - model->run;
}
