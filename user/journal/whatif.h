/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What another configuration would have done with what was recorded: which trips would have
 * been, which would not, and whom it would have met.
 *
 * What is known is what came; that nobody was turned away in the record, and who would have
 * come back later, is not.  A breaker that is half-open is tried by what came, each connection
 * a trial, as in shadow.
 */
#ifndef SHUNT_JOURNAL_WHATIF_H
#define SHUNT_JOURNAL_WHATIF_H

#include <stdint.h>

#include "journal/replay.h"

/* How a trip is found again: by one of its service that is no further away. */
#define WHATIF_NEAR 10000000000ULL

enum whatif_kind {
	WHATIF_BOTH, /* it was, and would have been */
	WHATIF_ONLY_RECORDED,
	WHATIF_ONLY_OTHER,
};

struct whatif_trip {
	enum whatif_kind kind;
	uint64_t at; /* ns, wall clock; of both: of the other one */
	uint64_t recorded_at; /* of both */
	uint64_t until; /* it would have closed again; 0: not by the end */
	char name[ENGINE_NAME_MAX];
	char why[REPLAY_TEXT_MAX];
	/* Those that came while it would not have been closed, up to `until`. */
	uint64_t refused; /* connections that went well */
	uint64_t spared; /* …that did not */
};

struct whatif_result {
	struct player_counts counts;
	uint64_t damaged; /* records */
	uint64_t recorded_hash; /* of the configuration, as of the first keyframe */
	struct whatif_trip *trips; /* in order */
	size_t count;
	uint64_t refused, spared; /* of all */
};

/* Plays the journal with another configuration.  0 or a negative errno, as replay(). */
int whatif(struct journal *journal, const struct replay_span *span, const struct config *config,
	   struct whatif_result *ret_result);

void whatif_done(struct whatif_result *result);

#endif
