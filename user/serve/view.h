/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon shows at one moment: the encoders of user/serve and the
 * status command's JSON are functions of this and of nothing else.
 */
#ifndef SHUNT_VIEW_H
#define SHUNT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/breaker.h"
#include "engine/health.h"
#include "engine/prober.h"
#include "shunt/abi.h"
#include "shunt/verdict.h"

/* Over the last seconds rather than since the start; NAN where nothing is known. */
struct view_recent {
	double seconds; /* how long the window really is */
	double handshakes_per_second; /* successful and failed */
	double failures_per_second; /* handshakes and closes that are failures */
	double p50, p95, p99; /* of the handshake, seconds */
};

/* Who checks a service, and what it makes of that. */
struct view_prober {
	char name[PROBER_NAME_MAX]; /* its address */
	double interval; /* seconds */
	double confidence; /* 0 to 1: that it is one */
	const char *model; /* of its load balancer */
	enum lb_state state; /* what that thinks of the service */
	bool certain; /* …for sure */
	uint32_t health; /* HAProxy's counter of it */
	uint32_t checks_until_down; /* failed ones; 0: it is down */
	double seconds_until_down; /* if all fail at once; NAN: not known */
	uint64_t checks[SHUNT_PROBE_MAX]; /* by outcome */
	char history[PROBER_HISTORY + 1]; /* '.' passed, 'x' failed, the newest last */
};

#define VIEW_MODES (CONFIG_MODE_ENFORCE + 1)

/* Moves of a breaker: where to, why, in which mode. */
typedef uint64_t view_moves[BREAKER_STATE_MAX][BREAKER_REASON_MAX][VIEW_MODES];

/* The breaker of a service. */
struct view_breaker {
	const struct breaker *breaker;
	enum config_mode mode; /* in force */
	const view_moves *moves; /* NULL: it has never moved */
	const struct breaker_decision *last; /* NULL: nothing was decided */
	const struct shunt_verdict_counts *counts; /* NULL: there is no data plane for it */
	const char *unable; /* why its verdict is not carried out though it is to be; or NULL */
};

struct view_service {
	const char *name;
	enum shunt_role role;
	const char *activity; /* busy, idle; gone: no listener any more */
	const struct health_verdict *health; /* NULL: it is not judged */
	const struct view_breaker *breaker; /* NULL: likewise */
	const char *balancer; /* the kind of its load balancer; NULL: not known */
	const struct shunt_cell *total; /* summed over CPUs, with what listeners turned away */
	uint64_t queue_length; /* connections that wait to be accepted */
	uint64_t queue_limit; /* 0: nobody listens, or it cannot be known */
	struct view_recent recent;
	const struct view_prober *probers;
	size_t probers_count;
	const struct shunt_histogram *check_durations; /* NULL: nobody checks it */
};

/*
 * One cell of the error table: how often a helper failed so.  Each site has a
 * row with errno 0, whose count is 0 unless a failure had no number, so that
 * "it never failed" can be asked for; and one for each errno that came.
 */
struct view_error {
	const char *site;
	int error; /* positive errno */
	uint64_t count;
};

struct view_signal {
	const char *name;
	bool available;
};

/* What became of alerts, for all targets of a kind. */
struct view_alerts {
	const char *target; /* alertmanager, webhook */
	uint64_t sent; /* alerts that were accepted */
	uint64_t dropped; /* …that were given up */
	uint64_t failed; /* attempts that did not get through */
	uint64_t waiting; /* alerts that have yet to be accepted */
};

/* What is kept of what happened. */
struct view_journal {
	uint64_t bytes; /* on the disk; 0: there is none */
	uint64_t kept; /* records, since the start */
	uint64_t dropped; /* …that were lost */
	bool writes; /* the last was kept */
};

/* Something that happened to a service. */
struct view_change {
	uint64_t id; /* from 1 on */
	double wall_clock; /* seconds since the Unix epoch */
	const char *service;
	enum shunt_role role;
	const char *kind; /* health: of its state; breaker: of its breaker */
	const char *was;
	const char *is;
	const char *reason; /* in words */
	bool earlier_run; /* an earlier daemon saw it */
};

/* What the daemon itself takes; start_time 0: not known, and nothing is shown. */
struct view_process {
	double start_time; /* seconds since the Unix epoch */
	double cpu; /* seconds, user and system */
	uint64_t resident; /* bytes */
	uint64_t open_fds;
	uint64_t max_fds;
};

/* No two services have both name and role in common. */
struct view {
	const struct view_service *services;
	size_t services_count;
	const struct view_error *errors;
	size_t errors_count;
	const struct view_signal *signals;
	size_t signals_count;
	const struct view_alerts *alerts;
	size_t alerts_count;
	struct view_journal journal;
	const struct view_change *changes; /* the newest first */
	size_t changes_count;
	uint64_t events_lost; /* ring buffer `events` */
	uint64_t runs_missed; /* program runs skipped by the kernel (recursion) */
	double tick_late; /* seconds: the last tick's lateness */
	uint64_t config_hash;
	const char *version;
	const char *kernel;
	const char *listen; /* ADDRESS:PORT */
	double uptime; /* seconds */
	uint64_t now; /* ns: on the clock of the verdicts */
	double wall_clock; /* seconds since the Unix epoch, at that moment */
	struct view_process process;
};

/*
 * How many connections are open.  Programs on several CPUs write while the
 * cells are summed, so that a close may be seen before its handshake: never
 * below zero.
 */
static inline uint64_t view_active(const struct shunt_cell *cell)
{
	uint64_t opened = cell->counters.handshakes[SHUNT_HANDSHAKE_OK] + cell->counters.seeded;
	uint64_t closed = 0;

	for (int i = 0; i < SHUNT_CLOSE_MAX; i++)
		closed += cell->counters.closes[i];
	return opened > closed ? opened - closed : 0;
}

#endif
