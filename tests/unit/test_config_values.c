/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>

#include "config/complaints.h"
#include "config/values.h"

Test(config_values, durations)
{
	static const struct {
		const char *text;
		uint64_t nsec;
		const char *canonical;
	} cases[] = {
		{"0s", 0, "0s"},
		{"0h", 0, "0s"},
		{"100us", 100000, "100us"},
		{"250ms", 250000000, "250ms"},
		{"2s", 2000000000, "2s"},
		{"5m", 300000000000, "5m"},
		{"1h", 3600000000000, "1h"},
		{"1000us", 1000000, "1ms"},
		{"1000ms", 1000000000, "1s"},
		{"60s", 60000000000, "1m"},
		{"90s", 90000000000, "90s"},
		{"61m", 3660000000000, "61m"},
		{"1.5s", 1500000000, "1500ms"},
		{"0.5us", 500, "0.5us"},
		{"0.001us", 1, "0.001us"},
		{"0.0010us", 1, "0.001us"},
		{"1234.05us", 1234050, "1234.05us"},
		{"1.000000001s", 1000000001, "1000000.001us"},
		{"0.00000000005h", 180, "0.18us"},
		{"5124095h", 18446742000000000000u, "5124095h"},
		{"18446744073709551.615us", UINT64_MAX, "18446744073709551.615us"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[VALUE_DURATION_SIZE];
		uint64_t nsec = 1;

		cr_expect_eq(value_parse_duration(cases[i].text, &nsec), 0, "%s", cases[i].text);
		cr_expect_eq(nsec, cases[i].nsec, "%s: %" PRIu64, cases[i].text, nsec);
		value_print_duration(nsec, text);
		cr_expect_str_eq(text, cases[i].canonical);
	}
}

Test(config_values, sizes)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
		const char *canonical;
	} cases[] = {
		{"0KiB", 0, 0, "0GiB"},
		{"1KiB", 0, 1024, "1KiB"},
		{"1024KiB", 0, 1 << 20, "1MiB"},
		{"1025KiB", 0, 1025 << 10, "1025KiB"},
		{"512MiB", 0, 512 << 20, "512MiB"},
		{"3GiB", 0, 3ULL << 30, "3GiB"},
		{"17179869183GiB", 0, 17179869183ULL << 30, "17179869183GiB"},
		{"17179869184GiB", -ERANGE, 7, NULL},
		{"99999999999999999999KiB", -ERANGE, 7, NULL},
		{"", -EINVAL, 7, NULL},
		{"GiB", -EINVAL, 7, NULL},
		{"1", -EINVAL, 7, NULL},
		{"1GB", -EINVAL, 7, NULL},
		{"1G", -EINVAL, 7, NULL},
		{"1gib", -EINVAL, 7, NULL},
		{"1 GiB", -EINVAL, 7, NULL},
		{"1GiB ", -EINVAL, 7, NULL},
		{"1.5GiB", -EINVAL, 7, NULL},
		{"-1GiB", -EINVAL, 7, NULL},
		{"01GiB", -EINVAL, 7, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[VALUE_SIZE_SIZE];
		uint64_t bytes = 7;

		cr_expect_eq(value_parse_size(cases[i].text, &bytes), cases[i].err, "%s",
			     cases[i].text);
		cr_expect_eq(bytes, cases[i].bytes, "%s: %" PRIu64, cases[i].text, bytes);
		if (cases[i].err)
			continue;
		value_print_size(bytes, text);
		cr_expect_str_eq(text, cases[i].canonical);
	}
}

Test(config_values, wrong_durations)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", -EINVAL},
		{"5", -EINVAL},
		{"s", -EINVAL},
		{"5x", -EINVAL},
		{"5 s", -EINVAL},
		{" 5s", -EINVAL},
		{"5s ", -EINVAL},
		{"-5s", -EINVAL},
		{"+5s", -EINVAL},
		{"5S", -EINVAL},
		{"5.s", -EINVAL},
		{".5s", -EINVAL},
		{"1.2.3s", -EINVAL},
		{"1,5s", -EINVAL},
		{"05s", -EINVAL},
		{"0x5s", -EINVAL},
		{"1e3s", -EINVAL},
		{"5ns", -EINVAL},
		{"5d", -EINVAL},
		{"1h30m", -EINVAL},
		{"99999999999999999999x", -EINVAL},
		{"0.0001us", -EDOM},
		{"1.0000000001s", -EDOM},
		{"5124096h", -ERANGE},
		{"18446744073709551.616us", -ERANGE},
		{"18446744073709551616us", -ERANGE},
		{"99999999999999999999s", -ERANGE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t nsec = 42;

		cr_expect_eq(value_parse_duration(cases[i].text, &nsec), cases[i].err, "'%s'",
			     cases[i].text);
		cr_expect_eq(nsec, 42, "'%s' was written", cases[i].text);
	}
}

/* Whatever is printed reads back as the same number, at the edges of every unit. */
Test(config_values, durations_round_trip)
{
	static const uint64_t edges[] = {
		NSEC_PER_USEC, NSEC_PER_MSEC, NSEC_PER_SEC, NSEC_PER_MINUTE, NSEC_PER_HOUR,
	};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (uint64_t nsec = 7 * edges[i] - 1001; nsec <= 7 * edges[i] + 1001; nsec++) {
			char text[VALUE_DURATION_SIZE];
			uint64_t back = 0;

			value_print_duration(nsec, text);
			cr_assert_eq(value_parse_duration(text, &back), 0, "%s", text);
			cr_assert_eq(back, nsec, "%s", text);
		}
	}
}

Test(config_values, whole_numbers)
{
	uint64_t value = 42;

	cr_expect_eq(value_parse_uint("0", &value), 0);
	cr_expect_eq(value, 0);
	cr_expect_eq(value_parse_uint("18446744073709551615", &value), 0);
	cr_expect_eq(value, UINT64_MAX);
	cr_expect_eq(value_parse_uint("18446744073709551616", &value), -ERANGE);
	cr_expect_eq(value_parse_uint("18446744073709551616x", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("-1", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("+1", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("007", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("1 ", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("0x10", &value), -EINVAL);
	cr_expect_eq(value_parse_uint("1.0", &value), -EINVAL);
	cr_expect_eq(value, UINT64_MAX);
}

Test(config_values, shares)
{
	double value = 0.5;

	cr_expect_eq(value_parse_share("0", &value), 0);
	cr_expect_eq(value, 0.0);
	cr_expect_eq(value_parse_share("1.000", &value), 0);
	cr_expect_eq(value, 1.0);
	cr_expect_eq(value_parse_share("0.0001", &value), 0);
	cr_expect_eq(value, 0.0001);
	cr_expect_eq(value_parse_share("0.34", &value), 0);
	cr_expect_eq(value, 0.34);
	cr_expect_eq(value_parse_share("0.999999999", &value), 0);
	cr_expect_eq(value, 0.999999999);
	cr_expect_eq(value_parse_share("1.000000001", &value), -ERANGE);
	cr_expect_eq(value_parse_share("0.000099999", &value), -ERANGE);
	cr_expect_eq(value_parse_share("2", &value), -ERANGE);
	cr_expect_eq(value_parse_share("99999999999999999999.5", &value), -ERANGE);
	cr_expect_eq(value_parse_share("18446744073709551615.5", &value), -ERANGE);
	cr_expect_eq(value_parse_share("0.0000000001", &value), -EINVAL);
	cr_expect_eq(value_parse_share("-0.1", &value), -EINVAL);
	cr_expect_eq(value_parse_share(".5", &value), -EINVAL);
	cr_expect_eq(value_parse_share("1.", &value), -EINVAL);
	cr_expect_eq(value_parse_share("1e-1", &value), -EINVAL);
	cr_expect_eq(value_parse_share("nan", &value), -EINVAL);
	cr_expect_eq(value_parse_share("50%", &value), -EINVAL);
	cr_expect_eq(value, 0.999999999);
}

Test(config_values, booleans)
{
	bool value = false;

	cr_expect_eq(value_parse_bool("true", &value), 0);
	cr_expect(value);
	cr_expect_eq(value_parse_bool("True", &value), -EINVAL);
	cr_expect_eq(value_parse_bool("no", &value), -EINVAL);
	cr_expect_eq(value_parse_bool("", &value), -EINVAL);
	cr_expect(value);
	cr_expect_eq(value_parse_bool("false", &value), 0);
	cr_expect(!value);
}

Test(config_values, quotes_are_safe)
{
	char all[257];
	char quoted[QUOTED_SIZE];

	cr_expect_str_eq(quote("a'b\\c\x1b\x7f\x80", quoted), "'a\\x27b\\x5cc\\x1b\\x7f\\x80'");
	memset(all, 'a', 256);
	all[QUOTED_MAX] = '\0';
	cr_expect_eq(strlen(quote(all, quoted)), QUOTED_MAX + 2);
	all[QUOTED_MAX] = 'a';
	all[QUOTED_MAX + 1] = '\0';
	cr_expect_str_eq(quote(all, quoted) + QUOTED_MAX, "a...'");
	memset(all, 0x01, 256);
	all[256] = '\0';
	cr_expect_eq(strlen(quote(all, quoted)), 4 * QUOTED_MAX + 5);
}
