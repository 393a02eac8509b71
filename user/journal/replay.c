/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/replay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "journal/recorder.h"

/* What a listener ends a replay with that has found what it looked for. */
#define FOUND (-ECANCELED)

struct state {
	const struct replay_span *span;
	struct replay_result *result;
	struct player player;
	struct buffer own; /* the outcome of now */
};

/* ---- in words ---- */

__attribute__((format(printf, 3, 4))) static size_t add(char *text, size_t at, const char *format,
							...)
{
	va_list arguments;
	int size;

	if (at >= REPLAY_TEXT_MAX)
		return at;
	va_start(arguments, format);
	size = vsnprintf(text + at, REPLAY_TEXT_MAX - at, format, arguments);
	va_end(arguments);
	return at + (size_t)size;
}

void replay_say(const void *bytes, size_t size, const struct engine *engine,
		char text[REPLAY_TEXT_MAX])
{
	struct tape_outcome outcome = tape_outcome(bytes, size);
	struct breaker_decision decision;
	struct tape_change change;
	char words[REPLAY_TEXT_MAX];
	size_t at = add(text, 0, "%s", size ? "" : "nothing");

	while (tape_next_change(&outcome, &change))
		at = add(text, at, "%s%s: %s: %s", at ? "; " : "", engine_name(engine, change.slot),
			 health_state_name(change.is), change.reason);
	while (tape_next_decision(&outcome, &decision)) {
		breaker_explain(&decision,
				decision.service == BREAKER_ALL
					? "all services"
					: engine_name(engine, decision.service),
				words, sizeof(words));
		at = add(text, at, "%s%s", at ? "; " : "", words);
	}
	if (outcome.bytes.failed)
		add(text, at, "%swhat makes no sense", at ? "; " : "");
}

/* ---- the same, byte for byte ---- */

static int differ(struct state *state, const struct tape_event *event)
{
	struct replay_result *result = state->result;
	const struct engine *engine = state->player.engine;

	result->differs = true;
	result->differs_at = player_wall(&state->player, event->now);
	replay_say(event->outcome, event->outcome_size, engine, result->recorded);
	replay_say(state->own.data, state->own.length, engine, result->replayed);
	return FOUND;
}

static void count(struct state *state, uint64_t wall)
{
	const struct engine_outcome outcome = engine_outcome(state->player.engine);

	if (wall < state->span->from)
		return;
	state->result->changes += outcome.changes_count;
	state->result->decisions += outcome.decisions_count;
}

static int after(void *userdata, struct player *player, const struct tape_event *event, int result)
{
	struct state *state = userdata;

	if (event->tag != TAPE_TICKED && event->tag != TAPE_COMMANDED)
		return 0;
	buffer_clear(&state->own);
	tape_put_outcome(&state->own, player->engine);
	if (state->own.error)
		return state->own.error;
	if ((event->tag == TAPE_COMMANDED && result != event->result) ||
	    state->own.length != event->outcome_size ||
	    (event->outcome_size &&
	     memcmp(state->own.data, event->outcome, event->outcome_size) != 0))
		return differ(state, event);
	if (event->outcome_size)
		count(state, player_wall(player, event->now));
	return 0;
}

static int take(void *userdata, const struct journal_record *record)
{
	struct state *state = userdata;

	/* What was handed over later holds nothing of before but a few seconds. */
	if (record->wall > state->span->to)
		return FOUND;
	return player_take(&state->player, record);
}

static int find(void *userdata, const struct journal_record *record)
{
	*(uint64_t *)userdata = record->sequence;
	return 0;
}

uint64_t replay_begin(struct journal *journal, uint64_t from)
{
	uint64_t sequence = 0;

	if (from)
		journal_last(journal, RECORD_KEYFRAME, from, find, &sequence);
	return sequence;
}

int replay(struct journal *journal, const struct replay_span *span,
	   struct replay_result *ret_result)
{
	struct state state = {.span = span, .result = ret_result};
	const struct player_listener listener = {.after = after, .userdata = &state};
	int r;

	memset(ret_result, 0, sizeof(*ret_result));
	player_init(&state.player, &listener);
	r = journal_each(journal, replay_begin(journal, span->from), take, &state,
			 &ret_result->damaged);
	ret_result->counts = state.player.counts;
	player_done(&state.player);
	buffer_free(&state.own);
	return r == FOUND ? 0 : r;
}
