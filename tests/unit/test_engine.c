/* SPDX-License-Identifier: GPL-2.0 */
/* The engine as one object: what goes in by its calls, what comes out, and the same again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "engine/engine_parts.h"
#include "unit/random.h"

#define TICK   100000000ULL
#define SECOND (10 * TICK)
/* An uptime: the clock does not begin at 0. */
#define START	 (5000 * SECOND)
#define SERVICES 8
#define FIRST	 SHUNT_SLOT_FIRST

struct host {
	struct engine *engine;
	struct engine_sample samples[SERVICES];
	struct engine_tick tick;
	uint64_t random;
};

static struct config_endpoint ports[SERVICES];
static struct config_breaker breaker;
static struct config_health_check check;

static void assign(struct host *host, uint32_t i, const char *name)
{
	const struct config_endpoints endpoints = {&ports[i], 1};
	const struct engine_service service = {
		.name = name,
		.role = SHUNT_ROLE_SERVER,
		.endpoints = &endpoints,
		.check = &check,
		.breaker = &breaker,
	};

	cr_assert_geq(engine_assign(host->engine, FIRST + i, &service), 0);
}

static void begin(struct host *host, uint64_t seed)
{
	const struct config_guards guards = {
		.max_open = 3, .max_open_share = 0.5, .lease = 3 * SECOND};
	char name[16];

	memset(host, 0, sizeof(*host));
	cr_assert_eq(engine_new(FIRST + SERVICES, seed, &host->engine), 0);
	cr_assert_eq(engine_configure(host->engine, &guards), 0);
	for (uint32_t i = 0; i < SERVICES; i++) {
		ports[i].port = (uint16_t)(8000 + i);
		snprintf(name, sizeof(name), "service-%u", i);
		assign(host, i, name);
	}
	host->tick.now = START;
	host->tick.samples = host->samples;
	host->random = seed;
}

static void set_up(void)
{
	breaker = config_breaker_defaults;
	memset(&check, 0, sizeof(check));
}

TestSuite(engine, .init = set_up);

static struct engine_sample *sample_of(struct host *host, uint32_t i)
{
	struct engine_sample *sample = &host->samples[host->tick.samples_count++];

	*sample = (struct engine_sample){.slot = FIRST + i};
	return sample;
}

/* Connections of one service in the next tick; to be called by service. */
static void serve(struct host *host, uint32_t i, uint64_t well, uint64_t refused)
{
	struct engine_sample *sample = sample_of(host, i);

	sample->traffic.handshakes[SHUNT_HANDSHAKE_OK] = well;
	sample->traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = refused;
	sample->traffic.closes[SHUNT_CLOSE_ORDERLY] = well;
	sample->traffic.responses = well;
	sample->traffic.response_time = well * TICK / 100;
}

static void tick(struct host *host)
{
	host->tick.now += TICK;
	engine_tick(host->engine, &host->tick);
	host->tick.samples_count = 0;
}

/* A check each second by 10.0.0.9, at this service. */
static void check_it(struct host *host, uint32_t i, enum shunt_probe_outcome outcome)
{
	const struct shunt_probe probe = {
		.type = SHUNT_EVENT_PROBE,
		.slot = FIRST + i,
		.at = host->tick.now,
		.duration = 1000000,
		.outcome = outcome,
		.addr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 9},
	};

	engine_hear(host->engine, &probe);
}

static void fail_it(struct host *host, uint32_t i, unsigned ticks)
{
	while (ticks--) {
		serve(host, i, 0, 10);
		tick(host);
	}
}

/* Who came so often, each second, the last time now. */
static unsigned learn(struct host *host, uint32_t i)
{
	struct shunt_source source = {
		.slot = FIRST + i,
		.count = SHUNT_SOURCE_TIMES,
		.addr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 9},
	};

	for (unsigned n = 0; n < SHUNT_SOURCE_TIMES; n++) {
		uint64_t at = host->tick.now - (SHUNT_SOURCE_TIMES - 1 - n) * SECOND;

		source.times[n] = (uint32_t)(at >> SHUNT_SOURCE_UNIT_LOG2);
	}
	return engine_learn(host->engine, &source, host->tick.now);
}

/* ---- determinism ---- */

static uint64_t draw(struct host *host, uint64_t below)
{
	return random_next(&host->random) % below;
}

/* Whatever may happen to a host in a tick. */
static void live(struct host *host)
{
	struct breaker_command command = {.now = host->tick.now, .who = "ada", .why = "drill"};

	for (uint32_t i = 0; i < SERVICES; i++) {
		bool ill = (host->tick.now / (20 * SECOND) + i) % 5 == 0;

		if (draw(host, 3))
			serve(host, i, ill ? 0 : draw(host, 20), ill ? draw(host, 20) : 0);
	}
	if (!draw(host, 500))
		learn(host, (uint32_t)draw(host, SERVICES));
	if (host->tick.now % SECOND == 0)
		check_it(host, 1, draw(host, 4) ? SHUNT_PROBE_PASS : SHUNT_PROBE_REFUSED);
	host->tick.late = draw(host, 200) ? 0 : SECOND;
	host->tick.lost = draw(host, 200) ? 0 : 1;
	if (!draw(host, 300)) {
		command.service = FIRST + (uint32_t)draw(host, SERVICES);
		command.order = 1 + (enum breaker_order)draw(host, 2);
		engine_command(host->engine, &command);
	}
	tick(host);
}

static void expect_equal(const struct host *a, const struct host *b)
{
	struct engine_outcome one = engine_outcome(a->engine), other = engine_outcome(b->engine);

	cr_assert_eq(one.changes_count, other.changes_count);
	cr_assert_eq(one.decisions_count, other.decisions_count);
	cr_assert_arr_eq(one.changes, other.changes, one.changes_count * sizeof(*one.changes));
	cr_assert_arr_eq(one.decisions, other.decisions,
			 one.decisions_count * sizeof(*one.decisions));
	for (uint32_t slot = FIRST; slot < FIRST + SERVICES; slot++)
		cr_assert_arr_eq(engine_health(a->engine, slot), engine_health(b->engine, slot),
				 sizeof(struct health_verdict));
}

Test(engine, the_same_calls_give_the_same_bytes)
{
	unsigned changes = 0, decisions = 0;
	struct host one, other;

	begin(&one, 7);
	begin(&other, 7);
	for (unsigned n = 0; n < 6000; n++) {
		live(&one);
		live(&other);
		expect_equal(&one, &other);
		changes += engine_outcome(one.engine).changes_count;
		decisions += engine_outcome(one.engine).decisions_count;
	}
	cr_expect_gt(changes, 20, "%u changes of health", changes);
	cr_expect_gt(decisions, 20, "%u decisions", decisions);
	engine_free(one.engine);
	engine_free(other.engine);
}

Test(engine, shadow_and_enforce_decide_alike)
{
	const enum config_action actions[] = {CONFIG_ACTION_REJECT, CONFIG_ACTION_DRAIN};
	unsigned decisions = 0;
	struct host one, other;

	breaker.probes = CONFIG_PROBES_COUPLED;
	breaker.on_flapping = true;
	for (unsigned n = 0; n < 4; n++) {
		breaker.action = actions[n % 2];
		breaker.mode = CONFIG_MODE_SHADOW;
		begin(&one, 100 + n);
		breaker.mode = CONFIG_MODE_ENFORCE;
		begin(&other, 100 + n);
		learn(&one, 1);
		learn(&other, 1);
		for (unsigned i = 0; i < 3000; i++) {
			live(&one);
			live(&other);
			expect_equal(&one, &other);
			decisions += engine_outcome(one.engine).decisions_count;
		}
		engine_free(one.engine);
		engine_free(other.engine);
	}
	cr_expect_gt(decisions, 50, "%u decisions", decisions);
}

/* ---- a day of noise ---- */

/* Ten are turned away at once, in a tick that has a sample of its own or not. */
static void overflow(struct host *host, uint32_t i)
{
	uint32_t count = host->tick.samples_count;

	if (!count || host->samples[count - 1].slot != FIRST + i)
		sample_of(host, i);
	host->samples[host->tick.samples_count - 1].drops = 10;
}

/*
 * What befalls a service that is well: one in two hundred is refused, in each minute an
 * accept queue overflows at once, a check in twenty is lost, and the observer is late at times.
 */
static void be_noisy(struct host *host, unsigned n)
{
	for (uint32_t i = 0; i < SERVICES; i++) {
		uint64_t what = draw(host, 1000);

		if (i < 4 || what % 7 == 0)
			serve(host, i, 1 + what % 20, what < 5);
		if (n % 600 == 60 * i)
			overflow(host, i);
	}
	if (n % 10 == 0 && draw(host, 20))
		check_it(host, 1, draw(host, 20) ? SHUNT_PROBE_PASS : SHUNT_PROBE_TIMED_OUT);
	host->tick.late = draw(host, 5000) ? 0 : SECOND;
	host->tick.lost = draw(host, 5000) ? 0 : 1;
	tick(host);
}

Test(engine, a_day_of_noise_trips_nothing, .timeout = 300)
{
	struct host host;
	char text[512];

	breaker.mode = CONFIG_MODE_ENFORCE;
	breaker.consecutive_failures = 5;
	breaker.on_flapping = true;
	begin(&host, 24);
	learn(&host, 1);
	for (unsigned n = 1; n <= 24 * 36000; n++) {
		struct engine_outcome outcome;

		be_noisy(&host, n);
		outcome = engine_outcome(host.engine);
		if (outcome.decisions_count) {
			breaker_explain(outcome.decisions, "x", text, sizeof(text));
			cr_assert_fail("tick %u: %s", n, text);
		}
	}
	/* …and one that fails in earnest still trips. */
	fail_it(&host, 0, 40);
	cr_expect_eq(engine_breaker(host.engine, FIRST)->transitions[BREAKER_OPEN], 1);
	engine_free(host.engine);
}

/* ---- services come and go ---- */

Test(engine, who_is_released_leaves_nothing)
{
	struct host host;
	uint32_t slot;

	begin(&host, 1);
	learn(&host, 0);
	fail_it(&host, 0, 10);
	cr_assert_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_OPEN);
	cr_assert_not_null(engine_probers(host.engine, FIRST));
	cr_assert(engine_next_checked(host.engine, &slot) && slot == FIRST);
	cr_assert_not(engine_next_checked(host.engine, &slot));

	cr_expect_eq(engine_release(host.engine, FIRST), HEALTH_FAILING);
	cr_expect_str_eq(engine_name(host.engine, FIRST), "");
	cr_expect_null(engine_health(host.engine, FIRST));
	cr_expect_null(engine_breaker(host.engine, FIRST));
	cr_expect_null(engine_probers(host.engine, FIRST));
	cr_expect_eq(engine_verdict(host.engine, FIRST).kind, BREAKER_PASS);
	cr_expect(engine_next_checked(host.engine, &slot) && slot == FIRST,
		  "the kernel is to forget its probers");
	serve(&host, 0, 0, 10);
	tick(&host);
	cr_expect_eq(engine_outcome(host.engine).changes_count, 0);

	assign(&host, 0, "another");
	fail_it(&host, 0, 1);
	cr_expect_eq(engine_health(host.engine, FIRST)->failures, 10, "it begins with nothing");
	cr_expect_eq(engine_breaker(host.engine, FIRST)->transitions[BREAKER_OPEN], 0);
	engine_free(host.engine);
}

/* The guards count those that there are: of three, one may be open at 0.34, of two none. */
Test(engine, empty_slots_are_no_services)
{
	const struct config_guards guards = {
		.max_open = 9, .max_open_share = 0.34, .lease = SECOND};
	struct host host;

	begin(&host, 1);
	cr_assert_eq(engine_configure(host.engine, &guards), 0);
	for (uint32_t i = 2; i < SERVICES; i++)
		engine_release(host.engine, FIRST + i);
	fail_it(&host, 0, 20);
	cr_expect_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_CLOSED);
	cr_expect_gt(engine_breaker(host.engine, FIRST)->held[GUARD_MAX_OPEN_SHARE], 0);
	assign(&host, 2, "a third");
	fail_it(&host, 0, 1);
	cr_expect_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_OPEN);
	engine_free(host.engine);
}

Test(engine, a_reload_keeps_what_is_known)
{
	struct host host;

	begin(&host, 1);
	learn(&host, 0);
	fail_it(&host, 0, 10);
	assign(&host, 0, "service-0");
	cr_expect_eq(engine_health(host.engine, FIRST)->state, HEALTH_FAILING);
	breaker.open_for = 60 * SECOND;
	assign(&host, 0, "service-0");
	cr_expect_eq(engine_health(host.engine, FIRST)->state, HEALTH_FAILING);
	cr_expect_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_OPEN);
	cr_expect_not_null(engine_probers(host.engine, FIRST));
	check.fall = 7;
	assign(&host, 0, "service-0");
	cr_expect_eq(engine_health(host.engine, FIRST)->state, HEALTH_FAILING);
	cr_expect_null(engine_probers(host.engine, FIRST), "it is checked in another way");
	engine_free(host.engine);
}

/* What is as it was need not be recorded; what differs in anything must be. */
Test(engine, says_whether_an_assignment_is_news)
{
	const struct config_endpoints endpoints = {ports, 1};
	struct engine_service service = {
		.name = "service-0",
		.role = SHUNT_ROLE_SERVER,
		.endpoints = &endpoints,
		.check = &check,
		.breaker = &breaker,
	};
	struct host host;

	begin(&host, 1);
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 0);
	ports[0].port++;
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 1);
	breaker.half_open_share = 0.2;
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 1);
	check.timeout = SECOND;
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 1);
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 0);
	service.role = SHUNT_ROLE_CLIENT;
	cr_expect_eq(engine_assign(host.engine, FIRST, &service), 1);
	cr_expect_eq(engine_assign(host.engine, SHUNT_SLOT_UNKNOWN_SERVER, &service), -ERANGE);
	cr_expect_eq(engine_assign(host.engine, FIRST + SERVICES, &service), -ERANGE);
	engine_free(host.engine);
}

/* ---- orders, trials ---- */

static int order(struct host *host, enum breaker_order what, uint32_t slot)
{
	const struct breaker_command command = {
		.now = host->tick.now,
		.order = what,
		.service = slot,
		.lasts = SECOND,
		.who = "ada",
		.why = "drill",
	};

	return engine_command(host->engine, &command);
}

Test(engine, orders_are_for_services)
{
	struct host host;

	begin(&host, 1);
	tick(&host);
	engine_release(host.engine, FIRST + 1);
	cr_expect_eq(order(&host, BREAKER_TRIP, FIRST + 1), -ENOENT);
	cr_expect_eq(order(&host, BREAKER_TRIP, FIRST + SERVICES), -ENOENT);
	cr_expect_eq(order(&host, BREAKER_TRIP, FIRST), 0);
	cr_expect_eq(engine_outcome(host.engine).decisions_count, 1);
	cr_expect_eq(engine_outcome(host.engine).decisions[0].service, FIRST);
	cr_expect_eq(engine_verdict(host.engine, FIRST).kind, BREAKER_REJECT);
	cr_expect(engine_verdict(host.engine, FIRST).enforced);
	engine_free(host.engine);
}

/* Whom the probers were kept from, they try. */
Test(engine, checks_are_the_trials_of_a_drained_service)
{
	struct host host;
	unsigned n = 0;

	breaker.action = CONFIG_ACTION_DRAIN;
	breaker.half_open_connections = 3;
	begin(&host, 1);
	learn(&host, 0);
	cr_assert_eq(order(&host, BREAKER_TRIP, FIRST), 0);
	while (engine_breaker(host.engine, FIRST)->state != BREAKER_HALF_OPEN && n++ < 20)
		tick(&host);
	for (unsigned second = 0; second < 3; second++) {
		cr_expect_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_HALF_OPEN);
		cr_expect_eq(engine_breaker(host.engine, FIRST)->trials_passed, second);
		for (n = 0; n < 9; n++)
			tick(&host);
		check_it(&host, 0, SHUNT_PROBE_PASS);
		tick(&host);
	}
	cr_expect_eq(engine_breaker(host.engine, FIRST)->state, BREAKER_CLOSED);
	engine_free(host.engine);
}
