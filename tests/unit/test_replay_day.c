/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long a journal is and how long its replay takes, at 256 services: an hour of them idle, an
 * hour of all of them busy in each tick, and a day of which 8 are, 16 more about each second and
 * the rest each minute, with 16 of them checked each 2 s.  HOURS=24 and a file to write the
 * figures to, FIGURES=FILE; without, some minutes of each, and only that they come again.
 */
#include <time.h>

#include "journal/replay.h"
#include "unit/record_world.h"

#define SERVICES 256

static struct world world;

TestSuite(replay_day, .init = scratch_make, .fini = scratch_remove, .timeout = 3000);

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double hours(void)
{
	const char *wanted = getenv("HOURS");

	return wanted ? strtod(wanted, NULL) : 0.05;
}

static void tell(const char *what, double value)
{
	const char *path = getenv("FIGURES");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	fprintf(file, "%s %.6g\n", what, value);
	fclose(file);
}

/* Records `seconds`, replays them, and tells the bytes an hour on the disk and the time it took. */
static void record_and_replay(const char *name, uint32_t busy, uint32_t checked, double seconds)
{
	const struct replay_span all = {0, UINT64_MAX};
	struct replay_result result;
	struct journal *journal;
	char what[64];
	double begun, cpu;

	world_begin(&world, 1, SERVICES);
	world.busy = busy;
	world.checked = checked;
	world_run(&world, (uint64_t)seconds);
	world_end(&world);
	cr_assert_eq(journal_open_read(scratch, &journal), 0);
	snprintf(what, sizeof(what), "%s_bytes_an_hour", name);
	tell(what, (double)journal_bytes(journal) * 3600 / seconds);
	begun = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	cr_assert_eq(replay(journal, &all, &result), 0);
	snprintf(what, sizeof(what), "%s_replay_seconds", name);
	tell(what, seconds_of(CLOCK_MONOTONIC) - begun);
	snprintf(what, sizeof(what), "%s_replay_cpu_seconds", name);
	tell(what, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	journal_close(journal);
	cr_assert_not(result.differs, "%s, not %s", result.replayed, result.recorded);
	cr_assert_geq((double)result.counts.ticks, seconds * 10 - 20);
}

Test(replay_day, idle)
{
	record_and_replay("idle", 0, 0, hours() < 1 ? 3600 * hours() : 3600);
}

Test(replay_day, busy)
{
	record_and_replay("busy", SERVICES, 0, hours() < 1 ? 3600 * hours() : 3600);
}

Test(replay_day, mixed)
{
	record_and_replay("day", 8, 16, 3600 * hours());
}
