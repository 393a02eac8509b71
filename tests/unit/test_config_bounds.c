/* SPDX-License-Identifier: GPL-2.0 */
/* Each bound from both sides: what is just inside passes, what is just outside does not. */
#include <criterion/criterion.h>
#include <errno.h>

#include "test_config.h"

enum where { TOP, SERVICE, HEALTH_CHECK, BREAKER, SLOW, HALF_OPEN, GUARDS, JOURNAL };

/* What stands around one key, as plain as can be. */
static const struct {
	const char *before;
	const char *after;
} frames[] = {
	[TOP] = {"{", "}"},
	[SERVICE] = {"services: [{name: a, inbound: ['*:80'], ", "}]"},
	[HEALTH_CHECK] = {"services: [{name: a, inbound: ['*:80'], health_check: {", "}}]"},
	[BREAKER] = {"services: [{name: a, inbound: ['*:80'], breaker: {open_for_max: 24h, ",
		     "}}]"},
	[SLOW] = {"services: [{name: a, inbound: ['*:80'], breaker: {slow: {signal: rtt, ", "}}}]"},
	[HALF_OPEN] = {"services: [{name: a, inbound: ['*:80'], breaker: {half_open: {", "}}}]"},
	[GUARDS] = {"guards: {", "}"},
	[JOURNAL] = {"journal: {", "}"},
};

static const struct bound {
	enum where where;
	const char *key;
	const char *inside[2];
	const char *outside[2];
	const char *rest; /* of slow, where all keys are needed */
} bounds[] = {
	{TOP, "max_services", {"1", "4096"}, {"0", "4097"}, ""},
	{HEALTH_CHECK, "interval", {"10ms", "1h"}, {"9999us", "3600.1s"}, ""},
	{HEALTH_CHECK, "timeout", {"1ms", "1h"}, {"999us", "61m"}, ""},
	{HEALTH_CHECK, "fall", {"1", "1000"}, {"0", "1001"}, ""},
	{HEALTH_CHECK, "rise", {"1", "1000"}, {"0", "1001"}, ""},
	{BREAKER, "window", {"1s", "1h"}, {"999ms", "3601s"}, ""},
	{BREAKER, "min_connections", {"1", "1000000"}, {"0", "1000001"}, ""},
	{BREAKER, "failure_rate", {"0.0001", "1"}, {"0", "1.1"}, ""},
	{BREAKER, "consecutive_failures", {"0", "1000000"}, {"-1", "1000001"}, ""},
	{BREAKER, "open_for", {"100ms", "24h"}, {"99ms", "25h"}, ""},
	{BREAKER, "redirect_to", {"1.2.3.4:1", "'1.2.3.4:65535'"}, {"1.2.3.4:0", "'*:1'"}, ""},
	{SLOW, "over", {"1us", "64s"}, {"0.999us", "65s"}, ", rate: 1, for: 1s"},
	{SLOW, "rate", {"0.0001", "1"}, {"0", "1.000000001"}, ", over: 1s, for: 1s"},
	{SLOW, "for", {"0s", "1h"}, {"1", "61m"}, ", over: 1s, rate: 1"},
	{HALF_OPEN, "share", {"0.0001", "1"}, {"0.00009", "2"}, ""},
	{HALF_OPEN, "connections", {"1", "1000000"}, {"0", "1000001"}, ""},
	{GUARDS, "max_open", {"0", "4096"}, {"-1", "4097"}, ""},
	{GUARDS, "max_open_share", {"0", "1"}, {"-0", "1.1"}, ""},
	{GUARDS, "lease", {"500ms", "1m"}, {"499.9ms", "61s"}, ""},
	{JOURNAL, "keep", {"1h", "87600h"}, {"59m", "87601h"}, ""},
	{JOURNAL, "max_size", {"16MiB", "1024GiB"}, {"16383KiB", "1025GiB"}, ""},
	{SERVICE, "cgroup", {"/", "/a"}, {"a", "/a/"}, ""},
};

static void expect(const struct bound *bound, const char *value, int err)
{
	struct parsed parsed;
	char text[512];

	snprintf(text, sizeof(text), "%s%s: %s%s%s", frames[bound->where].before, bound->key, value,
		 bound->rest, frames[bound->where].after);
	parsed = parse_text(text);
	cr_expect_eq(parsed.err, err, "%s: %s", text, parsed.complaints);
	/* One line, and of this key. */
	if (err)
		cr_expect(strstr(parsed.complaints, bound->key) &&
				  strchr(parsed.complaints, '\n')[1] == '\0',
			  "%s: %s", text, parsed.complaints);
	free_parsed(&parsed);
}

Test(config_bounds, both_sides)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (int side = 0; side < 2; side++) {
			expect(&bounds[i], bounds[i].inside[side], 0);
			expect(&bounds[i], bounds[i].outside[side], -EINVAL);
		}
	}
}

/* Whether a text of this length is taken for the key. */
static bool takes_length(const char *before, size_t length, const char *after)
{
	char *text = NULL;
	struct parsed parsed;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool taken;

	fputs(before, out);
	for (size_t i = 0; i < length; i++)
		fputc('a', out);
	fputs(after, out);
	fclose(out);
	parsed = parse_config("t", text, size);
	taken = !parsed.err;
	free_parsed(&parsed);
	free(text);
	return taken;
}

Test(config_bounds, lengths)
{
	static const struct {
		const char *before;
		size_t max;
		const char *after;
	} cases[] = {
		{"services: [{inbound: ['*:1'], name: ", 63, "}]"},
		{"control: /", 106, ""},
		{"state_dir: /", 1023, ""},
		{"interfaces: [", 15, "]"},
		{"allowed_hosts: [", 63, "]"},
		{"services: [{inbound: ['*:1'], name: a, cgroup: /", 1023, "}]"},
		{"alerts: {webhook: ['http://", 63, "']}"},
		{"alerts: {webhook: ['http://a/", 2039, "']}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect(takes_length(cases[i].before, cases[i].max, cases[i].after), "%s",
			  cases[i].before);
		cr_expect(!takes_length(cases[i].before, cases[i].max + 1, cases[i].after), "%s",
			  cases[i].before);
	}
}

/* A configuration of `count` services with a port each. */
static struct parsed parse_services(unsigned int max, unsigned int count)
{
	struct parsed parsed;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "max_services: %u\nservices:\n", max);
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, "- {name: s%u, inbound: ['*:%u']}\n", i, i + 1);
	fclose(out);
	parsed = parse_config("t", text, size);
	free(text);
	return parsed;
}

Test(config_bounds, services)
{
	struct parsed parsed = parse_services(4096, 4096);

	cr_assert_eq(parsed.err, 0, "%s", parsed.complaints);
	cr_expect_eq(parsed.config->services_count, 4096);
	cr_expect_str_eq(parsed.config->services[4095].name, "s4095");
	free_parsed(&parsed);

	parsed = parse_services(4096, 4097);
	cr_expect_str_eq(parsed.complaints,
			 "t:4099: services: has too many entries, expected at most 4096\n");
	free_parsed(&parsed);

	parsed = parse_services(3, 4);
	cr_expect_str_eq(parsed.complaints,
			 "t:2: services: has 4 entries, but max_services is 3\n");
	free_parsed(&parsed);
}

/*
 * Files made to be dear: a parser that is quadratic in one of these takes minutes
 * over a megabyte of it.
 */
Test(config_bounds, hostile_files, .timeout = 60)
{
	static const char *const units[] = {
		"[",  "{",  "- ",     "? ",  "{a: ",  "listen: 1\n", "a: &a [*a]\n",
		"\"", "a,", "- {}\n", "&a ", "---\n", "\n",	     ": "};
	char *text = malloc(CONFIG_FILE_MAX);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i]);
		size_t size = CONFIG_FILE_MAX / length * length;
		struct parsed parsed;

		for (size_t at = 0; at < size; at += length)
			memcpy(text + at, units[i], length);
		parsed = parse_config("t", text, size);
		cr_expect_eq(parsed.err, strcmp(units[i], "\n") ? -EINVAL : 0, "%s", units[i]);
		free_parsed(&parsed);
	}
	free(text);
}
