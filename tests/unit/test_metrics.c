/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The encoders against files that were checked by eye and by promtool.  With
 * SHUNT_UPDATE_GOLDEN set they are written anew: read the difference.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "serve/metrics.h"
#include "test_serve_view.h"

static struct buffer encode(enum metrics_format format, const struct view *view)
{
	struct buffer buffer = {0};

	cr_assert_eq(metrics_encode(format, view, &buffer), 0);
	return buffer;
}

/* ---- the table ---- */

static bool ends(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length > tail && !strcmp(name + length - tail, suffix);
}

/* The family's name as OpenMetrics has it. */
static void strip(const struct metric_family *family, char *ret_name)
{
	const char *suffix = family->type == METRIC_COUNTER ? "_total"
			     : family->type == METRIC_INFO  ? "_info"
							    : "";

	strcpy(ret_name, family->name);
	if (*suffix && ends(family->name, suffix))
		ret_name[strlen(family->name) - strlen(suffix)] = '\0';
}

/* What is wrong with a family, or NULL. */
static const char *fault(const struct metric_family *family)
{
	static const char *const reserved[] = {"_bucket", "_count", "_sum", "_created"};
	static const char *const units[] = {"_seconds", "_bytes",   "_milliseconds",
					    "_ms",	"_minutes", "_nanoseconds",
					    "_ns",	"_us",	    "_kilobytes"};
	char name[128], unit[32];
	regex_t charset;
	bool wrong;

	regcomp(&charset, "^(shunt|process)(_[a-z0-9]+)+$", REG_EXTENDED | REG_NOSUB);
	wrong = regexec(&charset, family->name, 0, NULL, 0);
	regfree(&charset);
	if (wrong)
		return "name";
	if (ends(family->name, "_total") != (family->type == METRIC_COUNTER))
		return "_total and counters";
	if (ends(family->name, "_info") != (family->type == METRIC_INFO))
		return "_info and infos";
	strip(family, name);
	for (size_t i = 0; i < 4; i++) {
		if (ends(name, reserved[i]))
			return "reserved suffix";
	}
	snprintf(unit, sizeof(unit), "_%s", family->unit ? family->unit : "");
	if (family->unit && !ends(name, unit))
		return "unit is no suffix";
	if (family->unit && strcmp(family->unit, "seconds") && strcmp(family->unit, "bytes"))
		return "unit is no base unit";
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ends(name, units[i]) && strcmp(units[i], unit))
			return "suffix is no unit";
	}
	if (family->type == METRIC_HISTOGRAM && !family->unit)
		return "histogram of nothing";
	if (strpbrk(family->help, "\\\"\n") || !ends(family->help, "."))
		return "help";
	return NULL;
}

Test(metrics, names_suffixes_and_units_agree)
{
	size_t count;
	const struct metric_family *families = metrics_families(&count);
	char names[64][128];

	cr_assert_gt(count, 15);
	cr_assert_lt(count, 64);
	for (size_t i = 0; i < count; i++) {
		cr_expect_null(fault(&families[i]), "%s: %s", families[i].name,
			       fault(&families[i]));
		strip(&families[i], names[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(names[i], names[j]);
	}
}

Test(metrics, the_check_of_names_finds_faults)
{
	const struct metric_family wrong[] = {
		{"shunt_Things_total", "Help.", NULL, METRIC_COUNTER, NULL, 0},
		{"other_things_total", "Help.", NULL, METRIC_COUNTER, NULL, 0},
		{"shunt_things", "Help.", NULL, METRIC_COUNTER, NULL, 0},
		{"shunt_things_total", "Help.", NULL, METRIC_GAUGE, NULL, 0},
		{"shunt_things_info", "Help.", NULL, METRIC_GAUGE, NULL, 0},
		{"shunt_things", "Help.", NULL, METRIC_INFO, NULL, 0},
		{"shunt_things_count", "Help.", NULL, METRIC_GAUGE, NULL, 0},
		{"shunt_time", "Help.", "seconds", METRIC_GAUGE, NULL, 0},
		{"shunt_time_seconds", "Help.", NULL, METRIC_GAUGE, NULL, 0},
		{"shunt_time_seconds_total", "Help.", NULL, METRIC_COUNTER, NULL, 0},
		{"shunt_time_ms", "Help.", "ms", METRIC_GAUGE, NULL, 0},
		{"shunt_time_total_seconds", "Help.", "seconds", METRIC_COUNTER, NULL, 0},
		{"shunt_size", "Help.", NULL, METRIC_HISTOGRAM, NULL, 0},
		{"shunt_things", "Help", NULL, METRIC_GAUGE, NULL, 0},
		{"shunt_things", "\"Help\".", NULL, METRIC_GAUGE, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_not_null(fault(&wrong[i]), "%s (%zu)", wrong[i].name, i);
}

/* ---- text ---- */

static void expect_golden(const char *path, const struct buffer *buffer)
{
	static char golden[64 << 10];
	FILE *file = fopen(path, getenv("SHUNT_UPDATE_GOLDEN") ? "w+" : "r");
	size_t length;

	cr_assert_not_null(file, "%s: run from the top of the tree", path);
	if (getenv("SHUNT_UPDATE_GOLDEN"))
		fwrite(buffer->data, 1, buffer->length, file);
	rewind(file);
	length = fread(golden, 1, sizeof(golden), file);
	fclose(file);
	for (size_t i = 0, line = 1; i < length && i < buffer->length; i++) {
		cr_assert_eq(golden[i], buffer->data[i], "%s:%zu: got %.80s", path, line,
			     buffer->data + i);
		line += golden[i] == '\n';
	}
	cr_assert_eq(length, buffer->length);
}

Test(metrics, text_is_as_it_was)
{
	struct test_view test;
	struct buffer buffer;

	test_view_init(&test);
	buffer = encode(METRICS_TEXT, &test.view);
	expect_golden("tests/golden/metrics/text.txt", &buffer);
	buffer_free(&buffer);
}

Test(metrics, openmetrics_is_as_it_was)
{
	struct test_view test;
	struct buffer buffer;

	test_view_init(&test);
	buffer = encode(METRICS_OPENMETRICS, &test.view);
	expect_golden("tests/golden/metrics/openmetrics.txt", &buffer);
	buffer_free(&buffer);
}

/* An empty host: no service, nothing known of the process. */
Test(metrics, a_family_without_samples_is_not_mentioned)
{
	const struct view view = {.version = "0.1.0", .kernel = "6.18.0"};
	struct buffer buffer = encode(METRICS_TEXT, &view);

	buffer_char(&buffer, '\0');
	cr_assert_null(strstr(buffer.data, "shunt_tcp"));
	cr_assert_null(strstr(buffer.data, "process_"));
	cr_assert_not_null(strstr(buffer.data, "shunt_build_info{version=\"0.1.0\""));
	buffer_free(&buffer);
}

Test(metrics, promtool_finds_nothing)
{
	struct test_view test;
	struct buffer buffer;
	char output[256] = "";
	FILE *file, *pipe;

	if (system("command -v promtool >/dev/null"))
		cr_skip_test("promtool is not installed");
	test_view_init(&test);
	buffer = encode(METRICS_TEXT, &test.view);
	file = tmpfile();
	fwrite(buffer.data, 1, buffer.length, file);
	fflush(file);
	rewind(file);
	cr_assert_eq(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
	pipe = popen("promtool check metrics 2>&1", "r");
	cr_assert_not_null(pipe);
	cr_expect_null(fgets(output, sizeof(output), pipe), "%s", output);
	cr_assert_eq(pclose(pipe), 0);
	fclose(file);
	buffer_free(&buffer);
}

/* ---- buckets ---- */

Test(metrics, classic_buckets_are_octaves)
{
	struct shunt_histogram histogram = {0};
	struct metric_buckets buckets;

	/* 2^k s in ns, rounded down, is in the bucket that ends there; one more is not. */
	for (int k = METRICS_LE_FIRST; k <= METRICS_LE_LAST; k++) {
		__u64 ns = (__u64)ldexp(1e9, k);
		int i = k - METRICS_LE_FIRST;

		memset(&histogram, 0, sizeof(histogram));
		test_sample(&histogram, ns);
		metrics_coarsen(&histogram, &buckets);
		cr_expect_eq(buckets.counts[i], 1, "2^%d", k);
		cr_expect(!i || !buckets.counts[i - 1], "2^%d", k);

		memset(&histogram, 0, sizeof(histogram));
		test_sample(&histogram, ns + 1);
		metrics_coarsen(&histogram, &buckets);
		cr_expect_eq(buckets.counts[i], 0, "2^%d", k);
		cr_expect_eq(buckets.counts[i + 1], 1, "2^%d", k);
	}
}

Test(metrics, no_bucket_is_left_out)
{
	struct shunt_histogram histogram = {0};
	struct metric_buckets buckets;
	uint64_t all = 0;

	for (int b = 0; b < SHUNT_BUCKETS; b++) {
		histogram.buckets[b] = (__u64)b * b + 1;
		all += histogram.buckets[b];
	}
	metrics_coarsen(&histogram, &buckets);
	cr_assert_eq(buckets.counts[METRICS_LE_COUNT], all);
	cr_assert_eq(buckets.counts[METRICS_LE_COUNT - 1],
		     all - histogram.buckets[SHUNT_BUCKET_OVERFLOW]);
	for (int i = 1; i <= METRICS_LE_COUNT; i++)
		cr_assert_gt(buckets.counts[i], buckets.counts[i - 1]);
}
