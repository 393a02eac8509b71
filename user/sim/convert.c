/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/convert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/names.h"
#include "config/take.h"
#include "config/values.h"
#include "sim/balancer.h"

#define DURATION_MAX (31 * 24 * NSEC_PER_HOUR)
#define RATE_MAX     100000
#define FACTOR_MAX   1000
#define WORKERS_MAX  100000

/* Takes the values of one scenario. */
struct converter {
	struct taker taker;
	struct scenario *scenario;
};

static void enter(struct converter *converter, const char *list, unsigned number)
{
	snprintf(converter->taker.prefix, sizeof(converter->taker.prefix), "%s[%u].", list, number);
}

/* ---- names ---- */

static uint32_t find_service(const struct scenario *scenario, const char *name)
{
	for (uint32_t i = 0; name && i < scenario->services_count; i++)
		if (!strcmp(scenario->services[i].name, name))
			return i;
	return SCENARIO_NOBODY;
}

static uint32_t find_balancer(const struct scenario *scenario, const char *name)
{
	for (uint32_t i = 0; name && i < scenario->balancers_count; i++)
		if (!strcmp(scenario->balancers[i].name, name))
			return i;
	return SCENARIO_NOBODY;
}

static uint32_t find_configured(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->services_count; i++)
		if (!strcmp(config->services[i].name, name))
			return i;
	return SCENARIO_NOBODY;
}

static void refuse_name(struct converter *converter, const char *key, const char *name,
			const char *expected)
{
	char quoted[QUOTED_SIZE];

	if (!name)
		take_refuse(&converter->taker, key, "is missing, expected %s", expected);
	else
		take_refuse(&converter->taker, key, "%s is unknown, expected %s",
			    quote(name, quoted), expected);
}

/* A name of one's own, which nothing else may have. */
static void take_new_name(struct converter *converter, const char *name, char *ret_name)
{
	const struct scenario *scenario = converter->scenario;

	if (!name || !*name || strlen(name) >= SCENARIO_NAME_MAX)
		take_refuse(&converter->taker, "name",
			    "is missing or too long, expected 1 to %d characters",
			    SCENARIO_NAME_MAX - 1);
	else if (find_service(scenario, name) != SCENARIO_NOBODY ||
		 find_balancer(scenario, name) != SCENARIO_NOBODY)
		take_refuse(&converter->taker, "name", "is given twice");
	else
		strcpy(ret_name, name);
}

/* ---- services ---- */

static void convert_service(struct converter *converter, const struct raw_sim_service *raw,
			    struct scenario_service *service)
{
	const struct config *config = converter->scenario->config;
	struct taker *taker = &converter->taker;

	*service = (struct scenario_service){
		.workers = 16,
		.queue = 128,
		.median = 5 * NSEC_PER_MSEC,
		.calls = SCENARIO_NOBODY,
	};
	take_new_name(converter, raw->name, service->name);
	if (*service->name) {
		uint32_t slot = find_configured(config, service->name);

		if (slot == SCENARIO_NOBODY)
			refuse_name(converter, "name", raw->name, "a service of the configuration");
		else
			service->role = config->services[slot].role;
		service->slot = slot;
	}
	take_uint(taker, "workers", raw->workers, 1, WORKERS_MAX, &service->workers);
	take_uint(taker, "queue", raw->queue, 1, 65535, &service->queue);
	take_duration(taker, "median", raw->median, NSEC_PER_USEC, NSEC_PER_HOUR, &service->median);
	service->p95 = 3 * service->median;
	take_duration(taker, "p95", raw->p95, service->median, NSEC_PER_HOUR, &service->p95);
}

static void convert_services(struct converter *converter, const struct raw_scenario *raw)
{
	struct scenario *scenario = converter->scenario;

	for (unsigned i = 0; i < raw->services_count; i++) {
		enter(converter, "services", i);
		convert_service(converter, &raw->services[i], &scenario->services[i]);
		scenario->services_count++;
	}
	/* Whom they call may come after them. */
	for (unsigned i = 0; i < raw->services_count; i++) {
		struct scenario_service *service = &scenario->services[i];
		const char *name = raw->services[i].calls;

		if (!name)
			continue;
		enter(converter, "services", i);
		service->calls = find_service(scenario, name);
		if (service->calls == SCENARIO_NOBODY ||
		    scenario->services[service->calls].role != SHUNT_ROLE_CLIENT ||
		    service->role != SHUNT_ROLE_SERVER)
			refuse_name(converter, "calls", name,
				    "an inbound service to call an outbound one");
	}
}

/* ---- load balancers and clients ---- */

static void convert_targets(struct converter *converter, const struct raw_list *raw,
			    struct scenario_balancer *balancer)
{
	const struct scenario *scenario = converter->scenario;

	for (unsigned i = 0; i < raw->count; i++) {
		uint32_t target = find_service(scenario, raw->items[i]);

		if (target == SCENARIO_NOBODY ||
		    scenario->services[target].role != SHUNT_ROLE_SERVER)
			refuse_name(converter, "targets", raw->items[i], "an inbound service");
		balancer->targets[balancer->targets_count++] = target;
	}
	if (!raw->count)
		take_refuse(&converter->taker, "targets", "is missing, expected services");
}

static void convert_balancer(struct converter *converter, const struct raw_sim_balancer *raw,
			     struct scenario_balancer *balancer)
{
	static const char *const checks[] = {"tcp", "http", NULL};
	struct taker *taker = &converter->taker;

	balancer->checkers = 1;
	take_new_name(converter, raw->name, balancer->name);
	balancer->model = (enum config_model)take_name(taker, "model", raw->model,
						       config_model_names, CONFIG_MODEL_NONE);
	if (!raw->model)
		take_refuse(taker, "model", "is missing");
	balancer_defaults(balancer);
	convert_targets(converter, &raw->targets, balancer);
	take_uint(taker, "checkers", raw->checkers, 1, SCENARIO_CHECKERS, &balancer->checkers);
	balancer->http = take_name(taker, "check", raw->check, checks, 0);
	take_duration(taker, "interval", raw->interval, 80 * NSEC_PER_MSEC, NSEC_PER_HOUR,
		      &balancer->interval);
	take_duration(taker, "timeout", raw->timeout, NSEC_PER_MSEC, NSEC_PER_HOUR,
		      &balancer->timeout);
	take_duration(taker, "jitter", raw->jitter, 0, NSEC_PER_MINUTE, &balancer->jitter);
	take_uint(taker, "fall", raw->fall, 1, 1000, &balancer->fall);
	take_uint(taker, "rise", raw->rise, 1, 1000, &balancer->rise);
}

static void convert_crowd(struct converter *converter, const struct raw_sim_crowd *raw,
			  struct scenario_crowd *crowd)
{
	const struct scenario *scenario = converter->scenario;
	struct taker *taker = &converter->taker;

	*crowd = (struct scenario_crowd){
		.service = find_service(scenario, raw->to),
		.balancer = find_balancer(scenario, raw->to),
		.timeout = NSEC_PER_SEC,
	};
	if (crowd->service == SCENARIO_NOBODY && crowd->balancer == SCENARIO_NOBODY)
		refuse_name(converter, "to", raw->to, "a service or a balancer");
	take_uint(taker, "rate", raw->rate, 0, RATE_MAX, &crowd->rate);
	take_duration(taker, "timeout", raw->timeout, NSEC_PER_MSEC, NSEC_PER_HOUR,
		      &crowd->timeout);
	take_uint(taker, "retries", raw->retries, 0, 100, &crowd->retries);
	take_uint(taker, "pool", raw->pool, 0, 10000, &crowd->pool);
}

/* ---- faults ---- */

enum needs {
	ON_SERVICE = 1,
	ON_BALANCER = 2,
	SHARE = 4,
	BY = 8,
	UP_DOWN = 16,
	EVERY = 32,
	FACTOR = 64,
	WORKERS = 128,
	FAIL_PASS = 256,
};

static const unsigned needs[FAULT_MAX] = {
	[FAULT_STOP] = ON_SERVICE,
	[FAULT_CRASH] = ON_SERVICE,
	[FAULT_FLAP] = ON_SERVICE | UP_DOWN,
	[FAULT_DEAF] = ON_SERVICE,
	[FAULT_SLOW] = ON_SERVICE | SHARE | BY,
	[FAULT_STRAIN] = ON_SERVICE | FACTOR,
	[FAULT_WORKERS] = ON_SERVICE | WORKERS,
	[FAULT_LEAK] = ON_SERVICE | EVERY,
	[FAULT_REFUSE] = ON_SERVICE | SHARE,
	[FAULT_RESET] = ON_SERVICE | SHARE,
	[FAULT_LOSS] = ON_SERVICE | SHARE,
	[FAULT_NAMES] = ON_SERVICE | BY,
	[FAULT_LOAD] = ON_SERVICE | FACTOR,
	[FAULT_LEAVE] = ON_SERVICE | SHARE,
	[FAULT_ERRORS] = ON_SERVICE,
	[FAULT_PROBE_LOSS] = ON_BALANCER | SHARE,
	[FAULT_ALTERNATE] = ON_BALANCER | FAIL_PASS,
	[FAULT_STARVE] = ON_BALANCER | BY,
	[FAULT_LATE] = BY,
	[FAULT_LOST] = 0,
};

static void check_need(struct converter *converter, unsigned wanted, unsigned need, const char *key,
		       const char *text)
{
	if ((wanted & need) && !text)
		take_refuse(&converter->taker, key, "is missing");
	else if (!(wanted & need) && text)
		take_refuse(&converter->taker, key, "is of no use to this fault");
}

static void check_needs(struct converter *converter, const struct raw_sim_fault *raw,
			unsigned wanted)
{
	check_need(converter, wanted, ON_SERVICE | ON_BALANCER, "on", raw->on);
	check_need(converter, wanted, SHARE, "share", raw->share);
	check_need(converter, wanted, BY, "by", raw->by);
	check_need(converter, wanted, UP_DOWN, "up", raw->up);
	check_need(converter, wanted, UP_DOWN, "down", raw->down);
	check_need(converter, wanted, EVERY, "every", raw->every);
	check_need(converter, wanted, FACTOR, "factor", raw->factor);
	check_need(converter, wanted, WORKERS, "workers", raw->workers);
	check_need(converter, wanted, FAIL_PASS, "fail", raw->fail);
	check_need(converter, wanted, FAIL_PASS, "pass", raw->pass);
}

static void take_victim(struct converter *converter, const char *name, unsigned wanted,
			struct scenario_fault *fault)
{
	const struct scenario *scenario = converter->scenario;

	fault->service = find_service(scenario, name);
	fault->balancer = find_balancer(scenario, name);
	if (name && wanted & ON_SERVICE && fault->service == SCENARIO_NOBODY)
		refuse_name(converter, "on", name, "a service");
	if (name && wanted & ON_BALANCER && fault->balancer == SCENARIO_NOBODY)
		refuse_name(converter, "on", name, "a balancer");
}

static void convert_fault(struct converter *converter, const struct raw_sim_fault *raw,
			  struct scenario_fault *fault)
{
	struct taker *taker = &converter->taker;
	uint64_t most = converter->scenario->duration;

	if (!raw->what)
		take_refuse(taker, "what", "is missing");
	if (!raw->at)
		take_refuse(taker, "at", "is missing");
	fault->what = (enum scenario_what)take_name(taker, "what", raw->what, scenario_what_names,
						    FAULT_STOP);
	check_needs(converter, raw, needs[fault->what]);
	take_victim(converter, raw->on, needs[fault->what], fault);
	take_duration(taker, "at", raw->at, 0, most, &fault->at);
	take_duration(taker, "for", raw->lasts, NSEC_PER_MSEC, most, &fault->lasts);
	take_share(taker, "share", raw->share, TAKE_SHARE_FROM_ZERO, &fault->share);
	take_duration(taker, "by", raw->by, 0, NSEC_PER_HOUR, &fault->by);
	take_duration(taker, "up", raw->up, NSEC_PER_MSEC, most, &fault->up);
	take_duration(taker, "down", raw->down, NSEC_PER_MSEC, most, &fault->down);
	take_duration(taker, "every", raw->every, NSEC_PER_MSEC, most, &fault->every);
	take_uint(taker, "factor", raw->factor, 1, FACTOR_MAX, &fault->factor);
	take_uint(taker, "workers", raw->workers, 0, WORKERS_MAX, &fault->workers);
	take_uint(taker, "fail", raw->fail, 1, 1000, &fault->fail);
	take_uint(taker, "pass", raw->pass, 1, 1000, &fault->pass);
}

/* ---- what is expected ---- */

static void convert_expect(struct converter *converter, const struct raw_sim_expect *raw,
			   struct scenario_expect *expect)
{
	static const char *const sinces[] = {"fault", "harm", NULL};
	struct taker *taker = &converter->taker;

	expect->service = find_service(converter->scenario, raw->service);
	if (expect->service == SCENARIO_NOBODY)
		refuse_name(converter, "service", raw->service, "a service");
	if (!raw->state && !raw->trigger)
		take_refuse(taker, "state", "is missing and so is trigger, expected one of them");
	expect->has_state = raw->state;
	expect->has_reason = raw->reason;
	expect->has_trigger = raw->trigger;
	expect->state = (enum health_state)take_name(taker, "state", raw->state,
						     scenario_state_names, HEALTH_HEALTHY);
	expect->reason = (enum health_reason)take_name(taker, "reason", raw->reason,
						       scenario_reason_names, HEALTH_REASON_NONE);
	expect->trigger = (enum breaker_reason)take_name(taker, "trigger", raw->trigger,
							 scenario_trigger_names, BREAKER_NO_REASON);
	expect->from_harm = take_name(taker, "since", raw->since, sinces, 0);
	take_duration(taker, "within", raw->within, 0, converter->scenario->duration,
		      &expect->within);
}

int sim_convert(const struct raw_scenario *raw, const struct outline *outline,
		struct complaints *complaints, struct scenario *scenario)
{
	static const struct raw_scenario nothing;
	struct converter converter = {
		.taker = {.outline = outline, .complaints = complaints},
		.scenario = scenario,
	};

	raw = raw ? raw : &nothing;
	if (raw->title)
		snprintf(scenario->title, sizeof(scenario->title), "%s", raw->title);
	scenario->duration = 2 * NSEC_PER_MINUTE;
	take_duration(&converter.taker, "duration", raw->duration, NSEC_PER_SEC, DURATION_MAX,
		      &scenario->duration);
	take_bool(&converter.taker, "quiet", raw->quiet, &scenario->quiet);
	convert_services(&converter, raw);
	for (unsigned i = 0; i < raw->balancers_count; i++) {
		enter(&converter, "balancers", i);
		convert_balancer(&converter, &raw->balancers[i], &scenario->balancers[i]);
		scenario->balancers_count++;
	}
	for (unsigned i = 0; i < raw->clients_count; i++) {
		enter(&converter, "clients", i);
		convert_crowd(&converter, &raw->clients[i], &scenario->crowds[i]);
		scenario->crowds_count++;
	}
	for (unsigned i = 0; i < raw->faults_count; i++) {
		enter(&converter, "faults", i);
		convert_fault(&converter, &raw->faults[i], &scenario->faults[i]);
		scenario->faults_count++;
	}
	for (unsigned i = 0; i < raw->expect_count; i++) {
		enter(&converter, "expect", i);
		convert_expect(&converter, &raw->expect[i], &scenario->expects[i]);
		scenario->expects_count++;
	}
	converter.taker.prefix[0] = 0;
	if (!raw->services_count)
		take_refuse(&converter.taker, "services", "is missing, expected at least one");
	return converter.taker.err;
}
