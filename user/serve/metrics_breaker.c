/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/metrics_breaker.h"

#include <string.h>

#include "serve/names.h"

/* "shadow_redirect" */
#define VERDICT_NAME_MAX 24

void metrics_breaker_state(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (enum breaker_state state = 0; service->breaker && state < BREAKER_STATE_MAX;
		     state++) {
			struct metric_labels labels = {service,
						       {{"state", breaker_state_name(state)}}};

			sink->value(sink, &labels, service->breaker->breaker->state == state);
		}
	}
}

void metrics_breaker_mode(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (unsigned mode = 0; service->breaker && mode < VIEW_MODES; mode++) {
			struct metric_labels labels = {service, {{"mode", name_mode(mode)}}};

			sink->value(sink, &labels, service->breaker->mode == mode);
		}
	}
}

static void put_moves(const struct view_service *service, enum breaker_state to,
		      struct metric_sink *sink)
{
	for (unsigned reason = 0; reason < BREAKER_REASON_MAX; reason++) {
		for (unsigned mode = 0; mode < VIEW_MODES; mode++) {
			uint64_t count = (*service->breaker->moves)[to][reason][mode];
			struct metric_labels labels = {
				service,
				{{"to", breaker_state_name(to)},
				 {"reason", breaker_reason_name(reason)},
				 {"mode", name_mode(mode)}},
			};

			if (count)
				sink->value(sink, &labels, (double)count);
		}
	}
}

void metrics_breaker_moves(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		if (!service->breaker || !service->breaker->moves)
			continue;
		for (enum breaker_state to = 0; to < BREAKER_STATE_MAX; to++)
			put_moves(service, to, sink);
	}
}

void metrics_breaker_held(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		for (enum guard guard = 0; service->breaker && guard < GUARD_MAX; guard++) {
			struct metric_labels labels = {service, {{"guard", guard_name(guard)}}};

			sink->value(sink, &labels, (double)service->breaker->breaker->held[guard]);
		}
	}
}

static void put_verdicts(const struct view_service *service, const char *prefix,
			 const __u64 counts[SHUNT_VERDICT_MAX], struct metric_sink *sink)
{
	for (enum shunt_verdict verdict = 0; verdict < SHUNT_VERDICT_MAX; verdict++) {
		char name[VERDICT_NAME_MAX];
		struct metric_labels labels = {service, {{"verdict", name}}};

		stpcpy(stpcpy(name, prefix), name_verdict(verdict));
		sink->value(sink, &labels, (double)counts[verdict]);
	}
}

void metrics_verdicts(const struct metric_family *family, const struct view *view,
		      struct metric_sink *sink)
{
	(void)family;
	for (size_t i = 0; i < view->services_count; i++) {
		const struct view_service *service = &view->services[i];

		if (!service->breaker || !service->breaker->counts)
			continue;
		put_verdicts(service, "", service->breaker->counts->connections, sink);
		put_verdicts(service, "shadow_", service->breaker->counts->shadow, sink);
	}
}
