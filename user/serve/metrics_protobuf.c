/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protobuf exposition format: a run of MetricFamily messages, each after
 * its length.  Histograms carry the kernel's own buckets as a native histogram
 * (schema 3) and the classic ones beside them, for whoever keeps those.
 *
 * A family is not built as a tree.  Encodings of one message that stand one
 * after the other are the encoding of both merged, repeated fields joined: so
 * each metric is packed at once as a family that has nothing else, and nothing
 * is allocated but the bytes.
 */
#include "serve/metrics.h"

#include <errno.h>
#include <math.h>
#include <metrics.pb-c.h>
#include <stdlib.h>

#include "serve/names.h"
#include "serve/utf8.h"

#define SCHEMA	   3
#define LABELS_MAX (2 + METRIC_OTHERS) /* service, role, the others */

/*
 * What a metric takes at most, its labels' strings excepted: a field, be it a message, is a
 * tag of one byte and a length, a double, or a varint of ten bytes at most.  So it need
 * not be measured before it is packed, which would take as long again.
 */
#define FIELD_MOST 11
#define FIELDS_MOST                                                                                \
	(8 + 3 * (LABELS_MAX + METRICS_LE_COUNT + SHUNT_BUCKETS / 2) + /* messages of two */       \
	 SHUNT_BUCKETS) /* deltas */

/* Bucket 0 ends here: what the histogram cannot tell from zero. */
#define ZERO_THRESHOLD_LOG2 (-20)

struct protobuf_sink {
	struct metric_sink sink; /* first: the encoder casts back */
	struct buffer *out;
	const struct view *view;
	const struct metric_family *family;
	struct buffer names; /* of the services, in UTF-8, each terminated */
	size_t *name_starts;
	struct buffer body; /* of the family, without its length */
};

/* A histogram's message with all that it points at. */
struct protobuf_histogram {
	Prometheus__Histogram message;
	Prometheus__Bucket buckets[METRICS_LE_COUNT];
	Prometheus__Bucket *bucket_pointers[METRICS_LE_COUNT];
	/* Every other bucket filled is the most spans that there can be. */
	Prometheus__BucketSpan spans[SHUNT_BUCKETS / 2];
	Prometheus__BucketSpan *span_pointers[SHUNT_BUCKETS / 2];
	int64_t deltas[SHUNT_BUCKETS];
};

/* protobuf-c's strings are not const, though packing only reads them. */
static char *protobuf_string(const char *string)
{
	char *pointer;

	memcpy(&pointer, &string, sizeof(pointer));
	return pointer;
}

/* `most`: no fewer bytes than it takes. */
static void protobuf_pack(struct buffer *out, const Prometheus__MetricFamily *message, size_t most)
{
	char *room = buffer_reserve(out, most);

	if (room)
		out->length += prometheus__metric_family__pack(message, (uint8_t *)room);
}

/* Seven bits a byte, the lowest first, the top bit where more follow. */
static void protobuf_varint(struct buffer *out, size_t value)
{
	for (; value > 0x7f; value >>= 7)
		buffer_char(out, (char)(value | 0x80));
	buffer_char(out, (char)value);
}

static void protobuf_finish_family(struct protobuf_sink *protobuf)
{
	static const Prometheus__MetricType types[] = {
		[METRIC_COUNTER] = PROMETHEUS__METRIC_TYPE__COUNTER,
		[METRIC_GAUGE] = PROMETHEUS__METRIC_TYPE__GAUGE,
		[METRIC_INFO] = PROMETHEUS__METRIC_TYPE__GAUGE,
		[METRIC_HISTOGRAM] = PROMETHEUS__METRIC_TYPE__HISTOGRAM,
	};
	Prometheus__MetricFamily head = PROMETHEUS__METRIC_FAMILY__INIT;
	size_t size;

	if (protobuf->body.length) {
		head.name = protobuf_string(protobuf->family->name);
		head.help = protobuf_string(protobuf->family->help);
		head.has_type = true;
		head.type = types[protobuf->family->type];
		size = prometheus__metric_family__get_packed_size(&head);
		protobuf_varint(protobuf->out, size + protobuf->body.length);
		protobuf_pack(protobuf->out, &head, size);
		buffer_append(protobuf->out, protobuf->body.data, protobuf->body.length);
	}
	if (protobuf->body.error)
		protobuf->out->error = protobuf->body.error;
	buffer_clear(&protobuf->body);
}

static void protobuf_family(struct metric_sink *sink, const struct metric_family *family)
{
	struct protobuf_sink *protobuf = (struct protobuf_sink *)sink;

	protobuf_finish_family(protobuf);
	protobuf->family = family;
}

static size_t protobuf_labels(const struct protobuf_sink *protobuf,
			      const struct metric_labels *labels, struct metric_label *ret_pairs)
{
	const struct view_service *service = labels->service;
	size_t count = 0;

	if (service) {
		size_t start = protobuf->name_starts[service - protobuf->view->services];

		ret_pairs[count++] = (struct metric_label){"service", protobuf->names.data + start};
		ret_pairs[count++] = (struct metric_label){"role", name_role(service->role)};
	}
	for (size_t i = 0; i < METRIC_OTHERS && labels->others[i].name; i++)
		ret_pairs[count++] = labels->others[i];
	return count;
}

static void protobuf_metric(struct protobuf_sink *protobuf, const struct metric_labels *labels,
			    Prometheus__Metric *metric)
{
	Prometheus__MetricFamily family = PROMETHEUS__METRIC_FAMILY__INIT;
	Prometheus__LabelPair messages[LABELS_MAX], *pointers[LABELS_MAX];
	struct metric_label pairs[LABELS_MAX];
	size_t most = FIELDS_MOST * FIELD_MOST;

	metric->n_label = protobuf_labels(protobuf, labels, pairs);
	for (size_t i = 0; i < metric->n_label; i++) {
		prometheus__label_pair__init(&messages[i]);
		messages[i].name = protobuf_string(pairs[i].name);
		messages[i].value = protobuf_string(pairs[i].value);
		pointers[i] = &messages[i];
		most += strlen(pairs[i].name) + strlen(pairs[i].value);
	}
	metric->label = pointers;
	family.n_metric = 1;
	family.metric = &metric;
	protobuf_pack(&protobuf->body, &family, most);
	metric->label = NULL;
	metric->n_label = 0;
}

static void protobuf_value(struct metric_sink *sink, const struct metric_labels *labels,
			   double value)
{
	struct protobuf_sink *protobuf = (struct protobuf_sink *)sink;
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__Counter counter = PROMETHEUS__COUNTER__INIT;
	Prometheus__Gauge gauge = PROMETHEUS__GAUGE__INIT;

	counter.has_value = gauge.has_value = true;
	counter.value = gauge.value = value;
	if (protobuf->family->type == METRIC_COUNTER)
		metric.counter = &counter;
	else
		metric.gauge = &gauge;
	protobuf_metric(protobuf, labels, &metric);
}

static void protobuf_classic(struct protobuf_histogram *to, const struct metric_buckets *buckets)
{
	for (int i = 0; i < METRICS_LE_COUNT; i++) {
		Prometheus__Bucket *bucket = &to->buckets[i];

		prometheus__bucket__init(bucket);
		bucket->has_cumulative_count = bucket->has_upper_bound = true;
		bucket->cumulative_count = buckets->counts[i];
		bucket->upper_bound = ldexp(1, METRICS_LE_FIRST + i);
		to->bucket_pointers[i] = bucket;
	}
	to->message.bucket = to->bucket_pointers;
	to->message.n_bucket = METRICS_LE_COUNT;
}

/*
 * The kernel's bucket b ends at 2^((b - SHUNT_BUCKET_SECOND) / 8) s, and so does
 * the native bucket of that index.  What is longer than the last bound goes
 * into the next native bucket: it is above the bound, and it is not lost.
 */
static void protobuf_native(struct protobuf_histogram *to, const struct shunt_histogram *from)
{
	Prometheus__Histogram *message = &to->message;
	Prometheus__BucketSpan *span = NULL;
	uint64_t before = 0;
	int next = 0; /* the index after the last span */

	message->positive_span = to->span_pointers;
	message->positive_delta = to->deltas;
	for (int b = 1; b < SHUNT_BUCKETS; b++) {
		int index = b - SHUNT_BUCKET_SECOND;

		if (!from->buckets[b])
			continue;
		if (!span || index != next) {
			span = &to->spans[message->n_positive_span];
			prometheus__bucket_span__init(span);
			span->has_offset = span->has_length = true;
			span->offset = index - next;
			to->span_pointers[message->n_positive_span++] = span;
		}
		span->length++;
		next = index + 1;
		to->deltas[message->n_positive_delta++] = (int64_t)(from->buckets[b] - before);
		before = from->buckets[b];
	}
}

static void protobuf_histogram(struct metric_sink *sink, const struct metric_labels *labels,
			       const struct shunt_histogram *histogram)
{
	struct protobuf_sink *protobuf = (struct protobuf_sink *)sink;
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	/* Both kinds of buckets from one reading, so that they agree. */
	struct shunt_histogram read = *histogram;
	struct protobuf_histogram to;
	struct metric_buckets buckets;

	metrics_coarsen(&read, &buckets);
	if (!buckets.counts[METRICS_LE_COUNT])
		return;
	prometheus__histogram__init(&to.message);
	to.message.has_sample_count = to.message.has_sample_sum = true;
	to.message.sample_count = buckets.counts[METRICS_LE_COUNT];
	to.message.sample_sum = (double)read.sum / 1e9;
	to.message.has_schema = true;
	to.message.schema = SCHEMA;
	to.message.has_zero_threshold = to.message.has_zero_count = true;
	to.message.zero_threshold = ldexp(1, ZERO_THRESHOLD_LOG2);
	to.message.zero_count = read.buckets[0];
	protobuf_classic(&to, &buckets);
	protobuf_native(&to, &read);
	metric.histogram = &to.message;
	protobuf_metric(protobuf, labels, &metric);
}

static int protobuf_prepare(struct protobuf_sink *protobuf)
{
	const struct view *view = protobuf->view;

	protobuf->name_starts = calloc(view->services_count + 1, sizeof(*protobuf->name_starts));
	if (!protobuf->name_starts)
		return -ENOMEM;
	for (size_t i = 0; i < view->services_count; i++) {
		protobuf->name_starts[i] = protobuf->names.length;
		utf8_append(&protobuf->names, view->services[i].name);
		buffer_char(&protobuf->names, '\0');
	}
	return protobuf->names.error;
}

int metrics_encode_protobuf(const struct view *view, struct buffer *out)
{
	struct protobuf_sink protobuf = {
		.sink = {protobuf_family, protobuf_value, protobuf_histogram},
		.out = out,
		.view = view,
	};
	int err = protobuf_prepare(&protobuf);

	if (!err) {
		metrics_collect(view, &protobuf.sink);
		protobuf_finish_family(&protobuf);
		err = out->error;
	}
	buffer_free(&protobuf.names);
	buffer_free(&protobuf.body);
	free(protobuf.name_starts);
	return err;
}
