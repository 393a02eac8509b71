/* SPDX-License-Identifier: GPL-2.0 */
/* A view for the encoders' tests, small enough to know every figure of it. */
#ifndef SHUNT_TEST_SERVE_VIEW_H
#define SHUNT_TEST_SERVE_VIEW_H

#include <math.h>
#include <string.h>

#include "serve/view.h"

struct test_view {
	struct shunt_cell cells[2];
	struct view_service services[2];
	struct view_signal signals[2];
	struct view_error errors[3];
	struct view_alerts alerts[2];
	struct health_verdict health;
	struct breaker tripped;
	struct breaker_decision decision;
	view_moves moves;
	struct shunt_verdict_counts verdicts;
	struct view_breaker breaker;
	struct view_prober prober;
	struct shunt_histogram check_durations;
	struct view view;
};

static inline void test_sample(struct shunt_histogram *histogram, __u64 ns)
{
	histogram->sum += ns;
	histogram->buckets[shunt_bucket(ns)]++;
}

/* A server that has seen something of everything. */
static inline void test_view_server(struct shunt_cell *cell)
{
	struct shunt_histogram *handshake = &cell->histograms[SHUNT_SIGNAL_HANDSHAKE];

	/* Neither kind of `unreachable` should come to a server, yet one did. */
	for (int i = 0; i < SHUNT_HANDSHAKE_MAX; i++)
		cell->counters.handshakes[i] = 100 + (__u64)i;
	cell->counters.handshakes[SHUNT_HANDSHAKE_HOST_UNREACHABLE] = 0;
	for (int i = 0; i < SHUNT_CLOSE_MAX; i++)
		cell->counters.closes[i] = 10 + (__u64)i;
	cell->counters.seeded = 3;
	cell->counters.retransmits = 7;
	cell->counters.resets_sent = 8;
	cell->counters.resets_received = 9;
	/* At most 2^-20 s, on the bound 2^-10 s, above it, at a second, past the end. */
	test_sample(handshake, 900);
	test_sample(handshake, 976562);
	test_sample(handshake, 976563);
	test_sample(handshake, 1000000000);
	test_sample(handshake, 1000000001);
	test_sample(handshake, 70000000000);
	test_sample(&cell->histograms[SHUNT_SIGNAL_RTT], 250000);
}

static inline void test_view_prober(struct test_view *test)
{
	test->prober = (struct view_prober){
		.name = "10.0.0.1#2",
		.interval = 2.5,
		.confidence = 0.75,
		.model = "haproxy",
		.state = LB_GOING_DOWN,
		.certain = true,
		.health = 3,
		.checks_until_down = 2,
		.seconds_until_down = 4.5,
		.checks = {41, 42, 43, 44, 45, 46, 47},
		.history = "...x.",
	};
	test_sample(&test->check_durations, 1000000000);
}

static inline void test_view_alerts(struct test_view *test)
{
	test->alerts[0] = (struct view_alerts){"alertmanager", 21, 22, 23, 24};
	test->alerts[1] = (struct view_alerts){"webhook", 31, 32, 33, 34};
}

static inline void test_view_health(struct test_view *test)
{
	/* For 2 s of the 12.5 s that it has run, at a clock of 100 s. */
	test->health = (struct health_verdict){
		.since = 98000000000,
		.now = 100000000000,
		.state = HEALTH_FAILING,
		.reason = HEALTH_REASON_CONNECTIONS,
		.connections = 4,
		.failures = 3,
		.span = 200000000,
		.flap_score = 0.0625,
		.stretch = 1,
	};
}

static inline void test_view_breaker(struct test_view *test)
{
	/* Open for 2 s, and for one more. */
	test->tripped.state = BREAKER_OPEN;
	test->tripped.since = 98000000000;
	test->tripped.until = 101000000000;
	test->tripped.held[GUARD_MAX_OPEN] = 4;
	test->decision = (struct breaker_decision){
		.number = 7,
		.what = BREAKER_MOVED,
		.from = BREAKER_CLOSED,
		.to = BREAKER_OPEN,
		.reason = BREAKER_FAILURE_RATE,
		.numbers = {.window = 10000000000,
			    .connections = 30,
			    .failures = 24,
			    .share = 0.8,
			    .limit = 0.5},
		.guards = {.asked = GUARDS_ALL},
	};
	test->moves[BREAKER_OPEN][BREAKER_FAILURE_RATE][CONFIG_MODE_SHADOW] = 2;
	test->moves[BREAKER_OPEN][BREAKER_FAILURE_RATE][CONFIG_MODE_ENFORCE] = 1;
	test->verdicts.connections[SHUNT_VERDICT_REJECT] = 55;
	test->verdicts.shadow[SHUNT_VERDICT_REJECT] = 44;
	test->breaker = (struct view_breaker){
		.breaker = &test->tripped,
		.mode = CONFIG_MODE_ENFORCE,
		.moves = &test->moves,
		.last = &test->decision,
		.counts = &test->verdicts,
	};
}

static inline void test_view_init(struct test_view *test)
{
	memset(test, 0, sizeof(*test));
	test_view_server(&test->cells[0]);
	test->services[0] = (struct view_service){
		.name = "nginx:80",
		.role = SHUNT_ROLE_SERVER,
		.activity = "busy",
		.health = &test->health,
		.breaker = &test->breaker,
		.total = &test->cells[0],
		.queue_length = 3,
		.queue_limit = 511,
		.recent = {10, 12.5, 0.1, .001, .002, .003},
		.probers = &test->prober,
		.probers_count = 1,
		.check_durations = &test->check_durations,
	};
	test_view_prober(test);
	test->services[1] = (struct view_service){
		.name = "a\\b\"c\nd\xff\xc3\xa9",
		.role = SHUNT_ROLE_CLIENT,
		.activity = "idle",
		.total = &test->cells[1],
		.recent = {10, 0, 0, NAN, NAN, NAN},
	};
	test->signals[0] = (struct view_signal){"handshake", true};
	test->signals[1] = (struct view_signal){"rtt", false};
	test->errors[0] = (struct view_error){"cell", 0, 0};
	test->errors[1] = (struct view_error){"conn_insert", 7, 3};
	test->errors[2] = (struct view_error){"conn_insert", 4000, 1};
	test_view_health(test);
	test_view_breaker(test);
	test_view_alerts(test);
	test->view = (struct view){
		.services = test->services,
		.services_count = 2,
		.signals = test->signals,
		.signals_count = 2,
		.errors = test->errors,
		.errors_count = 3,
		.alerts = test->alerts,
		.alerts_count = 2,
		.journal = {51, 52, 53, true},
		.events_lost = 5,
		.runs_missed = 6,
		.tick_late = 0.000123,
		.config_hash = 0xfeedULL,
		.version = "0.1.0",
		.kernel = "6.18.0",
		.listen = "127.0.0.1:9909",
		.uptime = 12.5,
		.now = 100000000000,
		.wall_clock = 1700000012.75,
		.process = {1700000000.25, 1.5, 12345678, 12, 1024},
	};
}

#endif
