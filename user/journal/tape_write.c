/* SPDX-License-Identifier: GPL-2.0 */
/* Writing a tape. */

#include "config/names.h"
#include "journal/tape.h"
#include "journal/tape_parts.h"
#include "shunt/address.h"

/* ---- pieces ---- */

static void put_tag(struct tape *tape, enum tape_tag tag)
{
	tape->eventful = true;
	buffer_char(&tape->bytes, (char)tag);
}

/* A short one for IPv4, of which all begin alike. */
static void put_address(struct buffer *out, const uint8_t addr[16])
{
	bool ipv4 = address_is_ipv4(addr);

	buffer_char(out, ipv4 ? 4 : 16);
	buffer_append(out, ipv4 ? addr + ADDRESS_IPV4_BYTES : addr, ipv4 ? 4 : 16);
}

static void put_endpoint(struct buffer *out, const struct config_endpoint *endpoint)
{
	put_address(out, endpoint->addr);
	codec_u64(out, endpoint->bits);
	codec_u64(out, endpoint->port);
}

static void put_endpoints(struct buffer *out, const struct config_endpoints *endpoints)
{
	codec_u64(out, endpoints->count);
	for (size_t i = 0; i < endpoints->count; i++)
		put_endpoint(out, &endpoints->items[i]);
}

static void put_check(struct buffer *out, const struct config_health_check *check)
{
	codec_u64(out, check->model);
	codec_u64(out, check->interval);
	codec_u64(out, check->timeout);
	codec_u64(out, check->fall);
	codec_u64(out, check->rise);
	put_endpoints(out, &check->probers);
}

static void put_breaker(struct buffer *out, const struct config_breaker *breaker)
{
	codec_u64(out, breaker->mode);
	codec_u64(out, breaker->window);
	codec_u64(out, breaker->min_connections);
	codec_double(out, breaker->failure_rate);
	codec_u64(out, breaker->slow.signal);
	codec_u64(out, breaker->slow.over);
	codec_double(out, breaker->slow.rate);
	codec_u64(out, breaker->slow.hold);
	codec_u64(out, breaker->consecutive_failures);
	codec_u64(out, breaker->on_flapping);
	codec_u64(out, breaker->action);
	put_endpoint(out, &breaker->redirect_to);
	codec_u64(out, breaker->probes);
	codec_u64(out, breaker->open_for);
	codec_u64(out, breaker->open_for_max);
	codec_double(out, breaker->half_open_share);
	codec_u64(out, breaker->half_open_connections);
}

static void put_standing(struct buffer *out, const struct breaker_standing *standing)
{
	codec_u64(out, standing->order);
	if (!standing->order)
		return;
	codec_u64(out, standing->until);
	codec_u64(out, standing->mode);
	codec_u64(out, standing->action);
	codec_text(out, standing->who);
	codec_text(out, standing->why);
}

void tape_put_past(struct buffer *out, const struct breaker_past *past)
{
	put_standing(out, &past->order);
	put_standing(out, &past->mode);
	codec_u64(out, past->since);
	codec_u64(out, past->until);
	for (int i = 0; i < GUARD_MAX; i++)
		codec_u64(out, past->held[i]);
	for (int i = 0; i < BREAKER_STATE_MAX; i++)
		codec_u64(out, past->transitions[i]);
	codec_u64(out, past->openings);
	codec_u64(out, past->backoff);
	codec_u64(out, past->state);
	codec_u64(out, past->reason);
	codec_u64(out, past->by_hand);
	codec_u64(out, past->action);
}

/* ---- events ---- */

void tape_configured(struct tape *tape, const struct config_guards *guards)
{
	put_tag(tape, TAPE_CONFIGURED);
	codec_u64(&tape->bytes, guards->max_open);
	codec_double(&tape->bytes, guards->max_open_share);
	put_endpoints(&tape->bytes, &guards->protect);
	codec_u64(&tape->bytes, guards->lease);
}

void tape_assigned(struct tape *tape, uint32_t slot, const struct engine_service *service)
{
	put_tag(tape, TAPE_ASSIGNED);
	codec_u64(&tape->bytes, slot);
	codec_text(&tape->bytes, service->name);
	codec_u64(&tape->bytes, service->role);
	put_endpoints(&tape->bytes, service->endpoints);
	put_check(&tape->bytes, service->check);
	put_breaker(&tape->bytes, service->breaker);
}

void tape_released(struct tape *tape, uint32_t slot)
{
	put_tag(tape, TAPE_RELEASED);
	codec_u64(&tape->bytes, slot);
}

void tape_learnt(struct tape *tape, const struct shunt_source *source, uint64_t now)
{
	put_tag(tape, TAPE_LEARNT);
	codec_s64(&tape->bytes, (int64_t)(now - tape->now));
	put_address(&tape->bytes, source->addr);
	codec_u64(&tape->bytes, source->size);
	codec_u64(&tape->bytes, source->slot);
	codec_u64(&tape->bytes, source->count);
	for (int i = 0; i < SHUNT_SOURCE_TIMES; i++)
		codec_u64(&tape->bytes, source->times[i]);
}

void tape_heard(struct tape *tape, const struct shunt_probe *probe)
{
	put_tag(tape, TAPE_HEARD);
	codec_u64(&tape->bytes, probe->slot);
	codec_s64(&tape->bytes, (int64_t)(probe->at - tape->now));
	codec_u64(&tape->bytes, probe->duration);
	codec_u64(&tape->bytes, probe->size);
	codec_u64(&tape->bytes, probe->status);
	codec_u64(&tape->bytes, probe->outcome);
	put_address(&tape->bytes, probe->addr);
}

void tape_resumed(struct tape *tape, uint32_t slot, const struct breaker_past *past)
{
	put_tag(tape, TAPE_RESUMED);
	codec_u64(&tape->bytes, slot);
	tape_put_past(&tape->bytes, past);
}

void tape_note(struct tape *tape, const struct tape_note *note)
{
	put_tag(tape, TAPE_NOTE);
	codec_u64(&tape->bytes, note->slot);
	codec_u64(&tape->bytes, note->signal);
	codec_u64(&tape->bytes, note->count);
	/* In units of which nobody needs less. */
	codec_u64(&tape->bytes, note->p50 / 1000);
	codec_u64(&tape->bytes, note->p95 / 1000);
	codec_u64(&tape->bytes, note->p99 / 1000);
}

/* ---- what came of it ---- */

static void put_change(struct buffer *out, const struct engine *engine,
		       const struct engine_change *change)
{
	const struct health_verdict *verdict = engine_health(engine, change->slot);
	enum config_model model = engine_balancer(engine, change->slot);
	char reason[TAPE_REASON_MAX] = "";

	if (verdict)
		health_explain(verdict, model ? config_model_names[model] : NULL, reason,
			       sizeof(reason));
	codec_u64(out, change->slot);
	codec_u64(out, change->was);
	codec_u64(out, change->is);
	codec_text(out, reason);
}

void tape_put_outcome(struct buffer *out, const struct engine *engine)
{
	const struct engine_outcome outcome = engine_outcome(engine);

	if (!outcome.changes_count && !outcome.decisions_count)
		return;
	codec_u64(out, outcome.changes_count);
	for (uint32_t i = 0; i < outcome.changes_count; i++)
		put_change(out, engine, &outcome.changes[i]);
	codec_u64(out, outcome.decisions_count);
	for (uint32_t i = 0; i < outcome.decisions_count; i++)
		codec_sparse(out, &outcome.decisions[i], sizeof(outcome.decisions[i]));
}

static bool has_outcome(const struct engine *engine)
{
	const struct engine_outcome outcome = engine_outcome(engine);

	return outcome.changes_count || outcome.decisions_count;
}

/* Its length comes first, so that a reader may leave it alone. */
static void put_outcome(struct buffer *out, const struct engine *engine)
{
	struct buffer bytes = {0};

	tape_put_outcome(&bytes, engine);
	if (bytes.error)
		out->error = bytes.error;
	codec_bytes(out, bytes.data, bytes.length);
	buffer_free(&bytes);
}

void tape_commanded(struct tape *tape, const struct breaker_command *command, int result,
		    const struct engine *engine)
{
	struct buffer *out = &tape->bytes;

	put_tag(tape, TAPE_COMMANDED);
	codec_s64(out, (int64_t)(command->now - tape->now));
	codec_u64(out, command->lasts);
	codec_u64(out, command->order);
	codec_u64(out, command->service);
	codec_u64(out, command->mode);
	codec_u64(out, command->own_action);
	codec_u64(out, command->action);
	codec_text(out, command->who);
	codec_text(out, command->why);
	codec_s64(out, result);
	put_outcome(out, engine);
}

/* ---- ticks ---- */

static void put_sample(struct buffer *out, const struct engine_sample *sample)
{
	uint64_t values[TAPE_FIELDS], set = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < TAPE_FIELDS; i++) {
		uint64_t value = tape_field(sample, &tape_fields[i]);

		if (!value)
			continue;
		set |= 1ULL << i;
		values[count++] = value;
	}
	codec_u64(out, set);
	for (unsigned i = 0; i < count; i++)
		codec_u64(out, values[i]);
}

static void put_samples(struct buffer *out, const struct engine_tick *tick)
{
	uint32_t slot = 0;

	codec_u64(out, tick->samples_count);
	for (uint32_t i = 0; i < tick->samples_count; i++) {
		codec_u64(out, tick->samples[i].slot - slot);
		slot = tick->samples[i].slot;
		put_sample(out, &tick->samples[i]);
	}
}

void tape_ticked(struct tape *tape, const struct engine_tick *tick, const struct engine *engine)
{
	int64_t distance = (int64_t)(tick->now - tape->now - TAPE_TICK);
	struct buffer *out = &tape->bytes;
	unsigned flags = 0;

	flags |= distance % TAPE_UNIT ? TAPE_EXACT : 0;
	flags |= tick->late ? TAPE_LATE : 0;
	flags |= tick->lost ? TAPE_LOST : 0;
	flags |= tick->looked ? TAPE_LOOKED : 0;
	flags |= tick->samples_count ? TAPE_SAMPLES : 0;
	flags |= has_outcome(engine) ? TAPE_OUTCOME : 0;
	tape->eventful |= flags & (TAPE_LOST | TAPE_SAMPLES | TAPE_OUTCOME);
	buffer_char(out, (char)(TAPE_TICKED | flags));
	codec_s64(out, flags & TAPE_EXACT ? distance : distance / TAPE_UNIT);
	if (flags & TAPE_LATE)
		codec_u64(out, tick->late);
	if (flags & TAPE_LOST)
		codec_u64(out, tick->lost);
	if (flags & TAPE_SAMPLES)
		put_samples(out, tick);
	if (flags & TAPE_OUTCOME)
		put_outcome(out, engine);
	tape->now = tick->now;
}

void tape_clear(struct tape *tape)
{
	buffer_clear(&tape->bytes);
	tape->now = 0;
	tape->eventful = false;
}
