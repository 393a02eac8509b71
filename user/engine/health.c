/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/health.h"

#include <string.h>

#include "engine/fault.h"

/* ---- evidence ---- */

static uint64_t failures_of(const struct health *health, const struct health_limits *limits,
			    const struct health_input *input)
{
	const struct silence *silence = &health->silence;
	uint64_t failures = fault_handshakes(input->role, input->traffic.handshakes);

	/* Who gave up waiting during a silence is closed at its end: that is told already. */
	if (silence->kind != SILENCE_NONE ||
	    (silence->broken_at && input->now - silence->broken_at <= limits->backlog))
		return failures;
	return failures + fault_closes(input->role, input->traffic.closes);
}

static void add_silence(struct health *health, const struct health_limits *limits,
			const struct health_input *input)
{
	const struct health_traffic *traffic = &input->traffic;
	struct silence_input seen = {
		.now = input->now,
		.stretch = awareness_stretch(&health->awareness),
		.late = input->late > limits->awareness.late || input->lost,
		.connections = traffic->handshakes[SHUNT_HANDSHAKE_OK],
		.refused = traffic->handshakes[SHUNT_HANDSHAKE_REFUSED],
		.responses = traffic->responses,
		.response_time = traffic->response_time,
		.waiting_known = input->waiting.known,
		.unread_known = input->waiting.unread_known,
		.queue_known = input->queue.known,
		.waiting = input->waiting.count,
		.unread = input->waiting.unread,
		.oldest = input->waiting.oldest,
		.queue = input->queue.length,
	};

	for (unsigned i = 0; i < input->checks_count; i++)
		seen.checks_answered |= input->checks[i].http_status > 0;
	silence_add(&health->silence, &limits->silence, &seen);
}

static void add_traffic(struct health *health, const struct health_limits *limits,
			const struct health_input *input)
{
	struct sequential *test = &health->traffic;
	uint64_t stretch = awareness_stretch(&health->awareness);

	sequential_add(test, &limits->traffic, input->now,
		       input->traffic.handshakes[SHUNT_HANDSHAKE_OK],
		       failures_of(health, limits, input));
	/* More than one lump, as of a queue that overflowed once. */
	if (test->certain && test->failed_at > test->bad_since &&
	    input->now - test->bad_since >= limits->failing * stretch)
		health->traffic_failing = true;
	if (!test->bad)
		health->traffic_failing = false;
}

static void add_checks(struct health *health, const struct health_limits *limits,
		       const struct health_input *input)
{
	const struct health_traffic *traffic = &input->traffic;
	struct sequential *test = &health->traffic;
	struct checks_input seen = {
		.now = input->now,
		.stretch = awareness_stretch(&health->awareness),
		.checks = input->checks,
		.checks_count = input->checks_count,
		.balancer_known = input->balancer.known,
		.balancer = input->balancer.state,
		.served = traffic->handshakes[SHUNT_HANDSHAKE_OK],
		.failed = failures_of(health, limits, input),
		.traffic_bad = test->bad || health->silence.kind != SILENCE_NONE,
	};

	/* That the kernel takes a connection says little of a service that usually answers. */
	if (health->silence.familiar >= limits->silence.familiar)
		seen.served = traffic->responses;
	checks_add(&health->checks, &limits->checks, &seen);

	/* Nobody calls any more, as when the balancer has taken it out, but checks pass again. */
	if (test->bad && health->checks.passing && health->checks.passing_since > test->at &&
	    input->now - test->at >= limits->voiceless)
		sequential_forget(test);
}

/* ---- flapping ---- */

/*
 * One that works between two checks is up there, even if each check of a row happens to
 * meet it while it does not: or it would never be seen to flap at the checks' own pace.
 */
static bool is_down(const struct health *health)
{
	return health->silence.kind != SILENCE_NONE || health->traffic_failing ||
	       checks_stand(&health->checks);
}

static void sample(struct health *health, const struct health_limits *limits, uint64_t now, bool up)
{
	flap_add(&health->flap, &limits->flap, up);
	health->sampled_at = now;
}

/* A check of the service for Nagios' score: by traffic, or else each round of real ones. */
static void add_sample(struct health *health, const struct health_limits *limits, uint64_t now)
{
	const struct checks *checks = &health->checks;
	const struct checks_prober *worst = &checks->probers[checks->worst];
	bool own_word = worst->failed && worst->outcome == SHUNT_PROBE_HTTP_ERROR;
	bool up = !health->down_since;

	if (health->traffic.bad && up)
		return;
	if (!up || (checks_traffic_speaks(checks, &limits->checks, now) && !own_word)) {
		if (!health->flap.known || health->flap.up != up ||
		    now - health->sampled_at >= limits->sample)
			sample(health, limits, now, up);
	} else if (checks->round) {
		sample(health, limits, now, 2 * checks->troubled_probers <= checks->fresh);
	}
}

static void add_flapping(struct health *health, const struct health_limits *limits, uint64_t now)
{
	bool down = is_down(health);

	damping_decay(&health->damping, &limits->damping, now);
	if (down && !health->down_since) {
		damping_withdraw(&health->damping, &limits->damping, now);
		health->down_since = now;
	} else if (!down && !health->traffic.bad) {
		health->down_since = 0;
	}
	add_sample(health, limits, now);
}

/* ---- the state ---- */

static bool is_outlook_bad(struct health *health, const struct health_limits *limits,
			   const struct health_input *input)
{
	if (input->balancer.outlook >= limits->outlook)
		health->outlook_bad = true;
	else if (input->balancer.outlook <= limits->outlook_over)
		health->outlook_bad = false;
	return health->outlook_bad;
}

static enum health_reason risk(struct health *health, const struct health_limits *limits,
			       const struct health_input *input)
{
	bool outlook_bad = is_outlook_bad(health, limits, input);

	if (health->traffic.bad)
		return HEALTH_REASON_CONNECTIONS;
	if (health->checks.troubled_probers)
		return HEALTH_REASON_CHECKS;
	if (input->balancer.known && input->balancer.state != LB_UP)
		return HEALTH_REASON_BALANCER;
	return outlook_bad ? HEALTH_REASON_OUTLOOK : HEALTH_REASON_NONE;
}

/* The gravest state for which there is evidence now, flapping aside. */
static enum health_state evident(struct health *health, const struct health_limits *limits,
				 const struct health_input *input, enum health_reason *ret_reason)
{
	const struct checks *checks = &health->checks;
	enum silence_kind silence = health->silence.kind;

	*ret_reason = risk(health, limits, input);
	if (silence != SILENCE_NONE) {
		*ret_reason = silence == SILENCE_UNTOUCHED ? HEALTH_REASON_UNTOUCHED
							   : HEALTH_REASON_UNANSWERED;
		return HEALTH_WEDGED;
	}
	if (health->traffic_failing) {
		*ret_reason = HEALTH_REASON_CONNECTIONS;
		return HEALTH_FAILING;
	}
	if (checks->failing) {
		*ret_reason = checks->http_error ? HEALTH_REASON_HTTP_ERROR : HEALTH_REASON_CHECKS;
		return HEALTH_FAILING;
	}
	if (checks->fault) {
		*ret_reason = checks->alone ? HEALTH_REASON_CHECKER_ALONE
					    : HEALTH_REASON_TRAFFIC_SERVED;
		return HEALTH_CHECKER_FAULT;
	}
	return *ret_reason == HEALTH_REASON_NONE ? HEALTH_HEALTHY : HEALTH_AT_RISK;
}

/* Moves `beneath`: up at once, down once the evidence has been gone for a while. */
static enum health_reason move(struct health *health, const struct health_limits *limits,
			       const struct health_input *input)
{
	enum health_reason reason;
	enum health_state state = evident(health, limits, input, &reason);

	if (state >= health->beneath || input->now - health->evident_at >= limits->hold) {
		health->beneath = state;
		health->evident_at = input->now;
		return reason;
	}
	return HEALTH_REASON_OVER;
}

static enum health_reason flapping(const struct health *health, const struct health_limits *limits,
				   uint64_t now)
{
	bool settled = health->down_since && now - health->down_since >= limits->settled;

	if (settled)
		return HEALTH_REASON_NONE;
	if (health->damping.suppressed)
		return HEALTH_REASON_DAMPED;
	return health->flap.flapping ? HEALTH_REASON_TRANSITIONS : HEALTH_REASON_NONE;
}

static enum health_reason decide(struct health *health, const struct health_limits *limits,
				 const struct health_input *input)
{
	enum health_reason reason = move(health, limits, input);
	enum health_reason flaps = flapping(health, limits, input->now);
	enum health_state state = flaps == HEALTH_REASON_NONE ? health->beneath : HEALTH_FLAPPING;

	if (!health->since || state != health->state) {
		health->since = input->now;
		health->state = state;
	}
	return flaps == HEALTH_REASON_NONE ? reason : flaps;
}

/* ---- the verdict ---- */

static void report_traffic(const struct health *health, struct health_verdict *ret_verdict)
{
	const struct sequential *test = &health->traffic;
	const struct silence *silence = &health->silence;

	if (test->bad) {
		ret_verdict->connections = test->successes + test->failures;
		ret_verdict->failures = test->failures;
		ret_verdict->span = ret_verdict->now - test->since;
	}
	if (silence->kind == SILENCE_NONE)
		return;
	ret_verdict->silence = ret_verdict->now - silence->from;
	ret_verdict->usual = (uint64_t)silence->gap;
	ret_verdict->arrivals = silence->arrivals;
	ret_verdict->waiting = silence->unmet;
	ret_verdict->queue = silence->queue;
}

static void report_checks(const struct health *health, struct health_verdict *ret_verdict)
{
	const struct checks *checks = &health->checks;
	const struct checks_prober *prober = &checks->probers[checks->worst];
	bool grave = ret_verdict->state == HEALTH_FAILING || ret_verdict->state == HEALTH_WEDGED;

	ret_verdict->unseen = grave && checks->passing;
	if (!checks->fresh || !prober->onset)
		return;
	ret_verdict->prober = checks->worst;
	ret_verdict->checks_in_a_row = prober->failed;
	ret_verdict->checks_recent = checks_recent_failures(prober);
	ret_verdict->outcome = prober->outcome;
	ret_verdict->http_status = prober->http_status;
	ret_verdict->witnesses = checks->fine_served + checks->served;
}

static void report_flapping(const struct health *health, struct health_verdict *ret_verdict)
{
	const struct damping *damping = &health->damping;

	ret_verdict->flap_score = flap_score(&health->flap);
	ret_verdict->penalty = damping->penalty;
	ret_verdict->withdrawals = damping->withdrawals;
	if (damping->withdrawals)
		ret_verdict->withdrawals_span = ret_verdict->now - damping->first;
}

void health_step(struct health *health, const struct health_limits *limits,
		 const struct health_input *input, struct health_verdict *ret_verdict)
{
	enum health_reason reason;

	awareness_add(&health->awareness, &limits->awareness, input->now, input->late, input->lost);
	add_silence(health, limits, input);
	add_traffic(health, limits, input);
	add_checks(health, limits, input);
	add_flapping(health, limits, input->now);
	reason = decide(health, limits, input);

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	ret_verdict->now = input->now;
	ret_verdict->since = health->since;
	ret_verdict->state = health->state;
	ret_verdict->beneath = health->beneath;
	ret_verdict->reason = reason;
	ret_verdict->look = silence_wants_look(&health->silence, &limits->silence);
	ret_verdict->balancer.known = input->balancer.known;
	ret_verdict->balancer.state = input->balancer.state;
	ret_verdict->balancer.checks_until_down = input->balancer.checks_until_down;
	ret_verdict->balancer.outlook = input->balancer.outlook;
	ret_verdict->stretch = awareness_stretch(&health->awareness);
	ret_verdict->late = health->awareness.late;
	ret_verdict->lost = health->awareness.lost;
	report_traffic(health, ret_verdict);
	report_checks(health, ret_verdict);
	report_flapping(health, ret_verdict);
}
