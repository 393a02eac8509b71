/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/evidence.h"

#include <string.h>

void evidence_forget(struct evidence *evidence)
{
	if (evidence->width)
		memset(evidence, 0, sizeof(*evidence));
}

static struct evidence_slice *slice_of(struct evidence *evidence, uint64_t number)
{
	return &evidence->slices[number % EVIDENCE_SLICES];
}

static void drop_slice(struct evidence *evidence, uint64_t number)
{
	struct evidence_slice *slice = slice_of(evidence, number);

	for (unsigned i = 0; i < EVIDENCE_MAX; i++)
		evidence->sums[i] -= slice->counts[i];
	memset(slice, 0, sizeof(*slice));
}

static void slide(struct evidence *evidence, uint64_t window, uint64_t now)
{
	uint64_t width = window / EVIDENCE_SLICES;
	uint64_t newest = now / width;

	if (evidence->width != width || newest - evidence->newest >= EVIDENCE_SLICES) {
		evidence_forget(evidence);
		evidence->width = width;
		evidence->newest = newest;
		return;
	}
	while (evidence->newest < newest)
		drop_slice(evidence, ++evidence->newest);
}

static void count(struct evidence *evidence, enum evidence_count what, uint64_t n)
{
	uint32_t *counter = &slice_of(evidence, evidence->newest)->counts[what];
	uint64_t room = UINT32_MAX - *counter;

	if (n > room)
		n = room;
	*counter += (uint32_t)n;
	evidence->sums[what] += n;
}

static void end_run(struct evidence *evidence)
{
	if (!evidence->sums[EVIDENCE_RUN])
		return;
	for (unsigned i = 0; i < EVIDENCE_SLICES; i++) {
		evidence->slices[i].counts[EVIDENCE_RUN] = 0;
		evidence->slices[i].counts[EVIDENCE_RUN_TICKS] = 0;
	}
	evidence->sums[EVIDENCE_RUN] = 0;
	evidence->sums[EVIDENCE_RUN_TICKS] = 0;
}

void evidence_add(struct evidence *evidence, uint64_t window, uint64_t now,
		  const struct evidence_tick *tick)
{
	slide(evidence, window, now);
	count(evidence, EVIDENCE_ATTEMPTS, tick->attempts);
	count(evidence, EVIDENCE_ENDS, tick->ends);
	count(evidence, EVIDENCE_FAILURES, tick->failures);
	count(evidence, EVIDENCE_FAILED_TICKS, tick->failures > 0);
	count(evidence, EVIDENCE_SAMPLES, tick->samples);
	count(evidence, EVIDENCE_SLOW, tick->slow);
	/* In what order they came is not known: that what went well came last is the mild guess. */
	if (tick->passes) {
		end_run(evidence);
		return;
	}
	count(evidence, EVIDENCE_RUN, tick->failures);
	count(evidence, EVIDENCE_RUN_TICKS, tick->failures > 0);
}

uint64_t evidence_connections(const struct evidence *evidence)
{
	uint64_t attempts = evidence->sums[EVIDENCE_ATTEMPTS];
	uint64_t ends = evidence->sums[EVIDENCE_ENDS];

	return attempts > ends ? attempts : ends;
}
