/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/recorder.h"
#include "journal/tape.h"

void past_put(struct buffer *out, const struct engine *engine)
{
	struct breaker_past past;

	if (engine_past(engine, BREAKER_ALL, &past)) {
		codec_text(out, "");
		codec_u64(out, SHUNT_ROLE_SERVER);
		tape_put_past(out, &past);
	}
	for (uint32_t slot = 0; slot < engine_slots(engine); slot++) {
		if (!engine_past(engine, slot, &past))
			continue;
		codec_text(out, engine_name(engine, slot));
		codec_u64(out, engine_role(engine, slot));
		tape_put_past(out, &past);
	}
}

/* ---- reading ---- */

/* 0 stays: it is no time. */
static void shift_time(uint64_t *time, int64_t shift)
{
	if (!*time)
		return;
	if (shift < 0 && *time <= (uint64_t)-shift)
		*time = 1;
	else
		*time += (uint64_t)shift;
}

static void shift_past(struct breaker_past *past, int64_t shift)
{
	shift_time(&past->order.until, shift);
	shift_time(&past->mode.until, shift);
	shift_time(&past->since, shift);
	shift_time(&past->until, shift);
}

static int get_item(struct codec_reader *reader, int64_t shift, struct pasts *pasts)
{
	struct past_item *items = reallocarray(pasts->items, pasts->count + 1, sizeof(*items));
	struct past_item *item;

	if (!items)
		return -ENOMEM;
	pasts->items = items;
	item = &items[pasts->count++];
	memset(item, 0, sizeof(*item));
	codec_read_text(reader, item->name, sizeof(item->name));
	item->role = codec_read_u64(reader) == SHUNT_ROLE_CLIENT ? SHUNT_ROLE_CLIENT
								 : SHUNT_ROLE_SERVER;
	tape_get_past(reader, &item->past);
	shift_past(&item->past, shift);
	return reader->failed ? -EUCLEAN : 0;
}

int past_get(const void *bytes, size_t size, int64_t shift, struct pasts *ret_pasts)
{
	struct codec_reader reader = codec_reader(bytes, size);
	struct pasts pasts = {0};
	int r = 0;

	while (r >= 0 && codec_more(&reader))
		r = get_item(&reader, shift, &pasts);
	if (r < 0 || reader.failed) {
		past_done(&pasts);
		return r < 0 ? r : -EUCLEAN;
	}
	*ret_pasts = pasts;
	return 0;
}

void past_done(struct pasts *pasts)
{
	free(pasts->items);
	*pasts = (struct pasts){0};
}

struct look {
	struct journal *journal;
	uint64_t time, wall;
	struct pasts *pasts;
};

static bool is_of_this_boot(struct journal *journal, uint32_t run)
{
	char then[JOURNAL_BOOT_SIZE], now[JOURNAL_BOOT_SIZE];

	journal_boot_now(now);
	return now[0] && !journal_boot(journal, run, then) && !strcmp(now, then);
}

/* Time passes while no daemon runs, and while no machine does: the wall clock tells how much. */
static int take_record(void *userdata, const struct journal_record *record)
{
	const struct look *look = userdata;
	int64_t passed = look->wall > record->wall ? (int64_t)(look->wall - record->wall) : 0;
	int64_t shift = (int64_t)look->time - passed - (int64_t)record->time;

	/* Within one boot there is a better clock, that nobody sets. */
	if (is_of_this_boot(look->journal, record->run) && record->time <= look->time)
		shift = 0;
	return past_get(record->bytes, record->size, shift, look->pasts);
}

int past_read(const char *directory, uint64_t time, uint64_t wall, struct pasts *ret_pasts)
{
	struct look look = {.time = time, .wall = wall, .pasts = ret_pasts};
	struct journal *journal;
	int r = journal_open_read(directory, &journal);

	if (r < 0)
		return r;
	look.journal = journal;
	r = journal_last(journal, RECORD_PAST, UINT64_MAX, take_record, &look);
	journal_close(journal);
	return r;
}

/* ---- taking it up ---- */

static uint32_t find_slot(const struct engine *engine, const struct past_item *item)
{
	if (!item->name[0])
		return BREAKER_ALL;
	for (uint32_t slot = 0; slot < engine_slots(engine); slot++) {
		if (engine_role(engine, slot) == item->role &&
		    !strcmp(engine_name(engine, slot), item->name))
			return slot;
	}
	return SHUNT_SLOTS_MAX;
}

void past_resume(struct pasts *pasts, struct engine *engine)
{
	for (size_t i = 0; i < pasts->count; i++) {
		struct past_item *item = &pasts->items[i];
		uint32_t slot;

		if (item->taken)
			continue;
		slot = find_slot(engine, item);
		if (slot == SHUNT_SLOTS_MAX)
			continue;
		engine_resume(engine, slot, &item->past);
		item->taken = true;
	}
}
