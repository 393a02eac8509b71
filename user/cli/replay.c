/* SPDX-License-Identifier: GPL-2.0 */
/* A journal again: whether the same comes of it, or what would with another configuration. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/journals.h"
#include "cli/when.h"
#include "config/config.h"
#include "journal/replay.h"
#include "journal/whatif.h"

#define DIGITS 12

/* ---- the recorded configuration ---- */

static void print_reading(const struct player_counts *counts, uint64_t damaged)
{
	if (counts->foreign)
		printf("%" PRIu64 " times a state of another version of shunt: what followed was "
		       "left out\n",
		       counts->foreign);
	if (damaged || counts->gaps)
		printf("%" PRIu64 " damaged records, %" PRIu64
		       " gaps: what follows one is left out "
		       "up to the next keyframe\n",
		       damaged, counts->gaps);
}

static void print_result(const struct replay_result *result)
{
	char when[WHEN_SIZE];

	printf("%" PRIu64 " ticks (%.1f hours), %" PRIu64 " changes of health, %" PRIu64
	       " decisions of breakers\n",
	       result->counts.ticks, (double)result->counts.ticks / 36000, result->changes,
	       result->decisions);
	print_reading(&result->counts, result->damaged);
	if (!result->differs) {
		printf("%s\n", result->counts.engines ? "byte for byte as they were recorded"
						      : "nothing to replay");
		return;
	}
	when_print(result->differs_at, when);
	printf("differs at %s\n  recorded: %s\n  replayed: %s\n", when, result->recorded,
	       result->replayed);
}

static json_t *pack_reading(const struct player_counts *counts, uint64_t damaged)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "ticks", (json_int_t)counts->ticks,
			 "records", (json_int_t)counts->records, "gaps", (json_int_t)counts->gaps,
			 "damaged", (json_int_t)damaged, "unread", (json_int_t)counts->unread,
			 "other_versions", (json_int_t)counts->foreign);
}

static json_t *pack_difference(const struct replay_result *result)
{
	char when[WHEN_SIZE];

	if (!result->differs)
		return json_null();
	when_print(result->differs_at, when);
	return json_pack("{s:s, s:s, s:s}", "at", when, "recorded", result->recorded, "replayed",
			 result->replayed);
}

static json_t *pack_result(const struct replay_result *result)
{
	return json_pack("{s:o, s:I, s:I, s:b, s:o}", "read",
			 pack_reading(&result->counts, result->damaged), "changes",
			 (json_int_t)result->changes, "decisions", (json_int_t)result->decisions,
			 "identical", !result->differs && result->counts.engines, "difference",
			 pack_difference(result));
}

static int put_json(json_t *object)
{
	int r = object ? json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS))
		       : -1;

	putchar('\n');
	json_decref(object);
	if (r)
		log_error("replay: cannot print");
	return r ? EXIT_FAILED : EXIT_DONE;
}

static int show_same(const struct cli_options *options, struct journal *journal,
		     const struct replay_span *span)
{
	struct replay_result result;
	int r = replay(journal, span, &result);

	if (r < 0) {
		journals_complain("replay", options->arguments[0], r);
		return EXIT_FAILED;
	}
	if (options->json) {
		if (put_json(pack_result(&result)) != EXIT_DONE)
			return EXIT_FAILED;
	} else {
		print_result(&result);
	}
	return result.differs || !result.counts.engines ? EXIT_FAILED : EXIT_DONE;
}

/* ---- another one ---- */

static const char *const kind_names[] = {
	[WHATIF_BOTH] = "trips as it did",
	[WHATIF_ONLY_RECORDED] = "tripped, and would not",
	[WHATIF_ONLY_OTHER] = "would have tripped",
};

static const char *const kind_keys[] = {
	[WHATIF_BOTH] = "both",
	[WHATIF_ONLY_RECORDED] = "only_recorded",
	[WHATIF_ONLY_OTHER] = "only_other",
};

static double seconds_between(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e9 : 0;
}

static void print_trip(const struct whatif_trip *trip)
{
	char when[WHEN_SIZE];

	when_print(trip->at, when);
	printf("%s %s: %s\n    %s\n", when, trip->name, kind_names[trip->kind], trip->why);
	if (trip->kind == WHATIF_ONLY_RECORDED)
		return;
	if (trip->until)
		printf("    closed again after %.1f s; ", seconds_between(trip->at, trip->until));
	else
		printf("    not closed by the end; ");
	printf("%" PRIu64 " connections that went well refused, %" PRIu64 " that failed spared\n",
	       trip->refused, trip->spared);
}

static void print_whatif(const struct whatif_result *result, const struct config *config)
{
	size_t counts[3] = {0};

	for (size_t i = 0; i < result->count; i++) {
		print_trip(&result->trips[i]);
		counts[result->trips[i].kind]++;
	}
	printf("configuration %016" PRIx64 " in place of %016" PRIx64 ", over %.1f hours\n",
	       config_hash(config), result->recorded_hash, (double)result->counts.ticks / 36000);
	print_reading(&result->counts, result->damaged);
	printf("%zu trips as they were, %zu that would not have been, %zu that would; "
	       "%" PRIu64 " connections that went well refused, %" PRIu64 " that failed spared\n",
	       counts[WHATIF_BOTH], counts[WHATIF_ONLY_RECORDED], counts[WHATIF_ONLY_OTHER],
	       result->refused, result->spared);
}

static json_t *pack_trip(const struct whatif_trip *trip)
{
	char at[WHEN_SIZE], until[WHEN_SIZE];

	when_print(trip->at, at);
	when_print(trip->until, until);
	return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:I, s:I}", "at", at, "service", trip->name,
			 "trip", kind_keys[trip->kind], "until", trip->until ? until : NULL, "why",
			 trip->why, "refused", (json_int_t)trip->refused, "spared",
			 (json_int_t)trip->spared);
}

static json_t *pack_whatif(const struct whatif_result *result, const struct config *config)
{
	json_t *trips = json_array();
	char recorded[17], other[17];

	for (size_t i = 0; i < result->count; i++) {
		if (json_array_append_new(trips, pack_trip(&result->trips[i]))) {
			json_decref(trips);
			return NULL;
		}
	}
	snprintf(recorded, sizeof(recorded), "%016" PRIx64, result->recorded_hash);
	snprintf(other, sizeof(other), "%016" PRIx64, config_hash(config));
	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:o}", "read",
			 pack_reading(&result->counts, result->damaged), "recorded_hash", recorded,
			 "hash", other, "refused", (json_int_t)result->refused, "spared",
			 (json_int_t)result->spared, "trips", trips);
}

static int show_other(const struct cli_options *options, struct journal *journal,
		      const struct replay_span *span, const struct config *config)
{
	struct whatif_result result;
	int r = whatif(journal, span, config, &result), status = EXIT_DONE;

	if (r < 0) {
		journals_complain("replay", options->arguments[0], r);
		status = EXIT_FAILED;
	} else if (options->json) {
		status = put_json(pack_whatif(&result, config));
	} else {
		print_whatif(&result, config);
	}
	whatif_done(&result);
	return status;
}

/* ---- both ---- */

int cli_replay(const struct cli_options *options)
{
	struct config *config = NULL;
	struct journal *journal;
	struct replay_span span;
	int status;

	/* A configuration that is given says what would be; where the journal is, the default. */
	if (options->config_given &&
	    config_load(options->config_path, false, cli_complain, (void *)"replay", &config) < 0)
		return EXIT_USAGE;
	status = journals_span("replay", options, &span);
	if (status == EXIT_DONE)
		status = journals_open("replay", options, config, &journal);
	if (status == EXIT_DONE) {
		status = config ? show_other(options, journal, &span, config)
				: show_same(options, journal, &span);
		journal_close(journal);
	}
	config_free(config);
	return status;
}
