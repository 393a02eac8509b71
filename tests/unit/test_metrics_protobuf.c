/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <math.h>
#include <metrics.pb-c.h>

#include "serve/metrics.h"
#include "test_serve_view.h"

static struct test_view test;
static struct buffer encoded;

static void encode(void)
{
	test_view_init(&test);
	cr_assert_eq(metrics_encode(METRICS_PROTOBUF, &test.view, &encoded), 0);
}

/* The family of that name, by walking over the lengths; NULL when there is none. */
static Prometheus__MetricFamily *find(const char *name)
{
	size_t at = 0;
	Prometheus__MetricFamily *found = NULL;

	while (at < encoded.length) {
		size_t length = 0;
		Prometheus__MetricFamily *family;
		unsigned char byte;
		int shift = 0;

		do {
			byte = (unsigned char)encoded.data[at++];
			length |= (size_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80);
		cr_assert_leq(at + length, encoded.length);
		family = prometheus__metric_family__unpack(NULL, length,
							   (uint8_t *)encoded.data + at);
		cr_assert_not_null(family);
		at += length;
		if (!strcmp(family->name, name)) {
			cr_assert_null(found, "%s came twice", name);
			found = family;
		} else {
			prometheus__metric_family__free_unpacked(family, NULL);
		}
	}
	return found;
}

static const char *label(const Prometheus__Metric *metric, const char *name)
{
	for (size_t i = 0; i < metric->n_label; i++) {
		if (!strcmp(metric->label[i]->name, name))
			return metric->label[i]->value;
	}
	return NULL;
}

Test(protobuf, counters_and_gauges)
{
	Prometheus__MetricFamily *family;

	encode();
	family = find("shunt_tcp_handshakes_total");
	cr_assert_eq(family->type, PROMETHEUS__METRIC_TYPE__COUNTER);
	cr_assert_eq(family->n_metric, 7 + 7);
	cr_assert_str_eq(label(family->metric[1], "service"), "nginx:80");
	cr_assert_str_eq(label(family->metric[1], "role"), "server");
	cr_assert_str_eq(label(family->metric[1], "error_type"), "refused");
	cr_assert_eq(family->metric[1]->counter->value, 101);
	cr_assert_str_eq(label(family->metric[7], "service"), "a\\b\"c\nd\xef\xbf\xbd\xc3\xa9");

	family = find("shunt_tick_late_seconds");
	cr_assert_eq(family->type, PROMETHEUS__METRIC_TYPE__GAUGE);
	cr_assert_eq(family->metric[0]->n_label, 0);
	cr_assert_eq(family->metric[0]->gauge->value, 0.000123);
	cr_assert_null(family->metric[0]->counter);

	family = find("shunt_build_info");
	cr_assert_eq(family->type, PROMETHEUS__METRIC_TYPE__GAUGE);
	cr_assert_str_eq(label(family->metric[0], "kernel"), "6.18.0");
}

Test(protobuf, classic_buckets)
{
	const Prometheus__Histogram *histogram;
	Prometheus__MetricFamily *family;

	encode();
	family = find("shunt_tcp_handshake_duration_seconds");
	cr_assert_eq(family->n_metric, 1);
	histogram = family->metric[0]->histogram;
	cr_assert_eq(histogram->sample_count, 6);
	cr_assert_eq(histogram->sample_sum, 72.001954026);
	cr_assert_eq(histogram->n_bucket, METRICS_LE_COUNT);
	cr_assert_eq(histogram->bucket[6]->upper_bound, ldexp(1, -10));
	cr_assert_eq(histogram->bucket[6]->cumulative_count, 2);
	cr_assert_eq(histogram->bucket[7]->cumulative_count, 3);
	cr_assert_eq(histogram->bucket[16]->upper_bound, 1);
	cr_assert_eq(histogram->bucket[16]->cumulative_count, 4);
	cr_assert_eq(histogram->bucket[22]->cumulative_count, 5);
	cr_assert_null(find("shunt_tcp_response_duration_seconds"));
}

/*
 * Written by hand from the public schema, for packing and unpacking with the
 * same wrong number would agree: 900 ns is zero, the next two samples are on
 * either side of 2^-10 s (indices -80 and -79), then of 1 s (0 and 1), and 70 s
 * is past 2^(48/8) s (49).
 */
Test(protobuf, native_buckets_on_the_wire)
{
	static const unsigned char native[] = {
		0x28, 0x06, /* 5: schema 3, zigzag */
		0x31, 0,    0,	  0,	0,    0,    0,	  0xb0, 0x3e, /* 6: zero_threshold 2^-20 */
		0x38, 0x01, /* 7: zero_count 1 */
		0x62, 0x05, 0x08, 0x9f, 0x01, 0x10, 0x02, /* 12: offset -80, length 2 */
		0x62, 0x05, 0x08, 0x9c, 0x01, 0x10, 0x02, /* 12: offset 78, length 2 */
		0x62, 0x04, 0x08, 0x5e, 0x10, 0x01, /* 12: offset 47, length 1 */
		0x68, 0x02, 0x68, 0x00, 0x68, 0x00, /* 13: deltas 1, 0, 0, … */
		0x68, 0x00, 0x68, 0x00, /* …0, 0 */
	};

	encode();
	cr_assert_not_null(memmem(encoded.data, encoded.length, native, sizeof(native)));
}

/* Every bucket filled, then every other one: the most buckets, the most spans. */
Test(protobuf, spans_of_full_and_of_sparse_histograms)
{
	for (int step = 1; step <= 2; step++) {
		struct shunt_histogram *filled = &test.cells[0].histograms[SHUNT_SIGNAL_RTT];
		const Prometheus__Histogram *histogram;
		int index = 0;
		__u64 count = 0;
		size_t delta = 0;

		buffer_free(&encoded);
		test_view_init(&test);
		for (int b = 1; b < SHUNT_BUCKETS; b += step)
			filled->buckets[b] = (__u64)(b % 7 + 1);
		cr_assert_eq(metrics_encode(METRICS_PROTOBUF, &test.view, &encoded), 0);
		histogram = find("shunt_tcp_rtt_seconds")->metric[0]->histogram;
		cr_assert_eq(histogram->n_positive_span, step == 1 ? 1 : 105);
		for (size_t i = 0; i < histogram->n_positive_span; i++) {
			index += histogram->positive_span[i]->offset;
			for (uint32_t j = 0; j < histogram->positive_span[i]->length; j++) {
				count += (__u64)histogram->positive_delta[delta++];
				cr_assert_eq(count, filled->buckets[index++ + SHUNT_BUCKET_SECOND]);
			}
		}
		cr_assert_eq(delta, histogram->n_positive_delta);
		cr_assert_eq(index, 50);
	}
}
