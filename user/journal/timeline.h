/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happened, service by service, from a journal: an incident begins where a service is no
 * longer healthy, or somebody orders something, and ends where both are over.  No engine is
 * needed for that, for what it came to has been recorded.
 */
#ifndef SHUNT_JOURNAL_TIMELINE_H
#define SHUNT_JOURNAL_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/replay.h"

enum timeline_kind {
	TIMELINE_SYMPTOM, /* the first that was seen */
	TIMELINE_CONCLUSION, /* graver than all before */
	TIMELINE_CHANGE, /* another state */
	TIMELINE_DONE, /* by the breaker, or an operator */
	TIMELINE_NOT_DONE, /* a guard refused */
	TIMELINE_END,
	TIMELINE_BREAK, /* shunt ended, or records are missing */
};

struct timeline_event {
	uint64_t at; /* ns, wall clock */
	enum timeline_kind kind;
	enum health_state state; /* of the first three, and the end */
	char *text; /* why, in words */
};

/* How long answers took, ns; `count` 0: not known. */
struct timeline_latency {
	uint64_t count, p50, p95, p99;
};

struct timeline_incident {
	char name[ENGINE_NAME_MAX];
	enum shunt_role role;
	enum config_mode mode; /* of its breaker, as configured */
	uint64_t began; /* ns, wall clock */
	uint64_t ended; /* 0: not by the end */
	bool seen_begin; /* else it was so before */
	enum health_state worst;
	struct timeline_latency before, then; /* then: at its slowest */
	struct timeline_event *events;
	size_t count;
};

struct timeline {
	struct timeline_incident *incidents; /* by their begin */
	size_t count;
	uint64_t from, to; /* ns, wall clock: of what was read; 0: nothing */
	uint64_t damaged; /* records */
	uint64_t gaps;
};

/*
 * Reads a journal; `service`, a name, leaves all others out, unless it is NULL.  0, or a
 * negative errno as replay().
 */
int timeline_read(struct journal *journal, const struct replay_span *span, const char *service,
		  struct timeline *ret_timeline);

void timeline_done(struct timeline *timeline);

/* "first symptom", "conclusion", … */
const char *timeline_kind_name(enum timeline_kind kind);

#endif
