/* SPDX-License-Identifier: GPL-2.0 */
/* The metrics of health checks; each is the `collect` of a family (serve/metrics.h). */
#ifndef SHUNT_METRICS_PROBES_H
#define SHUNT_METRICS_PROBES_H

#include "serve/metrics.h"

/* Checks by prober and outcome. */
void metrics_checks(const struct metric_family *family, const struct view *view,
		    struct metric_sink *sink);

/* How long checks took. */
void metrics_check_durations(const struct metric_family *family, const struct view *view,
			     struct metric_sink *sink);

/* A figure of each prober: `field` is an enum metrics_prober_field. */
enum metrics_prober_field {
	METRICS_PROBER_INTERVAL,
	METRICS_PROBER_CHECKS_LEFT,
	METRICS_PROBER_TIME_LEFT,
};
void metrics_prober(const struct metric_family *family, const struct view *view,
		    struct metric_sink *sink);

/* What each load balancer thinks: a stateset. */
void metrics_lb_state(const struct metric_family *family, const struct view *view,
		      struct metric_sink *sink);

#endif
