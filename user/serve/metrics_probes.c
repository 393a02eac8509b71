/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/metrics_probes.h"

#include <math.h>

#include "serve/names.h"

typedef void (*prober_fn)(const struct metric_family *family, const struct view_service *service,
			  const struct view_prober *prober, struct metric_sink *sink);

static void each_prober(const struct metric_family *family, const struct view *view,
			struct metric_sink *sink, prober_fn fn)
{
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (size_t j = 0; j < service->probers_count; j++)
			fn(family, service, &service->probers[j], sink);
	}
}

static void put_checks(const struct metric_family *family, const struct view_service *service,
		       const struct view_prober *prober, struct metric_sink *sink)
{
	(void)family;
	for (enum shunt_probe_outcome outcome = 0; outcome < SHUNT_PROBE_MAX; outcome++) {
		struct metric_labels labels = {
			service, {{"prober", prober->name}, {"outcome", name_outcome(outcome)}}};

		sink->value(sink, &labels, (double)prober->checks[outcome]);
	}
}

void metrics_checks(const struct metric_family *family, const struct view *view,
		    struct metric_sink *sink)
{
	each_prober(family, view, sink, put_checks);
}

void metrics_check_durations(const struct metric_family *family, const struct view *view,
			     struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		struct metric_labels labels = {.service = &view->services[i]};

		if (labels.service->check_durations)
			sink->histogram(sink, &labels, labels.service->check_durations);
	}
}

static void put_figure(const struct metric_family *family, const struct view_service *service,
		       const struct view_prober *prober, struct metric_sink *sink)
{
	struct metric_labels labels = {service, {{"prober", prober->name}}};
	const double values[] = {
		[METRICS_PROBER_INTERVAL] = prober->interval,
		[METRICS_PROBER_CHECKS_LEFT] = prober->checks_until_down,
		[METRICS_PROBER_TIME_LEFT] = prober->seconds_until_down,
	};

	if (!isnan(values[family->field]))
		sink->value(sink, &labels, values[family->field]);
}

void metrics_prober(const struct metric_family *family, const struct view *view,
		    struct metric_sink *sink)
{
	each_prober(family, view, sink, put_figure);
}

static void put_state(const struct metric_family *family, const struct view_service *service,
		      const struct view_prober *prober, struct metric_sink *sink)
{
	(void)family;
	for (enum lb_state state = 0; state < LB_STATE_MAX; state++) {
		struct metric_labels labels = {
			service, {{"prober", prober->name}, {"state", lb_state_names[state]}}};

		sink->value(sink, &labels, prober->state == state);
	}
}

void metrics_lb_state(const struct metric_family *family, const struct view *view,
		      struct metric_sink *sink)
{
	each_prober(family, view, sink, put_state);
}
