/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "serve/negotiate.h"
#include "serve/routes.h"

#define PROTOBUF                                                                                   \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"                 \
	"encoding=delimited"

Test(negotiate, formats)
{
	const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{NULL, METRICS_TEXT},
		{"", METRICS_TEXT},
		{"*/*", METRICS_TEXT},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", METRICS_TEXT},
		{"application/json", METRICS_TEXT},
		/* Prometheus 2.42 */
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		 "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 METRICS_OPENMETRICS},
		/* …with --enable-feature=native-histograms */
		{PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,"
			  "application/openmetrics-text;version=0.0.1;q=0.75,"
			  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 METRICS_PROTOBUF},
		/* Prometheus 3 */
		{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		 "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
		 "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		 METRICS_OPENMETRICS},
		{"application/openmetrics-text", METRICS_OPENMETRICS},
		{"APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"", METRICS_OPENMETRICS},
		{"application/openmetrics-text;version=0.0.1", METRICS_TEXT},
		{"application/openmetrics-text;q=0", METRICS_TEXT},
		{"application/openmetrics-text;q=0.000,*/*;q=0.1", METRICS_TEXT},
		{"application/openmetrics-text ; q=0.4 , text/plain ; q=0.5", METRICS_TEXT},
		{"text/plain;q=0.49,application/openmetrics-text;q=0.5", METRICS_OPENMETRICS},
		{"text/plain,application/openmetrics-text", METRICS_TEXT},
		{"application/openmetrics-text,text/plain", METRICS_OPENMETRICS},
		{"text/*,application/openmetrics-text;q=0.9", METRICS_TEXT},
		{"text/plain;version=\"0,0;4\",application/openmetrics-text", METRICS_OPENMETRICS},
		{"application/vnd.google.protobuf", METRICS_TEXT},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		 "encoding=text",
		 METRICS_TEXT},
		{";;;,,,=;q=,\"", METRICS_TEXT},
		{"application/openmetrics-text;q=9", METRICS_OPENMETRICS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(negotiate_format(cases[i].accept), cases[i].format, "%s",
			     cases[i].accept);
}

Test(negotiate, gzip)
{
	const struct {
		const char *accept;
		bool gzip;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"gzip, deflate, br", true},
		{"deflate", false},
		{"gzip;q=0", false},
		{"gzip; q=0.0, *", false},
		{"*;q=0.5", true},
		{"*;q=0", false},
		{"identity", false},
		{"identity;q=0.5, gzip;q=1.0", true},
		{"identity, gzip;q=0.5", false},
		{"gzipped", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(negotiate_gzip(cases[i].accept), cases[i].gzip, "%s", cases[i].accept);
}

/* Requests that differ in nothing that matters have one answer to share. */
Test(route, holds_only_what_matters)
{
	struct route route = route_find("GET", "/healthz", "application/openmetrics-text", "gzip");

	cr_assert_eq(route.name, ROUTE_HEALTH);
	cr_assert_eq(route.format, METRICS_TEXT);
	cr_assert(!route.gzip);
	route = route_find("HEAD", "/metrics", "application/openmetrics-text", "gzip");
	cr_assert_eq(route.name, ROUTE_METRICS);
	cr_assert_eq(route.format, METRICS_OPENMETRICS);
	cr_assert(route.gzip);
	cr_assert_eq(route_find("get", "/metrics", NULL, NULL).name, ROUTE_BAD_METHOD);
	cr_assert_eq(route_find("GET", "/metrics/", NULL, NULL).name, ROUTE_NOT_FOUND);
}
