/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/privilege.h"
#include "daemon/recent.h"
#include "journal/past.h"
#include "journal/recorder.h"

#define NSEC_PER_SEC 1000000000ULL

#define QUEUE	 (4UL << 20)
#define STOP_FOR 5000 /* ms */

/* Who has not come back by then is another service of that name. */
#define RESUME_FOR (300 * NSEC_PER_SEC)

/* All of the last changes again each hour, so that a start need not look further back… */
#define CHANGES_WHOLE (3600 * NSEC_PER_SEC)
/* …than so many records: an hour of a host on which little happens has 720. */
#define CHANGES_AMONG 4096

struct record {
	struct engine *engine;
	struct store *store;
	struct recorder *recorder;
	struct pasts pasts;
	const char *version;
	uint64_t started; /* ns */
	uint64_t dropped; /* records, as of the last look */
	struct recent *recent;
	uint64_t changes_kept; /* the number of the last */
	uint64_t changes_whole; /* ns: when all of them were kept; 0: they are to be */
};

void record_prepare(const struct config *config)
{
	/* Only what is made here is given away: it might be anybody's directory. */
	if (mkdir(config->state_dir, 0750))
		return;
	if (privilege_give(config->state_dir) < 0)
		log_warning("journal: %s: cannot be given to the daemon's user: %s",
			    config->state_dir, strerror(errno));
}

/* ---- the configuration ---- */

static struct journal_limits limits_of(const struct config *config)
{
	return (struct journal_limits){
		.bytes = config->journal.max_size,
		.age = config->journal.keep,
	};
}

static char *canonical(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return NULL;
	r = config_print(config, out);
	if (fclose(out) || r < 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the recorder ---- */

static int sink(void *userdata, uint32_t kind, uint64_t time, const void *bytes, size_t size)
{
	const struct record *record = userdata;

	return store_put(record->store, kind, time, bytes, size);
}

static int start_recorder(struct record *record, const struct config *config, uint64_t now)
{
	char *text = canonical(config);
	const struct recorder_about about = {
		.version = record->version,
		.config = text ? text : "",
		.config_hash = config_hash(config),
	};
	int r = recorder_new(record->engine, &about, now, sink, record, &record->recorder);

	free(text);
	return r;
}

/* ---- what has changed lately ---- */

static int take_changes(void *userdata, const struct journal_record *record)
{
	return recent_get(userdata, record->bytes, record->size);
}

static void read_changes(const char *directory, struct recent *recent)
{
	struct journal *journal;

	if (journal_open_read(directory, &journal) < 0)
		return;
	journal_lately(journal, RECORD_CHANGES, CHANGES_AMONG, take_changes, recent);
	journal_close(journal);
}

static void keep_changes(struct record *record, uint64_t now)
{
	bool whole = !record->changes_whole || now - record->changes_whole >= CHANGES_WHOLE;
	struct buffer bytes = {0};

	if (!whole && record->recent->last == record->changes_kept)
		return;
	recent_put(&bytes, record->recent, whole ? 0 : record->changes_kept);
	if (!bytes.error &&
	    store_put(record->store, RECORD_CHANGES, now, bytes.data, bytes.length) >= 0) {
		record->changes_kept = record->recent->last;
		if (whole)
			record->changes_whole = now;
	}
	buffer_free(&bytes);
}

/* ---- begin and end ---- */

int record_start(const struct config *config, const char *version, struct engine *engine,
		 struct recent *recent, uint64_t now, struct record **ret_record)
{
	const struct store_options options = {
		.directory = config->state_dir,
		.limits = limits_of(config),
		.queue = QUEUE,
	};
	struct record *record = calloc(1, sizeof(*record));
	int r;

	if (!record)
		return -ENOMEM;
	record->engine = engine;
	record->version = version;
	record->started = now;
	record->recent = recent;
	/* Before anything is written there, by us; without one there is nothing to take up. */
	past_read(config->state_dir, now, clock_wall(), &record->pasts);
	read_changes(config->state_dir, recent);
	r = store_open(&options, &record->store);
	if (r >= 0)
		r = start_recorder(record, config, now);
	if (r < 0) {
		record_stop(record, now);
		return r;
	}
	record_resume(record, now);
	keep_changes(record, now);
	*ret_record = record;
	return 0;
}

void record_stop(struct record *record, uint64_t now)
{
	if (!record)
		return;
	recorder_free(record->recorder, now);
	if (record->store)
		keep_changes(record, now);
	store_close(record->store, STOP_FOR);
	past_done(&record->pasts);
	free(record);
}

void record_reload(struct record *record, const struct config *config)
{
	const struct journal_limits limits = limits_of(config);
	struct recorder_about about = {0};
	char *text;

	if (!record)
		return;
	store_limit(record->store, &limits);
	text = canonical(config);
	about = (struct recorder_about){
		.version = record->version,
		.config = text ? text : "",
		.config_hash = config_hash(config),
	};
	if (recorder_describe(record->recorder, &about) < 0)
		log_warning("reload: the journal keeps the old configuration's text: %s",
			    strerror(ENOMEM));
	free(text);
}

/* ---- while it runs ---- */

void record_resume(struct record *record, uint64_t now)
{
	if (!record)
		return;
	if (now - record->started > RESUME_FOR)
		past_done(&record->pasts);
	past_resume(&record->pasts, record->engine);
}

/* A replay cannot go past what was lost: where records are kept again, it is to begin anew. */
void record_look(struct record *record, uint64_t now)
{
	struct store_counts counts;

	if (!record)
		return;
	store_count(record->store, &counts);
	if (counts.dropped != record->dropped && counts.writes) {
		record->dropped = counts.dropped;
		record->changes_whole = 0;
		recorder_lost(record->recorder);
	}
	keep_changes(record, now);
}

void record_note(struct record *record, const struct tape_note *note)
{
	if (record)
		recorder_note(record->recorder, note);
}

void record_count(struct record *record, struct store_counts *ret_counts)
{
	*ret_counts = (struct store_counts){0};
	if (record)
		store_count(record->store, ret_counts);
}
