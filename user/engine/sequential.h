/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sequential test on connections: is the share of them that fails about p0, or is
 * it about p1?  It says so after as few of them as the errors that are allowed permit
 * (Wald, Sequential Tests of Statistical Hypotheses, 1945), and goes on for ever, as a
 * CUSUM does (Page, Continuous Inspection Schemes, 1954).
 *
 * The score is the sum of log-likelihood ratios: a failure adds ln(p1/p0), a success
 * takes ln((1-p0)/(1-p1)) away; at ln((1-beta)/alpha) it is bad.  Wald's test ends at
 * the other bound, where it is good, and is begun anew.  Here the score is kept from
 * falling below the point from which the shortest run of failures that decides at all
 * (4 with the defaults) still does, so that no good history hides failures.  With the
 * defaults and 100 connections/s, of which 0.5 % fail at random, this gives one false
 * alarm in months; beginning anew from 0 at Wald's bound one in 8 days, and a plain
 * CUSUM, never below 0, one in 1.3 days (docs/health.md).
 *
 * The other way back is a test of its own, of p0 against a lower p1, so that between
 * the two lies a range of shares that changes nothing: a service that steadily fails
 * for one in twenty does not come and go.
 */
#ifndef SHUNT_ENGINE_SEQUENTIAL_H
#define SHUNT_ENGINE_SEQUENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/* What the shares and errors of the limits come to: see sequential_prepare(). */
struct sequential_scores {
	double success, failure; /* what one connection takes from the score, and adds to it */
	double recovery_success, recovery_failure; /* likewise on the way back */
	double bad, good; /* Wald's bounds */
	double floor; /* the score is never below this */
};

struct sequential_limits {
	double good_share; /* p0: the share of failures of a good service */
	double bad_share; /* p1: …of a bad one */
	double alpha; /* the chance to call a good one bad */
	double beta; /* the chance to call a bad one good */
	double recovery_share; /* p1 of the way back: below bad_share */
	uint64_t steady; /* ns: the way back takes at least this */
	uint64_t clean; /* ns: so long without a failure is another way back, for slow services */
	uint64_t half_life; /* ns: what is known counts half after this */
	uint64_t expires; /* ns: without any connection, "bad" is forgotten after this */
	uint64_t recent; /* ns: what the counts for people are over: this to twice this */
	struct sequential_scores scores;
};

/* All zero has seen nothing. */
struct sequential {
	double score;
	double recovery; /* the score of the way back, while bad */
	uint64_t at; /* ns: the last connection; 0: there was none */
	uint64_t bad_since; /* ns */
	uint64_t recovering_since; /* ns */
	uint64_t failed_at; /* ns: the last failure */
	uint64_t clean; /* successes since then */
	/* The connections that led to the score, for people: since it was last at or below 0. */
	uint64_t since; /* ns */
	uint64_t successes;
	uint64_t failures;
	bool bad;
	bool certain; /* …and the score came to twice the bound: an error of alpha squared */
};

/* Fills `scores` from the rest, which must be set: logarithms are not for every tick. */
void sequential_prepare(struct sequential_limits *limits);

/*
 * Takes what happened since the last call; both may be 0.  `now` is ns and never falls.
 * In what order they came is not known, so that only their sum decides.
 */
void sequential_add(struct sequential *test, const struct sequential_limits *limits, uint64_t now,
		    uint64_t successes, uint64_t failures);

/* Forgets what it knows, because somebody knows better. */
void sequential_forget(struct sequential *test);

#endif
