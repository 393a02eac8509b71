/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/keyframe.h"

#include <errno.h>

#include "engine/engine_parts.h"
#include "journal/codec.h"

/* A number that two builds have in common if their engines' states look alike. */
static uint64_t engine_layout(void)
{
	static const uint64_t sizes[] = {
		sizeof(struct engine_slot) - offsetof(struct engine_slot, health),
		sizeof(struct health),
		sizeof(struct health_limits),
		sizeof(struct health_verdict),
		sizeof(struct engine_checker),
		sizeof(struct prober),
		sizeof(struct breakers),
		sizeof(struct breaker),
		sizeof(struct evidence),
		sizeof(struct breaker_input),
		sizeof(struct breaker_decision),
	};
	/* FNV-1a, a word at a time. */
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		hash = (hash ^ sizes[i]) * 0x100000001b3;
	return hash;
}

static void put_part(void *userdata, void *bytes, size_t size)
{
	codec_sparse(userdata, bytes, size);
}

static void put_roster(struct buffer *out, const struct engine *engine)
{
	struct engine_service service;
	struct tape tape = {0};

	tape_configured(&tape, engine_rules(engine)->guards);
	for (uint32_t slot = 0; slot < engine_slots(engine); slot++) {
		if (engine_assigned(engine, slot, &service))
			tape_assigned(&tape, slot, &service);
	}
	if (tape.bytes.error)
		out->error = tape.bytes.error;
	codec_bytes(out, tape.bytes.data, tape.bytes.length);
	buffer_free(&tape.bytes);
}

void keyframe_put(struct buffer *out, struct engine *engine, const struct recorder_about *about)
{
	struct buffer parts = {0};

	codec_u64(out, engine_layout());
	codec_u64(out, engine_slots(engine));
	codec_u64(out, engine_breakers(engine)->seed);
	codec_u64(out, about->config_hash);
	codec_text(out, about->version);
	codec_text(out, about->config);
	put_roster(out, engine);
	engine_parts(engine, put_part, &parts);
	if (parts.error)
		out->error = parts.error;
	codec_bytes(out, parts.data, parts.length);
	buffer_free(&parts);
}

int keyframe_get(const void *bytes, size_t size, struct keyframe *ret_keyframe)
{
	struct codec_reader reader = codec_reader(bytes, size);
	struct keyframe frame = {0};

	frame.layout = codec_read_u64(&reader);
	frame.slots = (uint32_t)codec_read_u64(&reader);
	frame.seed = codec_read_u64(&reader);
	frame.config_hash = codec_read_u64(&reader);
	frame.version = codec_read_bytes(&reader, &frame.version_size);
	frame.config = codec_read_bytes(&reader, &frame.config_size);
	frame.tape = codec_read_bytes(&reader, &frame.tape_size);
	frame.parts = codec_read_bytes(&reader, &frame.parts_size);
	if (reader.failed)
		return -EUCLEAN;
	*ret_keyframe = frame;
	return 0;
}

/* ---- an engine of it ---- */

static int play_roster(struct engine *engine, const struct keyframe *keyframe, keyframe_assign play,
		       void *userdata)
{
	struct tape_reader reader = {0};
	struct tape_event event;
	int r;

	tape_begin(&reader, keyframe->tape, keyframe->tape_size);
	while ((r = tape_next(&reader, &event)) > 0) {
		if (play)
			r = play(userdata, engine, &event);
		else if (event.tag == TAPE_CONFIGURED)
			r = engine_configure(engine, &event.guards);
		else if (event.tag == TAPE_ASSIGNED)
			r = engine_assign(engine, event.slot, &event.service);
		if (r < 0)
			break;
	}
	tape_done(&reader);
	return r < 0 ? r : 0;
}

static void get_part(void *userdata, void *bytes, size_t size)
{
	codec_read_sparse(userdata, bytes, size);
}

static int load_parts(struct engine *engine, const struct keyframe *keyframe)
{
	struct codec_reader reader = codec_reader(keyframe->parts, keyframe->parts_size);

	if (keyframe->layout != engine_layout())
		return -EPROTO;
	engine_parts(engine, get_part, &reader);
	return reader.failed || codec_more(&reader) ? -EUCLEAN : 0;
}

int keyframe_restore(const struct keyframe *keyframe, bool state, keyframe_assign play,
		     void *userdata, struct engine **ret_engine)
{
	struct engine *engine;
	int r = engine_new(keyframe->slots, keyframe->seed, &engine);

	if (r < 0)
		return r == -EINVAL ? -EUCLEAN : r;
	r = play_roster(engine, keyframe, play, userdata);
	if (r >= 0 && state)
		r = load_parts(engine, keyframe);
	if (r < 0) {
		engine_free(engine);
		return r;
	}
	*ret_engine = engine;
	return 0;
}
