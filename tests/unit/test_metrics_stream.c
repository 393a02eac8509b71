/* SPDX-License-Identifier: GPL-2.0 */
/* The encoders where what they make is taken away meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "gunzip.h"
#include "serve/gzip.h"
#include "serve/metrics.h"
#include "test_serve_view.h"

/* So many that a family alone is more than the compressor's input holds. */
#define SERVICES 200

static struct test_view test;
static struct view_service services[SERVICES];
static char names[SERVICES][16];

static void many_services(void)
{
	test_view_init(&test);
	for (int i = 0; i < SERVICES; i++) {
		services[i] = test.services[0];
		snprintf(names[i], sizeof(names[i]), "s:%d", i);
		services[i].name = names[i];
	}
	test.view.services = services;
	test.view.services_count = SERVICES;
}

Test(metrics_stream, compressed_meanwhile_it_is_the_same)
{
	many_services();
	for (enum metrics_format format = 0; format < METRICS_FORMATS; format++) {
		struct buffer plain = {0}, packed = {0};
		struct gzip *gzip;

		cr_assert_eq(metrics_encode(format, &test.view, &plain), 0);
		cr_assert_gt(plain.length, 400000);
		cr_assert_eq(gzip_begin(&packed, &gzip), 0);
		cr_expect_eq(metrics_encode(format, &test.view, gzip_input(gzip)), 0);
		cr_expect_lt(gzip_input(gzip)->capacity, plain.length / 5);
		cr_assert_eq(gzip_end(gzip), 0);
		expect_unzipped(&packed, &plain);
		buffer_free(&plain);
		buffer_free(&packed);
	}
}

static int taken;

static int fail_at_the_third(struct buffer *buffer, const void *data, size_t size)
{
	(void)buffer;
	(void)data;
	(void)size;
	cr_assert_leq(++taken, 3);
	return taken == 3 ? -EIO : 0;
}

Test(metrics_stream, an_error_halfway_is_one)
{
	many_services();
	for (enum metrics_format format = 0; format < METRICS_FORMATS; format++) {
		struct buffer out = {.drain = fail_at_the_third};

		taken = 0;
		cr_expect_eq(metrics_encode(format, &test.view, &out), -EIO);
		cr_expect_eq(taken, 3);
		buffer_free(&out);
	}
}
