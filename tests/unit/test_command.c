/* SPDX-License-Identifier: GPL-2.0 */
/* Orders from a service's name to the engine, and what operators are answered. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/config.h"
#include "daemon/command.h"

#define SECOND 1000000000ULL
#define NOW    (5000 * SECOND)
#define FIRST  SHUNT_SLOT_FIRST

static const struct {
	const char *name;
	enum shunt_role role;
	uint16_t port;
} names[] = {
	{"checkout", SHUNT_ROLE_SERVER, 8080},
	{"checkout-canary", SHUNT_ROLE_SERVER, 8081},
	{"payments", SHUNT_ROLE_CLIENT, 443},
	{"ssh", SHUNT_ROLE_SERVER, 22},
};

#define SERVICES (sizeof(names) / sizeof(names[0]))

static struct engine *engine;
static json_t *answer;

static void set_up(void)
{
	static struct config_endpoint protected = {.port = 22};
	struct config_guards guards = {.max_open = 1, .max_open_share = 0.34, .lease = 3 * SECOND};

	guards.protect = (struct config_endpoints){&protected, 1};
	cr_assert_eq(engine_new(FIRST + SERVICES + 2, 1, &engine), 0);
	cr_assert_eq(engine_configure(engine, &guards), 0);
	for (uint32_t i = 0; i < SERVICES; i++) {
		static const struct config_health_check check;
		struct config_breaker breaker = config_breaker_defaults;
		struct config_endpoint port = {.port = names[i].port};
		const struct config_endpoints endpoints = {&port, 1};
		const struct engine_service service = {
			.name = names[i].name,
			.role = names[i].role,
			.endpoints = &endpoints,
			.check = &check,
			.breaker = &breaker,
		};

		cr_assert_geq(engine_assign(engine, FIRST + i, &service), 0);
	}
}

static void tear_down(void)
{
	json_decref(answer);
	answer = NULL;
	engine_free(engine);
}

TestSuite(command, .init = set_up, .fini = tear_down);

static void give(const char *line)
{
	char complaint[ORDER_COMPLAINT_MAX] = "";
	struct order order;

	cr_assert_eq(order_parse(line, strlen(line), &order, complaint), 0, "%s", complaint);
	json_decref(answer);
	answer = command_run(engine, &order, "alice (pid 7)", NOW);
	cr_assert_not_null(answer);
}

static void expect(bool ok, const char *message)
{
	const char *got = json_string_value(json_object_get(answer, "message"));

	cr_expect_eq(json_is_true(json_object_get(answer, "ok")), ok);
	cr_expect_str_eq(got, message, "'%s', expected '%s'", got, message);
}

static const char *field(const char *name)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(answer, "decision"), name));

	return text ? text : "";
}

static uint32_t state_of(uint32_t i)
{
	return engine_breaker(engine, FIRST + i)->state;
}

Test(command, a_trip_opens_and_says_what_was_against_it)
{
	give("{\"order\":\"trip\",\"service\":\"payments\",\"why\":\"INC-7\",\"for\":\"2m\"}");
	expect(true, "payments: open, was closed: trip by alice (pid 7): INC-7; against last: it "
		     "would be the last: none of the other 0 of its kind is usable; for 120.0 s; "
		     "also against panic");
	cr_expect_eq(state_of(2), BREAKER_OPEN);
	cr_expect_eq(state_of(0), BREAKER_CLOSED);
	cr_expect_str_eq(field("who"), "alice (pid 7)");
	cr_expect_str_eq(field("why"), "INC-7");
	cr_expect_str_eq(field("decision"), "moved");
	cr_expect_str_eq(field("guards_against"), "last panic");
	cr_expect_eq(
		json_integer_value(json_object_get(json_object_get(answer, "decision"), "number")),
		1);
	cr_expect(engine_verdict(engine, FIRST + 2).enforced, "shadow or not");
}

Test(command, a_reset_closes)
{
	give("{\"order\":\"trip\",\"service\":\"checkout\",\"why\":\"a\"}");
	cr_assert_eq(state_of(0), BREAKER_OPEN);
	give("{\"order\":\"reset\",\"service\":\"checkout\",\"why\":\"well again\"}");
	expect(true, "checkout: closed, was open: reset by alice (pid 7): well again");
	cr_expect_eq(state_of(0), BREAKER_CLOSED);
}

Test(command, a_mode_of_one_or_all)
{
	give("{\"order\":\"mode\",\"service\":\"checkout\",\"mode\":\"enforce\",\"why\":\"a\"}");
	expect(true, "checkout: mode enforce by alice (pid 7): a; for 3600.0 s");
	give("{\"order\":\"mode\",\"all\":true,\"mode\":\"off\",\"why\":\"b\",\"for\":\"10m\"}");
	expect(true, "all services: mode off by alice (pid 7): b; for 600.0 s");
	cr_expect_str_eq(field("service"), "*");
	give("{\"order\":\"trip\",\"service\":\"checkout\",\"why\":\"c\"}");
	expect(false, "checkout: stays closed: trip by alice (pid 7): c; refused by operator: an "
		      "operator's order stands against it");
	cr_expect_eq(state_of(0), BREAKER_CLOSED);
}

Test(command, what_is_protected_is_never_cut)
{
	give("{\"order\":\"trip\",\"service\":\"ssh\",\"why\":\"a\"}");
	expect(false, "ssh: stays closed: trip by alice (pid 7): a; refused by protect: "
		      "guards.protect names an endpoint of it");
	cr_expect_str_eq(field("decision"), "refused");
	cr_expect_eq(state_of(3), BREAKER_CLOSED);
}

Test(command, an_action_that_cannot_be)
{
	give("{\"order\":\"trip\",\"service\":\"checkout\",\"action\":\"redirect\",\"why\":\"a\"}");
	expect(false,
	       "checkout: cannot be redirected, expected a redirect_to in its configuration");
	give("{\"order\":\"trip\",\"service\":\"payments\",\"action\":\"drain\",\"why\":\"a\"}");
	expect(false, "payments: cannot be drained, for a dependency has no probers, expected "
		      "another --action");
	cr_expect_null(json_object_get(answer, "decision"));
	cr_expect_eq(state_of(0), BREAKER_CLOSED);
	cr_expect_eq(state_of(2), BREAKER_CLOSED);
}

Test(command, a_name_that_nobody_has)
{
	static const struct {
		const char *name;
		const char *message;
	} cases[] = {
		{"chekout", "no service is called 'chekout', there is checkout"},
		{"payment", "no service is called 'payment', there is payments"},
		{"paymetns", "no service is called 'paymetns', there is payments"},
		{"check", "no service is called 'check', there is checkout, checkout-canary"},
		{"canary", "no service is called 'canary', there is checkout-canary"},
		{"x", "no service is called 'x', see shunt status"},
		{"search", "no service is called 'search', see shunt status"},
		{"_unknown", "no service is called '_unknown', see shunt status"},
	};
	char line[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line),
			 "{\"order\":\"trip\",\"service\":\"%s\",\"why\":\"a\"}", cases[i].name);
		give(line);
		expect(false, cases[i].message);
	}
}
