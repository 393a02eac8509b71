/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The models against the rules as one reads them, written down once more without regard
 * to how the models are built: HAProxy's counter, nginx's three fields, the kubelet's run
 * of results, and for the rest a look back over all that ever happened.
 */
#include <criterion/criterion.h>

#include "unit/model_world.h"

#define ROUNDS 400
#define CHECKS 200

/* A load balancer, naively; all of it that a kind of load balancer needs. */
struct naive {
	enum config_model kind;
	uint32_t fall, rise;
	uint64_t fail_timeout; /* s */
	enum shunt_probe_outcome past[CHECKS];
	unsigned count;
	bool up;
	uint32_t health; /* HAProxy */
	uint64_t fails, accessed, checked; /* nginx; s */
	bool last_result; /* kubelet */
	unsigned result_run;
};

static bool passed(const struct naive *naive, unsigned back)
{
	return naive->past[naive->count - 1 - back] == SHUNT_PROBE_PASS;
}

/* Whether the last so many were all passes, or all failures. */
static bool row_of(const struct naive *naive, unsigned length, bool passes)
{
	if (naive->count < length)
		return false;
	for (unsigned back = 0; back < length; back++)
		if (passed(naive, back) != passes)
			return false;
	return true;
}

static void haproxy(struct naive *naive)
{
	if (passed(naive, 0)) {
		naive->health++;
		if (naive->health >= naive->rise)
			naive->health = naive->rise + naive->fall - 1;
	} else if (naive->health > 0) {
		naive->health--;
		if (naive->health < naive->rise)
			naive->health = 0;
	}
	naive->up = naive->health >= naive->rise;
}

static void nginx(struct naive *naive, uint64_t second, enum shunt_probe_outcome outcome)
{
	if (second - naive->checked > naive->fail_timeout)
		naive->checked = second;
	if (outcome != SHUNT_PROBE_PASS && outcome != SHUNT_PROBE_HTTP_ERROR) {
		naive->fails++;
		naive->accessed = second;
		naive->checked = second;
	} else if (naive->accessed < naive->checked) {
		naive->fails = 0;
	}
}

static void kubelet(struct naive *naive)
{
	bool result = passed(naive, 0);

	naive->result_run = result == naive->last_result ? naive->result_run + 1 : 1;
	naive->last_result = result;
	if (naive->result_run >= (result ? naive->rise : naive->fall))
		naive->up = result;
}

static void look_back(struct naive *naive)
{
	bool http_error = naive->past[naive->count - 1] == SHUNT_PROBE_HTTP_ERROR;
	bool first_pass = naive->kind == CONFIG_MODEL_KEEPALIVED && passed(naive, 0);
	bool ejects = naive->kind == CONFIG_MODEL_ENVOY && http_error;

	if (ejects || row_of(naive, naive->fall, false))
		naive->up = false;
	else if (first_pass || row_of(naive, naive->rise, true))
		naive->up = true;
}

static void naive_probe(struct naive *naive, uint64_t at, enum shunt_probe_outcome outcome)
{
	naive->past[naive->count++] = outcome;
	switch (naive->kind) {
	case CONFIG_MODEL_HAPROXY:
		haproxy(naive);
		break;
	case CONFIG_MODEL_NGINX:
		nginx(naive, at / SECOND, outcome);
		break;
	case CONFIG_MODEL_KUBELET:
		kubelet(naive);
		break;
	default:
		look_back(naive);
		break;
	}
}

static enum lb_state naive_state(const struct naive *naive, uint64_t now)
{
	if (naive->kind == CONFIG_MODEL_NGINX) {
		if (naive->fails < naive->fall)
			return naive->fails ? LB_GOING_DOWN : LB_UP;
		return now / SECOND - naive->checked <= naive->fail_timeout ? LB_DOWN : LB_GOING_UP;
	}
	if (naive->up)
		return !naive->count || passed(naive, 0) ? LB_UP : LB_GOING_DOWN;
	return naive->count && passed(naive, 0) ? LB_GOING_UP : LB_DOWN;
}

/* A load balancer that believes in a service, and the model of it. */
struct pair {
	struct model_settings settings;
	struct model model;
	struct naive naive;
	uint64_t now;
};

static void pair_up(struct pair *pair, enum config_model kind, uint64_t *seed)
{
	struct config_health_check check = {
		.model = kind,
		.interval = (1 + random_below(seed, 5)) * SECOND,
		.fall = (uint32_t)(1 + random_below(seed, 6)),
		.rise = (uint32_t)(1 + random_below(seed, 6)),
	};

	*pair = (struct pair){.now = START};
	model_settings_of(&check, &pair->settings);
	model_start(&pair->model, &pair->settings, MODEL_JOINED, START);
	pair->naive = (struct naive){
		.kind = kind,
		.fall = check.fall,
		.rise = check.rise,
		.fail_timeout = check.interval / SECOND,
		.up = true,
		.health = check.fall + check.rise - 1,
		.accessed = START / SECOND,
		.checked = START / SECOND,
		.last_result = true,
	};
}

/* A few seconds at most, now and then a minute. */
static void pass_time(struct pair *pair, uint64_t *seed)
{
	uint64_t seconds = random_below(seed, 30) ? 4 : 60;

	pair->now += random_below(seed, seconds * SECOND);
}

static void compare(const struct pair *pair, const char *when)
{
	enum lb_state want = naive_state(&pair->naive, pair->now);
	enum lb_state got = model_state(&pair->model, &pair->settings, pair->now);

	cr_assert_eq(got, want, "%s %u/%u, %s check %u: %s, expected %s",
		     config_model_names[pair->naive.kind], pair->settings.fall, pair->settings.rise,
		     when, pair->naive.count, lb_state_names[got], lb_state_names[want]);
	if (pair->naive.kind == CONFIG_MODEL_HAPROXY)
		cr_assert_eq(model_health(&pair->model, &pair->settings), pair->naive.health);
}

/* One life of a service; which states followed which. */
static void live(enum config_model kind, uint64_t *seed, bool seen[LB_STATE_MAX][LB_STATE_MAX])
{
	unsigned percent = 10 + (unsigned)random_below(seed, 80);
	struct pair pair;

	pair_up(&pair, kind, seed);
	for (unsigned i = 0; i < CHECKS; i++) {
		enum shunt_probe_outcome outcome = random_outcome(seed, percent);
		enum lb_state before;

		pass_time(&pair, seed);
		compare(&pair, "before");
		before = naive_state(&pair.naive, pair.now);
		/* A peer that is skipped is asked nothing. */
		if (kind == CONFIG_MODEL_NGINX && before == LB_DOWN)
			continue;
		naive_probe(&pair.naive, pair.now, outcome);
		model_probe(&pair.model, &pair.settings, pair.now, outcome);
		compare(&pair, "after");
		seen[before][naive_state(&pair.naive, pair.now)] = true;
	}
}

/* What each state can turn into at one check: a row for each state, in the letters of states. */
static const char *const reachable[][LB_STATE_MAX] = {
	[CONFIG_MODEL_HAPROXY] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_NGINX] = {"UdD", "UdD", "", "UD"},
	[CONFIG_MODEL_KEEPALIVED] = {"UdD", "UdD", "UD", ""},
	[CONFIG_MODEL_ENVOY] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_NLB] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_ALB] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_GCP] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_KUBELET] = {"UdD", "UdD", "UDu", "UDu"},
	[CONFIG_MODEL_CONSECUTIVE] = {"UdD", "UdD", "UDu", "UDu"},
};

Test(model, each_obeys_its_rule)
{
	for (size_t i = 0; i < KINDS; i++) {
		bool seen[LB_STATE_MAX][LB_STATE_MAX] = {0};
		uint64_t seed = 1;

		for (unsigned round = 0; round < ROUNDS; round++)
			live(kinds[i], &seed, seen);
		for (unsigned from = 0; from < LB_STATE_MAX; from++) {
			for (unsigned to = 0; to < LB_STATE_MAX; to++) {
				bool can = strchr(reachable[kinds[i]][from], state_letter(to));

				cr_expect_eq(seen[from][to], can, "%s: %s to %s",
					     config_model_names[kinds[i]], lb_state_names[from],
					     lb_state_names[to]);
			}
		}
	}
}

/* A pair after a random past. */
static void pair_with_past(struct pair *pair, enum config_model kind, uint64_t *seed)
{
	uint64_t length = random_below(seed, 30);

	pair_up(pair, kind, seed);
	for (uint64_t i = 0; i < length; i++) {
		pass_time(pair, seed);
		model_probe(&pair->model, &pair->settings, pair->now, random_outcome(seed, 50));
	}
}

/* So many failures like the last one take it down, and not one fewer. */
Test(model, checks_until_down_are_exact)
{
	uint64_t seed = 2;

	for (unsigned round = 0; round < KINDS * 300; round++) {
		struct pair pair;
		enum shunt_probe_outcome failure;
		uint32_t left;

		pair_with_past(&pair, kinds[round % KINDS], &seed);
		left = model_checks_until_down(&pair.model, &pair.settings);
		failure = pair.model.last_failure ? pair.model.last_failure : SHUNT_PROBE_RESET;
		for (; left; left--) {
			enum lb_state state = model_state(&pair.model, &pair.settings, pair.now);

			cr_assert(state == LB_UP || state == LB_GOING_DOWN, "%u left", left);
			model_probe(&pair.model, &pair.settings, pair.now, failure);
			cr_assert_eq(model_checks_until_down(&pair.model, &pair.settings),
				     left - 1);
		}
		cr_assert_geq(model_state(&pair.model, &pair.settings, pair.now), LB_DOWN);
	}
}

/* Every state that a load balancer might be in when a model joins. */
static unsigned any_past(const struct model_settings *settings, struct model *ret_models)
{
	unsigned count = 0;

	for (int down = 0; down < 2; down++) {
		for (uint32_t run = 0; run < (down ? settings->rise : settings->fall); run++) {
			model_start(&ret_models[count], settings, MODEL_JOINED, START);
			ret_models[count].down = down;
			ret_models[count++].run = run;
		}
	}
	return count;
}

/* A model is certain as soon as it does not matter any more what was before, and not before. */
static void join(enum config_model kind, uint64_t *seed)
{
	struct model models[16];
	struct pair pair;
	unsigned count;

	pair_up(&pair, kind, seed);
	count = any_past(&pair.settings, models);
	for (unsigned i = 0; i < 40; i++) {
		enum shunt_probe_outcome outcome = random_outcome(seed, 50);
		bool agree = true;

		model_probe(&pair.model, &pair.settings, pair.now, outcome);
		for (unsigned past = 0; past < count; past++) {
			model_probe(&models[past], &pair.settings, pair.now, outcome);
			agree = agree && models[past].down == pair.model.down &&
				models[past].run == pair.model.run;
		}
		cr_assert_eq(model_is_certain(&pair.model), agree, "%s %u/%u",
			     config_model_names[kind], pair.settings.fall, pair.settings.rise);
	}
}

Test(model, is_certain_when_the_past_is_over)
{
	uint64_t seed = 3;

	for (unsigned round = 0; round < KINDS * 100; round++)
		if (kinds[round % KINDS] != CONFIG_MODEL_NGINX)
			join(kinds[round % KINDS], &seed);
}

/* nginx has no end of pasts: one at a time. A model that is certain is right. */
Test(model, is_certain_of_nginx_when_it_is_right)
{
	unsigned certain = 0;
	uint64_t seed = 4;

	for (unsigned round = 0; round < 1000; round++) {
		struct pair pair;

		pair_up(&pair, CONFIG_MODEL_NGINX, &seed);
		for (unsigned i = 0; i < 100; i++) {
			enum shunt_probe_outcome outcome = random_outcome(&seed, 40);

			pass_time(&pair, &seed);
			if (i == 50)
				model_start(&pair.model, &pair.settings, MODEL_JOINED, pair.now);
			if (naive_state(&pair.naive, pair.now) == LB_DOWN)
				continue;
			naive_probe(&pair.naive, pair.now, outcome);
			model_probe(&pair.model, &pair.settings, pair.now, outcome);
			if (i < 50 || !model_is_certain(&pair.model))
				continue;
			certain++;
			compare(&pair, "joined");
		}
	}
	cr_expect_gt(certain, 10000, "%u", certain);
}

/* The same input gives the same bytes, also by way of a copy. */
Test(model, is_its_bytes)
{
	uint64_t seed = 5;

	for (unsigned round = 0; round < KINDS * 50; round++) {
		struct pair first, second;
		uint64_t again = seed;

		pair_with_past(&first, kinds[round % KINDS], &seed);
		memset(&second, 0xa5, sizeof(second));
		pair_with_past(&second, kinds[round % KINDS], &again);
		cr_assert_arr_eq(&first.model, &second.model, sizeof(first.model));
		memcpy(&second, &first, sizeof(first));
		model_probe(&first.model, &first.settings, first.now, SHUNT_PROBE_PASS);
		model_probe(&second.model, &second.settings, second.now, SHUNT_PROBE_PASS);
		cr_assert_arr_eq(&first.model, &second.model, sizeof(first.model));
	}
}
