/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer.h"
#include "daemon/service.h"
#include "engine/fault.h"
#include "engine/quantile.h"
#include "kernel/observer.h"

int gather_init(struct gather *gather, struct observer *observer, const struct bindings *bindings,
		struct services *services, struct engine *engine)
{
	*gather = (struct gather){
		.observer = observer,
		.bindings = bindings,
		.services = services,
		.engine = engine,
		.last = calloc(services->count, sizeof(*gather->last)),
		.counted = calloc(services->count, sizeof(*gather->counted)),
		.dropped = calloc(services->count, sizeof(*gather->dropped)),
		.slow = calloc(services->count, sizeof(*gather->slow)),
		.waiting = calloc(services->count, sizeof(*gather->waiting)),
		.samples = calloc(services->count, sizeof(*gather->samples)),
	};
	return gather->last && gather->counted && gather->dropped && gather->slow &&
			       gather->waiting && gather->samples
		       ? 0
		       : -ENOMEM;
}

void gather_done(struct gather *gather)
{
	free(gather->last);
	free(gather->counted);
	free(gather->dropped);
	free(gather->slow);
	free(gather->waiting);
	free(gather->samples);
	*gather = (struct gather){0};
}

void gather_follow(struct gather *gather, uint32_t slot, bool follow)
{
	gather->last[slot] = (struct gathered){.followed = follow};
	gather->slow[slot] = (struct gathered_slow){0};
}

/* ---- the closer look: accept queues and waiting requests ---- */

/* What could be seen in this tick. */
struct look {
	bool taken;
	bool queues;
	bool waiting;
};

/* Once for all services, if one of them asks for it. */
static struct look take_look(struct gather *gather, uint64_t now)
{
	struct services *services = gather->services;
	struct look look = {.taken = engine_wants_look(gather->engine, now)};

	if (!look.taken)
		return look;
	look.queues = !queues_read(&services->queues, gather->observer, gather->bindings, now);
	look.waiting = !observer_waiting(gather->observer, now, ENGINE_WAITING_AGE, gather->waiting,
					 services->count);
	return look;
}

static void add_look(const struct gather *gather, const struct look *look,
		     struct engine_sample *sample)
{
	const struct observer_waiting *waiting = &gather->waiting[sample->slot];
	const struct queue *queue = &gather->services->queues.slots[sample->slot];

	if (look->waiting) {
		sample->seen |= ENGINE_SAW_WAITING;
		sample->waiting = waiting->count;
		sample->oldest = waiting->oldest;
	}
	/* Where nobody listens there is no queue. */
	if (look->queues && queue->limit) {
		sample->seen |= ENGINE_SAW_QUEUE;
		sample->queue = (uint32_t)queue->length;
		sample->queue_limit = (uint32_t)queue->limit;
	}
}

/* ---- what went on since the last tick ---- */

static uint32_t open_of(const struct shunt_cell *cell)
{
	uint64_t active = cell_active(cell);

	return active < UINT32_MAX ? (uint32_t)active : UINT32_MAX;
}

static void add_difference(struct gather *gather, const struct health_traffic *all, uint64_t drops,
			   struct engine_sample *sample)
{
	const uint64_t *new = (const uint64_t *)all;
	const uint64_t *old = (const uint64_t *)&gather->counted[sample->slot];
	uint64_t *difference = (uint64_t *)&sample->traffic;

	for (size_t i = 0; i < sizeof(*all) / sizeof(*new); i++)
		difference[i] = new[i] - old[i];
	sample->drops = drops - gather->dropped[sample->slot];
}

/* Counters, and the histograms where the breaker wants to know who is slow. */
static void read_cell(const struct gather *gather, uint32_t slot, bool histograms,
		      struct shunt_cell *ret_cell)
{
	if (histograms)
		observer_read(gather->observer, slot, ret_cell);
	else
		observer_read_counters(gather->observer, slot, ret_cell);
}

/* What is slow is as configured; with another limit it is counted from then on. */
static void add_slow(struct gather *gather, const struct config_slow *config,
		     const struct shunt_cell *cell, struct engine_sample *sample)
{
	const struct shunt_histogram *histogram = &cell->histograms[config->signal];
	struct gathered_slow *last = &gather->slow[sample->slot];
	const struct gathered_slow now = {
		.over = config->over,
		.signal = config->signal,
		.samples = histogram_count(histogram),
		.slow = histogram_above(histogram, config->over),
	};

	if (last->over == now.over && last->signal == now.signal) {
		sample->samples = now.samples - last->samples;
		sample->slow = now.slow - last->slow;
	}
	*last = now;
}

/* What the data plane did is not the service's doing; what it let through is on trial. */
static void add_verdicts(struct gather *gather, struct engine_sample *sample)
{
	uint64_t *refused = &sample->traffic.handshakes[SHUNT_HANDSHAKE_REFUSED];

	*refused -= enforcer_own_refusals(gather->enforcer, sample->slot, *refused);
	if (!enforcer_trials(gather->enforcer, sample->slot, &sample->trials_passed,
			     &sample->trials_failed, &sample->trials_slow))
		return;
	/* Attempts that came to nothing: those that were not let through are not seen. */
	sample->trials_failed += fault_handshakes(engine_role(gather->engine, sample->slot),
						  sample->traffic.handshakes) +
				 sample->drops;
}

static void add_traffic(struct gather *gather, struct engine_sample *sample)
{
	const struct config_slow *slow =
		&engine_rules(gather->engine)->services[sample->slot].breaker->slow;
	uint64_t drops = gather->services->queues.slots[sample->slot].drops;
	struct gathered *last = &gather->last[sample->slot];
	struct health_traffic all;
	struct shunt_cell cell;

	read_cell(gather, sample->slot, slow->over, &cell);
	all.responses = cell.responses;
	all.response_time = cell.response_time;
	memcpy(all.handshakes, cell.counters.handshakes, sizeof(all.handshakes));
	memcpy(all.closes, cell.counters.closes, sizeof(all.closes));
	/* What was before its first tick is not known to be of now. */
	if (last->begun)
		add_difference(gather, &all, drops, sample);
	if (slow->over)
		add_slow(gather, slow, &cell, sample);
	if (gather->enforcer)
		add_verdicts(gather, sample);
	gather->counted[sample->slot] = all;
	gather->dropped[sample->slot] = drops;
	last->begun = true;
	last->open = open_of(&cell);
}

/* Of a slot, as of now. */
static uint64_t activity_of(const struct gather *gather, uint32_t slot)
{
	return observer_activity(gather->observer, slot) +
	       gather->services->queues.slots[slot].drops;
}

/* Whether there is anything to say of a slot. */
static bool visit(struct gather *gather, uint32_t slot, const struct look *look,
		  struct engine_sample *sample)
{
	struct gathered *last = &gather->last[slot];
	uint64_t activity;
	bool looked;

	if (!last->followed)
		return false;
	/* Before the counters are read: what is counted in between is noticed at the next tick. */
	activity = activity_of(gather, slot);
	looked = look->taken && engine_wants_look_at(gather->engine, slot);
	if (activity != last->activity)
		gather->heard = true;
	if (last->begun && activity == last->activity && !looked)
		return false;
	*sample = (struct engine_sample){.slot = slot};
	if (!last->begun || activity != last->activity)
		add_traffic(gather, sample);
	last->activity = activity;
	sample->open = last->open;
	if (looked)
		add_look(gather, look, sample);
	return true;
}

void gather_take(struct gather *gather, uint64_t now, uint64_t late, uint64_t lost,
		 struct engine_tick *ret_tick)
{
	struct look look = take_look(gather, now);
	uint32_t count = 0;

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < gather->services->count; slot++)
		count += visit(gather, slot, &look, &gather->samples[count]);
	*ret_tick = (struct engine_tick){
		.now = now,
		.late = late,
		.lost = lost,
		.samples = gather->samples,
		.samples_count = count,
		.looked = look.taken,
	};
}

uint64_t gather_activity(const struct gather *gather, uint32_t slot)
{
	const struct gathered *last = &gather->last[slot];

	return last->followed && last->begun ? last->activity : activity_of(gather, slot);
}

/* Of those that are not followed: they are few, where slots that nobody has are left out. */
static uint64_t activity_of_others(const struct gather *gather)
{
	uint64_t sum = 0;

	for (uint32_t slot = 0; slot < gather->services->count; slot++) {
		if (!gather->last[slot].followed &&
		    gather->services->items[slot].origin != SERVICE_FREE)
			sum += activity_of(gather, slot);
	}
	return sum;
}

bool gather_heard(struct gather *gather)
{
	uint64_t others = activity_of_others(gather);
	bool heard = gather->heard || others != gather->others;

	gather->heard = false;
	gather->others = others;
	return heard;
}
