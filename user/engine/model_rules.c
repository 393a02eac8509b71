/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/model_rules.h"

#define SECOND 1000000000ULL

const struct model_rules model_rules[] = {
	/* src/check.c: set_server_check_status(), process_chk_conn(); server.c: health = rise */
	[CONFIG_MODEL_HAPROXY] =
		{
			.interval = 2 * SECOND,
			.fall = 3,
			.rise = 2,
			.pace = MODEL_FROM_END,
			.first = MODEL_FIRST_UP_ON_TRIAL,
		},
	/*
	 * ngx_http_upstream_round_robin.c; the timeout is proxy_connect_timeout.  A status is
	 * no failure unless proxy_next_upstream names it, which it does not by default.
	 */
	[CONFIG_MODEL_NGINX] =
		{
			.interval = 10 * SECOND,
			.timeout = 60 * SECOND,
			.fall = 1,
			.rise = 1,
			.rise_fixed = true,
			.pace = MODEL_PASSIVE,
			.http_error = MODEL_HTTP_PASSES,
		},
	/* check_tcp.c: tcp_epilog(); check_data.c: "one failure is enough initially" */
	[CONFIG_MODEL_KEEPALIVED] =
		{
			.interval = 60 * SECOND,
			.timeout = 5 * SECOND,
			.retry_interval = 1 * SECOND,
			.fall = 2,
			.rise = 1,
			.rise_fixed = true,
			.pace = MODEL_FROM_END,
			.first = MODEL_FIRST_UP_ON_TRIAL,
		},
	/*
	 * health_checker_base_impl.cc: handleSuccess(), setUnhealthy().  It has no defaults: the
	 * thresholds are those of `consecutive`.
	 */
	[CONFIG_MODEL_ENVOY] =
		{
			.fall = 3,
			.rise = 2,
			.pace = MODEL_FROM_END,
			.first = MODEL_FIRST_DOWN_ON_TRIAL,
			.http_error = MODEL_HTTP_EJECTS,
		},
	/*
	 * AWS, "Health checks for … target groups": how long an answer takes does not move the
	 * next check, and a new target must pass one.  Several checkers judge an NLB's target:
	 * each is a prober, and a model, of its own.
	 */
	[CONFIG_MODEL_NLB] =
		{
			.interval = 30 * SECOND,
			.timeout = 10 * SECOND,
			.fall = 2,
			.rise = 5,
			.pace = MODEL_FROM_BEGIN,
			.first = MODEL_FIRST_DOWN_ON_TRIAL,
		},
	[CONFIG_MODEL_ALB] =
		{
			.interval = 30 * SECOND,
			.timeout = 5 * SECOND,
			.fall = 2,
			.rise = 5,
			.pace = MODEL_FROM_BEGIN,
			.first = MODEL_FIRST_DOWN_ON_TRIAL,
		},
	/* The legacy HTTP check's defaults. */
	[CONFIG_MODEL_GCP] =
		{
			.interval = 5 * SECOND,
			.timeout = 5 * SECOND,
			.fall = 2,
			.rise = 2,
			.pace = MODEL_FROM_BEGIN,
			.first = MODEL_FIRST_DOWN,
		},
	/* prober/worker.go: a readiness probe.  An error of the prober's own never gets here. */
	[CONFIG_MODEL_KUBELET] =
		{
			.interval = 10 * SECOND,
			.timeout = 1 * SECOND,
			.fall = 3,
			.rise = 1,
			.pace = MODEL_FROM_BEGIN,
			.first = MODEL_FIRST_DOWN,
		},
	[CONFIG_MODEL_CONSECUTIVE] =
		{
			.fall = 3,
			.rise = 2,
			.pace = MODEL_FROM_BEGIN,
		},
};
