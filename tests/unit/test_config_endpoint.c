/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "config/endpoint.h"

static struct config_endpoint parse(const char *text, unsigned int forms)
{
	struct config_endpoint endpoint = {0};
	char why[ENDPOINT_WHY_MAX] = "";

	cr_assert_eq(endpoint_parse(text, forms, &endpoint, why), 0, "%s %s", text, why);
	return endpoint;
}

static void expect(const char *text, unsigned int forms, const char *canonical, unsigned int bits,
		   unsigned int port)
{
	struct config_endpoint endpoint = parse(text, forms);
	struct config_endpoint back;
	char printed[ENDPOINT_TEXT_MAX];

	cr_expect_eq(endpoint.bits, bits, "%s: %u bits", text, endpoint.bits);
	cr_expect_eq(endpoint.port, port, "%s: port %u", text, endpoint.port);
	endpoint_format(&endpoint, forms, printed);
	cr_expect_str_eq(printed, canonical);
	back = parse(printed, forms);
	cr_expect_eq(endpoint_compare(&endpoint, &back), 0, "%s", text);
}

Test(config_endpoint, forms)
{
	expect("10.0.0.5:8080", ENDPOINT_INBOUND, "10.0.0.5:8080", 128, 8080);
	expect("*:8081", ENDPOINT_INBOUND, "*:8081", 0, 8081);
	expect("[2001:DB8:0::5]:65535", ENDPOINT_INBOUND, "[2001:db8::5]:65535", 128, 65535);
	expect("[::ffff:10.0.0.5]:80", ENDPOINT_INBOUND, "10.0.0.5:80", 128, 80);
	expect("10.1.0.0/16:443", ENDPOINT_OUTBOUND, "10.1.0.0/16:443", 112, 443);
	expect("0.0.0.0/0:1", ENDPOINT_OUTBOUND, "0.0.0.0/0:1", 96, 1);
	expect("10.0.0.9/32:1", ENDPOINT_OUTBOUND, "10.0.0.9:1", 128, 1);
	expect("[2001:db8::/32]:443", ENDPOINT_OUTBOUND, "[2001:db8::/32]:443", 32, 443);
	expect("[::/0]:443", ENDPOINT_OUTBOUND, "*:443", 0, 443);
	expect("[::ffff:0:0/96]:443", ENDPOINT_OUTBOUND, "0.0.0.0/0:443", 96, 443);
	expect("2001:db8::/64", ENDPOINT_PROBER, "2001:db8::/64", 64, 0);
	expect("10.0.0.3", ENDPOINT_PROBER, "10.0.0.3", 128, 0);
	expect("10.0.0.0/28", ENDPOINT_PROBER, "10.0.0.0/28", 124, 0);
	expect("*", ENDPOINT_PROBER, "*", 0, 0);
	expect("10.0.0.1:*", ENDPOINT_PROTECT, "10.0.0.1:*", 128, 0);
	expect("*:22", ENDPOINT_PROTECT, "*:22", 0, 22);
	expect("[::]:9909", ENDPOINT_LISTEN, "[::]:9909", 128, 9909);
	expect("0.0.0.0:9909", ENDPOINT_LISTEN, "0.0.0.0:9909", 128, 9909);
}

Test(config_endpoint, mapped_bytes)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 5};
	struct config_endpoint plain = parse("10.0.0.5:80", ENDPOINT_INBOUND);
	struct config_endpoint written = parse("[::ffff:a00:5]:80", ENDPOINT_INBOUND);

	cr_expect_eq(memcmp(plain.addr, mapped, 16), 0);
	cr_expect_eq(endpoint_compare(&plain, &written), 0);
}

Test(config_endpoint, refusals)
{
	static const struct {
		const char *text;
		unsigned int forms;
		const char *why; /* its beginning */
	} cases[] = {
		{"", ENDPOINT_INBOUND, "has no port"},
		{":", ENDPOINT_INBOUND, "has no port"},
		{":80", ENDPOINT_INBOUND, "is not a numeric"},
		{"[:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"[]:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"]:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"[*]:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"**:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"10.0.0:80", ENDPOINT_INBOUND, "is not a numeric"},
		{" 10.0.0.5:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"10.0.0.5 :80", ENDPOINT_INBOUND, "is not a numeric"},
		{"[::1]]:80", ENDPOINT_INBOUND, "is not a numeric"},
		{"10.0.0.5:http", ENDPOINT_INBOUND, "has no valid port"},
		{"10.0.0.5:-1", ENDPOINT_INBOUND, "has no valid port"},
		{"10.0.0.5:80 ", ENDPOINT_INBOUND, "has no valid port"},
		{"10.0.0.5:18446744073709551696", ENDPOINT_INBOUND, "has no valid port"},
		{"::1", ENDPOINT_INBOUND, "has no brackets"},
		{"10.0.0.0/24:80", ENDPOINT_INBOUND, "has a prefix"},
		{"10.0.0.0/24:80", ENDPOINT_TARGET, "has a prefix"},
		{"*:80", ENDPOINT_TARGET, "is not a numeric"},
		{"*:80", ENDPOINT_LISTEN, "is not a numeric"},
		{"10.0.0.1:*", ENDPOINT_OUTBOUND, "has no valid port"},
		{"10.0.0.128/24:1", ENDPOINT_OUTBOUND,
		 "has bits set beyond its prefix, expected 10.0.0.0/24:1"},
		{"10.0.0.1/31", ENDPOINT_PROBER,
		 "has bits set beyond its prefix, expected 10.0.0.0/31"},
		{"2001:db8::1/127", ENDPOINT_PROBER,
		 "has bits set beyond its prefix, expected 2001:db8::/127"},
		{"1.2.3.4/0", ENDPOINT_PROBER,
		 "has bits set beyond its prefix, expected 0.0.0.0/0"},
		{"10.0.0.0/-1", ENDPOINT_PROBER, "has no valid prefix length, expected 0 to 32"},
		{"10.0.0.0/8/8", ENDPOINT_PROBER, "has no valid prefix length"},
		{"::/256", ENDPOINT_PROBER, "has no valid prefix length, expected 0 to 128"},
		{"0.0.0.0", ENDPOINT_PROBER, "is the unspecified"},
		{"::ffff:0.0.0.0", ENDPOINT_PROBER, "is the unspecified"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_endpoint endpoint = {.port = 42};
		char why[ENDPOINT_WHY_MAX] = "";

		cr_expect_eq(endpoint_parse(cases[i].text, cases[i].forms, &endpoint, why), -EINVAL,
			     "'%s'", cases[i].text);
		cr_expect_eq(strncmp(why, cases[i].why, strlen(cases[i].why)), 0, "'%s' %s",
			     cases[i].text, why);
		cr_expect_eq(endpoint.port, 42, "'%s' was written", cases[i].text);
	}
}

/* No text overruns anything, and what is cut off is not taken for the rest. */
Test(config_endpoint, long_texts)
{
	struct config_endpoint endpoint;
	char why[ENDPOINT_WHY_MAX];
	char text[1000];

	for (size_t length = 1; length < sizeof(text); length++) {
		memset(text, '1', length);
		text[length] = '\0';
		cr_assert_eq(endpoint_parse(text, ENDPOINT_PROBER, &endpoint, why), -EINVAL);
		text[length / 2] = ':';
		cr_assert_eq(endpoint_parse(text, ENDPOINT_INBOUND, &endpoint, why), -EINVAL);
	}
}

static bool contains(const char *outer, const char *inner)
{
	struct config_endpoint a = parse(outer, ENDPOINT_PROTECT);
	struct config_endpoint b = parse(inner, ENDPOINT_PROTECT);

	return endpoint_contains(&a, &b);
}

Test(config_endpoint, containment)
{
	cr_expect(contains("10.0.0.5:80", "10.0.0.5:80"));
	cr_expect(!contains("10.0.0.5:80", "10.0.0.5:81"));
	cr_expect(!contains("10.0.0.5:80", "10.0.0.4:80"));
	cr_expect(contains("*:80", "10.0.0.5:80"));
	cr_expect(contains("*:80", "[2001:db8::5]:80"));
	cr_expect(!contains("10.0.0.5:80", "*:80"));
	cr_expect(contains("10.0.0.0/23:80", "10.0.1.255:80"));
	cr_expect(!contains("10.0.0.0/23:80", "10.0.2.0:80"));
	cr_expect(contains("10.0.0.0/8:80", "10.1.0.0/16:80"));
	cr_expect(!contains("10.1.0.0/16:80", "10.0.0.0/8:80"));
	cr_expect(!contains("10.0.0.0/16:80", "10.0.0.0/8:80"));
	cr_expect(!contains("0.0.0.0/0:80", "[2001:db8::5]:80"));
	cr_expect(contains("10.0.0.5:*", "10.0.0.5:80"));
	cr_expect(!contains("10.0.0.5:80", "10.0.0.5:*"));
}
