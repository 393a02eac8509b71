/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/values.h"
#include "engine/quantile.h"
#include "sim/sim.h"

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static const char *const kinds[SIM_NOTE_KINDS] = {
	[SIM_NOTE_FAULT] = "fault",	[SIM_NOTE_BALANCER] = "balancer",
	[SIM_NOTE_PROBER] = "prober",	[SIM_NOTE_HEALTH] = "health",
	[SIM_NOTE_BREAKER] = "breaker",
};

/* ---- for people ---- */

static void print_note(void *userdata, const struct sim_note *note)
{
	(void)userdata;
	printf("%9.1f  %-8s  %-14s  %-13s  ", seconds(note->at), kinds[note->kind], note->name,
	       note->word);
	if (note->reason)
		printf("[%s] ", note->reason);
	puts(note->text);
}

static void print_service(const struct scenario_service *service,
			  const struct sim_service_result *result)
{
	printf("%s: %" PRIu64 " requests, %" PRIu64 " failed", service->name, result->requests,
	       result->failed);
	if (result->answered)
		printf(", p50 %.3g s, p99 %.3g s", histogram_quantile(&result->durations, 0.5),
		       histogram_quantile(&result->durations, 0.99));
	printf("; %" PRIu64 " trips, %" PRIu64 " connections refused by shunt\n   ", result->trips,
	       result->cut);
	for (unsigned state = 0; state < HEALTH_MAX; state++)
		if (result->states[state])
			printf(" %s %.1f s", scenario_state_names[state],
			       seconds(result->states[state]));
	putchar('\n');
}

static void print_target(const struct scenario_balancer *balancer, const char *name,
			 const struct sim_target_result *result)
{
	printf("%s: %s: %" PRIu64 " of %" PRIu64 " checks failed; taken out %" PRIu64
	       " times, wrongly %" PRIu64 " times for %.1f s, in %" PRIu64
	       " hours; shunt had said so %" PRIu64 " times\n",
	       balancer->name, name, result->failed_checks, result->checks, result->downs,
	       result->wrong_downs, seconds(result->wrong_out), result->wrong_hours,
	       result->foretold);
}

static void print_expect(const struct scenario *scenario, const struct scenario_expect *expect,
			 const struct sim_expect_result *result)
{
	printf("expected: %s: %s", scenario->services[expect->service].name,
	       expect->has_state ? scenario_state_names[expect->state]
				 : scenario_trigger_names[expect->trigger]);
	if (expect->has_reason)
		printf(" (%s)", scenario_reason_names[expect->reason]);
	if (expect->within)
		printf(" within %.3g s of the first %s", seconds(expect->within),
		       expect->from_harm ? "harm" : "fault");
	if (result->after == SIM_NEVER)
		printf(": it never came\n");
	else
		printf(": %s after %.1f s\n", result->met ? "met" : "NOT MET, it came",
		       seconds(result->after));
}

static void print_result(const struct scenario *scenario, const struct sim_result *result)
{
	putchar('\n');
	for (uint32_t i = 0; i < scenario->services_count; i++)
		print_service(&scenario->services[i], &result->services[i]);
	for (uint32_t i = 0; i < scenario->balancers_count; i++) {
		const struct scenario_balancer *balancer = &scenario->balancers[i];

		for (uint32_t k = 0; k < balancer->targets_count; k++)
			print_target(balancer, scenario->services[balancer->targets[k]].name,
				     &result->targets[i][k]);
	}
	for (uint32_t i = 0; i < scenario->expects_count; i++)
		print_expect(scenario, &scenario->expects[i], &result->expects[i]);
	if (scenario->quiet)
		printf("expected: nothing at all: %s\n", result->disturbances ? "NOT MET" : "met");
}

/* ---- for programs ---- */

static json_t *json_time(uint64_t ns)
{
	return ns == SIM_NEVER ? json_null() : json_real(seconds(ns));
}

static void add_note(void *userdata, const struct sim_note *note)
{
	json_array_append_new(userdata,
			      json_pack("{s:f, s:s, s:s, s:s, s:s?, s:s}", "at", seconds(note->at),
					"kind", kinds[note->kind], "name", note->name, "word",
					note->word, "reason", note->reason, "text", note->text));
}

static json_t *json_quantile(const struct shunt_histogram *histogram, double q)
{
	double value = histogram_quantile(histogram, q);

	return isnan(value) ? json_null() : json_real(value);
}

static json_t *json_service(const struct scenario_service *service,
			    const struct sim_service_result *result)
{
	json_t *states = json_object(), *first = json_object();

	for (unsigned state = 0; state < HEALTH_MAX; state++) {
		json_object_set_new(states, scenario_state_names[state],
				    json_real(seconds(result->states[state])));
		json_object_set_new(first, scenario_state_names[state],
				    json_time(result->first[state]));
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "name",
			 service->name, "requests", (json_int_t)result->requests, "answered",
			 (json_int_t)result->answered, "failed", (json_int_t)result->failed,
			 "p50_seconds", json_quantile(&result->durations, 0.5), "p99_seconds",
			 json_quantile(&result->durations, 0.99), "trips",
			 (json_int_t)result->trips, "refused_trips",
			 (json_int_t)result->refused_trips, "cut", (json_int_t)result->cut,
			 "state_seconds", states, "first_seconds", first);
}

static json_t *json_target(const struct scenario_balancer *balancer, const char *name,
			   const struct sim_target_result *result)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I}", "balancer",
			 balancer->name, "target", name, "checks", (json_int_t)result->checks,
			 "failed_checks", (json_int_t)result->failed_checks, "downs",
			 (json_int_t)result->downs, "wrong_downs", (json_int_t)result->wrong_downs,
			 "foretold", (json_int_t)result->foretold, "wrong_hours",
			 (json_int_t)result->wrong_hours, "wrong_out_seconds",
			 seconds(result->wrong_out), "onsets", (json_int_t)result->onsets, "said",
			 (json_int_t)result->said, "late", (json_int_t)result->late);
}

static json_t *json_expect(const struct scenario *scenario, const struct scenario_expect *expect,
			   const struct sim_expect_result *result)
{
	return json_pack(
		"{s:s, s:s?, s:s?, s:s?, s:o, s:o, s:b}", "service",
		scenario->services[expect->service].name, "state",
		expect->has_state ? scenario_state_names[expect->state] : NULL, "reason",
		expect->has_reason ? scenario_reason_names[expect->reason] : NULL, "trigger",
		expect->has_trigger ? scenario_trigger_names[expect->trigger] : NULL, "at",
		json_time(result->at), "after", json_time(result->after), "met", result->met);
}

static int print_json(const struct scenario *scenario, uint64_t seed, json_t *notes,
		      const struct sim_result *result)
{
	json_t *services = json_array(), *targets = json_array(), *expects = json_array(), *root;
	int r;

	for (uint32_t i = 0; i < scenario->services_count; i++)
		json_array_append_new(services,
				      json_service(&scenario->services[i], &result->services[i]));
	for (uint32_t i = 0; i < scenario->balancers_count; i++) {
		const struct scenario_balancer *balancer = &scenario->balancers[i];

		for (uint32_t k = 0; k < balancer->targets_count; k++)
			json_array_append_new(
				targets,
				json_target(balancer, scenario->services[balancer->targets[k]].name,
					    &result->targets[i][k]));
	}
	for (uint32_t i = 0; i < scenario->expects_count; i++)
		json_array_append_new(
			expects, json_expect(scenario, &scenario->expects[i], &result->expects[i]));
	root = json_pack("{s:s, s:I, s:f, s:o, s:o, s:I, s:b, s:o, s:o, s:o, s:O}", "title",
			 scenario->title, "seed", (json_int_t)seed, "duration",
			 seconds(scenario->duration), "fault_at", json_time(result->fault_at),
			 "harm_at", json_time(result->harm_at), "disturbances",
			 (json_int_t)result->disturbances, "met", result->met, "services", services,
			 "targets", targets, "expect", expects, "events", notes);
	if (!root)
		return -ENOMEM;
	r = json_dumpf(root, stdout, JSON_INDENT(1)) ? -EIO : 0;
	putchar('\n');
	json_decref(root);
	return r;
}

/* ---- the command ---- */

static int simulate(const struct cli_options *options, const struct scenario *scenario,
		    uint64_t seed)
{
	json_t *notes = options->json ? json_array() : NULL;
	struct sim_result result;
	int r;

	if (!options->json && *scenario->title)
		printf("%s\n\n", scenario->title);
	r = sim_run(scenario, seed, options->json ? add_note : print_note, notes, &result);
	if (r >= 0 && options->json)
		r = print_json(scenario, seed, notes, &result);
	else if (r >= 0)
		print_result(scenario, &result);
	json_decref(notes);
	if (r >= 0 && fflush(stdout))
		r = -errno;
	if (r < 0)
		log_error("simulate: %s", strerror(-r));
	return r < 0 || !result.met ? EXIT_FAILED : EXIT_DONE;
}

int cli_simulate(const struct cli_options *options)
{
	struct scenario *scenario;
	uint64_t seed = 1;
	int r;

	if (!options->arguments[0]) {
		log_error("simulate: no file, expected a scenario's");
		return EXIT_USAGE;
	}
	if (options->seed && value_parse_uint(options->seed, &seed)) {
		log_error("simulate: %s: is not a seed, expected a whole number", options->seed);
		return EXIT_USAGE;
	}
	r = scenario_load(options->arguments[0],
			  options->config_given ? options->config_path : NULL, cli_complain,
			  (void *)"simulate", &scenario);
	if (r < 0)
		return EXIT_USAGE;
	r = simulate(options, scenario, seed);
	scenario_free(scenario);
	return r;
}
