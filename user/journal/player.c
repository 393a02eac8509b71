/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/player.h"

#include <errno.h>
#include <string.h>

#include "journal/recorder.h"

void player_init(struct player *player, const struct player_listener *listener)
{
	memset(player, 0, sizeof(*player));
	player->listener = listener;
}

static void stop(struct player *player)
{
	engine_free(player->engine);
	player->engine = NULL;
}

void player_done(struct player *player)
{
	stop(player);
	tape_done(&player->reader);
}

uint64_t player_wall(const struct player *player, uint64_t time)
{
	return time + (uint64_t)player->offset;
}

/* ---- events ---- */

static int give(struct engine *engine, const struct tape_event *event)
{
	switch (event->tag) {
	case TAPE_CONFIGURED:
		return engine_configure(engine, &event->guards);
	case TAPE_ASSIGNED:
		return engine_assign(engine, event->slot, &event->service) < 0 ? -EUCLEAN : 0;
	case TAPE_RELEASED:
		engine_release(engine, event->slot);
		return 0;
	case TAPE_LEARNT:
		engine_learn(engine, &event->source, event->now);
		return 0;
	case TAPE_HEARD:
		engine_hear(engine, &event->probe);
		return 0;
	case TAPE_RESUMED:
		engine_resume(engine, event->slot, &event->past);
		return 0;
	case TAPE_TICKED:
		engine_tick(engine, &event->tick);
		return 0;
	default:
		return 0;
	}
}

static int play_event(struct player *player, struct tape_event *event)
{
	const struct player_listener *listener = player->listener;
	int r = 1, result = 0;

	if (listener->before)
		r = listener->before(listener->userdata, player, event);
	if (r <= 0)
		return r;
	if (event->tag == TAPE_COMMANDED) {
		result = engine_command(player->engine, &event->command);
		r = 0;
	} else {
		r = give(player->engine, event);
	}
	player->counts.ticks += event->tag == TAPE_TICKED;
	if (r >= 0 && listener->after)
		r = listener->after(listener->userdata, player, event, result);
	return r;
}

static int play_tape(struct player *player, const void *bytes, size_t size)
{
	struct tape_event event;
	int r;

	tape_begin(&player->reader, bytes, size);
	while ((r = tape_next(&player->reader, &event)) > 0) {
		r = play_event(player, &event);
		if (r < 0)
			break;
	}
	return r;
}

/* ---- records ---- */

/* The roster of a keyframe, event by event, as if it were on the tape. */
static int play_roster(void *userdata, struct engine *engine, const struct tape_event *event)
{
	struct player *player = userdata;
	struct tape_event changed = *event;

	/* The listener may look at the engine that is being made. */
	player->engine = engine;
	return play_event(player, &changed);
}

static int begin(struct player *player, const struct journal_record *record)
{
	struct keyframe keyframe;
	struct engine *engine;
	int r = keyframe_get(record->bytes, record->size, &keyframe);

	if (r < 0)
		return r;
	r = keyframe_restore(&keyframe, true, play_roster, player, &engine);
	player->engine = NULL;
	if (r == -EPROTO) {
		player->counts.foreign++;
		return 0;
	}
	if (r < 0)
		return r;
	player->engine = engine;
	player->counts.engines++;
	return player->listener->begun
		       ? player->listener->begun(player->listener->userdata, player, &keyframe)
		       : 0;
}

/* A run is a daemon's; records that are missing may have changed anything. */
static void look_for_gap(struct player *player, const struct journal_record *record)
{
	bool gap = player->next && record->sequence != player->next;

	player->counts.gaps += gap;
	if (gap || record->run != player->run)
		stop(player);
	player->next = record->sequence + 1;
	player->run = record->run;
	player->offset = (int64_t)(record->wall - record->time);
}

int player_take(struct player *player, const struct journal_record *record)
{
	look_for_gap(player, record);
	player->counts.records++;
	if (record->kind == RECORD_KEYFRAME && !player->engine)
		return begin(player, record);
	if (record->kind != RECORD_TAPE)
		return 0;
	if (!player->engine) {
		player->counts.unread++;
		return 0;
	}
	return play_tape(player, record->bytes, record->size);
}
