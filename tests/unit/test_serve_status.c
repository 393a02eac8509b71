/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <jansson.h>

#include "serve/status.h"
#include "test_serve_view.h"

static json_t *status(const struct view *view)
{
	struct buffer buffer = {0};
	json_error_t error;
	json_t *object;

	cr_assert_eq(status_encode(view, &buffer), 0);
	cr_assert_eq(buffer.data[buffer.length - 1], '\n');
	object = json_loadb(buffer.data, buffer.length, 0, &error);
	cr_assert_not_null(object, "%s: %.*s", error.text, (int)buffer.length, buffer.data);
	buffer_free(&buffer);
	return object;
}

static json_int_t integer(const json_t *object, const char *outer, const char *key)
{
	const json_t *value = json_object_get(json_object_get(object, outer), key);

	cr_assert(json_is_integer(value), "%s.%s", outer, key);
	return json_integer_value(value);
}

static double real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	cr_assert(json_is_number(value), "%s", key);
	return json_number_value(value);
}

static const char *string(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	cr_assert(json_is_string(value), "%s", key);
	return json_string_value(value);
}

Test(status, of_the_daemon)
{
	struct test_view test;
	const json_t *errors;
	json_t *object;

	test_view_init(&test);
	object = status(&test.view);
	cr_expect_str_eq(string(object, "version"), "0.1.0");
	cr_expect_str_eq(string(object, "kernel"), "6.18.0");
	cr_expect_str_eq(string(object, "listen"), "127.0.0.1:9909");
	cr_expect_str_eq(string(object, "config_hash"), "000000000000feed");
	cr_expect_eq(real(object, "uptime_seconds"), 12.5);
	cr_expect_eq(real(object, "tick_late_seconds"), 0.000123);
	cr_expect_eq(real(object, "events_lost"), 5);
	cr_expect_eq(real(object, "bpf_runs_missed"), 6);
	cr_expect(json_is_true(json_object_get(json_object_get(object, "signals"), "handshake")));
	cr_expect(json_is_false(json_object_get(json_object_get(object, "signals"), "rtt")));
	/* Sites that never failed are left out. */
	errors = json_object_get(object, "bpf_errors");
	cr_assert_eq(json_array_size(errors), 2);
	cr_expect_str_eq(string(json_array_get(errors, 0), "site"), "conn_insert");
	cr_expect_str_eq(string(json_array_get(errors, 0), "errno"), "E2BIG");
	cr_expect_eq(real(json_array_get(errors, 0), "count"), 3);
	cr_expect(json_is_null(json_object_get(json_array_get(errors, 1), "errno")));
	json_decref(object);
}

Test(status, of_a_service)
{
	struct test_view test;
	const json_t *service, *recent;
	json_t *object;

	test_view_init(&test);
	object = status(&test.view);
	service = json_array_get(json_object_get(object, "services"), 0);
	cr_expect_str_eq(string(service, "name"), "nginx:80");
	cr_expect_str_eq(string(service, "role"), "server");
	cr_expect_str_eq(string(service, "activity"), "busy");
	cr_expect_str_eq(string(service, "state"), "failing");
	cr_expect_str_eq(string(service, "since"), "2023-11-14T22:13:30.750Z");
	cr_expect_eq(real(service, "since_seconds"), 2);
	cr_expect_str_eq(string(service, "reason"), "3 of 4 connections failed in the last 0.2 s");
	cr_expect_eq(real(service, "flap_score"), 0.0625);
	cr_expect_eq(integer(service, "handshakes", "ok"), 100);
	cr_expect_eq(integer(service, "handshakes", "refused"), 101);
	cr_expect_eq(integer(service, "handshakes", "_OTHER"), 107);
	cr_expect_eq(integer(service, "closes", "orderly"), 10);
	cr_expect_eq(integer(service, "closes", "no_response"), 14);
	cr_expect_eq(real(service, "connections_active"), 28);
	cr_expect_eq(real(service, "retransmits"), 7);
	cr_expect_eq(real(service, "resets_sent"), 8);
	cr_expect_eq(real(service, "resets_received"), 9);
	recent = json_object_get(service, "recent");
	cr_expect_eq(real(recent, "window_seconds"), 10);
	cr_expect_eq(real(recent, "handshakes_per_second"), 12.5);
	cr_expect_eq(real(recent, "failures_per_second"), 0.1);
	cr_expect_eq(real(recent, "handshake_p50_seconds"), 0.001);
	cr_expect_eq(real(recent, "handshake_p95_seconds"), 0.002);
	cr_expect_eq(real(recent, "handshake_p99_seconds"), 0.003);
	json_decref(object);
}

static json_int_t count_at(const json_t *histogram, size_t index)
{
	return json_integer_value(json_array_get(json_object_get(histogram, "counts"), index));
}

Test(status, histograms_by_octave)
{
	struct test_view test;
	const json_t *histograms, *handshake;
	json_t *object;

	test_view_init(&test);
	object = status(&test.view);
	histograms = json_object_get(json_array_get(json_object_get(object, "services"), 0),
				     "histograms");
	handshake = json_object_get(histograms, "handshake");
	/* 900 ns lie below all bounds, 70 s above, on 2^-10 s belongs to it, a second to 2^0 s. */
	cr_expect_eq(real(handshake, "first_le_log2"), -20);
	cr_expect_eq(json_array_size(json_object_get(handshake, "counts")), 28);
	cr_expect_eq(count_at(handshake, 0), 1);
	cr_expect_eq(count_at(handshake, 10), 1);
	cr_expect_eq(count_at(handshake, 11), 1);
	cr_expect_eq(count_at(handshake, 20), 1);
	cr_expect_eq(count_at(handshake, 21), 1);
	cr_expect_eq(count_at(handshake, 27), 1);
	/* One of 250 us alone: above 2^-12 s = 244 us, up to 2^-11. */
	cr_expect_eq(real(json_object_get(histograms, "rtt"), "first_le_log2"), -11);
	cr_expect_eq(json_array_size(json_object_get(json_object_get(histograms, "rtt"), "counts")),
		     1);
	cr_expect_null(json_object_get(histograms, "response"));
	json_decref(object);
}

Test(status, what_changed)
{
	const struct view_change change = {
		.id = 7,
		.wall_clock = 1700000000.5,
		.service = "nginx:80",
		.role = SHUNT_ROLE_SERVER,
		.kind = "health",
		.was = "healthy",
		.is = "failing",
		.reason = "3 of 4 connections failed",
		.earlier_run = true,
	};
	struct test_view test;
	const json_t *shown;
	json_t *object;

	test_view_init(&test);
	test.view.changes = &change;
	test.view.changes_count = 1;
	object = status(&test.view);
	shown = json_array_get(json_object_get(object, "changes"), 0);
	cr_expect_eq(real(shown, "id"), 7);
	cr_expect_str_eq(string(shown, "time"), "2023-11-14T22:13:20.500000Z");
	cr_expect_str_eq(string(shown, "service"), "nginx:80");
	cr_expect_str_eq(string(shown, "role"), "server");
	cr_expect_str_eq(string(shown, "was"), "healthy");
	cr_expect_str_eq(string(shown, "is"), "failing");
	cr_expect_str_eq(string(shown, "reason"), "3 of 4 connections failed");
	cr_expect(json_is_true(json_object_get(shown, "earlier_run")));
	json_decref(object);
}

Test(status, who_checks_a_service)
{
	struct test_view test;
	const json_t *services, *prober;
	json_t *object;

	test_view_init(&test);
	object = status(&test.view);
	services = json_object_get(object, "services");
	prober = json_array_get(json_object_get(json_array_get(services, 0), "probers"), 0);
	cr_expect_str_eq(string(prober, "address"), "10.0.0.1#2");
	cr_expect_eq(real(prober, "interval_seconds"), 2.5);
	cr_expect_eq(real(prober, "confidence"), 0.75);
	cr_expect_str_eq(string(prober, "model"), "haproxy");
	cr_expect_str_eq(string(prober, "state"), "going_down");
	cr_expect(json_is_true(json_object_get(prober, "certain")));
	cr_expect_eq(real(prober, "health"), 3);
	cr_expect_eq(real(prober, "checks_until_down"), 2);
	cr_expect_eq(real(prober, "seconds_until_down"), 4.5);
	cr_expect_eq(integer(prober, "checks", "pass"), 41);
	cr_expect_eq(integer(prober, "checks", "overflow"), 47);
	cr_expect_str_eq(string(prober, "history"), "...x.");
	test.prober.history[0] = '\0';
	json_decref(status(&test.view));
	cr_expect_eq(json_array_size(json_object_get(json_array_get(services, 1), "probers")), 0);
	json_decref(object);
}

Test(status, unknown_is_null_and_names_are_text)
{
	struct test_view test;
	const json_t *service;
	json_t *object;

	test_view_init(&test);
	test.view.listen = NULL;
	object = status(&test.view);
	service = json_array_get(json_object_get(object, "services"), 1);
	cr_expect_str_eq(string(service, "name"), "a\\b\"c\nd\xef\xbf\xbd\xc3\xa9");
	cr_expect(json_is_null(
		json_object_get(json_object_get(service, "recent"), "handshake_p50_seconds")));
	cr_expect(json_is_null(json_object_get(object, "listen")));
	cr_expect(json_is_null(json_object_get(service, "state")), "it is not judged");
	cr_expect(json_is_null(json_object_get(service, "since")));
	cr_expect(json_is_null(json_object_get(service, "reason")));
	json_decref(object);
}

Test(status, of_a_healthy_service)
{
	struct test_view test;
	const json_t *service;
	json_t *object;

	test_view_init(&test);
	test.health.state = HEALTH_HEALTHY;
	object = status(&test.view);
	service = json_array_get(json_object_get(object, "services"), 0);
	cr_expect_str_eq(string(service, "state"), "healthy");
	cr_expect(json_is_null(json_object_get(service, "reason")));
	json_decref(object);
}

/* Down before at risk, whatever their traffic; then the busiest, and the idle last. */
Test(status, the_most_urgent_comes_first)
{
	static const struct {
		const char *name, *activity;
		enum health_state state;
		double rate;
	} given[] = {
		{"idle", "idle", HEALTH_HEALTHY, 0},
		{"calm", "busy", HEALTH_HEALTHY, 1},
		{"risky", "busy", HEALTH_AT_RISK, 900},
		{"busiest", "busy", HEALTH_HEALTHY, 5},
		{"mistaken", "busy", HEALTH_CHECKER_FAULT, 7},
		{"gone", "gone", HEALTH_FAILING, 0},
		{"flapping", "busy", HEALTH_FLAPPING, 7},
		{"wedged", "busy", HEALTH_WEDGED, 7},
	};
	static const char *const wanted[] = {"gone",  "wedged",	 "flapping", "mistaken",
					     "risky", "busiest", "calm",     "idle"};
	struct health_verdict verdicts[8] = {0};
	struct view_service services[8] = {0};
	const struct view view = {.services = services, .services_count = 8};
	struct shunt_cell cell = {0};
	json_t *object;

	for (size_t i = 0; i < 8; i++) {
		verdicts[i].state = given[i].state;
		services[i].name = given[i].name;
		services[i].activity = given[i].activity;
		services[i].total = &cell;
		services[i].health = &verdicts[i];
		services[i].recent.handshakes_per_second = given[i].rate;
	}
	object = status(&view);
	for (size_t i = 0; i < 8; i++)
		cr_expect_str_eq(
			string(json_array_get(json_object_get(object, "services"), i), "name"),
			wanted[i]);
	json_decref(object);
}

/* More closes than handshakes were seen when the cells were read. */
Test(status, active_is_never_below_zero)
{
	struct shunt_cell cell = {
		.counters = {.handshakes = {[SHUNT_HANDSHAKE_OK] = 1}, .seeded = 1}};

	cr_expect_eq(view_active(&cell), 2);
	cell.counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
	cell.counters.closes[SHUNT_CLOSE_OTHER] = 1;
	cr_expect_eq(view_active(&cell), 0);
	cell.counters.closes[SHUNT_CLOSE_TIMED_OUT] = 1;
	cr_expect_eq(view_active(&cell), 0);
}

/* ---- breakers ---- */

static void expect_text(const json_t *object, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(object, key));

	if (want)
		cr_expect_str_eq(got ? got : "null", want, "%s", key);
	else
		cr_expect(json_is_null(json_object_get(object, key)), "%s", key);
}

Test(status, a_breaker_says_what_and_why)
{
	struct test_view test;
	json_t *object, *breaker;

	test_view_init(&test);
	object = status(&test.view);
	breaker = json_object_get(json_array_get(json_object_get(object, "services"), 0),
				  "breaker");
	expect_text(breaker, "state", "open");
	expect_text(breaker, "mode", "enforce");
	expect_text(breaker, "since", "2023-11-14T22:13:30.750Z");
	expect_text(breaker, "until", "2023-11-14T22:13:33.750Z");
	cr_expect_eq(real(breaker, "until_seconds"), 1);
	expect_text(breaker, "path", "services.nginx:80.breaker.failure_rate");
	expect_text(breaker, "blocked_by", NULL);
	expect_text(breaker, "guards_refused", NULL);
	expect_text(breaker, "not_carried_out", NULL);
	cr_expect_not_null(
		strstr(json_string_value(json_object_get(breaker, "reason")), "24 of 30"));
	breaker = json_object_get(json_array_get(json_object_get(object, "services"), 1),
				  "breaker");
	cr_expect(json_is_null(breaker), "a service that is not judged has none");
	json_decref(object);
}

Test(status, a_refused_trip_names_its_guard)
{
	struct test_view test;
	json_t *object, *breaker;

	test_view_init(&test);
	test.decision.what = BREAKER_REFUSED;
	test.decision.guards.refused = GUARD_BIT(GUARD_LAST) | GUARD_BIT(GUARD_MAX_OPEN);
	test.breaker.unable = "no interface";
	object = status(&test.view);
	breaker = json_object_get(json_array_get(json_object_get(object, "services"), 0),
				  "breaker");
	expect_text(breaker, "blocked_by", "last");
	expect_text(breaker, "guards_refused", "last max_open");
	expect_text(breaker, "not_carried_out", "no interface");
	json_decref(object);
}

/* ---- as text ---- */

static struct buffer drained;

static int drain(struct buffer *buffer, const void *data, size_t size)
{
	(void)buffer;
	buffer_append(&drained, data, size);
	return drained.error;
}

/* Wherever in it the text is taken away: what is put before it moves that along. */
Test(status, a_drain_takes_the_same)
{
	struct buffer plain = {0};
	struct test_view test;

	test_view_init(&test);
	cr_assert_eq(status_encode(&test.view, &plain), 0);
	for (size_t before = 0; before < 512; before++) {
		struct buffer out = {.drain = drain};

		cr_assert_not_null(buffer_reserve(&out, 512));
		cr_assert_eq(out.capacity, 512);
		out.length = before;
		memset(out.data, 'x', before);
		cr_assert_eq(status_encode(&test.view, &out), 0);
		buffer_append(&drained, out.data, out.length);
		cr_assert_eq(drained.length, before + plain.length);
		cr_assert(!memcmp(drained.data + before, plain.data, plain.length), "%zu", before);
		buffer_free(&out);
		buffer_free(&drained);
	}
	buffer_free(&plain);
}
