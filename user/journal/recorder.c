/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/keyframe.h"
#include "journal/past.h"

#define NSEC_PER_SEC 1000000000ULL

/* What is not handed over yet is lost with the daemon: so much at most… */
#define TAPE_LASTS (5 * NSEC_PER_SEC)
/* …or so many bytes, beside what a tick adds. */
#define TAPE_BYTES (64U << 10)

/* A replay of a part begins at most so much before it. */
#define KEYFRAME_LASTS (3600 * NSEC_PER_SEC)

struct recorder {
	struct engine *engine;
	recorder_sink sink;
	void *userdata;
	struct recorder_about about; /* its texts are the recorder's */
	struct tape tape;
	uint64_t began; /* ns: the first tick on the tape; 0: there is none */
	uint64_t keyframe_at; /* ns */
	bool urgent; /* something was decided, or ordered */
	bool decided; /* …that a restart is to know of */
	bool lost;
};

/* ---- handing over ---- */

static void hand_over(struct recorder *recorder, uint32_t kind, uint64_t now, struct buffer *bytes)
{
	if (bytes->error ||
	    recorder->sink(recorder->userdata, kind, now, bytes->data, bytes->length) < 0)
		recorder->lost = true;
}

static void hand_over_keyframe(struct recorder *recorder, uint64_t now)
{
	struct buffer bytes = {0};

	recorder->lost = false;
	keyframe_put(&bytes, recorder->engine, &recorder->about);
	hand_over(recorder, RECORD_KEYFRAME, now, &bytes);
	buffer_free(&bytes);
	recorder->keyframe_at = now;
}

static void hand_over_past(struct recorder *recorder, uint64_t now)
{
	struct buffer bytes = {0};

	past_put(&bytes, recorder->engine);
	hand_over(recorder, RECORD_PAST, now, &bytes);
	buffer_free(&bytes);
	recorder->decided = false;
}

/* While all is lost, not at every tick: it is some milliseconds' work. */
static bool wants_keyframe(const struct recorder *recorder, uint64_t now)
{
	uint64_t age = now - recorder->keyframe_at;

	return age >= KEYFRAME_LASTS || (recorder->lost && age >= TAPE_LASTS);
}

static void flush(struct recorder *recorder, uint64_t now)
{
	if (recorder->tape.bytes.length || recorder->tape.bytes.error)
		hand_over(recorder, RECORD_TAPE, now, &recorder->tape.bytes);
	tape_clear(&recorder->tape);
	recorder->began = 0;
	recorder->urgent = false;
	if (recorder->decided)
		hand_over_past(recorder, now);
	if (wants_keyframe(recorder, now))
		hand_over_keyframe(recorder, now);
}

/* ---- the ear ---- */

static void on_configured(void *userdata, const struct config_guards *guards)
{
	struct recorder *recorder = userdata;

	tape_configured(&recorder->tape, guards);
	recorder->urgent = true;
}

static void on_assigned(void *userdata, uint32_t slot, const struct engine_service *service)
{
	struct recorder *recorder = userdata;

	tape_assigned(&recorder->tape, slot, service);
}

static void on_released(void *userdata, uint32_t slot)
{
	struct recorder *recorder = userdata;

	tape_released(&recorder->tape, slot);
}

static void on_learnt(void *userdata, const struct shunt_source *source, uint64_t now)
{
	struct recorder *recorder = userdata;

	tape_learnt(&recorder->tape, source, now);
}

static void on_heard(void *userdata, const struct shunt_probe *probe)
{
	struct recorder *recorder = userdata;

	tape_heard(&recorder->tape, probe);
}

static void on_resumed(void *userdata, uint32_t slot, const struct breaker_past *past)
{
	struct recorder *recorder = userdata;

	tape_resumed(&recorder->tape, slot, past);
}

static void on_commanded(void *userdata, const struct breaker_command *command, int result)
{
	struct recorder *recorder = userdata;

	tape_commanded(&recorder->tape, command, result, recorder->engine);
	recorder->decided = true;
	flush(recorder, command->now);
}

static void on_ticked(void *userdata, const struct engine_tick *tick)
{
	struct recorder *recorder = userdata;
	const struct engine_outcome outcome = engine_outcome(recorder->engine);

	if (!recorder->began)
		recorder->began = tick->now;
	tape_ticked(&recorder->tape, tick, recorder->engine);
	recorder->decided |= outcome.decisions_count;
	recorder->urgent |= outcome.decisions_count || outcome.changes_count;
	if (recorder->urgent || tick->now - recorder->began >= TAPE_LASTS ||
	    recorder->tape.bytes.length >= TAPE_BYTES)
		flush(recorder, tick->now);
}

/* ---- begin and end ---- */

int recorder_describe(struct recorder *recorder, const struct recorder_about *about)
{
	char *version = strdup(about->version), *config = strdup(about->config);

	if (!version || !config) {
		free(version);
		free(config);
		return -ENOMEM;
	}
	free((char *)recorder->about.version);
	free((char *)recorder->about.config);
	recorder->about = (struct recorder_about){
		.version = version,
		.config = config,
		.config_hash = about->config_hash,
	};
	return 0;
}

int recorder_new(struct engine *engine, const struct recorder_about *about, uint64_t now,
		 recorder_sink sink, void *userdata, struct recorder **ret_recorder)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	const struct engine_ear ear = {
		.configured = on_configured,
		.assigned = on_assigned,
		.released = on_released,
		.learnt = on_learnt,
		.heard = on_heard,
		.resumed = on_resumed,
		.commanded = on_commanded,
		.ticked = on_ticked,
		.userdata = recorder,
	};
	int r = recorder ? recorder_describe(recorder, about) : -ENOMEM;

	if (r < 0) {
		free(recorder);
		return r;
	}
	recorder->engine = engine;
	recorder->sink = sink;
	recorder->userdata = userdata;
	hand_over_keyframe(recorder, now);
	engine_listen(engine, &ear);
	*ret_recorder = recorder;
	return 0;
}

void recorder_free(struct recorder *recorder, uint64_t now)
{
	if (!recorder)
		return;
	engine_listen(recorder->engine, NULL);
	recorder->decided = true;
	flush(recorder, now);
	buffer_free(&recorder->tape.bytes);
	free((char *)recorder->about.version);
	free((char *)recorder->about.config);
	free(recorder);
}

void recorder_note(struct recorder *recorder, const struct tape_note *note)
{
	tape_note(&recorder->tape, note);
}

void recorder_lost(struct recorder *recorder)
{
	recorder->lost = true;
}
