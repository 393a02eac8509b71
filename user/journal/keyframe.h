/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An engine's whole state as bytes: how it was made, how it is configured, who has which slot
 * (as a tape), and its parts.  Those are as this build of the program lays them out: another
 * build may read everything but them, and says so.
 */
#ifndef SHUNT_JOURNAL_KEYFRAME_H
#define SHUNT_JOURNAL_KEYFRAME_H

#include <stdint.h>

#include "engine/engine.h"
#include "journal/recorder.h"

/* Texts are within the bytes that it was read from, and not ended by a 0. */
struct keyframe {
	uint64_t layout; /* alike in two builds if their engines' states look alike */
	uint32_t slots;
	uint64_t seed;
	uint64_t config_hash;
	const char *version;
	size_t version_size;
	const char *config;
	size_t config_size;
	const void *tape; /* guards and services */
	size_t tape_size;
	const void *parts;
	size_t parts_size;
};

void keyframe_put(struct buffer *out, struct engine *engine, const struct recorder_about *about);

/* 0, or -EUCLEAN. */
int keyframe_get(const void *bytes, size_t size, struct keyframe *ret_keyframe);

/* What is to be done with a service of the roster, in place of engine_assign(). */
typedef int (*keyframe_assign)(void *userdata, struct engine *engine,
			       const struct tape_event *event);

/*
 * Makes the engine that was recorded.  `play` is called for each event of its tape, NULL: it
 * is played as it is.  Without `state`, the engine has seen nothing.  0; -EUCLEAN; -EPROTO
 * for the state of another build; or -ENOMEM.
 */
int keyframe_restore(const struct keyframe *keyframe, bool state, keyframe_assign play,
		     void *userdata, struct engine **ret_engine);

#endif
