/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>

#include "unit/model_world.h"

#define MS 1000000ULL

/* ---- how long a dead service stays in ---- */

struct column {
	enum config_model kind;
	struct model_ejection want; /* s */
};

/* "first failed probe → out" of the load balancers' own documents and sources, each with its
 * defaults. */
static const struct column columns[] = {
	{CONFIG_MODEL_HAPROXY, {.refused = {4, 6}, .black_hole = {10, 12}}},
	{CONFIG_MODEL_KEEPALIVED, {.refused = {1, 61}, .black_hole = {11, 71}}},
	{CONFIG_MODEL_NLB, {.refused = {30, 60}, .black_hole = {40, 70}}},
	{CONFIG_MODEL_ALB, {.refused = {30, 60}, .black_hole = {35, 65}}},
	{CONFIG_MODEL_GCP, {.refused = {5, 10}, .black_hole = {10, 15}}},
	{CONFIG_MODEL_KUBELET, {.refused = {20, 30}, .black_hole = {21, 31}}},
	/* At the first failed request; when that has failed is up to proxy_connect_timeout. */
	{CONFIG_MODEL_NGINX, {.refused = {0, 0}, .black_hole = {60, 60}}},
};

static void expect_span(struct model_span got, struct model_span want, const char *what)
{
	cr_expect_eq(got.earliest, want.earliest * SECOND, "%s: %g s, expected %lu", what,
		     (double)got.earliest / SECOND, (unsigned long)want.earliest);
	cr_expect_eq(got.latest, want.latest * SECOND, "%s: %g s, expected %lu", what,
		     (double)got.latest / SECOND, (unsigned long)want.latest);
}

Test(model, ejects_within_the_bounds_that_are_known)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		struct model_settings settings = settings_of(columns[i].kind, 0, 0);
		const char *name = config_model_names[columns[i].kind];
		struct model_ejection got;

		cr_assert_eq(model_eject_bounds(&settings, 0, &got), 0, "%s", name);
		expect_span(got.refused, columns[i].want.refused, name);
		expect_span(got.black_hole, columns[i].want.black_hole, name);
	}
}

/* Envoy's next check waits for the end of the last one, that of `consecutive` does not. */
Test(model, ejects_within_bounds_by_configuration)
{
	struct config_health_check check = {
		.interval = 5 * SECOND, .timeout = 2 * SECOND, .fall = 4};
	struct model_settings settings;
	struct model_ejection got;

	check.model = CONFIG_MODEL_ENVOY;
	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 0, &got), 0);
	expect_span(got.refused, (struct model_span){15, 20}, "envoy");
	expect_span(got.black_hole, (struct model_span){23, 28}, "envoy");
	check.model = CONFIG_MODEL_CONSECUTIVE;
	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 0, &got), 0);
	expect_span(got.refused, (struct model_span){15, 20}, "consecutive");
	expect_span(got.black_hole, (struct model_span){17, 22}, "consecutive");
	/* A check that outlasts the interval holds the next one up. */
	check.timeout = 7 * SECOND;
	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 0, &got), 0);
	expect_span(got.black_hole, (struct model_span){28, 33}, "slow");
}

Test(model, an_observed_interval_counts_where_none_is_given)
{
	struct config_health_check check = {.model = CONFIG_MODEL_HAPROXY};
	struct model_settings settings;
	struct model_ejection got;

	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 3 * SECOND, &got), 0);
	expect_span(got.refused, (struct model_span){6, 9}, "observed");
	expect_span(got.black_hole, (struct model_span){15, 18}, "observed");
	check.interval = 1 * SECOND;
	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 3 * SECOND, &got), 0);
	expect_span(got.refused, (struct model_span){2, 3}, "configured");

	/* nginx's interval is fail_timeout; that between requests is observed or unknown. */
	check.model = CONFIG_MODEL_NGINX;
	check.fall = 3;
	model_settings_of(&check, &settings);
	cr_assert_eq(model_eject_bounds(&settings, 2 * SECOND, &got), 0);
	expect_span(got.refused, (struct model_span){4, 4}, "nginx");
	expect_span(got.black_hole, (struct model_span){64, 64}, "nginx");
}

Test(model, without_any_interval_there_is_no_forecast)
{
	static const enum config_model unknown[] = {CONFIG_MODEL_ENVOY, CONFIG_MODEL_CONSECUTIVE,
						    CONFIG_MODEL_NGINX};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct model_settings settings = settings_of(unknown[i], 2, 2);
		struct model_ejection ejection = {.refused = {7, 7}};
		struct model_span span = {7, 7};
		struct model model;

		model_start(&model, &settings, MODEL_JOINED, START);
		cr_expect_eq(model_eject_bounds(&settings, 0, &ejection), -ENODATA);
		cr_expect_eq(ejection.refused.earliest, 7);
		cr_expect_eq(model_time_until_down(&model, &settings, 0, START, &span), -ENODATA);
		cr_expect_eq(span.earliest, 7);
		/* What is out needs no forecast. */
		model_probe(&model, &settings, START, SHUNT_PROBE_REFUSED);
		model_probe(&model, &settings, START, SHUNT_PROBE_REFUSED);
		cr_expect_eq(model_time_until_down(&model, &settings, 0, START, &span), 0);
		cr_expect(span.earliest == 0 && span.latest == 0);
	}
}

/* ---- a checker under virtual time ---- */

struct checker {
	struct model_settings settings;
	struct model model;
	bool from_end;
	uint64_t begin; /* of the check to come */
	uint64_t end; /* of the last one */
};

static bool is_in(const struct checker *checker)
{
	return model_checks_until_down(&checker->model, &checker->settings) > 0;
}

/* One check, which passes at once, is refused at once, or goes unanswered. */
static void check_once(struct checker *checker, enum shunt_probe_outcome outcome)
{
	const struct model_settings *settings = &checker->settings;
	uint64_t timeout = settings->timeout ? settings->timeout : settings->interval;
	uint64_t gap = settings->interval;

	checker->end = checker->begin + (outcome == SHUNT_PROBE_TIMED_OUT ? timeout : 0);
	model_probe(&checker->model, settings, checker->end, outcome);
	if (outcome != SHUNT_PROBE_PASS && is_in(checker) && settings->retry_interval)
		gap = settings->retry_interval;
	if (checker->from_end)
		checker->begin = checker->end + gap;
	else
		checker->begin = checker->end > checker->begin + gap ? checker->end
								     : checker->begin + gap;
}

static void checker_start(struct checker *checker, enum config_model kind, uint64_t *seed)
{
	struct config_health_check check = {
		.model = kind,
		.interval = (1 + random_below(seed, 60)) * 100 * MS,
		.timeout = random_below(seed, 60) * 100 * MS,
		.fall = (uint32_t)(1 + random_below(seed, 6)),
	};

	*checker = (struct checker){.begin = START};
	model_settings_of(&check, &checker->settings);
	checker->from_end = kind == CONFIG_MODEL_HAPROXY || kind == CONFIG_MODEL_KEEPALIVED ||
			    kind == CONFIG_MODEL_ENVOY;
	model_start(&checker->model, &checker->settings, MODEL_JOINED, START);
}

/* From now on every check ends like this: when it is out, seen from `now`. */
static uint64_t falls_after(struct checker checker, uint64_t now, enum shunt_probe_outcome outcome)
{
	while (is_in(&checker))
		check_once(&checker, outcome);
	return checker.end - now;
}

static void forecast(const struct checker *checker, uint64_t now)
{
	const char *name = config_model_names[checker->settings.kind];
	struct model_span span;

	cr_assert_eq(model_time_until_down(&checker->model, &checker->settings, 0, now, &span), 0);
	cr_assert_eq(span.earliest, falls_after(*checker, now, SHUNT_PROBE_REFUSED), "%s", name);
	cr_assert_eq(span.latest, falls_after(*checker, now, SHUNT_PROBE_TIMED_OUT), "%s", name);
	cr_assert_leq(span.earliest, span.latest);
}

/* Whatever came before, and whenever one asks until the next check begins. */
Test(model, says_exactly_when_it_will_be_out)
{
	static const enum shunt_probe_outcome outcomes[] = {
		SHUNT_PROBE_PASS, SHUNT_PROBE_PASS, SHUNT_PROBE_REFUSED, SHUNT_PROBE_TIMED_OUT};
	unsigned asked = 0;
	uint64_t seed = 1;

	for (unsigned round = 0; round < KINDS * 200; round++) {
		enum config_model kind = kinds[round % KINDS];
		struct checker checker;

		if (kind == CONFIG_MODEL_NGINX)
			continue;
		checker_start(&checker, kind, &seed);
		for (unsigned i = 0; i < 30; i++) {
			uint64_t pause = checker.begin - checker.end;

			check_once(&checker, outcomes[random_below(&seed, 4)]);
			pause = checker.begin - checker.end;
			if (!is_in(&checker))
				continue;
			forecast(&checker, checker.end + random_below(&seed, pause + 1));
			asked++;
		}
	}
	cr_expect_gt(asked, 10000, "%u", asked);
}

/* The bounds are reached, and no more, by a service that dies at any moment between two checks. */
Test(model, ejects_at_its_bounds)
{
	uint64_t seed = 2;

	for (unsigned round = 0; round < KINDS * 50; round++) {
		enum config_model kind = kinds[round % KINDS];
		struct model_ejection ejection;
		struct checker checker;

		if (kind == CONFIG_MODEL_NGINX)
			continue;
		checker_start(&checker, kind, &seed);
		check_once(&checker, SHUNT_PROBE_PASS);
		cr_assert_eq(model_eject_bounds(&checker.settings, 0, &ejection), 0);
		cr_expect_eq(falls_after(checker, checker.begin, SHUNT_PROBE_REFUSED),
			     ejection.refused.earliest);
		cr_expect_eq(falls_after(checker, checker.end, SHUNT_PROBE_REFUSED),
			     ejection.refused.latest);
		cr_expect_eq(falls_after(checker, checker.begin, SHUNT_PROBE_TIMED_OUT),
			     ejection.black_hole.earliest);
		cr_expect_eq(falls_after(checker, checker.end, SHUNT_PROBE_TIMED_OUT),
			     ejection.black_hole.latest);
	}
}

/* HAProxy, 2 s, with a check that was due at 12 s: under way until 14 s, then overdue. */
Test(model, a_check_that_is_due_may_be_under_way)
{
	static const struct {
		uint64_t now;
		struct model_span want; /* s */
	} moments[] = {{10, {6, 12}}, {12, {4, 10}}, {13, {4, 9}}, {14, {4, 8}}, {15, {4, 10}}};
	struct model_settings settings = settings_of(CONFIG_MODEL_HAPROXY, 3, 2);
	struct model_span span;
	struct model model;

	model_start(&model, &settings, MODEL_JOINED, START);
	model_probe(&model, &settings, START + 10 * SECOND, SHUNT_PROBE_PASS);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		uint64_t now = START + moments[i].now * SECOND;

		cr_assert_eq(model_time_until_down(&model, &settings, 0, now, &span), 0);
		expect_span(span, moments[i].want, "after a pass");
	}
}

Test(model, nginxs_requests_do_not_wait_for_one_another)
{
	struct model_settings settings = settings_of(CONFIG_MODEL_NGINX, 3, 0);
	struct model_span span;
	struct model model;

	model_start(&model, &settings, MODEL_JOINED, START);
	model_probe(&model, &settings, START, SHUNT_PROBE_TIMED_OUT);
	cr_assert_eq(model_time_until_down(&model, &settings, 5 * SECOND, START, &span), 0);
	expect_span(span, (struct model_span){10, 70}, "two more requests");
}

/* ---- how likely ---- */

/* All that can happen at so many checks, one after the other. */
static double enumerate(const struct model *model, const struct model_settings *settings,
			double rate, unsigned checks)
{
	enum shunt_probe_outcome failure = model->last_failure ? model->last_failure
							       : SHUNT_PROBE_RESET;
	double sum = 0;

	for (unsigned all = 0; all < 1U << checks; all++) {
		struct model copy = *model;
		double chance = 1;
		bool out = false;

		for (unsigned check = 0; check < checks; check++) {
			bool fails = all >> check & 1;

			model_probe(&copy, settings, START, fails ? failure : SHUNT_PROBE_PASS);
			out = out || !model_checks_until_down(&copy, settings);
			chance *= fails ? rate : 1 - rate;
		}
		sum += out ? chance : 0;
	}
	return sum;
}

Test(model, outlook_is_what_can_happen)
{
	static const double rates[] = {0, 0.01, 0.3, 0.5, 0.9, 1};
	uint64_t seed = 3;

	for (unsigned round = 0; round < KINDS * 60; round++) {
		struct model_settings settings = settings_of(
			kinds[round % KINDS], (uint32_t)(1 + random_below(&seed, 9)), 2);
		uint64_t past = random_below(&seed, 12);
		struct model model;

		model_start(&model, &settings, MODEL_JOINED, START);
		for (uint64_t i = 0; i < past; i++)
			model_probe(&model, &settings, START, random_outcome(&seed, 30));
		for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
			double got = model_outlook(&model, &settings, rates[i]);
			double want = model_checks_until_down(&model, &settings)
					      ? enumerate(&model, &settings, rates[i],
							  settings.fall)
					      : 1;

			cr_assert_float_eq(got, want, 1e-12,
					   "%s, fall %u, rate %g: %g, expected %g",
					   config_model_names[settings.kind], settings.fall,
					   rates[i], got, want);
		}
	}
}

Test(model, outlook_of_a_patient_one)
{
	struct model_settings settings = settings_of(CONFIG_MODEL_HAPROXY, MODEL_FALL_MAX, 1);
	struct model model;

	model_start(&model, &settings, MODEL_JOINED, START);
	cr_expect_float_eq(model_outlook(&model, &settings, 0.999), pow(0.999, MODEL_FALL_MAX),
			   1e-12);
	cr_expect_eq(model_outlook(&model, &settings, 1), 1);
	cr_expect_eq(model_outlook(&model, &settings, 0), 0);
}

/* The chance that a healthy service, which loses each check with this chance, was out within an
 * hour. */
static double wrongly_out(uint32_t fall, double rate)
{
	struct model_settings settings = settings_of(CONFIG_MODEL_HAPROXY, fall, 2);
	const unsigned checks = 3600 / 2;
	double chances[8] = {1}, out = 0;

	for (unsigned check = 0; check < checks; check++) {
		double next[8] = {0};

		for (uint32_t run = 0; run < fall; run++) {
			struct model failed = {.run = run}, passed = {.run = run};

			model_probe(&failed, &settings, START, SHUNT_PROBE_RESET);
			model_probe(&passed, &settings, START, SHUNT_PROBE_PASS);
			*(failed.down ? &out : &next[failed.run]) += chances[run] * rate;
			*(passed.down ? &out : &next[passed.run]) += chances[run] * (1 - rate);
		}
		memcpy(chances, next, sizeof(chances));
	}
	return out;
}

/* Computed from the rule elsewhere, and rounded. */
Test(model, wrongly_out_within_an_hour)
{
	cr_expect_float_eq(wrongly_out(3, 0.01), 0.0018, 0.00005, "%g", wrongly_out(3, 0.01));
	cr_expect_float_eq(wrongly_out(3, 0.05), 0.19, 0.005, "%g", wrongly_out(3, 0.05));
	cr_expect_float_eq(wrongly_out(3, 0.10), 0.80, 0.005, "%g", wrongly_out(3, 0.10));
	cr_expect_float_eq(wrongly_out(2, 0.01), 0.16, 0.005, "%g", wrongly_out(2, 0.01));
	cr_expect_float_eq(wrongly_out(2, 0.05), 0.986, 0.0005, "%g", wrongly_out(2, 0.05));
	cr_expect_gt(wrongly_out(2, 0.10), 0.995);
}
