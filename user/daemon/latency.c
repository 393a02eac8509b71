/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/latency.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/record.h"
#include "daemon/service.h"
#include "engine/engine.h"
#include "engine/quantile.h"
#include "journal/tape.h"

#define NSEC_PER_SEC 1000000000ULL

#define CALM (60 * NSEC_PER_SEC)
#define ILL  (10 * NSEC_PER_SEC)

struct latency {
	uint64_t noted_at; /* ns */
	struct shunt_histogram then; /* all answers there were */
};

int latencies_init(struct latencies *latencies, const struct services *services,
		   const struct observer *observer, const struct engine *engine)
{
	*latencies = (struct latencies){
		.services = services,
		.observer = observer,
		.engine = engine,
		.items = calloc(services->count, sizeof(*latencies->items)),
	};
	return latencies->items ? 0 : -ENOMEM;
}

void latencies_done(struct latencies *latencies)
{
	if (!latencies->items)
		return;
	for (uint32_t slot = 0; slot < latencies->services->count; slot++)
		free(latencies->items[slot]);
	free(latencies->items);
	*latencies = (struct latencies){0};
}

/* Counts only grow, unless the slot is another's by now. */
static bool is_same(const struct shunt_histogram *now, const struct shunt_histogram *then)
{
	for (int i = 0; i < SHUNT_BUCKETS; i++) {
		if (now->buckets[i] < then->buckets[i])
			return false;
	}
	return true;
}

static uint64_t quantile(const struct shunt_histogram *histogram, double share)
{
	return (uint64_t)(histogram_quantile(histogram, share) * 1e9);
}

static void note(struct record *record, uint32_t slot, const struct shunt_histogram *recent)
{
	const struct tape_note told = {
		.slot = slot,
		.signal = SHUNT_SIGNAL_RESPONSE,
		.count = histogram_count(recent),
		.p50 = quantile(recent, 0.5),
		.p95 = quantile(recent, 0.95),
		.p99 = quantile(recent, 0.99),
	};

	record_note(record, &told);
}

static void visit(struct latencies *latencies, struct record *record, uint32_t slot, uint64_t now)
{
	struct latency *latency = latencies->items[slot];
	struct shunt_histogram recent;
	struct shunt_cell cell;

	services_read(latencies->services, latencies->observer, slot, false, &cell);
	if (!cell.responses)
		return;
	services_read(latencies->services, latencies->observer, slot, true, &cell);
	if (!latency) {
		latency = latencies->items[slot] = calloc(1, sizeof(*latency));
		if (!latency)
			return;
	} else if (is_same(&cell.histograms[SHUNT_SIGNAL_RESPONSE], &latency->then)) {
		histogram_since(&cell.histograms[SHUNT_SIGNAL_RESPONSE], &latency->then, &recent);
		if (histogram_count(&recent))
			note(record, slot, &recent);
	}
	latency->then = cell.histograms[SHUNT_SIGNAL_RESPONSE];
	latency->noted_at = now;
}

/* Not all of them in one second. */
static bool is_due(const struct latencies *latencies, uint32_t slot, uint64_t now)
{
	const struct health_verdict *verdict = engine_health(latencies->engine, slot);
	const struct latency *latency = latencies->items[slot];

	if (!verdict)
		return false;
	if (!latency)
		return now / NSEC_PER_SEC % 60 == slot % 60;
	return now - latency->noted_at >= (verdict->state == HEALTH_HEALTHY ? CALM : ILL);
}

void latencies_look(struct latencies *latencies, struct record *record, uint64_t now)
{
	for (uint32_t slot = SHUNT_SLOT_FIRST; record && slot < latencies->services->count;
	     slot++) {
		if (is_due(latencies, slot, now))
			visit(latencies, record, slot, now);
	}
}
