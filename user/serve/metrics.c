/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/metrics.h"

#include <errno.h>
#include <stdio.h>

#include "serve/metrics_breaker.h"
#include "serve/metrics_probes.h"
#include "serve/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void collect_histogram(const struct metric_family *family, const struct view *view,
			      struct metric_sink *sink)
{
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};

		sink->histogram(sink, &labels, &labels.service->total->histograms[family->field]);
	}
}

/* A counter of the cell, at the offset that the family names. */
static void collect_counter(const struct metric_family *family, const struct view *view,
			    struct metric_sink *sink)
{
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};
		const char *cell = (const char *)labels.service->total;
		uint64_t count;

		memcpy(&count, cell + family->field, sizeof(count));
		sink->value(sink, &labels, (double)count);
	}
}

static void collect_active(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};

		sink->value(sink, &labels, (double)view_active(labels.service->total));
	}
}

static void collect_handshakes(const struct metric_family *family, const struct view *view,
			       struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (int outcome = 0; outcome < SHUNT_HANDSHAKE_MAX; outcome++) {
			struct metric_labels labels = {service,
						       {{"error_type", name_handshake(outcome)}}};
			uint64_t count = service->total->counters.handshakes[outcome];

			if (count || handshake_possible(service->role, outcome))
				sink->value(sink, &labels, (double)count);
		}
	}
}

static void collect_closes(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (int outcome = 0; outcome < SHUNT_CLOSE_MAX; outcome++) {
			struct metric_labels labels = {service,
						       {{"error_type", name_close(outcome)}}};

			sink->value(sink, &labels,
				    (double)service->total->counters.closes[outcome]);
		}
	}
}

static void collect_resets(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];
		struct metric_labels labels = {service, {{"direction", "sent"}}};

		sink->value(sink, &labels, (double)service->total->counters.resets_sent);
		labels.others[0].value = "received";
		sink->value(sink, &labels, (double)service->total->counters.resets_received);
	}
}

/* A listener's queue, of services that listen. */
static void collect_queue(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink)
{
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};
		uint64_t count;

		memcpy(&count, (const char *)labels.service + family->field, sizeof(count));
		if (labels.service->queue_limit)
			sink->value(sink, &labels, (double)count);
	}
}

static void collect_listen_drops(const struct metric_family *family, const struct view *view,
				 struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];
		struct metric_labels labels = {.service = service};

		if (service->role == SHUNT_ROLE_SERVER)
			sink->value(sink, &labels,
				    (double)service->total->counters
					    .handshakes[SHUNT_HANDSHAKE_OVERFLOW]);
	}
}

/* A stateset: 1 for the state that it is in, 0 for the others. */
static void collect_health(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (enum health_state state = 0; service->health && state < HEALTH_MAX; state++) {
			struct metric_labels labels = {service,
						       {{"state", health_state_name(state)}}};

			sink->value(sink, &labels, service->health->state == state);
		}
	}
}

static void collect_flap_score(const struct metric_family *family, const struct view *view,
			       struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};

		if (labels.service->health)
			sink->value(sink, &labels, labels.service->health->flap_score);
	}
}

static void collect_alerts(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->alerts_count; i++) {
		const struct view_alerts *alerts = &view->alerts[i];
		struct metric_labels labels = {NULL,
					       {{"target", alerts->target}, {"result", "sent"}}};

		sink->value(sink, &labels, (double)alerts->sent);
		labels.others[1].value = "dropped";
		sink->value(sink, &labels, (double)alerts->dropped);
	}
}

/* One figure for each kind of target, at the offset that the family names. */
static void collect_targets(const struct metric_family *family, const struct view *view,
			    struct metric_sink *sink)
{
	for (size_t i = 0; i < view->alerts_count; i++) {
		const char *alerts = (const char *)&view->alerts[i];
		struct metric_labels labels = {NULL, {{"target", view->alerts[i].target}}};
		uint64_t count;

		memcpy(&count, alerts + family->field, sizeof(count));
		sink->value(sink, &labels, (double)count);
	}
}

enum journal_field { JOURNAL_BYTES, JOURNAL_KEPT, JOURNAL_DROPPED, JOURNAL_WRITES };

static void collect_journal(const struct metric_family *family, const struct view *view,
			    struct metric_sink *sink)
{
	const struct view_journal *journal = &view->journal;
	const double values[] = {
		[JOURNAL_BYTES] = (double)journal->bytes,
		[JOURNAL_KEPT] = (double)journal->kept,
		[JOURNAL_DROPPED] = (double)journal->dropped,
		[JOURNAL_WRITES] = journal->writes,
	};
	struct metric_labels labels = {0};

	sink->value(sink, &labels, values[family->field]);
}

static void collect_signals(const struct metric_family *family, const struct view *view,
			    struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->signals_count; i++) {
		struct metric_labels labels = {NULL, {{"signal", view->signals[i].name}}};

		sink->value(sink, &labels, view->signals[i].available);
	}
}

static void collect_errors(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->errors_count; i++) {
		const struct view_error *error = &view->errors[i];
		struct metric_labels labels = {NULL, {{"site", error->site}, {"errno", ""}}};
		char number[16];

		if (error->error) {
			snprintf(number, sizeof(number), "%d", error->error);
			labels.others[1].value = name_errno(error->error);
			if (!labels.others[1].value)
				labels.others[1].value = number;
		}
		sink->value(sink, &labels, (double)error->count);
	}
}

static void collect_events_lost(const struct metric_family *family, const struct view *view,
				struct metric_sink *sink)
{
	struct metric_labels labels = {NULL, {{"buffer", "events"}}};

	(void)family;
	sink->value(sink, &labels, (double)view->events_lost);
}

static void collect_runs_missed(const struct metric_family *family, const struct view *view,
				struct metric_sink *sink)
{
	struct metric_labels labels = {0};

	(void)family;
	sink->value(sink, &labels, (double)view->runs_missed);
}

static void collect_tick(const struct metric_family *family, const struct view *view,
			 struct metric_sink *sink)
{
	struct metric_labels labels = {0};

	(void)family;
	sink->value(sink, &labels, view->tick_late);
}

static void collect_config(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	char hash[17];
	struct metric_labels labels = {NULL, {{"hash", hash}}};

	(void)family;
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)view->config_hash);
	sink->value(sink, &labels, 1);
}

static void collect_build(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink)
{
	struct metric_labels labels = {NULL,
				       {{"version", view->version}, {"kernel", view->kernel}}};

	(void)family;
	sink->value(sink, &labels, 1);
}

enum process_field {
	PROCESS_CPU,
	PROCESS_RESIDENT,
	PROCESS_START,
	PROCESS_OPEN_FDS,
	PROCESS_MAX_FDS,
};

static void collect_process(const struct metric_family *family, const struct view *view,
			    struct metric_sink *sink)
{
	const struct view_process *process = &view->process;
	const double values[] = {
		[PROCESS_CPU] = process->cpu,
		[PROCESS_RESIDENT] = (double)process->resident,
		[PROCESS_START] = process->start_time,
		[PROCESS_OPEN_FDS] = (double)process->open_fds,
		[PROCESS_MAX_FDS] = (double)process->max_fds,
	};
	struct metric_labels labels = {0};

	if (process->start_time > 0)
		sink->value(sink, &labels, values[family->field]);
}

static const struct metric_family families[] = {
	{"shunt_tcp_handshake_duration_seconds",
	 "Successful handshakes: from SYN to established at a client, from SYN-ACK to ACK at a server.",
	 "seconds", METRIC_HISTOGRAM, collect_histogram, SHUNT_SIGNAL_HANDSHAKE},
	{"shunt_tcp_response_duration_seconds",
	 "Time from the last byte of a request to the first byte of its response.", "seconds",
	 METRIC_HISTOGRAM, collect_histogram, SHUNT_SIGNAL_RESPONSE},
	{"shunt_tcp_rtt_seconds", "Smoothed round-trip time, sampled on live connections.",
	 "seconds", METRIC_HISTOGRAM, collect_histogram, SHUNT_SIGNAL_RTT},
	{"shunt_tcp_connection_duration_seconds", "Time from established to closed.", "seconds",
	 METRIC_HISTOGRAM, collect_histogram, SHUNT_SIGNAL_CONNECTION},
	{"shunt_tcp_handshakes_total",
	 "Attempts to connect by how they ended; an empty error_type is success.", NULL,
	 METRIC_COUNTER, collect_handshakes, 0},
	{"shunt_tcp_connections_closed_total",
	 "Established connections by how they ended; an empty error_type is an orderly close.",
	 NULL, METRIC_COUNTER, collect_closes, 0},
	{"shunt_tcp_connections_active", "Connections open now.", NULL, METRIC_GAUGE,
	 collect_active, 0},
	{"shunt_tcp_retransmits_total", "Segments that were sent again.", NULL, METRIC_COUNTER,
	 collect_counter, offsetof(struct shunt_cell, counters.retransmits)},
	{"shunt_tcp_resets_total", "Resets by direction.", NULL, METRIC_COUNTER, collect_resets, 0},
	{"shunt_tcp_zero_windows_total", "Times that a peer had no room left for what was sent.",
	 NULL, METRIC_COUNTER, collect_counter, offsetof(struct shunt_cell, counters.zero_windows)},
	{"shunt_accept_queue_length", "Connections that wait to be accepted.", NULL, METRIC_GAUGE,
	 collect_queue, offsetof(struct view_service, queue_length)},
	{"shunt_accept_queue_limit", "How many may wait to be accepted.", NULL, METRIC_GAUGE,
	 collect_queue, offsetof(struct view_service, queue_limit)},
	{"shunt_listen_drops_total",
	 "SYNs and connections that a listener turned away, retransmissions included.", NULL,
	 METRIC_COUNTER, collect_listen_drops, 0},
	{"shunt_health", "1 for the state that the service is in, 0 for the others.", NULL,
	 METRIC_GAUGE, collect_health, 0},
	{"shunt_flap_score", "How much the last checks of the service differ, 0 to 1.", NULL,
	 METRIC_GAUGE, collect_flap_score, 0},
	{"shunt_probes_total", "Health checks by who made them and how they ended.", NULL,
	 METRIC_COUNTER, metrics_checks, 0},
	{"shunt_probe_duration_seconds", "How long health checks took that came to an end.",
	 "seconds", METRIC_HISTOGRAM, metrics_check_durations, 0},
	{"shunt_probe_interval_seconds", "How far a prober's health checks are apart.", "seconds",
	 METRIC_GAUGE, metrics_prober, METRICS_PROBER_INTERVAL},
	{"shunt_lb_state",
	 "1 for what the load balancer behind a prober thinks of the service, 0 for the others.",
	 NULL, METRIC_GAUGE, metrics_lb_state, 0},
	{"shunt_lb_checks_until_down",
	 "Health checks that must fail until the load balancer takes the service out; 0: it is out.",
	 NULL, METRIC_GAUGE, metrics_prober, METRICS_PROBER_CHECKS_LEFT},
	{"shunt_lb_seconds_until_down",
	 "How soon that is, in seconds, if every check fails at once, at the rhythm of now.", NULL,
	 METRIC_GAUGE, metrics_prober, METRICS_PROBER_TIME_LEFT},
	{"shunt_breaker_state", "1 for the state that the breaker is in, 0 for the others.", NULL,
	 METRIC_GAUGE, metrics_breaker_state, 0},
	{"shunt_breaker_mode",
	 "1 for the mode that the breaker is in, orders considered, 0 for the others.", NULL,
	 METRIC_GAUGE, metrics_breaker_mode, 0},
	{"shunt_breaker_transitions_total", "Moves of the breaker, in shadow as well.", NULL,
	 METRIC_COUNTER, metrics_breaker_moves, 0},
	{"shunt_breaker_held_total", "Trips that a guard refused.", NULL, METRIC_COUNTER,
	 metrics_breaker_held, 0},
	{"shunt_verdict_connections_total",
	 "New connections that met a verdict, by what was done; shadow_: by what would have been.",
	 NULL, METRIC_COUNTER, metrics_verdicts, 0},
	{"shunt_alerts_total", "Alerts by what became of them; repeats are not counted.", NULL,
	 METRIC_COUNTER, collect_alerts, 0},
	{"shunt_alert_attempts_failed_total", "Requests with alerts that did not get through.",
	 NULL, METRIC_COUNTER, collect_targets, offsetof(struct view_alerts, failed)},
	{"shunt_alerts_waiting", "Alerts that a target has yet to accept.", NULL, METRIC_GAUGE,
	 collect_targets, offsetof(struct view_alerts, waiting)},
	{"shunt_journal_bytes", "What the journal takes on the disk.", "bytes", METRIC_GAUGE,
	 collect_journal, JOURNAL_BYTES},
	{"shunt_journal_available", "1 where the last record was kept, 0 where it was lost.", NULL,
	 METRIC_GAUGE, collect_journal, JOURNAL_WRITES},
	{"shunt_journal_records_total", "Records that are safe on the disk.", NULL, METRIC_COUNTER,
	 collect_journal, JOURNAL_KEPT},
	{"shunt_journal_records_dropped_total", "Records that were lost.", NULL, METRIC_COUNTER,
	 collect_journal, JOURNAL_DROPPED},
	{"shunt_signal_available", "1 where this kernel gives the signal, 0 where it does not.",
	 NULL, METRIC_GAUGE, collect_signals, 0},
	{"shunt_bpf_errors_total", "Helper calls of the BPF programs that failed.", NULL,
	 METRIC_COUNTER, collect_errors, 0},
	{"shunt_events_lost_total", "Events that found a ring buffer full.", NULL, METRIC_COUNTER,
	 collect_events_lost, 0},
	{"shunt_bpf_runs_missed_total", "Runs of BPF programs that the kernel skipped.", NULL,
	 METRIC_COUNTER, collect_runs_missed, 0},
	{"shunt_tick_late_seconds", "How late the last tick of the loop was.", "seconds",
	 METRIC_GAUGE, collect_tick, 0},
	{"shunt_config_info", "The configuration in use.", NULL, METRIC_INFO, collect_config, 0},
	{"shunt_build_info", "The program and the kernel under it.", NULL, METRIC_INFO,
	 collect_build, 0},
	{"process_cpu_seconds_total", "CPU time of the daemon, user and system.", "seconds",
	 METRIC_COUNTER, collect_process, PROCESS_CPU},
	{"process_resident_memory_bytes", "Resident memory of the daemon.", "bytes", METRIC_GAUGE,
	 collect_process, PROCESS_RESIDENT},
	{"process_start_time_seconds", "When the daemon started, since the Unix epoch.", "seconds",
	 METRIC_GAUGE, collect_process, PROCESS_START},
	{"process_open_fds", "File descriptors that the daemon has open.", NULL, METRIC_GAUGE,
	 collect_process, PROCESS_OPEN_FDS},
	{"process_max_fds", "File descriptors that it may have open.", NULL, METRIC_GAUGE,
	 collect_process, PROCESS_MAX_FDS},
};

const struct metric_family *metrics_families(size_t *ret_count)
{
	*ret_count = COUNT(families);
	return families;
}

void metrics_collect(const struct view *view, struct metric_sink *sink)
{
	for (size_t i = 0; i < COUNT(families); i++) {
		sink->family(sink, &families[i]);
		families[i].collect(&families[i], view, sink);
	}
}

void metrics_coarsen(const struct shunt_histogram *histogram, struct metric_buckets *ret_buckets)
{
	const volatile __u64 *bucket = histogram->buckets;
	uint64_t count = 0;
	int b = 0;

	for (int i = 0; i < METRICS_LE_COUNT; i++) {
		int last = SHUNT_BUCKET_SECOND + SHUNT_BUCKETS_PER_OCTAVE * (METRICS_LE_FIRST + i);

		while (b <= last)
			count += bucket[b++];
		ret_buckets->counts[i] = count;
	}
	while (b < SHUNT_BUCKETS)
		count += bucket[b++];
	ret_buckets->counts[METRICS_LE_COUNT] = count;
}

const char *metrics_content_type(enum metrics_format format)
{
	switch (format) {
	case METRICS_OPENMETRICS:
		return "application/openmetrics-text; version=1.0.0; charset=utf-8";
	case METRICS_PROTOBUF:
		return "application/vnd.google.protobuf; "
		       "proto=io.prometheus.client.MetricFamily; encoding=delimited";
	default:
		return "text/plain; version=0.0.4; charset=utf-8";
	}
}

int metrics_encode(enum metrics_format format, const struct view *view, struct buffer *out)
{
	switch (format) {
	case METRICS_TEXT:
		return metrics_encode_text(false, view, out);
	case METRICS_OPENMETRICS:
		return metrics_encode_text(true, view, out);
	case METRICS_PROTOBUF:
		return metrics_encode_protobuf(view, out);
	default:
		return -EINVAL;
	}
}
