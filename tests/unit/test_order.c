/* SPDX-License-Identifier: GPL-2.0 */
/* Orders as they cross the control socket: what is taken, what is refused and how. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/order.h"
#include "random.h"

#define SECOND 1000000000ULL

static struct order order;
static char complaint[ORDER_COMPLAINT_MAX];

static int parse(const char *line)
{
	return order_parse(line, strlen(line), &order, complaint);
}

static void expect_taken(const char *line)
{
	cr_assert_eq(parse(line), 0, "%s: %s", line, complaint);
}

static void expect_refused(const char *line, const char *why)
{
	memset(&order, 0x5a, sizeof(order));
	cr_assert_eq(parse(line), -EINVAL, "%s is taken", line);
	cr_expect_str_eq(complaint, why, "%s: '%s', expected '%s'", line, complaint, why);
	for (size_t i = 0; i < sizeof(order); i++)
		cr_assert_eq(((unsigned char *)&order)[i], 0x5a, "%s: touched", line);
}

Test(order, a_trip)
{
	expect_taken("{\"order\": \"trip\", \"service\": \"checkout\", \"action\": \"drop\","
		     " \"for\": \"5m\", \"why\": \"INC-7\"}\n");
	cr_expect_str_eq(order.service, "checkout");
	cr_expect_eq(order.command.order, BREAKER_TRIP);
	cr_expect(order.command.own_action);
	cr_expect_eq(order.command.action, CONFIG_ACTION_DROP);
	cr_expect_eq(order.command.lasts, 300 * SECOND);
	cr_expect_str_eq(order.command.why, "INC-7");
	cr_expect_str_eq(order.command.who, "");
	cr_expect_eq(order.command.now, 0);
}

Test(order, what_is_not_said_is_the_default)
{
	expect_taken("{\"why\":\"x\",\"service\":\"a\",\"order\":\"trip\"}");
	cr_expect_eq(order.command.lasts, 0);
	cr_expect_not(order.command.own_action);
	expect_taken("{\"order\":\"reset\",\"service\":\"a\",\"why\":\"x\",\"for\":\"1s\"}");
	cr_expect_eq(order.command.order, BREAKER_RESET);
	cr_expect_eq(order.command.lasts, SECOND);
}

Test(order, a_mode_of_one_or_all)
{
	expect_taken("{\"order\":\"mode\",\"service\":\"a\",\"mode\":\"enforce\",\"why\":\"x\"}");
	cr_expect_eq(order.command.order, BREAKER_SET_MODE);
	cr_expect_eq(order.command.mode, CONFIG_MODE_ENFORCE);
	cr_expect_str_eq(order.service, "a");
	expect_taken("{\"order\":\"mode\",\"all\":true,\"mode\":\"shadow\",\"why\":\"x\","
		     "\"for\":\"24h\"}");
	cr_expect_eq(order.command.mode, CONFIG_MODE_SHADOW);
	cr_expect_str_eq(order.service, "");
	cr_expect_eq(order.command.lasts, 24 * 3600 * SECOND);
}

Test(order, a_reason_is_one_line)
{
	expect_taken("{\"order\":\"reset\",\"service\":\"a\",\"why\":\"one\\ntwo\\u007f\\u001b[1m "
		     "\\u00e9\"}");
	cr_expect_str_eq(order.command.why, "one two  [1m \xc3\xa9");
}

Test(order, what_is_wrong_is_said)
{
	expect_refused("[]", "expected an object with the key order");
	expect_refused("17", "expected an object with the key order");
	expect_refused("{}", "order: missing, expected trip, reset or mode");
	expect_refused("{\"order\":\"\"}", "order: '', expected trip, reset or mode");
	expect_refused("{\"order\":\"stop\"}", "order: 'stop', expected trip, reset or mode");
	expect_refused("{\"order\":1}", "order: expected a string");
	expect_refused("{\"order\":\"trip\",\"why\":\"x\"}",
		       "service: missing, expected a service's name");
	expect_refused("{\"order\":\"trip\",\"all\":true,\"why\":\"x\"}",
		       "all: expected one service for trip");
	expect_refused("{\"order\":\"mode\",\"all\":true,\"service\":\"a\",\"why\":\"x\"}",
		       "service: expected it or all, not both");
	expect_refused("{\"order\":\"mode\",\"all\":false,\"mode\":\"off\"}", "all: expected true");
	expect_refused("{\"order\":\"mode\",\"service\":\"a\",\"why\":\"x\"}",
		       "mode: missing, expected off, shadow or enforce");
	expect_refused("{\"order\":\"mode\",\"service\":\"a\",\"mode\":\"on\"}",
		       "mode: 'on', expected off, shadow or enforce");
	expect_refused("{\"order\":\"trip\",\"service\":\"a\",\"mode\":\"off\",\"why\":\"x\"}",
		       "mode: expected with the order mode alone");
	expect_refused("{\"order\":\"reset\",\"service\":\"a\",\"action\":\"drop\",\"why\":\"x\"}",
		       "action: expected with the order trip alone");
	expect_refused("{\"order\":\"trip\",\"service\":\"a\",\"action\":\"burn\"}",
		       "action: 'burn', expected drop, reject, redirect or drain");
	expect_refused("{\"order\":\"trip\",\"service\":\"a\"}", "why: missing, expected a reason");
	expect_refused("{\"order\":\"trip\",\"service\":\"a\",\"why\":\"\"}",
		       "why: expected a reason of 1 to 127 bytes");
	expect_refused("{\"order\":\"trip\",\"service\":\"\"}",
		       "service: expected a name of 1 to 127 bytes");
	expect_refused("{\"order\":\"trip\",\"unless\":\"x\"}",
		       "unknown key 'unless', expected one of order service all mode action for "
		       "why");
}

Test(order, durations)
{
	static const char *const wrong[] = {"0s", "999ms", "25h", "5", "5 m", "-5m", "1e3s", ""};
	char line[256], why[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line),
			 "{\"order\":\"trip\",\"service\":\"a\",\"for\":\"%s\",\"why\":\"x\"}",
			 wrong[i]);
		snprintf(why, sizeof(why), "for: '%s', expected a duration of 1s to 24h", wrong[i]);
		expect_refused(line, why);
	}
}

Test(order, lengths)
{
	char line[1024], text[256];

	memset(text, 'x', sizeof(text));
	text[127] = '\0';
	snprintf(line, sizeof(line), "{\"order\":\"reset\",\"service\":\"%s\",\"why\":\"%s\"}",
		 text, text);
	expect_taken(line);
	cr_expect_eq(strlen(order.service), 127);
	cr_expect_eq(strlen(order.command.why), 127);
	text[127] = 'x';
	text[128] = '\0';
	snprintf(line, sizeof(line), "{\"order\":\"reset\",\"service\":\"a\",\"why\":\"%s\"}",
		 text);
	expect_refused(line, "why: expected a reason of 1 to 127 bytes");
}

Test(order, what_is_no_json)
{
	static const char *const lines[] = {
		"",
		"trip checkout",
		"{\"order\":\"trip\"",
		"{\"order\":\"trip\",\"order\":\"reset\"}",
		"{\"order\":\"trip\"} {}",
		"{\"why\":\"a\\u0000b\"}",
		"{\"why\":\"\xff\"}",
		"\x01\x02\x1b[31m",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_expect_eq(parse(lines[i]), -EINVAL, "%s", lines[i]);
		cr_expect_eq(strncmp(complaint, "not JSON: ", 10), 0, "%s", complaint);
	}
}

/* ---- chance ---- */

#define ROUNDS 200000

static uint64_t seed = 5;

static size_t below(size_t limit)
{
	return random_next(&seed) % limit;
}

static const char *const grown[] = {
	"{\"order\":\"trip\",\"service\":\"checkout\",\"action\":\"drop\",\"for\":\"5m\",\"why\":\"x\"}",
	"{\"order\":\"reset\",\"service\":\"checkout\",\"why\":\"it is well\",\"for\":\"10s\"}",
	"{\"order\":\"mode\",\"all\":true,\"mode\":\"off\",\"for\":\"1h\",\"why\":\"maintenance\"}",
};

static const char *const tokens[] = {
	"\"",
	"{",
	"}",
	"[",
	"]",
	":",
	",",
	"\\u0000",
	"\\",
	"\x00",
	"\xff",
	"null",
	"true",
	"1e999",
	"\"all\":true,",
	"\"why\":\"y\",",
	"99999999999999999999s",
	"\n",
	"\\ud800",
};

static size_t mutate(char *text, size_t size)
{
	const char *token;
	size_t at = below(size + 1), length;

	switch (below(4)) {
	case 0:
		return below(size + 1);
	case 1:
		if (size)
			text[below(size)] = (char)below(256);
		return size;
	case 2:
		length = below(size + 1 - at) % 16;
		memmove(text + at, text + at + length, size - at - length);
		return size - length;
	default:
		token = tokens[below(sizeof(tokens) / sizeof(tokens[0]))];
		length = strlen(token) + !*token;
		memmove(text + at + length, text + at, size - at);
		memcpy(text + at, token, length);
		return size + length;
	}
}

static void expect_sound(const struct order *taken)
{
	const struct breaker_command *command = &taken->command;

	cr_assert(command->order >= BREAKER_TRIP && command->order <= BREAKER_SET_MODE);
	cr_assert_leq(command->mode, CONFIG_MODE_ENFORCE);
	cr_assert_leq(command->action, CONFIG_ACTION_DRAIN);
	cr_assert_lt(strnlen(taken->service, sizeof(taken->service)), sizeof(taken->service));
	cr_assert_leq(command->lasts, 24 * 3600 * SECOND);
	cr_assert(command->why[0]);
	cr_assert_lt(strnlen(command->why, sizeof(command->why)), sizeof(command->why));
	for (const char *at = command->why; *at; at++)
		cr_assert_not(iscntrl((unsigned char)*at));
}

Test(order, mutations, .timeout = 120)
{
	unsigned taken = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[1024];
		size_t size = strlen(grown[round % 3]);
		char *exact;

		memcpy(text, grown[round % 3], size);
		for (size_t i = 0, count = below(4); i < count; i++)
			size = mutate(text, size);
		/* A copy without room to spare, so that a sanitizer sees the end. */
		exact = malloc(size + !size);
		memcpy(exact, text, size);
		if (!order_parse(exact, size, &order, complaint)) {
			taken++;
			expect_sound(&order);
		} else {
			for (const char *at = complaint; *at; at++)
				cr_assert(isprint((unsigned char)*at));
		}
		free(exact);
	}
	cr_expect(taken > ROUNDS / 5 && taken < ROUNDS / 2, "%u of %u taken", taken, ROUNDS);
}
