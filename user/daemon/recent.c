/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/notify.h"
#include "engine/engine.h"
#include "journal/codec.h"

#define NSEC_PER_SEC 1e9

/* A name and a reason, as they were written; longer ones there are not. */
#define NAME_SIZE   ENGINE_NAME_MAX
#define REASON_SIZE 512

/* Seconds since 1970 that no clock shows: the year 5138. */
#define WALL_END 1e11

static const char health_kind[] = "health", breaker_kind[] = "breaker";

/* ---- texts ---- */

/* Both in one piece of memory, which begins with the service. */
static bool hold_texts(struct view_change *change, const char *service, const char *reason)
{
	size_t first = strlen(service) + 1, second = strlen(reason) + 1;
	char *texts = malloc(first + second);

	if (!texts)
		return false;
	memcpy(texts, service, first);
	memcpy(texts + first, reason, second);
	change->service = texts;
	change->reason = texts + first;
	return true;
}

/* Forgets the oldest, down to so many. */
static void cut(struct recent *recent, size_t count)
{
	while (recent->count > count)
		free((char *)recent->changes[--recent->count].service);
}

void recent_done(struct recent *recent)
{
	cut(recent, 0);
	recent->last = 0;
}

/* ---- what happens ---- */

/* One more, of now, or NULL.  Moving them all is no matter: an entry is small. */
static struct view_change *recent_push(struct recent *recent, const char *service,
				       const char *reason)
{
	struct view_change change = {
		.id = recent->last + 1,
		.wall_clock = (double)clock_wall() / NSEC_PER_SEC,
	};

	if (!hold_texts(&change, service, reason))
		return NULL;
	cut(recent, RECENT_MAX - 1);
	memmove(&recent->changes[1], &recent->changes[0], recent->count * sizeof(change));
	recent->changes[0] = change;
	recent->count++;
	recent->last++;
	return &recent->changes[0];
}

void recent_health(struct recent *recent, const struct health_change *change)
{
	struct view_change *entry = recent_push(recent, change->service, change->reason);

	if (!entry)
		return;
	entry->role = change->role;
	entry->kind = health_kind;
	entry->was = health_state_name(change->was);
	entry->is = health_state_name(change->is);
}

void recent_breaker(struct recent *recent, const struct breaker_notice *notice)
{
	struct view_change *entry;

	if (notice->decision->what != BREAKER_MOVED)
		return;
	entry = recent_push(recent, notice->service, notice->reason);
	if (!entry)
		return;
	/* As of the tick that decided, which carries its verdict out before it tells. */
	entry->wall_clock -= (double)(clock_monotonic() - notice->decision->now) / NSEC_PER_SEC;
	entry->role = notice->role;
	entry->kind = breaker_kind;
	entry->was = breaker_state_name(notice->decision->from);
	entry->is = breaker_state_name(notice->decision->to);
}

/* ---- to be kept ---- */

void recent_put(struct buffer *out, const struct recent *recent, uint64_t after)
{
	codec_u64(out, !after);
	for (size_t i = 0; i < recent->count && recent->changes[i].id > after; i++) {
		const struct view_change *change = &recent->changes[i];

		codec_u64(out, change->id);
		codec_double(out, change->wall_clock);
		codec_u64(out, change->role);
		codec_text(out, change->kind);
		codec_text(out, change->was);
		codec_text(out, change->is);
		codec_text(out, change->service);
		codec_text(out, change->reason);
	}
}

static const char *find_kind(const char *text)
{
	if (!strcmp(text, health_kind))
		return health_kind;
	return strcmp(text, breaker_kind) ? NULL : breaker_kind;
}

static const char *find_state(const char *text)
{
	for (enum health_state state = 0; state < HEALTH_MAX; state++) {
		if (!strcmp(health_state_name(state), text))
			return health_state_name(state);
	}
	for (enum breaker_state state = 0; state < BREAKER_STATE_MAX; state++) {
		if (!strcmp(breaker_state_name(state), text))
			return breaker_state_name(state);
	}
	return NULL;
}

/* One of the words there are, as ours; NULL for none. */
static const char *get_word(struct codec_reader *reader, const char *(*find)(const char *text))
{
	char text[32];

	codec_read_text(reader, text, sizeof(text));
	return reader->failed ? NULL : find(text);
}

static int get_change(struct recent *recent, struct codec_reader *reader)
{
	struct view_change change = {.earlier_run = true};
	char service[NAME_SIZE], reason[REASON_SIZE];

	change.id = codec_read_u64(reader);
	change.wall_clock = codec_read_double(reader);
	change.role = codec_read_u64(reader) == SHUNT_ROLE_CLIENT ? SHUNT_ROLE_CLIENT
								  : SHUNT_ROLE_SERVER;
	change.kind = get_word(reader, find_kind);
	change.was = get_word(reader, find_state);
	change.is = get_word(reader, find_state);
	codec_read_text(reader, service, sizeof(service));
	codec_read_text(reader, reason, sizeof(reason));
	if (reader->failed || !change.kind || !change.was || !change.is || !change.id ||
	    !(change.wall_clock >= 0 && change.wall_clock < WALL_END))
		return -EUCLEAN;
	/* A later record has told it already, or there is no room for what is so old. */
	if (recent->count == RECENT_MAX ||
	    (recent->count && change.id >= recent->changes[recent->count - 1].id))
		return 0;
	if (!hold_texts(&change, service, reason))
		return -ENOMEM;
	recent->changes[recent->count++] = change;
	return 0;
}

int recent_get(struct recent *recent, const void *bytes, size_t size)
{
	struct codec_reader reader = codec_reader(bytes, size);
	bool whole = codec_read_u64(&reader);
	size_t before = recent->count;
	int r = 0;

	while (r >= 0 && codec_more(&reader))
		r = get_change(recent, &reader);
	if (r >= 0 && reader.failed)
		r = -EUCLEAN;
	if (r < 0)
		cut(recent, before);
	recent->last = recent->count ? recent->changes[0].id : 0;
	if (r < 0)
		return r;
	return whole || recent->count == RECENT_MAX;
}
