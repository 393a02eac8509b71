/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an engine was given, and what it came to, as bytes: a tape is a run of events.  Times
 * are told by their distance from the tick before, of each sample what is not 0, and of a tick
 * in which nothing happened two bytes in all.
 *
 * A tape can be read from its begin alone; what an engine is to know before that is no matter
 * here (recorder.h).
 */
#ifndef SHUNT_JOURNAL_TAPE_H
#define SHUNT_JOURNAL_TAPE_H

#include <stdint.h>

#include "engine/engine.h"
#include "journal/codec.h"

/* In the order of engine_ear. */
enum tape_tag {
	TAPE_CONFIGURED = 1,
	TAPE_ASSIGNED,
	TAPE_RELEASED,
	TAPE_LEARNT,
	TAPE_HEARD,
	TAPE_RESUMED,
	TAPE_COMMANDED,
	TAPE_NOTE, /* nothing that an engine is given: how quick a service is */
	TAPE_TICKED = 64, /* and a set of enum tape_flag */
};

/* Its health, in words, at most; see health_explain(). */
#define TAPE_REASON_MAX 512

/* How long things took at a service lately; no more than so many were seen, 0: none. */
struct tape_note {
	uint32_t slot;
	uint32_t signal; /* enum shunt_signal */
	uint64_t count;
	uint64_t p50, p95, p99; /* ns */
};

/* ---- writing ---- */

/* All zero is an empty one; the caller frees or takes what is in `bytes`. */
struct tape {
	struct buffer bytes;
	uint64_t now; /* of the last tick */
	bool eventful; /* there is more on it than ticks in which nothing happened */
};

void tape_configured(struct tape *tape, const struct config_guards *guards);
void tape_assigned(struct tape *tape, uint32_t slot, const struct engine_service *service);
void tape_released(struct tape *tape, uint32_t slot);
void tape_learnt(struct tape *tape, const struct shunt_source *source, uint64_t now);
void tape_heard(struct tape *tape, const struct shunt_probe *probe);
void tape_resumed(struct tape *tape, uint32_t slot, const struct breaker_past *past);
void tape_note(struct tape *tape, const struct tape_note *note);

/* With what the engine came to: engine_outcome(). */
void tape_commanded(struct tape *tape, const struct breaker_command *command, int result,
		    const struct engine *engine);
void tape_ticked(struct tape *tape, const struct engine_tick *tick, const struct engine *engine);

/* Forgets what is on it. */
void tape_clear(struct tape *tape);

/* A past alone, as it is on a tape. */
void tape_put_past(struct buffer *out, const struct breaker_past *past);
void tape_get_past(struct codec_reader *bytes, struct breaker_past *ret_past);

/* What the engine came to, as it is on a tape: for comparing. */
void tape_put_outcome(struct buffer *out, const struct engine *engine);

/* ---- reading ---- */

struct tape_change {
	uint32_t slot;
	uint32_t was, is; /* enum health_state */
	char reason[TAPE_REASON_MAX];
};

/* Pointers are the reader's, and hold until the next event. */
struct tape_event {
	enum tape_tag tag; /* TAPE_TICKED without its flags */
	uint32_t slot;
	uint64_t now; /* of the tick, or of the last one */
	struct config_guards guards;
	struct engine_service service;
	struct shunt_source source;
	struct shunt_probe probe;
	struct breaker_past past;
	struct breaker_command command;
	int result;
	struct tape_note note;
	struct engine_tick tick;
	const void *outcome; /* of a tick and a command: what tape_put_outcome() gives */
	size_t outcome_size;
};

struct tape_reader {
	struct codec_reader bytes;
	uint64_t now; /* of the last tick */
	struct config_endpoints lists[2];
	struct config_health_check check;
	struct config_breaker breaker;
	char name[ENGINE_NAME_MAX];
	struct engine_sample *samples;
	uint32_t samples_capacity;
};

/* Memory that is kept from tape to tape is freed by tape_done(); all zero is none. */
void tape_begin(struct tape_reader *reader, const void *bytes, size_t size);
void tape_done(struct tape_reader *reader);

/* The next event: 1; 0 at the end; -EUCLEAN where the bytes make no sense, or -ENOMEM. */
int tape_next(struct tape_reader *reader, struct tape_event *ret_event);

/* Reads what tape_put_outcome() wrote: first changes, then decisions; see tape_outcome(). */
struct tape_outcome {
	struct codec_reader bytes;
	uint32_t changes, decisions; /* that are left */
};

struct tape_outcome tape_outcome(const void *bytes, size_t size);
bool tape_next_change(struct tape_outcome *outcome, struct tape_change *ret_change);
bool tape_next_decision(struct tape_outcome *outcome, struct breaker_decision *ret_decision);

#endif
