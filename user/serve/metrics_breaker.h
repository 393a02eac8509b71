/* SPDX-License-Identifier: GPL-2.0 */
/* The metrics of breakers and of what the data plane did; see metrics.h. */
#ifndef SHUNT_METRICS_BREAKER_H
#define SHUNT_METRICS_BREAKER_H

#include "serve/metrics.h"

/* In which state each breaker is, and in which mode: statesets. */
void metrics_breaker_state(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink);
void metrics_breaker_mode(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink);

/* Moves by where to, why and in which mode: those that there were. */
void metrics_breaker_moves(const struct metric_family *family, const struct view *view,
			   struct metric_sink *sink);

/* Trips that each guard refused. */
void metrics_breaker_held(const struct metric_family *family, const struct view *view,
			  struct metric_sink *sink);

/* New connections by verdict, where there is a data plane. */
void metrics_verdicts(const struct metric_family *family, const struct view *view,
		      struct metric_sink *sink);

#endif
