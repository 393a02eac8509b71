/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/negotiate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* q in thousandths, the precision that the grammar has. */
#define Q_MAX 1000

/* Part of a header: [start, end). */
struct span {
	const char *start;
	const char *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct span span_trim(struct span span)
{
	while (span.start < span.end && is_space(*span.start))
		span.start++;
	while (span.start < span.end && is_space(span.end[-1]))
		span.end--;
	return span;
}

/* Takes what stands before `separator` off the front; quotes hide a separator. */
static struct span span_cut(struct span *rest, char separator)
{
	struct span part = {rest->start, rest->start};
	bool quoted = false;

	while (part.end < rest->end && (quoted || *part.end != separator)) {
		if (quoted && *part.end == '\\' && part.end + 1 < rest->end)
			part.end++;
		else if (*part.end == '"')
			quoted = !quoted;
		part.end++;
	}
	rest->start = part.end < rest->end ? part.end + 1 : rest->end;
	return span_trim(part);
}

static struct span span_unquote(struct span span)
{
	if (span.end - span.start >= 2 && *span.start == '"' && span.end[-1] == '"') {
		span.start++;
		span.end--;
	}
	return span;
}

static bool span_is(struct span span, const char *word)
{
	size_t length = (size_t)(span.end - span.start);

	return length == strlen(word) && !strncasecmp(span.start, word, length);
}

/* `0.5` is 500; what is no weight counts as the default. */
static int parse_q(struct span span)
{
	int q = 0, digit = 100;

	if (span.start == span.end || (*span.start != '0' && *span.start != '1'))
		return Q_MAX;
	q = (*span.start++ - '0') * Q_MAX;
	if (span.start < span.end && *span.start == '.')
		span.start++;
	for (; span.start < span.end && isdigit((unsigned char)*span.start) && digit; digit /= 10)
		q += (*span.start++ - '0') * digit;
	return q < Q_MAX ? q : Q_MAX;
}

/* One element of Accept: a type and the parameters that matter here. */
struct range {
	struct span type;
	struct span version;
	struct span proto;
	struct span encoding;
	int q;
};

static struct range parse_range(struct span element)
{
	struct range range = {.q = Q_MAX};

	range.type = span_cut(&element, ';');
	while (element.start < element.end) {
		struct span value = span_cut(&element, ';');
		struct span name = span_cut(&value, '=');

		value = span_unquote(span_trim(value));
		if (span_is(name, "q"))
			range.q = parse_q(value);
		else if (span_is(name, "version"))
			range.version = value;
		else if (span_is(name, "proto"))
			range.proto = value;
		else if (span_is(name, "encoding"))
			range.encoding = value;
	}
	return range;
}

static bool version_fits(const struct range *range, const char *version)
{
	return !range->version.start || span_is(range->version, version);
}

/* METRICS_FORMATS where it is none of them. */
static enum metrics_format range_format(const struct range *range)
{
	if (span_is(range->type, "application/openmetrics-text") && version_fits(range, "1.0.0"))
		return METRICS_OPENMETRICS;
	if (span_is(range->type, "application/vnd.google.protobuf") &&
	    span_is(range->proto, "io.prometheus.client.MetricFamily") &&
	    span_is(range->encoding, "delimited"))
		return METRICS_PROTOBUF;
	if (span_is(range->type, "text/plain") && version_fits(range, "0.0.4"))
		return METRICS_TEXT;
	if (span_is(range->type, "text/*") || span_is(range->type, "*/*"))
		return METRICS_TEXT;
	return METRICS_FORMATS;
}

enum metrics_format negotiate_format(const char *accept)
{
	enum metrics_format best = METRICS_TEXT;
	struct span header = {accept, accept};
	int best_q = 0;

	if (accept)
		header.end += strlen(accept);
	while (header.start < header.end) {
		struct range range = parse_range(span_cut(&header, ','));
		enum metrics_format format = range_format(&range);

		if (format != METRICS_FORMATS && range.q > best_q) {
			best = format;
			best_q = range.q;
		}
	}
	return best;
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct span header = {accept_encoding, accept_encoding};
	int gzip = -1, any = 0, identity = 0;

	if (accept_encoding)
		header.end += strlen(accept_encoding);
	while (header.start < header.end) {
		struct range range = parse_range(span_cut(&header, ','));

		if (span_is(range.type, "gzip") || span_is(range.type, "x-gzip"))
			gzip = range.q;
		else if (span_is(range.type, "*"))
			any = range.q;
		else if (span_is(range.type, "identity"))
			identity = range.q;
	}
	gzip = gzip < 0 ? any : gzip;
	return gzip > 0 && gzip >= identity;
}
