/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0.0, which differ in the
 * names of families, in units, in the info type and in the end mark.
 *
 * A scrape of a large host is tens of thousands of lines that differ in a few
 * bytes: the labels of a service are escaped once, and the lines of a histogram
 * are copies of one prefix.
 */
#include "serve/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "serve/names.h"
#include "serve/utf8.h"

struct text_sink {
	struct metric_sink sink; /* first: the encoder casts back */
	struct buffer *out;
	bool openmetrics;
	const struct view *view;
	const struct metric_family *family;
	bool announced; /* the family's TYPE and HELP were written */
	struct buffer labels; /* of all services, one after the other */
	size_t *label_ends; /* where in `labels` each service's end */
	struct buffer prefix; /* of the histogram's bucket lines */
	struct buffer bounds; /* what follows the prefix: `0.5"} ` and so on */
	size_t bound_ends[METRICS_LE_COUNT + 1];
};

/* How many characters are as they are: nearly every label has no others. */
static size_t text_plain(const char *value)
{
	size_t length = 0;

	while (value[length] >= ' ' && value[length] <= '~' && value[length] != '\\' &&
	       value[length] != '"')
		length++;
	return length;
}

static void text_escape(struct buffer *out, const char *value)
{
	while (*value) {
		size_t plain = text_plain(value);

		if (plain) {
			buffer_append(out, value, plain);
			value += plain;
			continue;
		}
		if (*value == '\n') {
			buffer_string(out, "\\n");
			value++;
			continue;
		}
		if (*value == '\\' || *value == '"')
			buffer_char(out, '\\');
		value += utf8_append_one(out, value);
	}
}

static void text_label(struct buffer *out, const char *name, const char *value)
{
	buffer_string(out, name);
	buffer_string(out, "=\"");
	text_escape(out, value);
	buffer_char(out, '"');
}

/* `value` as OpenMetrics writes bounds: never without a point or an exponent. */
static void text_bound(struct buffer *out, double value)
{
	size_t start = out->length;

	buffer_double(out, value);
	for (size_t i = start; i < out->length; i++) {
		if (out->data[i] < '0' || out->data[i] > '9')
			return;
	}
	buffer_string(out, ".0");
}

static int text_prepare(struct text_sink *text)
{
	const struct view *view = text->view;

	text->label_ends = calloc(view->services_count + 1, sizeof(*text->label_ends));
	if (!text->label_ends)
		return -ENOMEM;
	for (size_t i = 0; i < view->services_count; i++) {
		text_label(&text->labels, "service", view->services[i].name);
		buffer_char(&text->labels, ',');
		text_label(&text->labels, "role", name_role(view->services[i].role));
		text->label_ends[i] = text->labels.length;
	}
	for (int i = 0; i <= METRICS_LE_COUNT; i++) {
		text_bound(&text->bounds,
			   i < METRICS_LE_COUNT ? ldexp(1, METRICS_LE_FIRST + i) : INFINITY);
		buffer_string(&text->bounds, "\"} ");
		text->bound_ends[i] = text->bounds.length;
	}
	return text->labels.error ? text->labels.error : text->bounds.error;
}

static void text_cleanup(struct text_sink *text)
{
	buffer_free(&text->labels);
	buffer_free(&text->prefix);
	buffer_free(&text->bounds);
	free(text->label_ends);
}

/* OpenMetrics names a counter or an info without the suffix of its samples. */
static size_t text_family_length(const struct text_sink *text)
{
	size_t length = strlen(text->family->name);

	if (text->openmetrics && text->family->type == METRIC_COUNTER)
		return length - strlen("_total");
	if (text->openmetrics && text->family->type == METRIC_INFO)
		return length - strlen("_info");
	return length;
}

static void text_comment(struct text_sink *text, const char *keyword, const char *rest)
{
	buffer_string(text->out, "# ");
	buffer_string(text->out, keyword);
	buffer_char(text->out, ' ');
	buffer_append(text->out, text->family->name, text_family_length(text));
	buffer_char(text->out, ' ');
	buffer_string(text->out, rest);
	buffer_char(text->out, '\n');
}

/* Ahead of the first sample, so that a family without any is not mentioned. */
static void text_announce(struct text_sink *text)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_INFO] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	const struct metric_family *family = text->family;
	bool info = text->openmetrics && family->type == METRIC_INFO;

	if (text->announced)
		return;
	text->announced = true;
	text_comment(text, "HELP", family->help);
	text_comment(text, "TYPE", info ? "info" : types[family->type]);
	if (text->openmetrics && family->unit)
		text_comment(text, "UNIT", family->unit);
}

static void text_family(struct metric_sink *sink, const struct metric_family *family)
{
	struct text_sink *text = (struct text_sink *)sink;

	text->family = family;
	text->announced = false;
}

static void text_service(struct text_sink *text, struct buffer *out,
			 const struct view_service *service)
{
	size_t index = (size_t)(service - text->view->services);
	size_t start = index ? text->label_ends[index - 1] : 0;

	buffer_append(out, text->labels.data + start, text->label_ends[index] - start);
}

/* `name_suffix{a="b"`: the brace is left open.  False where there are no labels. */
static bool text_labels(struct text_sink *text, struct buffer *out, const char *suffix,
			const struct metric_labels *labels)
{
	bool some = labels->service != NULL;

	buffer_string(out, text->family->name);
	buffer_string(out, suffix);
	if (!some && !labels->others[0].name)
		return false;
	buffer_char(out, '{');
	if (some)
		text_service(text, out, labels->service);
	for (size_t i = 0; i < METRIC_OTHERS && labels->others[i].name; i++) {
		if (some)
			buffer_char(out, ',');
		text_label(out, labels->others[i].name, labels->others[i].value);
		some = true;
	}
	return true;
}

static void text_value(struct metric_sink *sink, const struct metric_labels *labels, double value)
{
	struct text_sink *text = (struct text_sink *)sink;

	text_announce(text);
	if (text_labels(text, text->out, "", labels))
		buffer_char(text->out, '}');
	buffer_char(text->out, ' ');
	buffer_double(text->out, value);
	buffer_char(text->out, '\n');
}

/* Most lines are of buckets: they are written into room that is made once. */
static void text_buckets(struct text_sink *text, const struct metric_labels *labels,
			 const struct metric_buckets *buckets)
{
	const struct buffer *prefix = &text->prefix;
	size_t start = 0;
	char *at;

	buffer_clear(&text->prefix);
	text_labels(text, &text->prefix, "_bucket", labels);
	buffer_string(&text->prefix, ",le=\"");
	if (prefix->error)
		text->out->error = prefix->error;
	at = buffer_reserve(text->out,
			    (prefix->length + BUFFER_DIGITS + 1) * (METRICS_LE_COUNT + 1) +
				    text->bounds.length);
	if (!at)
		return;

	for (int i = 0; i <= METRICS_LE_COUNT; i++) {
		at = mempcpy(at, prefix->data, prefix->length);
		at = mempcpy(at, text->bounds.data + start, text->bound_ends[i] - start);
		at = buffer_digits(at, buckets->counts[i]);
		*at++ = '\n';
		start = text->bound_ends[i];
	}
	text->out->length = (size_t)(at - text->out->data);
}

static void text_histogram(struct metric_sink *sink, const struct metric_labels *labels,
			   const struct shunt_histogram *histogram)
{
	struct text_sink *text = (struct text_sink *)sink;
	struct metric_buckets buckets;

	metrics_coarsen(histogram, &buckets);
	if (!buckets.counts[METRICS_LE_COUNT])
		return;
	text_announce(text);
	text_buckets(text, labels, &buckets);
	text_labels(text, text->out, "_sum", labels);
	buffer_string(text->out, "} ");
	buffer_seconds(text->out, histogram->sum);
	buffer_char(text->out, '\n');
	text_labels(text, text->out, "_count", labels);
	buffer_string(text->out, "} ");
	buffer_u64(text->out, buckets.counts[METRICS_LE_COUNT]);
	buffer_char(text->out, '\n');
}

int metrics_encode_text(bool openmetrics, const struct view *view, struct buffer *out)
{
	struct text_sink text = {
		.sink = {text_family, text_value, text_histogram},
		.out = out,
		.openmetrics = openmetrics,
		.view = view,
	};
	int err = text_prepare(&text);

	if (!err) {
		metrics_collect(view, &text.sink);
		if (openmetrics)
			buffer_string(out, "# EOF\n");
		err = out->error;
	}
	text_cleanup(&text);
	return err;
}
