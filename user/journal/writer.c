/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* After trouble other than with one record, the journal is opened anew, not more often. */
#define RETRY_SECONDS 5

static time_t seconds_now(void)
{
	return (time_t)(clock_monotonic() / 1000000000);
}

/* ---- what is said ---- */

static const char *why_not(int error)
{
	switch (error) {
	case -EWOULDBLOCK:
		return "another daemon keeps its history there";
	case -EBUSY:
		return "somebody has locked it";
	case -ENOSPC:
		return "no room left, on the disk or within the journal's limit";
	case -EUCLEAN:
		return "it is corrupt, and could not be set aside";
	case -EPROTO:
		return "it is not a journal of this version, and could not be set aside";
	default:
		return strerror(-error);
	}
}

/* Once, however long it lasts and whatever else comes. */
static void say_trouble(struct writer *writer, int error, uint64_t lost)
{
	writer->lost += lost;
	if (!writer->trouble)
		log_warning("journal: %s: %s; history is lost for as long as that lasts, "
			    "nothing else is",
			    writer->directory, why_not(error));
	writer->trouble = error;
}

static void say_over(struct writer *writer)
{
	if (writer->trouble)
		log_info("journal: %s: history is kept again, %" PRIu64 " records were lost",
			 writer->directory, writer->lost);
	writer->trouble = 0;
	writer->lost = 0;
}

/* ---- writing ---- */

/* One that is damaged, or another program's, makes room for a new one. */
static int open_anew(struct writer *writer, int error)
{
	int r = journal_set_aside(writer->directory);

	if (r >= 0)
		r = journal_open(writer->directory, &writer->limits, &writer->journal);
	if (r < 0)
		return error;
	log_warning("journal: %s/" JOURNAL_FILE ": %s, set aside as " JOURNAL_FILE JOURNAL_BROKEN
		    "; a new one is begun",
		    writer->directory,
		    error == -EPROTO ? "it is not a journal of this version" : "it is corrupt");
	return 0;
}

static int open_journal(struct writer *writer)
{
	int r;

	if (writer->trouble && seconds_now() < writer->retry)
		return writer->trouble;
	writer->retry = seconds_now() + RETRY_SECONDS;
	r = journal_open(writer->directory, &writer->limits, &writer->journal);
	if (r == -EUCLEAN || r == -EPROTO)
		r = open_anew(writer, r);
	/* Known once, it stays: where the journal is begun anew, the numbers go on. */
	if (r >= 0 && !writer->base)
		writer->base = journal_next(writer->journal);
	return r;
}

/* What has no room gets it from the oldest, if there are any. */
static int append(struct writer *writer, const struct journal_record *records, size_t count)
{
	int r = journal_append(writer->journal, records, count);

	if (r == -ENOSPC && journal_prune(writer->journal, records[0].wall) > 0)
		r = journal_append(writer->journal, records, count);
	return r;
}

static void close_journal(struct writer *writer)
{
	journal_close(writer->journal);
	writer->journal = NULL;
}

static int write_records(struct writer *writer, struct journal_record *records, size_t count)
{
	int r = writer->journal ? 0 : open_journal(writer);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		records[i].sequence += writer->base;
	r = append(writer, records, count);
	if (r == -EUCLEAN) {
		close_journal(writer);
		r = open_anew(writer, r);
		if (r >= 0)
			r = append(writer, records, count);
	}
	return r;
}

/* What was kept is kept, whatever becomes of older records. */
static void prune(struct writer *writer, uint64_t wall)
{
	if (journal_prune(writer->journal, wall) != -EUCLEAN)
		return;
	close_journal(writer);
	open_anew(writer, -EUCLEAN);
}

/* The handle of a file with which something is wrong is of no more use. */
static void conclude(struct writer *writer, int error, size_t count)
{
	if (error >= 0) {
		say_over(writer);
		return;
	}
	say_trouble(writer, error, count);
	if (error != -ENOSPC && error != -EBUSY)
		close_journal(writer);
}

/* ---- for others ---- */

void writer_begin(struct writer *writer)
{
	conclude(writer, open_journal(writer), 0);
}

void writer_limit(struct writer *writer, const struct journal_limits *limits)
{
	if (writer->limits.bytes == limits->bytes && writer->limits.age == limits->age)
		return;
	writer->limits = *limits;
	/* One that is opened anew has them from the start. */
	if (writer->journal && journal_limit(writer->journal, limits) < 0)
		close_journal(writer);
}

void writer_end(struct writer *writer)
{
	close_journal(writer);
}

int writer_write(struct writer *writer, struct journal_record *records, size_t count)
{
	int r = write_records(writer, records, count);

	conclude(writer, r, count);
	if (r >= 0)
		prune(writer, records[0].wall);
	return r;
}
