/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guards.protect names is never cut: random hosts whose services fail, under random rules,
 * guards, orders and reloads, some of them taken up where an earlier daemon had cut everything.
 * Which services are protected is found here by trying addresses and ports one by one.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "engine/engine_parts.h"
#include "unit/random.h"

#define TICK	  100000000ULL
#define SECOND	  (10 * TICK)
#define START	  (5000 * SECOND)
#define FIRST	  SHUNT_SLOT_FIRST
#define SERVICES  8
#define ENDPOINTS 3
#define HOSTS	  3000
#define TICKS	  80
/* Addresses that differ in the last byte alone, of two networks. */
#define ADDRESSES 16

struct host {
	struct engine *engine;
	struct config_endpoint items[SERVICES][ENDPOINTS];
	struct config_endpoints endpoints[SERVICES];
	struct config_endpoint protect_items[ENDPOINTS];
	struct config_guards guards;
	bool protected[SERVICES]; /* as of the last reload */
	uint64_t now;
};

static struct {
	unsigned cut, safe; /* services by tick: cut, and protected */
	unsigned refused; /* orders to trip what is protected */
	unsigned released; /* what was cut when it was protected */
} seen;

static const uint16_t ports[] = {22, 80, 8000, 8001};
static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return random_next(&state) % below;
}

static uint64_t one_of(uint64_t a, uint64_t b)
{
	return draw(2) ? a : b;
}

/* ---- endpoints ---- */

static void address(unsigned n, uint8_t ret_addr[16])
{
	static const uint8_t networks[2][16] = {
		{[10] = 0xff, 0xff, 10, 0, 0},
		{0x20, 0x01, 0x0d, 0xb8},
	};

	memcpy(ret_addr, networks[n / ADDRESSES], 16);
	ret_addr[15] = (uint8_t)(n % ADDRESSES);
}

/* One address, a prefix, or any; `every`: and perhaps every port. */
static struct config_endpoint draw_endpoint(bool every)
{
	struct config_endpoint endpoint = {.bits = draw(3) ? 128 : (uint8_t)(124 + draw(4))};

	if (draw(6))
		address((unsigned)draw(2 * ADDRESSES), endpoint.addr);
	else
		endpoint.bits = 0;
	endpoint.port = every && !draw(6) ? 0 : ports[draw(4)];
	return endpoint;
}

static struct config_endpoints draw_endpoints(struct config_endpoint items[ENDPOINTS],
					      uint64_t least, bool every)
{
	struct config_endpoints endpoints = {items, least + draw(ENDPOINTS + 1 - least)};

	for (size_t i = 0; i < endpoints.count; i++)
		items[i] = draw_endpoint(every);
	return endpoints;
}

static bool covers(const struct config_endpoint *endpoint, const uint8_t addr[16], uint16_t port)
{
	for (unsigned bit = 0; bit < endpoint->bits; bit++)
		if ((endpoint->addr[bit / 8] ^ addr[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return !endpoint->port || endpoint->port == port;
}

static bool any_covers(const struct config_endpoints *endpoints, const uint8_t addr[16],
		       uint16_t port)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (covers(&endpoints->items[i], addr, port))
			return true;
	return false;
}

/* Whether there is a connection to service `i` that is protected. */
static bool find_protected(const struct host *host, uint32_t i)
{
	uint8_t addr[16];

	for (unsigned n = 0; n < 2 * ADDRESSES; n++) {
		address(n, addr);
		for (unsigned p = 0; p < 4; p++)
			if (any_covers(&host->guards.protect, addr, ports[p]) &&
			    any_covers(&host->endpoints[i], addr, ports[p]))
				return true;
	}
	return false;
}

static void find_all_protected(struct host *host)
{
	for (uint32_t i = 0; i < SERVICES; i++)
		host->protected[i] = find_protected(host, i);
}

/* ---- configuration ---- */

static struct config_breaker draw_breaker(enum shunt_role role)
{
	struct config_breaker breaker = config_breaker_defaults;

	breaker.mode = draw(4) ? CONFIG_MODE_ENFORCE : (enum config_mode)draw(3);
	breaker.window = (1 + draw(5)) * SECOND;
	breaker.min_connections = 1 + (uint32_t)draw(20);
	breaker.failure_rate = (double)(1 + draw(10)) / 10;
	if (draw(2))
		breaker.slow = (struct config_slow){SHUNT_SIGNAL_RESPONSE, SECOND / 4, 0.5,
						    draw(5) * TICK};
	breaker.consecutive_failures = draw(2) ? (uint32_t)draw(20) : 0;
	breaker.on_flapping = draw(2);
	breaker.action = (enum config_action)draw(role == SHUNT_ROLE_SERVER ? 4 : 3);
	breaker.redirect_to = draw_endpoint(false);
	breaker.probes = draw(2) ? CONFIG_PROBES_EXEMPT : CONFIG_PROBES_COUPLED;
	breaker.open_for = (1 + draw(10)) * TICK;
	breaker.open_for_max = breaker.open_for * (1 + draw(4));
	breaker.half_open_share = (double)(1 + draw(10)) / 10;
	breaker.half_open_connections = 1 + (uint32_t)draw(10);
	return breaker;
}

static void assign(struct host *host, uint32_t i)
{
	static const struct config_health_check check;
	struct engine_service service = {
		.name = draw(20) ? "same" : "another",
		.role = draw(3) ? SHUNT_ROLE_SERVER : SHUNT_ROLE_CLIENT,
		.endpoints = &host->endpoints[i],
		.check = &check,
	};
	struct config_breaker breaker = draw_breaker(service.role);

	service.breaker = &breaker;
	if (draw(2))
		host->endpoints[i] = draw_endpoints(host->items[i], 1, false);
	cr_assert_geq(engine_assign(host->engine, FIRST + i, &service), 0);
}

static void configure(struct host *host)
{
	host->guards.max_open = 1 + (uint32_t)draw(SERVICES);
	host->guards.max_open_share = draw(4) ? 1 : 0.34;
	host->guards.lease = (1 + draw(3)) * SECOND;
	host->guards.protect = draw_endpoints(host->protect_items, 0, true);
	cr_assert_eq(engine_configure(host->engine, &host->guards), 0);
}

static unsigned count_cut_and_protected(const struct host *host)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < SERVICES; i++)
		count += engine_verdict(host->engine, FIRST + i).kind != BREAKER_PASS &&
			 host->protected[i];
	return count;
}

/* Another protection, other services, or both. */
static void reload(struct host *host)
{
	if (draw(3))
		configure(host);
	for (uint32_t i = 0; i < SERVICES; i++)
		if (!draw(6))
			assign(host, i);
	if (!draw(4))
		engine_release(host->engine, FIRST + (uint32_t)draw(SERVICES));
	find_all_protected(host);
	seen.released += count_cut_and_protected(host);
}

/* As an earlier daemon, which protected nothing, may have left it. */
static void resume(struct host *host, uint32_t i)
{
	struct breaker_past past = {
		.since = START,
		.until = START + draw(5) * SECOND,
		.state = (uint32_t)draw(BREAKER_STATE_MAX),
		.reason = BREAKER_FAILURE_RATE,
	};

	if (draw(2)) {
		past.by_hand = past.state != BREAKER_CLOSED;
		past.order.until = START + (1 + draw(5)) * SECOND;
		past.order.order = BREAKER_TRIP;
		past.order.action = CONFIG_ACTION_REJECT;
	}
	engine_resume(host->engine, FIRST + i, &past);
}

static void begin(struct host *host, uint64_t seed)
{
	state = seed;
	memset(host, 0, sizeof(*host));
	host->now = START;
	cr_assert_eq(engine_new(FIRST + SERVICES, seed, &host->engine), 0);
	/* Whatever else might stand in the way of a trip. */
	host->engine->rules.limits.velocity = GUARDS_TRIPS;
	host->engine->rules.limits.panic = 1;
	configure(host);
	for (uint32_t i = 0; i < SERVICES; i++) {
		host->endpoints[i] = draw_endpoints(host->items[i], 1, false);
		assign(host, i);
		if (!draw(4))
			resume(host, i);
	}
	find_all_protected(host);
}

/* ---- what happens ---- */

static void give_order(struct host *host)
{
	struct breaker_command command = {
		.now = host->now,
		.lasts = draw(4) * SECOND,
		.order = 1 + (enum breaker_order)draw(3),
		.service = FIRST + (uint32_t)draw(SERVICES),
		.mode = (enum config_mode)one_of(CONFIG_MODE_ENFORCE, draw(3)),
		.own_action = draw(2),
		.action = (enum config_action)draw(4),
		.who = "ada",
		.why = "drill",
	};
	uint32_t i = command.service - FIRST;
	int r;

	if (command.order == BREAKER_SET_MODE && !draw(8))
		command.service = BREAKER_ALL;
	r = engine_command(host->engine, &command);
	if (command.order != BREAKER_TRIP || !host->protected[i])
		return;
	cr_assert_lt(r, 0, "service %u: tripped by hand", i);
	seen.refused += r == -EPERM;
}

/* Most fail, some are slow. */
static void fall_ill(struct engine_sample *sample, uint32_t i)
{
	*sample = (struct engine_sample){.slot = FIRST + i};
	sample->traffic.handshakes[SHUNT_HANDSHAKE_OK] = draw(3);
	sample->traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = draw(8);
	sample->traffic.closes[SHUNT_CLOSE_NO_RESPONSE] = draw(4);
	sample->samples = draw(10);
	sample->slow = draw(sample->samples + 1);
	sample->trials_passed = draw(3);
	sample->trials_failed = draw(3);
}

static void pass_tick(struct host *host)
{
	struct engine_sample samples[SERVICES];
	struct engine_tick tick = {.samples = samples};

	for (uint32_t i = 0; i < SERVICES; i++)
		if (*engine_name(host->engine, FIRST + i) && draw(8))
			fall_ill(&samples[tick.samples_count++], i);
	host->now += TICK;
	tick.now = host->now;
	tick.late = draw(100) ? 0 : SECOND;
	tick.lost = draw(100) ? 0 : 1;
	engine_tick(host->engine, &tick);
}

static void expect_protected_pass(const struct host *host, uint64_t seed, unsigned n)
{
	for (uint32_t i = 0; i < SERVICES; i++) {
		struct breaker_verdict verdict = engine_verdict(host->engine, FIRST + i);

		if (host->protected[i]) {
			cr_assert_eq(verdict.kind, BREAKER_PASS, "host %lu, tick %u, service %u",
				     seed, n, i);
			seen.safe++;
		}
		seen.cut += verdict.kind != BREAKER_PASS;
	}
}

Test(protected, is_never_cut_whatever_is_configured_or_ordered, .timeout = 120)
{
	struct host host;

	for (uint64_t seed = 1; seed <= HOSTS; seed++) {
		begin(&host, seed);
		for (unsigned n = 0; n < TICKS; n++) {
			pass_tick(&host);
			expect_protected_pass(&host, seed, n);
			if (!draw(4))
				give_order(&host);
			/* What a reload protects is let go in the tick that follows. */
			expect_protected_pass(&host, seed, n);
			if (!draw(15))
				reload(&host);
		}
		engine_free(host.engine);
	}
	/* It was tried: what is not protected is cut, all the time. */
	cr_expect_gt(seen.cut, HOSTS * TICKS, "%u cut", seen.cut);
	cr_expect_gt(seen.safe, HOSTS * TICKS, "%u safe", seen.safe);
	cr_expect_gt(seen.refused, HOSTS, "%u orders refused", seen.refused);
	cr_expect_gt(seen.released, HOSTS / 2, "%u let go", seen.released);
}
