/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/replay.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/recorder.h"

/* What a listener ends a replay with that has found what it looked for. */
#define FOUND (-ECANCELED)

#define THREADS_MAX 16

/* From one record up to another. */
struct replay_part {
	uint64_t begin, end; /* sequences */
};

struct state {
	const struct replay_span *span;
	uint64_t end; /* sequence */
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

/* What an outcome says, in words; the engine knows its slots' names. */
static void describe(const void *bytes, size_t size, const struct engine *engine,
		     char ret_text[REPLAY_TEXT_MAX])
{
	struct tape_outcome outcome = tape_outcome(bytes, size);
	struct breaker_decision decision;
	struct tape_change change;
	char words[REPLAY_TEXT_MAX];
	size_t at = add(ret_text, 0, "%s", size ? "" : "nothing");

	while (tape_next_change(&outcome, &change))
		at = add(ret_text, at, "%s%s: %s: %s", at ? "; " : "",
			 engine_name(engine, change.slot), health_state_name(change.is),
			 change.reason);
	while (tape_next_decision(&outcome, &decision)) {
		breaker_explain(&decision,
				decision.service == BREAKER_ALL
					? "all services"
					: engine_name(engine, decision.service),
				words, sizeof(words));
		at = add(ret_text, at, "%s%s", at ? "; " : "", words);
	}
	if (outcome.bytes.failed)
		add(ret_text, at, "%swhat makes no sense", at ? "; " : "");
}

/* ---- the same, byte for byte ---- */

static int differ(struct state *state, const struct tape_event *event)
{
	struct replay_result *result = state->result;
	const struct engine *engine = state->player.engine;

	result->differs = true;
	result->differs_at = player_wall(&state->player, event->now);
	describe(event->outcome, event->outcome_size, engine, result->recorded);
	describe(state->own.data, state->own.length, engine, result->replayed);
	return FOUND;
}

static void count_outcome(struct state *state, uint64_t wall)
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
		count_outcome(state, player_wall(player, event->now));
	return 0;
}

static int take(void *userdata, const struct journal_record *record)
{
	struct state *state = userdata;

	/* What was handed over later holds nothing of before but a few seconds. */
	if (record->wall > state->span->to || record->sequence >= state->end)
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

/* ---- one part ---- */

static int play(struct journal *journal, const struct replay_span *span,
		const struct replay_part *part, struct replay_result *ret_result)
{
	struct state state = {.span = span, .end = part->end, .result = ret_result};
	const struct player_listener listener = {.after = after, .userdata = &state};
	int r;

	memset(ret_result, 0, sizeof(*ret_result));
	player_init(&state.player, &listener);
	r = journal_each(journal, part->begin, take, &state, &ret_result->damaged);
	/* What is missing before the next part is missed by nobody else. */
	if (r == FOUND && !ret_result->differs && state.player.next && part->end != UINT64_MAX &&
	    state.player.next != part->end)
		state.player.counts.gaps++;
	ret_result->counts = state.player.counts;
	player_done(&state.player);
	buffer_free(&state.own);
	return r == FOUND ? 0 : r;
}

/* ---- all of them ---- */

/* What the threads share; each takes the next part that nobody has. */
struct crew {
	struct journal *journal;
	const struct replay_span *span;
	const struct replay_part *parts;
	struct replay_result *results;
	size_t count;
	atomic_size_t next;
	atomic_int error;
};

static void *work(void *userdata)
{
	struct crew *crew = userdata;
	struct journal *journal;
	size_t i;
	int r = journal_open_again(crew->journal, &journal);

	while (r >= 0 && (i = atomic_fetch_add(&crew->next, 1)) < crew->count)
		r = play(journal, crew->span, &crew->parts[i], &crew->results[i]);
	if (r < 0)
		atomic_store(&crew->error, r);
	else
		journal_close(journal);
	return NULL;
}

static size_t threads_for(size_t parts)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus;

	return parts < most ? parts : most;
}

static int run_crew(struct crew *crew)
{
	pthread_t threads[THREADS_MAX];
	size_t count = threads_for(crew->count), started = 0;

	/* This thread works, too. */
	while (started + 1 < count && !pthread_create(&threads[started], NULL, work, crew))
		started++;
	work(crew);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return atomic_load(&crew->error);
}

static void add_counts(struct player_counts *sum, const struct player_counts *counts)
{
	sum->records += counts->records;
	sum->ticks += counts->ticks;
	sum->gaps += counts->gaps;
	sum->unread += counts->unread;
	sum->foreign += counts->foreign;
	sum->engines += counts->engines;
}

/* Up to the first difference: what came after that is not looked at. */
static void add_up(const struct crew *crew, struct replay_result *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < crew->count && !sum->differs; i++) {
		const struct replay_result *result = &crew->results[i];

		add_counts(&sum->counts, &result->counts);
		sum->damaged += result->damaged;
		sum->changes += result->changes;
		sum->decisions += result->decisions;
		sum->differs = result->differs;
		sum->differs_at = result->differs_at;
		memcpy(sum->recorded, result->recorded, sizeof(sum->recorded));
		memcpy(sum->replayed, result->replayed, sizeof(sum->replayed));
	}
}

/* From each keyframe to the next; what is before the first is a part as well. */
static int divide(struct journal *journal, uint64_t from, struct replay_part **ret_parts,
		  size_t *ret_count)
{
	uint64_t *keyframes = NULL;
	struct replay_part *parts;
	size_t count = 0;
	int r = journal_list(journal, RECORD_KEYFRAME, from + 1, &keyframes, &count);

	if (r < 0)
		return r;
	parts = calloc(count + 1, sizeof(*parts));
	if (parts) {
		parts[0].begin = from;
		for (size_t i = 0; i < count; i++)
			parts[i].end = parts[i + 1].begin = keyframes[i];
		parts[count].end = UINT64_MAX;
		*ret_parts = parts;
		*ret_count = count + 1;
	}
	free(keyframes);
	return parts ? 0 : -ENOMEM;
}

int replay(struct journal *journal, const struct replay_span *span,
	   struct replay_result *ret_result)
{
	struct crew crew = {.journal = journal, .span = span};
	struct replay_part *parts = NULL;
	int r = divide(journal, replay_begin(journal, span->from), &parts, &crew.count);

	if (r < 0)
		return r;
	crew.parts = parts;
	crew.results = calloc(crew.count, sizeof(*crew.results));
	r = crew.results ? run_crew(&crew) : -ENOMEM;
	if (r >= 0)
		add_up(&crew, ret_result);
	free(crew.results);
	free(parts);
	return r;
}
