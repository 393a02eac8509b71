/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/status.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/names.h"
#include "serve/put.h"
#include "serve/status_histograms.h"

/* Enough for any duration, and 0.1 stays 0.1. */
#define DIGITS 12

#define NSEC_PER_SEC 1e9
#define REASON_SIZE  512

/* What is null of a service that is not judged. */
static const char *const health_keys[] = {"state", "since", "since_seconds", "reason",
					  "flap_score"};

static json_t *status_handshakes(bool *fine, const struct shunt_cell *cell)
{
	json_t *object = json_object();

	for (int i = 0; i < SHUNT_HANDSHAKE_MAX; i++) {
		const char *key = i == SHUNT_HANDSHAKE_OK ? "ok" : name_handshake(i);

		put_u64(fine, object, key, cell->counters.handshakes[i]);
	}
	return object;
}

static json_t *status_closes(bool *fine, const struct shunt_cell *cell)
{
	json_t *object = json_object();

	for (int i = 0; i < SHUNT_CLOSE_MAX; i++) {
		const char *key = i == SHUNT_CLOSE_ORDERLY ? "orderly" : name_close(i);

		put_u64(fine, object, key, cell->counters.closes[i]);
	}
	return object;
}

static json_t *status_recent(bool *fine, const struct view_recent *recent)
{
	json_t *object = json_object();

	put_double(fine, object, "window_seconds", recent->seconds);
	put_double(fine, object, "handshakes_per_second", recent->handshakes_per_second);
	put_double(fine, object, "failures_per_second", recent->failures_per_second);
	put_double(fine, object, "handshake_p50_seconds", recent->p50);
	put_double(fine, object, "handshake_p95_seconds", recent->p95);
	put_double(fine, object, "handshake_p99_seconds", recent->p99);
	return object;
}

static void put_health(bool *fine, json_t *object, const struct view *view,
		       const struct view_service *service)
{
	const struct health_verdict *health = service->health;
	char reason[REASON_SIZE];
	double age;

	if (!health) {
		for (size_t i = 0; i < sizeof(health_keys) / sizeof(health_keys[0]); i++)
			put(fine, object, health_keys[i], json_null());
		return;
	}
	age = (double)(view->now - health->since) / NSEC_PER_SEC;
	health_explain(health, service->balancer, reason, sizeof(reason));
	put_string(fine, object, "state", health_state_name(health->state));
	put_time(fine, object, "since", view->wall_clock - age);
	put_double(fine, object, "since_seconds", age);
	put_string(fine, object, "reason", health->state == HEALTH_HEALTHY ? NULL : reason);
	put_double(fine, object, "flap_score", health->flap_score);
}

static json_t *status_checks(bool *fine, const struct view_prober *prober)
{
	json_t *object = json_object();

	for (int i = 0; i < SHUNT_PROBE_MAX; i++)
		put_u64(fine, object, name_outcome(i), prober->checks[i]);
	return object;
}

static json_t *status_prober(bool *fine, const struct view_prober *prober)
{
	json_t *object = json_object();

	put_string(fine, object, "address", prober->name);
	put_double(fine, object, "interval_seconds", prober->interval);
	put_double(fine, object, "confidence", prober->confidence);
	put_string(fine, object, "model", prober->model);
	put_string(fine, object, "state", lb_state_names[prober->state]);
	put(fine, object, "certain", json_boolean(prober->certain));
	put_u64(fine, object, "health", prober->health);
	put_u64(fine, object, "checks_until_down", prober->checks_until_down);
	put_double(fine, object, "seconds_until_down", prober->seconds_until_down);
	put(fine, object, "checks", status_checks(fine, prober));
	put_string(fine, object, "history", prober->history);
	return object;
}

static json_t *status_probers(bool *fine, const struct view_service *service)
{
	json_t *array = json_array();

	for (size_t i = 0; i < service->probers_count; i++) {
		if (json_array_append_new(array, status_prober(fine, &service->probers[i])))
			*fine = false;
	}
	return array;
}

/* When a state ends by itself; null if it does not. */
static void put_until(bool *fine, json_t *object, const struct view *view, uint64_t until)
{
	double left = until > view->now ? (double)(until - view->now) / NSEC_PER_SEC : NAN;

	if (until > view->now)
		put_time(fine, object, "until", view->wall_clock + left);
	else
		put(fine, object, "until", json_null());
	put_double(fine, object, "until_seconds", left);
}

/* What was decided last, in words, by which key, and what the guards said. */
static void put_decision(bool *fine, json_t *object, const struct view_service *service)
{
	const struct breaker_decision *last = service->breaker->last;
	char reason[REASON_SIZE];
	struct breaker_fields fields;

	if (!last) {
		put(fine, object, "reason", json_null());
		put(fine, object, "path", json_null());
		put(fine, object, "guards_asked", json_null());
		put(fine, object, "guards_refused", json_null());
		put(fine, object, "blocked_by", json_null());
		return;
	}
	breaker_explain(last, service->name, reason, sizeof(reason));
	breaker_fields(last, service->name, &fields);
	put_string(fine, object, "reason", reason);
	put_string(fine, object, "path", fields.path[0] ? fields.path : NULL);
	put_string(fine, object, "guards_asked", fields.asked[0] ? fields.asked : NULL);
	put_string(fine, object, "guards_refused", fields.refused[0] ? fields.refused : NULL);
	put_string(fine, object, "blocked_by",
		   last->what == BREAKER_REFUSED ? guard_name(guards_first(&last->guards)) : NULL);
}

static json_t *status_breaker(bool *fine, const struct view *view,
			      const struct view_service *service)
{
	const struct view_breaker *shown = service->breaker;
	double age;
	json_t *object;

	if (!shown)
		return json_null();
	object = json_object();
	put_string(fine, object, "state", breaker_state_name(shown->breaker->state));
	put_string(fine, object, "mode", name_mode(shown->mode));
	age = (double)(view->now - shown->breaker->since) / NSEC_PER_SEC;
	if (shown->breaker->since)
		put_time(fine, object, "since", view->wall_clock - age);
	else
		put(fine, object, "since", json_null());
	put_until(fine, object, view, shown->breaker->until);
	put_decision(fine, object, service);
	put_string(fine, object, "not_carried_out", shown->unable);
	return object;
}

static json_t *status_service(bool *fine, const struct view *view,
			      const struct view_service *service)
{
	json_t *object = json_object();

	put_string(fine, object, "name", service->name);
	put_string(fine, object, "role", name_role(service->role));
	put_string(fine, object, "activity", service->activity);
	put_health(fine, object, view, service);
	put(fine, object, "breaker", status_breaker(fine, view, service));
	put(fine, object, "handshakes", status_handshakes(fine, service->total));
	put(fine, object, "closes", status_closes(fine, service->total));
	put_u64(fine, object, "connections_active", view_active(service->total));
	put_u64(fine, object, "retransmits", service->total->counters.retransmits);
	put_u64(fine, object, "resets_sent", service->total->counters.resets_sent);
	put_u64(fine, object, "resets_received", service->total->counters.resets_received);
	put_u64(fine, object, "zero_windows", service->total->counters.zero_windows);
	put_u64(fine, object, "accept_queue_length", service->queue_length);
	put_u64(fine, object, "accept_queue_limit", service->queue_limit);
	put(fine, object, "recent", status_recent(fine, &service->recent));
	put(fine, object, "histograms", status_histograms(service->total));
	put(fine, object, "probers", status_probers(fine, service));
	return object;
}

/* What does not work now comes first, then what is about not to. */
static int urgency(const struct view_service *service)
{
	static const int ranks[HEALTH_MAX] = {
		[HEALTH_FAILING] = 0,	    [HEALTH_WEDGED] = 1,  [HEALTH_FLAPPING] = 2,
		[HEALTH_CHECKER_FAULT] = 3, [HEALTH_AT_RISK] = 4, [HEALTH_HEALTHY] = 5,
	};

	if (service->health && service->health->state != HEALTH_HEALTHY)
		return ranks[service->health->state];
	return ranks[HEALTH_HEALTHY] + (strcmp(service->activity, "busy") != 0);
}

/* The busier of two that are equally urgent comes first. */
static int compare_services(const void *a, const void *b)
{
	const struct view_service *left = *(const struct view_service *const *)a;
	const struct view_service *right = *(const struct view_service *const *)b;
	double left_rate = left->recent.handshakes_per_second;
	double right_rate = right->recent.handshakes_per_second;

	if (urgency(left) != urgency(right))
		return urgency(left) - urgency(right);
	if (left_rate != right_rate)
		return left_rate < right_rate ? 1 : -1;
	if (strcmp(left->name, right->name))
		return strcmp(left->name, right->name);
	return (int)left->role - (int)right->role;
}

static json_t *status_signals(bool *fine, const struct view *view)
{
	json_t *object = json_object();

	for (size_t i = 0; i < view->signals_count; i++)
		put(fine, object, view->signals[i].name, json_boolean(view->signals[i].available));
	return object;
}

static json_t *status_error(bool *fine, const struct view_error *error)
{
	json_t *object = json_object();

	put_string(fine, object, "site", error->site);
	put_string(fine, object, "errno", error->error ? name_errno(error->error) : NULL);
	put_u64(fine, object, "count", error->count);
	return object;
}

static json_t *status_errors(bool *fine, const struct view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; i < view->errors_count; i++) {
		if (!view->errors[i].count)
			continue;
		if (json_array_append_new(array, status_error(fine, &view->errors[i])))
			*fine = false;
	}
	return array;
}

static json_t *status_change(bool *fine, const struct view_change *change)
{
	json_t *object = json_object();

	put_u64(fine, object, "id", change->id);
	put_moment(fine, object, "time", change->wall_clock);
	put_string(fine, object, "service", change->service);
	put_string(fine, object, "role", name_role(change->role));
	put_string(fine, object, "kind", change->kind);
	put_string(fine, object, "was", change->was);
	put_string(fine, object, "is", change->is);
	put_string(fine, object, "reason", change->reason);
	put(fine, object, "earlier_run", json_boolean(change->earlier_run));
	return object;
}

static json_t *status_head(bool *fine, const struct view *view)
{
	json_t *object = json_object();
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, view->config_hash);
	put_string(fine, object, "version", view->version);
	put_string(fine, object, "kernel", view->kernel);
	put_string(fine, object, "listen", view->listen);
	put_double(fine, object, "uptime_seconds", view->uptime);
	put_string(fine, object, "config_hash", hash);
	put_double(fine, object, "tick_late_seconds", view->tick_late);
	put_u64(fine, object, "events_lost", view->events_lost);
	put_u64(fine, object, "bpf_runs_missed", view->runs_missed);
	put(fine, object, "signals", status_signals(fine, view));
	put(fine, object, "bpf_errors", status_errors(fine, view));
	return object;
}

/* ---- as text ---- */

static int status_append(const char *data, size_t size, void *userdata)
{
	struct buffer *out = userdata;

	buffer_append(out, data, size);
	return out->error;
}

/* One object at a time, which goes at once: all of them would be megabytes. */
static void encode(const bool *fine, json_t *object, struct buffer *out)
{
	size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(DIGITS);

	if (!*fine || json_dump_callback(object, status_append, out, flags))
		out->error = out->error ? out->error : -ENOMEM;
	json_decref(object);
}

static void encode_services(bool *fine, const struct view *view, struct buffer *out)
{
	const struct view_service **order = calloc(view->services_count + 1, sizeof(*order));

	if (!order) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < view->services_count; i++)
		order[i] = &view->services[i];
	qsort(order, view->services_count, sizeof(*order), compare_services);
	for (size_t i = 0; i < view->services_count && !out->error; i++) {
		if (i)
			buffer_char(out, ',');
		encode(fine, status_service(fine, view, order[i]), out);
	}
	free(order);
}

static void encode_changes(bool *fine, const struct view *view, struct buffer *out)
{
	for (size_t i = 0; i < view->changes_count && !out->error; i++) {
		if (i)
			buffer_char(out, ',');
		encode(fine, status_change(fine, &view->changes[i]), out);
	}
}

int status_encode(const struct view *view, struct buffer *out)
{
	bool fine = true;

	encode(&fine, status_head(&fine, view), out);
	/* The lists belong into that object. */
	if (out->error)
		return out->error;
	/* It is there, be there a drain: the brace came by itself. */
	out->length--;
	buffer_string(out, ",\"services\":[");
	encode_services(&fine, view, out);
	buffer_string(out, "],\"changes\":[");
	encode_changes(&fine, view, out);
	buffer_string(out, "]}\n");
	return out->error;
}
