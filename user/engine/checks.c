/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/checks.h"

#define RECENT_MASK ((1U << CHECKS_RECENT) - 1)

/* ---- witnesses ---- */

static void gather_anew(struct checks *checks, uint64_t now)
{
	checks->gathered_from = now;
	checks->served = 0;
	checks->failed = 0;
}

static bool is_fine_since(const struct checks *checks, uint64_t onset)
{
	return checks->fine_at && checks->fine_from >= onset;
}

static bool too_many_failed(const struct checks *checks, const struct checks_limits *limits)
{
	return (double)checks->failed > limits->witness_failures * (double)checks->served;
}

/* What failed up to now failed because the service did. */
static void move_onsets(struct checks *checks, uint64_t now)
{
	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		struct checks_prober *prober = &checks->probers[i];

		if (prober->onset)
			prober->onset = now;
		prober->history = 0;
		prober->excused = true;
		prober->doubted_at = 0;
		prober->contradicted = false;
	}
}

/* The witnesses are enough, and all is fine. */
static void testify(struct checks *checks, uint64_t now)
{
	checks->fine_from = checks->gathered_from;
	checks->fine_at = now;
	checks->fine_served += checks->served;
	for (unsigned i = 0; i < checks->used; i++) {
		struct checks_prober *prober = &checks->probers[i];

		if (prober->doubted_at && checks->fine_from >= prober->doubted_at)
			prober->contradicted = true;
	}
}

static void hear_witnesses(struct checks *checks, const struct checks_limits *limits,
			   const struct checks_input *input)
{
	if (input->traffic_bad) {
		gather_anew(checks, input->now);
		move_onsets(checks, input->now);
		checks->fine_at = 0;
		return;
	}
	checks->served += input->served;
	checks->failed += input->failed;
	if (checks->served + checks->failed < limits->witnesses)
		return;
	if (!too_many_failed(checks, limits))
		testify(checks, input->now);
	gather_anew(checks, input->now);
}

bool checks_stand(const struct checks *checks)
{
	const struct checks_prober *worst = &checks->probers[checks->worst];

	return checks->failing && (checks->http_error || !is_fine_since(checks, worst->onset));
}

bool checks_traffic_speaks(const struct checks *checks, const struct checks_limits *limits,
			   uint64_t now)
{
	return checks->fine_at && now - checks->fine_at <= limits->voice;
}

/* ---- probers ---- */

unsigned checks_recent_failures(const struct checks_prober *prober)
{
	return (unsigned)__builtin_popcount(prober->history & RECENT_MASK);
}

static void learn_interval(struct checks_prober *prober, uint64_t at)
{
	uint64_t interval = at > prober->at ? at - prober->at : 0;

	if (!prober->at)
		return;
	if (!prober->interval)
		prober->interval = interval;
	else
		prober->interval += interval / 4 - prober->interval / 4;
}

static void take_pass(struct checks_prober *prober, uint64_t at)
{
	prober->history <<= 1;
	if (!prober->passed)
		prober->passing_since = at;
	prober->passed++;
	prober->failed = 0;
	if (!(prober->history & RECENT_MASK))
		prober->onset = 0;
}

static void take_failure(struct checks *checks, struct checks_prober *prober,
			 const struct check *check, uint64_t now)
{
	prober->history = prober->history << 1 | 1;
	prober->failed++;
	prober->passed = 0;
	/* What was witnessed before it began, or while it failed otherwise, says nothing. */
	if (!prober->onset || prober->excused || prober->outcome != (uint32_t)check->outcome) {
		prober->onset = now;
		prober->excused = false;
		prober->doubted_at = 0;
		prober->contradicted = false;
		checks->fine_served = 0;
		gather_anew(checks, now);
	} else if (!prober->doubted_at && is_fine_since(checks, prober->onset)) {
		/* …nor what came before this one, if the service has failed just now. */
		prober->doubted_at = now;
		gather_anew(checks, now);
	}
	prober->outcome = check->outcome;
	prober->http_status = check->http_status;
}

static void take_check(struct checks *checks, const struct check *check, uint64_t now)
{
	unsigned index = check->prober < CHECKS_PROBERS ? check->prober : CHECKS_PROBERS - 1;
	struct checks_prober *prober = &checks->probers[index];

	if (checks->used <= index)
		checks->used = index + 1;
	learn_interval(prober, check->at);
	prober->at = check->at;
	if (check->outcome == SHUNT_PROBE_PASS)
		take_pass(prober, check->at);
	else
		take_failure(checks, prober, check, now);
	checks->seen++;
}

static bool is_fresh(const struct checks_prober *prober, const struct checks_limits *limits,
		     uint64_t now)
{
	uint64_t stale = limits->stale_unknown;

	if (!prober->at)
		return false;
	if (prober->interval)
		stale = limits->stale * prober->interval;
	if (stale < limits->stale_least)
		stale = limits->stale_least;
	return now < prober->at || now - prober->at <= stale;
}

/* ---- the verdict ---- */

/* What the fresh probers say, added up. */
struct tally {
	unsigned failing; /* enough failed checks in a row */
	unsigned unrecovered; /* trouble that is not over */
	unsigned suspicious; /* enough failed checks lately */
	unsigned http_error; /* failing by an error status */
	unsigned http_unrecovered;
};

static bool is_out(const struct checks_input *input)
{
	return input->balancer_known && input->balancer == LB_DOWN;
}

static unsigned needed_in_a_row(const struct checks_limits *limits,
				const struct checks_input *input)
{
	if (is_out(input))
		return 1;
	return limits->failing + input->stretch - 1;
}

static bool is_suspicious(const struct checks_prober *prober, const struct checks_limits *limits,
			  const struct checks_input *input)
{
	unsigned needed = limits->suspicious + input->stretch - 1;
	unsigned failed = checks_recent_failures(prober);

	return failed >= needed || failed == CHECKS_RECENT;
}

static bool is_worse(const struct checks_prober *a, const struct checks_prober *b)
{
	if (a->failed != b->failed)
		return a->failed > b->failed;
	return checks_recent_failures(a) > checks_recent_failures(b);
}

/* Traffic that is fine again is worth all passed checks but one. */
static bool has_recovered(const struct checks *checks, const struct checks_prober *prober,
			  const struct checks_limits *limits)
{
	unsigned needed = is_fine_since(checks, prober->onset) ? 1 : limits->passing;

	return !prober->onset || prober->passed >= needed;
}

static void count_prober(struct checks *checks, unsigned index, const struct checks_limits *limits,
			 const struct checks_input *input, struct tally *tally)
{
	const struct checks_prober *prober = &checks->probers[index];
	bool failing = prober->failed >= needed_in_a_row(limits, input);
	bool unrecovered = !has_recovered(checks, prober, limits);
	bool http_error = prober->outcome == SHUNT_PROBE_HTTP_ERROR;

	if (!checks->fresh || is_worse(prober, &checks->probers[checks->worst]))
		checks->worst = index;
	checks->fresh++;
	tally->failing += failing;
	tally->unrecovered += unrecovered;
	tally->suspicious += is_suspicious(prober, limits, input);
	tally->http_error += failing && http_error;
	tally->http_unrecovered += unrecovered && http_error;

	checks->troubled_probers += prober->failed > 0;
	checks->passing &= prober->passed >= limits->passing;
	if (prober->passing_since > checks->passing_since)
		checks->passing_since = prober->passing_since;
}

static void count_probers(struct checks *checks, const struct checks_limits *limits,
			  const struct checks_input *input, struct tally *ret_tally)
{
	*ret_tally = (struct tally){0};
	checks->fresh = 0;
	checks->worst = 0;
	checks->troubled_probers = 0;
	checks->passing = true;
	checks->passing_since = 0;
	for (unsigned i = 0; i < checks->used; i++) {
		if (is_fresh(&checks->probers[i], limits, input->now))
			count_prober(checks, i, limits, input, ret_tally);
	}
	checks->passing &= checks->fresh > 0;
	checks->failing_probers = ret_tally->failing;
}

/* Witnesses enough since the onset, but no failed check since; or too few yet, but all are fine. */
static bool is_being_heard(const struct checks *checks, const struct checks_limits *limits,
			   const struct checks_input *input)
{
	if (is_fine_since(checks, checks->probers[checks->worst].onset))
		return input->now - checks->fine_at <= limits->testimony;
	return checks->served >= limits->hearing && !checks->failed &&
	       input->now - checks->gathered_from < limits->heard_for;
}

static void judge(struct checks *checks, const struct checks_limits *limits,
		  const struct checks_input *input, const struct tally *tally)
{
	const struct checks_prober *worst = &checks->probers[checks->worst];
	bool own_word = worst->outcome == SHUNT_PROBE_HTTP_ERROR;
	bool contradicted = worst->contradicted &&
			    input->now - checks->fine_at <= limits->testimony;
	bool most = 2 * tally->failing > checks->fresh;

	checks->alone = checks->fresh >= limits->majority &&
			2 * tally->unrecovered < checks->fresh && !input->traffic_bad;

	if (checks->fault)
		checks->fault = checks->fresh && worst->onset;
	else
		checks->fault = tally->suspicious > 0;
	if (own_word || (!contradicted && !checks->alone))
		checks->fault = false;

	checks->http_error = tally->http_error ||
			     (checks->failing && checks->http_error && tally->http_unrecovered);
	if (checks->failing)
		checks->failing = 2 * tally->unrecovered > checks->fresh;
	else
		checks->failing = most && !is_being_heard(checks, limits, input);
	if (contradicted)
		checks->failing = false;
	checks->failing |= checks->http_error;
}

void checks_add(struct checks *checks, const struct checks_limits *limits,
		const struct checks_input *input)
{
	struct tally tally;

	/* Before the checks: it is not known what of this tick's traffic came after them. */
	hear_witnesses(checks, limits, input);
	for (unsigned i = 0; i < input->checks_count; i++)
		take_check(checks, &input->checks[i], input->now);
	count_probers(checks, limits, input, &tally);
	checks->round = input->checks_count && checks->seen >= checks->fresh;
	if (checks->round)
		checks->seen = 0;
	judge(checks, limits, input, &tally);
}
