/* SPDX-License-Identifier: GPL-2.0 */
/* Reading a tape. */
#include <errno.h>
#include <stdlib.h>

#include "journal/tape_parts.h"
#include "shunt/address.h"

/* More of them than there can be in any configuration. */
#define ENDPOINTS_MAX 65536

void tape_begin(struct tape_reader *reader, const void *bytes, size_t size)
{
	reader->bytes = codec_reader(bytes, size);
	reader->now = 0;
}

void tape_done(struct tape_reader *reader)
{
	free(reader->lists[0].items);
	free(reader->lists[1].items);
	free(reader->samples);
	*reader = (struct tape_reader){0};
}

/* ---- pieces ---- */

static void fail(struct codec_reader *bytes)
{
	bytes->failed = true;
	bytes->at = bytes->end;
}

static const uint8_t *take(struct codec_reader *bytes, size_t size)
{
	const uint8_t *at = bytes->at;

	if ((size_t)(bytes->end - at) < size) {
		fail(bytes);
		return NULL;
	}
	bytes->at += size;
	return at;
}

/* One of an enumeration that ends below `end`. */
static uint32_t get_enum(struct codec_reader *bytes, uint64_t end)
{
	uint64_t value = codec_read_u64(bytes);

	if (value >= end) {
		fail(bytes);
		return 0;
	}
	return (uint32_t)value;
}

static uint32_t get_u32(struct codec_reader *bytes)
{
	return get_enum(bytes, 1ULL << 32);
}

static void get_address(struct codec_reader *bytes, uint8_t ret_addr[16])
{
	const uint8_t *size = take(bytes, 1), *addr;

	memset(ret_addr, 0, 16);
	if (!size || (*size != 4 && *size != 16)) {
		fail(bytes);
		return;
	}
	addr = take(bytes, *size);
	if (!addr)
		return;
	if (*size == 4)
		memcpy(ret_addr, address_any_ipv4, ADDRESS_IPV4_BYTES);
	memcpy(ret_addr + 16 - *size, addr, *size);
}

static void get_endpoint(struct codec_reader *bytes, struct config_endpoint *ret_endpoint)
{
	/* Compared as bytes by others, its padding too. */
	memset(ret_endpoint, 0, sizeof(*ret_endpoint));
	get_address(bytes, ret_endpoint->addr);
	ret_endpoint->bits = (uint8_t)get_enum(bytes, 129);
	ret_endpoint->port = (uint16_t)get_enum(bytes, 65536);
}

static void get_endpoints(struct codec_reader *bytes, struct config_endpoints *list)
{
	size_t count = get_enum(bytes, ENDPOINTS_MAX);

	free(list->items);
	*list = (struct config_endpoints){0};
	if (!count)
		return;
	list->items = calloc(count, sizeof(*list->items));
	if (!list->items) {
		fail(bytes);
		return;
	}
	for (; list->count < count && !bytes->failed; list->count++)
		get_endpoint(bytes, &list->items[list->count]);
}

static void get_breaker(struct codec_reader *bytes, struct config_breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
	breaker->mode = get_enum(bytes, CONFIG_MODE_ENFORCE + 1);
	breaker->window = codec_read_u64(bytes);
	breaker->min_connections = get_u32(bytes);
	breaker->failure_rate = codec_read_double(bytes);
	breaker->slow.signal = get_enum(bytes, SHUNT_SIGNAL_MAX);
	breaker->slow.over = codec_read_u64(bytes);
	breaker->slow.rate = codec_read_double(bytes);
	breaker->slow.hold = codec_read_u64(bytes);
	breaker->consecutive_failures = get_u32(bytes);
	breaker->on_flapping = get_enum(bytes, 2);
	breaker->action = get_enum(bytes, CONFIG_ACTION_DRAIN + 1);
	get_endpoint(bytes, &breaker->redirect_to);
	breaker->probes = get_enum(bytes, CONFIG_PROBES_COUPLED + 1);
	breaker->open_for = codec_read_u64(bytes);
	breaker->open_for_max = codec_read_u64(bytes);
	breaker->half_open_share = codec_read_double(bytes);
	breaker->half_open_connections = get_u32(bytes);
}

static void get_standing(struct codec_reader *bytes, struct breaker_standing *ret_standing)
{
	memset(ret_standing, 0, sizeof(*ret_standing));
	ret_standing->order = get_enum(bytes, BREAKER_SET_MODE + 1);
	if (!ret_standing->order)
		return;
	ret_standing->until = codec_read_u64(bytes);
	ret_standing->mode = get_enum(bytes, CONFIG_MODE_ENFORCE + 1);
	ret_standing->action = get_enum(bytes, CONFIG_ACTION_DRAIN + 1);
	codec_read_text(bytes, ret_standing->who, sizeof(ret_standing->who));
	codec_read_text(bytes, ret_standing->why, sizeof(ret_standing->why));
}

void tape_get_past(struct codec_reader *bytes, struct breaker_past *ret_past)
{
	memset(ret_past, 0, sizeof(*ret_past));
	get_standing(bytes, &ret_past->order);
	get_standing(bytes, &ret_past->mode);
	ret_past->since = codec_read_u64(bytes);
	ret_past->until = codec_read_u64(bytes);
	for (int i = 0; i < GUARD_MAX; i++)
		ret_past->held[i] = codec_read_u64(bytes);
	for (int i = 0; i < BREAKER_STATE_MAX; i++)
		ret_past->transitions[i] = codec_read_u64(bytes);
	ret_past->openings = get_u32(bytes);
	ret_past->backoff = get_u32(bytes);
	ret_past->state = get_enum(bytes, BREAKER_STATE_MAX);
	ret_past->reason = get_enum(bytes, BREAKER_REASON_MAX);
	ret_past->by_hand = get_enum(bytes, 2);
	ret_past->action = get_enum(bytes, 2 + CONFIG_ACTION_DRAIN);
}

/* ---- events ---- */

static uint32_t get_slot(struct codec_reader *bytes)
{
	return get_enum(bytes, SHUNT_SLOTS_MAX);
}

static void get_configured(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;

	event->guards.max_open = get_u32(bytes);
	event->guards.max_open_share = codec_read_double(bytes);
	get_endpoints(bytes, &reader->lists[0]);
	event->guards.protect = reader->lists[0];
	event->guards.lease = codec_read_u64(bytes);
}

static void get_assigned(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct config_health_check *check = &reader->check;

	event->slot = get_slot(bytes);
	codec_read_text(bytes, reader->name, sizeof(reader->name));
	event->service.name = reader->name;
	event->service.role = get_enum(bytes, SHUNT_ROLE_MAX);
	get_endpoints(bytes, &reader->lists[0]);
	memset(check, 0, sizeof(*check));
	check->model = get_enum(bytes, CONFIG_MODEL_CONSECUTIVE + 1);
	check->interval = codec_read_u64(bytes);
	check->timeout = codec_read_u64(bytes);
	check->fall = get_u32(bytes);
	check->rise = get_u32(bytes);
	get_endpoints(bytes, &reader->lists[1]);
	check->probers = reader->lists[1];
	get_breaker(bytes, &reader->breaker);
	event->service.endpoints = &reader->lists[0];
	event->service.check = check;
	event->service.breaker = &reader->breaker;
}

static void get_learnt(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct shunt_source *source = &event->source;

	event->now = reader->now + (uint64_t)codec_read_s64(bytes);
	get_address(bytes, source->addr);
	source->size = get_u32(bytes);
	source->slot = get_slot(bytes);
	source->count = get_u32(bytes);
	for (int i = 0; i < SHUNT_SOURCE_TIMES; i++)
		source->times[i] = get_u32(bytes);
}

static void get_heard(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct shunt_probe *probe = &event->probe;

	probe->type = SHUNT_EVENT_PROBE;
	probe->slot = get_slot(bytes);
	probe->at = reader->now + (uint64_t)codec_read_s64(bytes);
	probe->duration = codec_read_u64(bytes);
	probe->size = get_u32(bytes);
	probe->status = (uint16_t)get_enum(bytes, 65536);
	probe->outcome = (uint8_t)get_enum(bytes, SHUNT_PROBE_MAX);
	get_address(bytes, probe->addr);
}

static void get_note(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct tape_note *note = &event->note;

	note->slot = get_slot(bytes);
	note->signal = get_enum(bytes, SHUNT_SIGNAL_MAX);
	note->count = codec_read_u64(bytes);
	note->p50 = codec_read_u64(bytes) * 1000;
	note->p95 = codec_read_u64(bytes) * 1000;
	note->p99 = codec_read_u64(bytes) * 1000;
}

static void get_commanded(struct tape_reader *reader, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct breaker_command *command = &event->command;

	command->now = reader->now + (uint64_t)codec_read_s64(bytes);
	command->lasts = codec_read_u64(bytes);
	command->order = get_u32(bytes);
	command->service = get_u32(bytes);
	command->mode = get_u32(bytes);
	command->own_action = get_enum(bytes, 2);
	command->action = get_u32(bytes);
	codec_read_text(bytes, command->who, sizeof(command->who));
	codec_read_text(bytes, command->why, sizeof(command->why));
	event->result = (int)codec_read_s64(bytes);
	event->outcome = codec_read_bytes(bytes, &event->outcome_size);
}

/* ---- ticks ---- */

static void set_field(struct engine_sample *sample, const struct tape_field *field, uint64_t value)
{
	char *at = (char *)sample + field->offset;
	uint32_t narrow = (uint32_t)value;

	if (field->wide)
		memcpy(at, &value, sizeof(value));
	else
		memcpy(at, &narrow, sizeof(narrow));
}

static void get_sample(struct codec_reader *bytes, struct engine_sample *sample)
{
	uint64_t set = codec_read_u64(bytes);

	if (set >> TAPE_FIELDS) {
		fail(bytes);
		return;
	}
	for (; set; set &= set - 1)
		set_field(sample, &tape_fields[__builtin_ctzll(set)], codec_read_u64(bytes));
}

static int make_room(struct tape_reader *reader, uint32_t count)
{
	struct engine_sample *samples;

	if (count <= reader->samples_capacity)
		return 0;
	samples = reallocarray(reader->samples, count, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	reader->samples = samples;
	reader->samples_capacity = count;
	return 0;
}

static void get_samples(struct tape_reader *reader, struct engine_tick *tick)
{
	struct codec_reader *bytes = &reader->bytes;
	uint32_t count = get_enum(bytes, SHUNT_SLOTS_MAX), slot = 0;

	if (make_room(reader, count) < 0) {
		fail(bytes);
		return;
	}
	for (uint32_t i = 0; i < count && !bytes->failed; i++) {
		memset(&reader->samples[i], 0, sizeof(reader->samples[i]));
		slot += get_slot(bytes);
		if (slot >= SHUNT_SLOTS_MAX)
			fail(bytes);
		reader->samples[i].slot = slot;
		get_sample(bytes, &reader->samples[i]);
	}
	tick->samples = reader->samples;
	tick->samples_count = count;
}

static void get_ticked(struct tape_reader *reader, unsigned flags, struct tape_event *event)
{
	struct codec_reader *bytes = &reader->bytes;
	struct engine_tick *tick = &event->tick;
	int64_t distance = codec_read_s64(bytes);

	distance = flags & TAPE_EXACT ? distance
				      : (int64_t)((uint64_t)distance * (uint64_t)TAPE_UNIT);
	reader->now += (uint64_t)distance + TAPE_TICK;
	tick->now = event->now = reader->now;
	if (flags & TAPE_LATE)
		tick->late = codec_read_u64(bytes);
	if (flags & TAPE_LOST)
		tick->lost = codec_read_u64(bytes);
	tick->looked = flags & TAPE_LOOKED;
	if (flags & TAPE_SAMPLES)
		get_samples(reader, tick);
	if (flags & TAPE_OUTCOME)
		event->outcome = codec_read_bytes(bytes, &event->outcome_size);
}

static void get_event(struct tape_reader *reader, struct tape_event *event)
{
	switch (event->tag) {
	case TAPE_CONFIGURED:
		get_configured(reader, event);
		break;
	case TAPE_ASSIGNED:
		get_assigned(reader, event);
		break;
	case TAPE_RELEASED:
		event->slot = get_slot(&reader->bytes);
		break;
	case TAPE_LEARNT:
		get_learnt(reader, event);
		break;
	case TAPE_HEARD:
		get_heard(reader, event);
		break;
	case TAPE_RESUMED:
		event->slot = get_u32(&reader->bytes);
		tape_get_past(&reader->bytes, &event->past);
		break;
	case TAPE_COMMANDED:
		get_commanded(reader, event);
		break;
	case TAPE_NOTE:
		get_note(reader, event);
		break;
	default:
		fail(&reader->bytes);
	}
}

int tape_next(struct tape_reader *reader, struct tape_event *ret_event)
{
	const uint8_t *tag;

	if (!codec_more(&reader->bytes))
		return reader->bytes.failed ? -EUCLEAN : 0;
	tag = take(&reader->bytes, 1);
	/* Most are ticks without anything: of all that there may be, they need little. */
	memset(&ret_event->tick, 0, sizeof(ret_event->tick));
	ret_event->outcome = NULL;
	ret_event->outcome_size = 0;
	ret_event->now = reader->now;
	if (*tag >= TAPE_TICKED) {
		ret_event->tag = TAPE_TICKED;
		if (*tag < 2 * TAPE_TICKED)
			get_ticked(reader, *tag - TAPE_TICKED, ret_event);
		else
			fail(&reader->bytes);
	} else {
		memset(ret_event, 0, sizeof(*ret_event));
		ret_event->tag = *tag;
		ret_event->now = reader->now;
		get_event(reader, ret_event);
	}
	return reader->bytes.failed ? -EUCLEAN : 1;
}

/* ---- what came of it ---- */

struct tape_outcome tape_outcome(const void *bytes, size_t size)
{
	struct tape_outcome outcome = {.bytes = codec_reader(bytes, size)};

	if (size)
		outcome.changes = get_u32(&outcome.bytes);
	if (size && !outcome.changes)
		outcome.decisions = get_u32(&outcome.bytes);
	return outcome;
}

bool tape_next_change(struct tape_outcome *outcome, struct tape_change *ret_change)
{
	struct codec_reader *bytes = &outcome->bytes;

	if (!outcome->changes || bytes->failed)
		return false;
	ret_change->slot = get_slot(bytes);
	ret_change->was = get_enum(bytes, HEALTH_MAX);
	ret_change->is = get_enum(bytes, HEALTH_MAX);
	codec_read_text(bytes, ret_change->reason, sizeof(ret_change->reason));
	if (!--outcome->changes)
		outcome->decisions = get_u32(bytes);
	return !bytes->failed;
}

bool tape_next_decision(struct tape_outcome *outcome, struct breaker_decision *ret_decision)
{
	if (outcome->changes || !outcome->decisions || outcome->bytes.failed)
		return false;
	outcome->decisions--;
	codec_read_sparse(&outcome->bytes, ret_decision, sizeof(*ret_decision));
	return !outcome->bytes.failed;
}
