/* SPDX-License-Identifier: GPL-2.0 */
/* A timeline says what the engine came to, in order, and no more. */
#include "journal/timeline.h"
#include "unit/record_world.h"

static struct world world;
static struct timeline timeline;

static void tear_down(void)
{
	timeline_done(&timeline);
	scratch_remove();
}

TestSuite(timeline, .init = scratch_make, .fini = tear_down, .timeout = 100);

static void tell(const struct replay_span *span, const char *service)
{
	struct journal *journal;

	timeline_done(&timeline);
	cr_assert_eq(journal_open_read(scratch, &journal), 0);
	cr_assert_eq(timeline_read(journal, span, service, &timeline), 0);
	journal_close(journal);
}

static const struct replay_span all = {0, UINT64_MAX};

/* A service of which all connections fail for 20 s, between two quiet minutes. */
static void fall_ill_once(uint32_t i)
{
	world_begin(&world, 1, 8);
	world.busy = 0;
	for (uint64_t t = 0; t < 2000; t++) {
		struct engine_tick tick = {.samples = world.samples, .samples_count = 1};
		struct engine_sample *sample = &world.samples[0];

		world.now += TICK;
		*sample = (struct engine_sample){.slot = SHUNT_SLOT_FIRST + i};
		if (t >= 600 && t < 800)
			sample->traffic.handshakes[SHUNT_HANDSHAKE_REFUSED] = 5;
		else
			sample->traffic.handshakes[SHUNT_HANDSHAKE_OK] =
				sample->traffic.closes[SHUNT_CLOSE_ORDERLY] =
					sample->traffic.responses = sample->trials_passed = 5;
		if (t % 100 == 99)
			recorder_note(world.recorder,
				      &(struct tape_note){sample->slot, SHUNT_SIGNAL_RESPONSE, 7,
							  t * 1000, 2 * t * 1000, 3 * t * 1000});
		tick.now = world.now;
		engine_tick(world.engine, &tick);
	}
	world_end(&world);
}

Test(timeline, an_illness_is_one_incident)
{
	const struct timeline_incident *incident;
	uint64_t began = WORLD_WALL + 60 * SECOND;

	fall_ill_once(2);
	tell(&all, NULL);
	cr_assert_eq(timeline.count, 1);
	incident = &timeline.incidents[0];
	cr_assert_str_eq(incident->name, "service-2");
	cr_assert(incident->seen_begin);
	cr_assert_geq(incident->began, began);
	cr_assert_lt(incident->began, began + SECOND);
	cr_assert_gt(incident->ended, began + 20 * SECOND);
	cr_assert_lt(incident->ended, began + 60 * SECOND);
	cr_assert_eq(incident->worst, HEALTH_FAILING);
	cr_assert_geq(incident->count, 4);
	cr_assert_eq(incident->events[0].kind, TIMELINE_SYMPTOM);
	cr_assert(strstr(incident->events[0].text, "connections failed"));
	cr_assert_eq(incident->events[1].kind, TIMELINE_CONCLUSION);
	cr_assert_eq(incident->events[1].state, HEALTH_FAILING);
	cr_assert_eq(incident->events[incident->count - 1].kind, TIMELINE_END);
	cr_assert_eq(incident->events[incident->count - 1].at, incident->ended);
	/* The notes were at ticks 99, 199, …: 599 is the last before it, 799 the last in it. */
	cr_assert_eq(incident->before.p50, 599000);
	cr_assert_geq(incident->then.p99, 3 * 799000);
	cr_assert_lt(incident->then.p99, 3 * 1400000);
}

Test(timeline, what_is_not_asked_for_is_left_out)
{
	struct replay_span span = {0, WORLD_WALL + 50 * SECOND};

	fall_ill_once(2);
	tell(&all, "service-1");
	cr_assert_eq(timeline.count, 0);
	tell(&all, "service-2");
	cr_assert_eq(timeline.count, 1);
	tell(&span, NULL);
	cr_assert_eq(timeline.count, 0);
	span = (struct replay_span){WORLD_WALL + 70 * SECOND, UINT64_MAX};
	tell(&span, NULL);
	cr_assert_eq(timeline.count, 1);
	cr_assert_not(timeline.incidents[0].seen_begin, "it was ill before");
}

/* Each change and decision of a busy host is in it once. */
Test(timeline, nothing_is_lost)
{
	uint64_t changes = 0, decisions = 0;

	world_begin(&world, 5, 20);
	world_run(&world, 2000);
	world_end(&world);
	tell(&all, NULL);
	for (size_t i = 0; i < timeline.count; i++) {
		const struct timeline_incident *incident = &timeline.incidents[i];

		for (size_t k = 0; k < incident->count; k++) {
			enum timeline_kind kind = incident->events[k].kind;

			changes += kind == TIMELINE_SYMPTOM || kind == TIMELINE_CONCLUSION ||
				   kind == TIMELINE_CHANGE || kind == TIMELINE_END;
			decisions += kind == TIMELINE_DONE || kind == TIMELINE_NOT_DONE;
			if (k)
				cr_assert_geq(incident->events[k].at, incident->events[k - 1].at);
		}
	}
	cr_assert_gt(changes, 20);
	cr_assert_eq(changes, world.changes);
	cr_assert_geq(decisions, world.decisions);
	cr_assert_gt(decisions, 20);
}

Test(timeline, a_restart_ends_what_was)
{
	world_begin(&world, 1, 8);
	for (uint64_t t = 0; t < 100; t++) {
		world_traffic(&world, 2, &world.samples[0]);
		world.ill = 3;
		world.now += TICK;
		engine_tick(world.engine, &(struct engine_tick){.now = world.now,
								.samples = world.samples,
								.samples_count = 1});
	}
	world_end(&world);
	world_begin(&world, 2, 8);
	world_end(&world);
	tell(&all, NULL);
	cr_assert_eq(timeline.count, 1);
	cr_assert_neq(timeline.incidents[0].ended, 0);
	cr_assert_eq(timeline.incidents[0].events[timeline.incidents[0].count - 1].kind,
		     TIMELINE_BREAK);
}
