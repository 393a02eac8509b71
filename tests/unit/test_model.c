/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "unit/model_world.h"

struct script {
	enum config_model kind;
	uint32_t fall, rise; /* 0: the model's own */
	enum model_origin origin;
	char outcomes[16]; /* one a second; no pointers, which Criterion would not carry over */
	char states[16]; /* after each */
};

#define JOINED MODEL_JOINED
#define FRESH  MODEL_FRESH

ParameterizedTestParameters(model, scripts)
{
	static struct script scripts[] = {
		/* One pass restores it whole, one failure puts it back to the bottom. */
		{CONFIG_MODEL_HAPROXY, 3, 2, JOINED, ".xx.xxx.x..x.", "UddUddDuDuUdU"},
		{CONFIG_MODEL_HAPROXY, 1, 1, JOINED, "x.x.", "DUDU"},
		{CONFIG_MODEL_HAPROXY, 0, 0, JOINED, "xxx..", "ddDuU"},
		{CONFIG_MODEL_HAPROXY, 0, 0, JOINED, "rtnhoxx..", "ddDDDDDuU"},
		{CONFIG_MODEL_HAPROXY, 0, 0, FRESH, "x..xx.", "DuUddU"},
		{CONFIG_MODEL_HAPROXY, 0, 0, FRESH, ".xxx", "UddD"},
		/* One failure is enough to skip a peer for ten seconds. */
		{CONFIG_MODEL_NGINX, 0, 0, JOINED, ".x", "UD"},
		{CONFIG_MODEL_NGINX, 3, 0, JOINED, "x.x.x", "ddddD"},
		{CONFIG_MODEL_NGINX, 2, 0, JOINED, "hhhxh", "UUUdd"},
		{CONFIG_MODEL_NGINX, 2, 0, FRESH, ".rt", "UdD"},
		/* Whatever `rise` says, the first success is enough. */
		{CONFIG_MODEL_KEEPALIVED, 0, 5, JOINED, "x.xxx.x", "dUdDDUd"},
		{CONFIG_MODEL_KEEPALIVED, 0, 0, FRESH, "x.xx", "DUdD"},
		{CONFIG_MODEL_KEEPALIVED, 0, 0, FRESH, ".xx", "UdD"},
		/* An HTTP error does not wait for the threshold; to rise is as ever. */
		{CONFIG_MODEL_ENVOY, 3, 2, JOINED, "xxx..h..xh", "ddDuUDuUdD"},
		{CONFIG_MODEL_ENVOY, 3, 3, FRESH, ".xx.", "UddU"},
		{CONFIG_MODEL_ENVOY, 3, 3, FRESH, "x...", "DuuU"},
		{CONFIG_MODEL_ENVOY, 3, 3, FRESH, "h...", "DuuU"},
		{CONFIG_MODEL_NLB, 0, 0, JOINED, "x.xx....x.....", "dUdDuuuuDuuuuU"},
		{CONFIG_MODEL_NLB, 0, 0, FRESH, ".xh", "UdD"},
		{CONFIG_MODEL_ALB, 0, 0, JOINED, "hh.....", "dDuuuuU"},
		{CONFIG_MODEL_ALB, 0, 0, FRESH, "x....", "Duuuu"},
		{CONFIG_MODEL_GCP, 0, 0, JOINED, "tt.t..", "dDuDuU"},
		{CONFIG_MODEL_GCP, 0, 0, FRESH, "..", "uU"},
		{CONFIG_MODEL_KUBELET, 0, 0, JOINED, "xx.xxx.", "ddUddDU"},
		{CONFIG_MODEL_KUBELET, 0, 3, JOINED, "xxx..x...", "ddDuuDuuU"},
		{CONFIG_MODEL_KUBELET, 0, 0, FRESH, "x.", "DU"},
		{CONFIG_MODEL_CONSECUTIVE, 0, 0, JOINED, "xx.xxxx.x..", "ddUddDDuDuU"},
		{CONFIG_MODEL_CONSECUTIVE, 4, 1, FRESH, ".xxxx.", "UdddDU"},
		{CONFIG_MODEL_NONE, 0, 0, JOINED, "xxx..", "ddDuU"},
	};

	return cr_make_param_array(struct script, scripts, sizeof(scripts) / sizeof(scripts[0]));
}

ParameterizedTest(struct script *script, model, scripts)
{
	struct model_settings settings = settings_of(script->kind, script->fall, script->rise);
	char states[64] = "";
	struct model model;

	model_start(&model, &settings, script->origin, START);
	for (size_t i = 0; script->outcomes[i]; i++) {
		uint64_t now = START + (i + 1) * SECOND;

		model_probe(&model, &settings, now, outcome_of(script->outcomes[i]));
		states[i] = state_letter(model_state(&model, &settings, now));
	}
	cr_assert_str_eq(states, script->states, "%s, %u/%u, %s: %s, expected %s",
			 config_model_names[script->kind], script->fall, script->rise,
			 script->outcomes, states, script->states);
}

Test(model, begins_as_its_load_balancer_does)
{
	static const struct {
		enum config_model kind;
		enum lb_state fresh;
	} wants[] = {
		{CONFIG_MODEL_HAPROXY, LB_GOING_DOWN},
		{CONFIG_MODEL_NGINX, LB_UP},
		{CONFIG_MODEL_KEEPALIVED, LB_GOING_DOWN},
		{CONFIG_MODEL_ENVOY, LB_GOING_UP},
		{CONFIG_MODEL_NLB, LB_GOING_UP},
		{CONFIG_MODEL_ALB, LB_GOING_UP},
		{CONFIG_MODEL_GCP, LB_DOWN},
		{CONFIG_MODEL_KUBELET, LB_DOWN},
		{CONFIG_MODEL_CONSECUTIVE, LB_UP},
	};

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		struct model_settings settings = settings_of(wants[i].kind, 0, 0);
		struct model model;

		model_start(&model, &settings, MODEL_FRESH, START);
		cr_expect_eq(model_state(&model, &settings, START), wants[i].fresh, "%s",
			     config_model_names[wants[i].kind]);
		cr_expect(model_is_certain(&model));
		model_start(&model, &settings, MODEL_JOINED, START);
		cr_expect_eq(model_state(&model, &settings, START), LB_UP, "%s",
			     config_model_names[wants[i].kind]);
		cr_expect_not(model_is_certain(&model));
	}
}

Test(model, settings_are_the_configured_ones_and_else_its_own)
{
	struct config_health_check check = {.model = CONFIG_MODEL_NLB};
	struct model_settings settings;

	model_settings_of(&check, &settings);
	cr_expect_eq(settings.interval, 30 * SECOND);
	cr_expect_eq(settings.timeout, 10 * SECOND);
	cr_expect_eq(settings.fall, 2);
	cr_expect_eq(settings.rise, 5);
	cr_expect_not(settings.interval_given);

	check.interval = 10 * SECOND;
	check.timeout = 6 * SECOND;
	check.fall = 4;
	check.rise = 7;
	model_settings_of(&check, &settings);
	cr_expect_eq(settings.interval, 10 * SECOND);
	cr_expect_eq(settings.timeout, 6 * SECOND);
	cr_expect_eq(settings.fall, 4);
	cr_expect_eq(settings.rise, 7);
	cr_expect(settings.interval_given);
	cr_expect_eq(settings.kind, CONFIG_MODEL_NLB);

	check.model = CONFIG_MODEL_NONE;
	check.fall = UINT32_MAX;
	model_settings_of(&check, &settings);
	cr_expect_eq(settings.kind, CONFIG_MODEL_CONSECUTIVE);
	cr_expect_eq(settings.fall, MODEL_FALL_MAX);
	check.model = CONFIG_MODEL_KEEPALIVED;
	model_settings_of(&check, &settings);
	cr_expect_eq(settings.rise, 1);
	cr_expect_eq(settings.retry_interval, SECOND);
}

Test(model, haproxys_counter)
{
	struct model_settings settings = settings_of(CONFIG_MODEL_HAPROXY, 3, 2);
	static const char outcomes[] = "xxx.x..xx.";
	static const uint32_t healths[] = {3, 2, 0, 1, 0, 1, 4, 3, 2, 4};
	struct model model;

	model_start(&model, &settings, MODEL_FRESH, START);
	cr_expect_eq(model_health(&model, &settings), 2, "up, and on its last legs");
	model_start(&model, &settings, MODEL_JOINED, START);
	cr_expect_eq(model_health(&model, &settings), 4);
	for (size_t i = 0; outcomes[i]; i++) {
		model_probe(&model, &settings, START, outcome_of(outcomes[i]));
		cr_expect_eq(model_health(&model, &settings), healths[i], "check %zu", i);
	}
}

/* nginx: what happens at which second, with two failures in 3 s. */
struct moment {
	unsigned second;
	char outcome; /* ' ': none, time just passes */
	enum lb_state state;
};

static void live(const struct moment *moments, size_t count)
{
	struct config_health_check check = {
		.model = CONFIG_MODEL_NGINX, .interval = 3 * SECOND, .fall = 2};
	struct model_settings settings;
	struct model model;

	model_settings_of(&check, &settings);
	model_start(&model, &settings, MODEL_JOINED, START);
	for (size_t i = 0; i < count; i++) {
		uint64_t now = START + moments[i].second * SECOND;

		if (moments[i].outcome != ' ')
			model_probe(&model, &settings, now, outcome_of(moments[i].outcome));
		cr_expect_eq(model_state(&model, &settings, now), moments[i].state, "second %u: %s",
			     moments[i].second,
			     lb_state_names[model_state(&model, &settings, now)]);
	}
}

Test(model, nginx_tries_a_peer_again_after_fail_timeout)
{
	static const struct moment moments[] = {
		{10, 'x', LB_GOING_DOWN}, {12, 'x', LB_DOWN},	  {15, ' ', LB_DOWN},
		{16, ' ', LB_GOING_UP},	  {16, 'x', LB_DOWN},	  {19, ' ', LB_DOWN},
		{20, ' ', LB_GOING_UP},	  {40, ' ', LB_GOING_UP}, {40, '.', LB_UP},
		{41, 'x', LB_GOING_DOWN}, {41, 'x', LB_DOWN},
	};

	live(moments, sizeof(moments) / sizeof(moments[0]));
}

/* What nginx calls a window is none (nginx#599): an old failure counts until a late pass. */
Test(model, nginx_adds_failures_up_however_far_apart)
{
	static const struct moment moments[] = {
		{10, 'x', LB_GOING_DOWN}, {13, '.', LB_GOING_DOWN},  {100, 'x', LB_DOWN},
		{104, '.', LB_UP},	  {110, 'x', LB_GOING_DOWN}, {113, '.', LB_GOING_DOWN},
		{114, '.', LB_UP},	  {115, 'x', LB_GOING_DOWN},
	};

	live(moments, sizeof(moments) / sizeof(moments[0]));
}

Test(model, nginx_counts_whole_seconds)
{
	struct config_health_check check = {.model = CONFIG_MODEL_NGINX, .interval = SECOND};
	struct model_settings settings;
	struct model model;
	uint64_t failed = 100 * SECOND + SECOND * 9 / 10;

	model_settings_of(&check, &settings);
	model_start(&model, &settings, MODEL_JOINED, START);
	model_start(&model, &settings, MODEL_JOINED, 0);
	model_probe(&model, &settings, failed, SHUNT_PROBE_RESET);
	cr_expect_eq(model_state(&model, &settings, 102 * SECOND - 1), LB_DOWN);
	cr_expect_eq(model_state(&model, &settings, 102 * SECOND), LB_GOING_UP);
}

/* How Envoy's next failure will look is taken from the last. */
Test(model, checks_until_down)
{
	struct model_settings settings = settings_of(CONFIG_MODEL_ENVOY, 4, 2);
	static const char outcomes[] = "xx.h..x.";
	static const uint32_t left[] = {3, 2, 4, 0, 0, 1, 3, 4};
	struct model model;

	model_start(&model, &settings, MODEL_JOINED, START);
	cr_expect_eq(model_checks_until_down(&model, &settings), 4);
	for (size_t i = 0; outcomes[i]; i++) {
		model_probe(&model, &settings, START, outcome_of(outcomes[i]));
		cr_expect_eq(model_checks_until_down(&model, &settings), left[i], "check %zu", i);
	}
}

Test(model, states_have_the_names_of_the_contract)
{
	cr_expect_str_eq(lb_state_names[LB_UP], "up");
	cr_expect_str_eq(lb_state_names[LB_GOING_DOWN], "going_down");
	cr_expect_str_eq(lb_state_names[LB_DOWN], "down");
	cr_expect_str_eq(lb_state_names[LB_GOING_UP], "going_up");
}
