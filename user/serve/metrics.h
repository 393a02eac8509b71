/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The metrics: one table of families, and encoders of a view that know nothing
 * of what a family means.
 *
 * Which series exist:
 *  - counters and gauges of a service always, error types that its role cannot
 *    have excepted (and even those once they are not zero), so that rate() sees
 *    the first failure;
 *  - a histogram of a service once it has had a sample, for a service without
 *    any would cost 26 series that say nothing.
 *
 * Histograms have one set of classic buckets in every format: the bounds
 * 2^-16 to 2^6 seconds, an octave apart, which are bounds of the kernel's own
 * buckets, so that nothing is interpolated.  The protobuf format carries the
 * kernel's buckets as well, as a native histogram.  `le` is written as
 * OpenMetrics wants it ("1.0") in the older text format too, so that a series
 * keeps its identity whichever format was negotiated.
 */
#ifndef SHUNT_METRICS_H
#define SHUNT_METRICS_H

#include "serve/buffer.h"
#include "serve/view.h"

enum metrics_format {
	METRICS_TEXT, /* Prometheus 0.0.4 */
	METRICS_OPENMETRICS, /* 1.0.0 */
	METRICS_PROTOBUF, /* delimited io.prometheus.client.MetricFamily */
	METRICS_FORMATS,
};

/* The value of Content-Type. */
const char *metrics_content_type(enum metrics_format format);

/*
 * Appends all metrics of a view.  The cells may be written to meanwhile: each
 * bucket is read once, and a histogram's count is the sum of what was read.
 * Returns 0 or -ENOMEM.
 */
int metrics_encode(enum metrics_format format, const struct view *view, struct buffer *out);

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_INFO, /* a gauge of 1 where the format knows no info */
	METRIC_HISTOGRAM,
};

struct metric_sink;

struct metric_family {
	const char *name; /* of the samples: with _total or _info, without _bucket */
	const char *help; /* no quote, no backslash, one line */
	const char *unit; /* NULL: none */
	enum metric_type type;
	void (*collect)(const struct metric_family *family, const struct view *view,
			struct metric_sink *sink);
	size_t field; /* what `collect` reads, where several families share one */
};

struct metric_label {
	const char *name;
	const char *value; /* UTF-8 */
};

#define METRIC_OTHERS 3

/* `service` and `role` come first where there is a service, then the others. */
struct metric_labels {
	const struct view_service *service; /* an element of the view's, or NULL */
	struct metric_label others[METRIC_OTHERS]; /* name NULL: not there */
};

/* One encoding in the making; what follows a family is of that family. */
struct metric_sink {
	void (*family)(struct metric_sink *sink, const struct metric_family *family);
	void (*value)(struct metric_sink *sink, const struct metric_labels *labels, double value);
	void (*histogram)(struct metric_sink *sink, const struct metric_labels *labels,
			  const struct shunt_histogram *histogram);
};

const struct metric_family *metrics_families(size_t *ret_count);

/* Runs every family of the table into a sink. */
void metrics_collect(const struct view *view, struct metric_sink *sink);

/* Classic bounds: 2^METRICS_LE_FIRST to 2^METRICS_LE_LAST seconds. */
#define METRICS_LE_FIRST (-16)
#define METRICS_LE_LAST	 6
#define METRICS_LE_COUNT (METRICS_LE_LAST - METRICS_LE_FIRST + 1)

/* Cumulative counts; the last is all samples, whose bound is +Inf. */
struct metric_buckets {
	uint64_t counts[METRICS_LE_COUNT + 1];
};

/* Reads each of the kernel's buckets once. */
void metrics_coarsen(const struct shunt_histogram *histogram, struct metric_buckets *ret_buckets);

int metrics_encode_text(bool openmetrics, const struct view *view, struct buffer *out);
int metrics_encode_protobuf(const struct view *view, struct buffer *out);

#endif
