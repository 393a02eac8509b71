/* SPDX-License-Identifier: GPL-2.0 */
/* What is gathered of a service beside its connections: slow samples. */
#include <criterion/criterion.h>

#include "config/config.h"
#include "daemon/binding.h"
#include "daemon/discovery.h"
#include "daemon/gather.h"
#include "daemon/roster.h"
#include "daemon/service.h"
#include "unit/fake_observer.h"

#define MSEC 1000000ULL
#define TICK (100 * MSEC)

static struct observer kernel;
static struct services services;
static struct bindings bindings;
static struct engine *engine;
static struct gather gather;
static struct roster roster;
static struct config_service configured = {.name = "a"};
static struct config config = {.services = &configured, .services_count = 1};
static const struct discovery nothing_found;
static struct shunt_cell *cell;
static struct engine_tick tick;

static void configure(uint64_t over, enum shunt_signal signal)
{
	configured.breaker.slow = (struct config_slow){signal, over, 0.5, 0};
	cr_assert_eq(roster_update(&roster, &config, &nothing_found), 0);
}

static void set_up(void)
{
	const struct service *service;

	configured.breaker = config_breaker_defaults;
	cr_assert_eq(services_init(&services, 3, 0), 0);
	cr_assert_eq(engine_new(services.count, 1, &engine), 0);
	cr_assert_eq(gather_init(&gather, &kernel, &bindings, &services, engine), 0);
	cr_assert_eq(roster_init(&roster, &services, engine, &gather), 0);
	service = services_add(&services, "a", SHUNT_ROLE_SERVER, SERVICE_CONFIGURED);
	cell = &kernel.cells[services_slot(&services, service)];
	tick.now = 5000 * 10 * TICK;
}

static void tear_down(void)
{
	roster_done(&roster);
	gather_done(&gather);
	engine_free(engine);
	services_done(&services);
}

TestSuite(gather, .init = set_up, .fini = tear_down);

/* So many answers, each of so many ms. */
static void answer(unsigned count, unsigned ms)
{
	struct shunt_histogram *histogram = &cell->histograms[SHUNT_SIGNAL_RESPONSE];

	cell->responses += count;
	cell->response_time += count * ms * MSEC;
	histogram->buckets[shunt_bucket(ms * MSEC)] += count;
	histogram->sum += count * ms * MSEC;
}

/* The one sample of the next tick, or all zero. */
static struct engine_sample next(void)
{
	gather_take(&gather, tick.now + TICK, 0, 0, &tick);
	cr_assert_leq(tick.samples_count, 1);
	return tick.samples_count ? tick.samples[0] : (struct engine_sample){0};
}

Test(gather, slow_samples_are_those_since_the_last_tick)
{
	struct engine_sample sample;

	configure(250 * MSEC, SHUNT_SIGNAL_RESPONSE);
	answer(7, 900);
	sample = next();
	cr_expect_eq(sample.samples, 0, "what was before");
	answer(10, 5);
	answer(3, 900);
	sample = next();
	cr_expect_eq(sample.samples, 13);
	cr_expect_eq(sample.slow, 3);
	cr_expect_eq(next().samples, 0, "nothing happened");
	answer(1, 900);
	cr_expect_eq(next().slow, 1);
}

Test(gather, another_limit_begins_anew)
{
	configure(250 * MSEC, SHUNT_SIGNAL_RESPONSE);
	next();
	answer(10, 100);
	cr_expect_eq(next().slow, 0);
	configure(50 * MSEC, SHUNT_SIGNAL_RESPONSE);
	answer(1, 100);
	cr_expect_eq(next().slow, 0, "counted from here on");
	answer(2, 100);
	cr_expect_eq(next().slow, 2);
}

Test(gather, who_does_not_ask_is_not_told)
{
	configure(0, SHUNT_SIGNAL_RESPONSE);
	next();
	answer(10, 900);
	cr_expect_eq(next().samples, 0);
}

Test(gather, idle_services_have_no_sample)
{
	configure(0, SHUNT_SIGNAL_RESPONSE);
	next();
	cr_expect_eq(tick.samples_count, 1, "the first has what is open");
	next();
	cr_expect_eq(tick.samples_count, 0);
}

Test(gather, hears_of_each_service_once)
{
	configure(0, SHUNT_SIGNAL_RESPONSE);
	next();
	gather_heard(&gather);
	next();
	cr_expect_not(gather_heard(&gather), "nothing happened");
	answer(1, 5);
	cr_expect_not(gather_heard(&gather), "it is the ticks that listen");
	next();
	next();
	cr_expect(gather_heard(&gather), "in one tick of two");
	cr_expect_not(gather_heard(&gather));
	kernel.cells[SHUNT_SLOT_UNKNOWN_SERVER].counters.handshakes[SHUNT_HANDSHAKE_OK]++;
	cr_expect(gather_heard(&gather), "of those that nobody follows");
	cr_expect_not(gather_heard(&gather));
}
