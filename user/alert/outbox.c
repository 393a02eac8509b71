/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int outbox_init(struct outbox *outbox, enum outbox_kind kind, size_t capacity, uint64_t repeat,
		uint64_t keep)
{
	*outbox = (struct outbox){
		.kind = kind, .capacity = capacity, .repeat = repeat, .keep = keep};
	outbox->items = calloc(capacity, sizeof(*outbox->items));
	return outbox->items ? 0 : -ENOMEM;
}

void outbox_done(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		notice_drop(outbox->items[i].notice);
	free(outbox->items);
	*outbox = (struct outbox){0};
}

static void remove_at(struct outbox *outbox, size_t at)
{
	notice_drop(outbox->items[at].notice);
	outbox->count--;
	memmove(&outbox->items[at], &outbox->items[at + 1],
		(outbox->count - at) * sizeof(*outbox->items));
}

/* ---- room ---- */

/* The first that is over; with `told`, of those that were told. */
static size_t find_over(const struct outbox *outbox, bool told)
{
	const struct outbox_item *first = outbox->items;

	for (size_t i = 0; i < outbox->count; i++) {
		const struct outbox_item *item = &outbox->items[i];

		if (item->sending || notice_fires(item->notice) || (told && !item->told))
			continue;
		/* Or it would be told that it fires, just now, and never that it is over. */
		if (!first->sending || !notice_same(first->notice, item->notice))
			return i;
	}
	return outbox->count;
}

static size_t find_oldest(const struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++) {
		if (!outbox->items[i].sending)
			return i;
	}
	return outbox->count;
}

/*
 * Gives up an alert that is over.  That it fired, if that waits still, would be told
 * without its end, and goes with it.
 */
static void drop_over(struct outbox *outbox, size_t at)
{
	struct notice *over = notice_hold(outbox->items[at].notice);

	for (size_t i = at + 1; i-- > 0;) {
		if (!notice_same(outbox->items[i].notice, over))
			continue;
		remove_at(outbox, i);
		outbox->dropped++;
	}
	notice_drop(over);
}

static void make_room(struct outbox *outbox)
{
	size_t at = find_over(outbox, true);

	if (at < outbox->count) {
		remove_at(outbox, at);
		return;
	}
	at = find_over(outbox, false);
	if (at < outbox->count) {
		drop_over(outbox, at);
		return;
	}
	at = find_oldest(outbox);
	if (at == outbox->count)
		return;
	remove_at(outbox, at);
	outbox->dropped++;
}

void outbox_put(struct outbox *outbox, struct notice *notice, uint64_t now)
{
	/* What is being sent of it stops to matter: its answer finds nothing. */
	for (size_t i = 0; outbox->kind == OUTBOX_LATEST && i < outbox->count; i++) {
		if (!notice_same(outbox->items[i].notice, notice))
			continue;
		remove_at(outbox, i);
		break;
	}
	if (outbox->count == outbox->capacity)
		make_room(outbox);
	if (outbox->count == outbox->capacity) {
		outbox->dropped++;
		return;
	}
	outbox->items[outbox->count++] = (struct outbox_item){.notice = notice_hold(notice),
							      .due = now};
}

/* ---- sending ---- */

/* All repeats at one moment, so that they go together. */
static uint64_t next_repeat(const struct outbox *outbox, uint64_t now)
{
	return (now / outbox->repeat + 1) * outbox->repeat;
}

static void forget(struct outbox *outbox, uint64_t now)
{
	for (size_t i = outbox->count; i-- > 0;) {
		const struct outbox_item *item = &outbox->items[i];

		if (item->told && !item->sending && !notice_fires(item->notice) &&
		    item->until <= now)
			remove_at(outbox, i);
	}
}

/* Adds what is due, and was told before or was not, to the `count` that are taken. */
static size_t take(struct outbox *outbox, uint64_t now, bool told, size_t count, size_t max,
		   struct notice **notices)
{
	for (size_t i = 0; i < outbox->count && count < max; i++) {
		struct outbox_item *item = &outbox->items[i];

		if (item->due > now || item->told != told)
			continue;
		item->sending = true;
		notices[count++] = notice_hold(item->notice);
	}
	return count;
}

size_t outbox_take(struct outbox *outbox, uint64_t now, size_t max, struct notice **ret_notices)
{
	size_t count;

	forget(outbox, now);
	if (outbox->kind == OUTBOX_EVERY && max > 1)
		max = 1;
	count = take(outbox, now, false, 0, max, ret_notices);
	return take(outbox, now, true, count, max, ret_notices);
}

/* One that was told; whether it stays. */
static bool accept(const struct outbox *outbox, struct outbox_item *item, uint64_t now)
{
	if (outbox->kind == OUTBOX_EVERY)
		return false;
	if (!item->told && !notice_fires(item->notice))
		item->until = now + outbox->keep;
	item->told = true;
	item->due = next_repeat(outbox, now);
	return notice_fires(item->notice) || item->until > now;
}

size_t outbox_accepted(struct outbox *outbox, uint64_t now)
{
	size_t first = 0;

	for (size_t i = outbox->count; i-- > 0;) {
		struct outbox_item *item = &outbox->items[i];

		if (!item->sending)
			continue;
		item->sending = false;
		first += !item->told;
		if (!accept(outbox, item, now))
			remove_at(outbox, i);
	}
	return first;
}

void outbox_refused(struct outbox *outbox, uint64_t now)
{
	for (size_t i = outbox->count; i-- > 0;) {
		struct outbox_item *item = &outbox->items[i];

		if (!item->sending)
			continue;
		item->sending = false;
		outbox->dropped++;
		if (outbox->kind == OUTBOX_LATEST && notice_fires(item->notice))
			item->due = next_repeat(outbox, now);
		else
			remove_at(outbox, i);
	}
}

void outbox_failed(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		outbox->items[i].sending = false;
}

uint64_t outbox_due(const struct outbox *outbox)
{
	uint64_t due = OUTBOX_NEVER;

	for (size_t i = 0; i < outbox->count; i++) {
		if (outbox->items[i].due < due)
			due = outbox->items[i].due;
	}
	return due;
}

size_t outbox_waiting(const struct outbox *outbox)
{
	size_t count = 0;

	for (size_t i = 0; i < outbox->count; i++)
		count += !outbox->items[i].told;
	return count;
}
