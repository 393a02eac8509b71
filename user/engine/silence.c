/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/silence.h"

#include <math.h>

#define NSEC_PER_SEC 1e9

/* Over what times the usual is learned, in seconds. */
#define RATE_SECONDS	 30
#define FAMILIAR_SECONDS 60
/* How much one silence counts for the usual one. */
#define GAP_WEIGHT (1.0 / 16)
/* What had to wait for the end of a silence is answered within this, and is not usual. */
#define BACKLOG_NSEC 1000000000ULL

/* ---- what is usual ---- */

static bool is_usual(const struct silence *silence, uint64_t now)
{
	return silence->kind == SILENCE_NONE &&
	       (!silence->broken_at || now - silence->broken_at > BACKLOG_NSEC);
}

static void learn_rates(struct silence *silence, const struct silence_input *input)
{
	double seconds = (double)(input->now - silence->at) / NSEC_PER_SEC;
	double share = fmin(seconds / RATE_SECONDS, 1);
	double kept = 1 - fmin(seconds / FAMILIAR_SECONDS, 1);

	if (seconds <= 0)
		return;
	silence->responses += share * ((double)input->responses / seconds - silence->responses);
	silence->connections += share *
				((double)input->connections / seconds - silence->connections);
	silence->familiar = kept * silence->familiar + (input->responses ? 1 : 0);
	silence->slowest *= kept;
	if (!silence->from)
		silence->waiting *= kept;
}

/* A response ended a silence of this length. */
static void learn_gap(struct silence *silence, const struct silence_input *input, uint64_t length)
{
	double mean = (double)input->response_time / (double)input->responses;

	if (input->waiting_known)
		silence->waiting = fmax(silence->waiting, input->waiting);
	if (!is_usual(silence, input->now))
		return;
	silence->slowest = fmax(silence->slowest, mean);
	if (silence->gap <= 0)
		silence->gap = (double)length;
	silence->gap += GAP_WEIGHT * ((double)length - silence->gap);
}

/* ---- the silence at hand ---- */

static void end_silence(struct silence *silence, uint64_t now)
{
	if (silence->kind != SILENCE_NONE)
		silence->broken_at = now;
	silence->responded_at = now;
	silence->from = 0;
	silence->asked_at = 0;
	silence->arrivals = 0;
	silence->oldest = 0;
	silence->unmet = 0;
	silence->unread = 0;
	silence->queue = 0;
	silence->unread_known = false;
	silence->queue_known = false;
	silence->draining = false;
	silence->checks_answered = false;
	silence->kind = SILENCE_NONE;
}

/* A late tick: whatever silence there was before was not watched. */
static void restart_silence(struct silence *silence, uint64_t now)
{
	silence->responded_at = now;
	if (silence->from && silence->kind == SILENCE_NONE)
		silence->from = now;
}

static void see_waiting(struct silence *silence, const struct silence_input *input)
{
	double beyond = (double)input->waiting - silence->waiting;

	if (!input->waiting_known)
		return;
	silence->unmet = beyond > 0 ? (uint32_t)beyond : 0;
	silence->unread = input->unread_known ? input->unread : 0;
	silence->unread_known = input->unread_known;
	silence->oldest = input->oldest;
}

static void see_queue(struct silence *silence, const struct silence_input *input)
{
	if (!input->queue_known)
		return;
	if (silence->queue_known && input->queue < silence->queue)
		silence->draining = true;
	silence->queue = input->queue;
	/* What was accepted before the first demand says nothing of this silence. */
	silence->queue_known = silence->from && silence->from < silence->at;
}

static bool is_asked(const struct silence *silence, const struct silence_input *input)
{
	return input->connections ||
	       (input->waiting_known && (silence->unmet || silence->unread)) ||
	       (input->queue_known && silence->queue);
}

/* When the demand began that is seen now for the first time. */
static uint64_t asked_from(const struct silence *silence, const struct silence_input *input)
{
	uint64_t from = silence->at;

	if (silence->unmet && silence->oldest > input->now - from)
		from = silence->oldest < input->now ? input->now - silence->oldest : 0;
	return from > silence->responded_at ? from : silence->responded_at;
}

static void go_on(struct silence *silence, const struct silence_limits *limits,
		  const struct silence_input *input)
{
	see_waiting(silence, input);
	see_queue(silence, input);
	silence->arrivals += input->connections;
	if (input->checks_answered)
		silence->checks_answered = true;
	if (is_asked(silence, input)) {
		silence->asked_at = input->now;
		if (!silence->from)
			silence->from = asked_from(silence, input);
	}
	/* Nobody asks any more, or nobody is there to answer: another matter. */
	if (silence->from && input->now - silence->asked_at >= limits->forget)
		end_silence(silence, input->now);
	if (input->refused && !input->connections)
		end_silence(silence, input->now);
}

/* ---- the verdict ---- */

/* Nobody takes what lies there. */
static bool is_untouched(const struct silence *silence, const struct silence_limits *limits)
{
	bool queued = silence->queue_known && silence->queue && !silence->draining;
	uint64_t demand = silence->arrivals;

	if (silence->checks_answered || (!queued && !silence->unread))
		return false;
	if (demand < silence->queue)
		demand = silence->queue;
	if (demand < silence->unmet)
		demand = silence->unmet;
	return demand >= limits->demand;
}

/* Everything that comes is seen to be taken. */
static bool is_taken(const struct silence *silence)
{
	return silence->checks_answered ||
	       (silence->queue_known && !silence->queue && silence->arrivals) ||
	       (silence->unread_known && !silence->unread && silence->unmet);
}

/* How many of the new connections should have had a response by now. */
static double in_vain(const struct silence *silence)
{
	if (silence->connections <= 0)
		return 0;
	return (double)silence->arrivals * fmin(silence->responses / silence->connections, 1);
}

static enum silence_kind judge(const struct silence *silence, const struct silence_limits *limits,
			       const struct silence_input *input)
{
	double length = (double)(input->now - silence->from) / input->stretch;
	double usual = limits->gaps * silence->gap;
	double slow = limits->slowest * silence->slowest;
	double due = silence->responses * length / NSEC_PER_SEC;

	if (!silence->from || length < (double)limits->shortest || length < usual)
		return SILENCE_NONE;
	if (is_untouched(silence, limits))
		return SILENCE_UNTOUCHED;
	if (length < slow || due < limits->expected)
		return SILENCE_NONE;
	if (is_taken(silence)) {
		if (length >= (double)limits->taken && length >= 2 * usual &&
		    in_vain(silence) >= limits->vain_taken)
			return SILENCE_TAKEN;
		return SILENCE_NONE;
	}
	if (in_vain(silence) >= limits->vain)
		return SILENCE_UNMET;
	if (silence->unmet >= limits->demand &&
	    (double)silence->oldest >= (double)limits->shortest * input->stretch)
		return SILENCE_UNMET;
	return SILENCE_NONE;
}

void silence_add(struct silence *silence, const struct silence_limits *limits,
		 const struct silence_input *input)
{
	bool familiar;

	if (!silence->at)
		silence->at = input->now;
	learn_rates(silence, input);
	familiar = silence->familiar >= limits->familiar;
	if (input->responses) {
		uint64_t from = silence->from ? silence->from : silence->at;

		learn_gap(silence, input, input->now - from);
		end_silence(silence, input->now);
	} else {
		go_on(silence, limits, input);
	}
	if (input->late)
		restart_silence(silence, input->now);
	else if (silence->kind == SILENCE_NONE && familiar)
		silence->kind = judge(silence, limits, input);
	silence->at = input->now;
}

bool silence_wants_look(const struct silence *silence, const struct silence_limits *limits)
{
	uint64_t since = silence->at - silence->responded_at;

	if (silence->kind != SILENCE_NONE)
		return true;
	if (silence->familiar < limits->familiar)
		return false;
	if (silence->from)
		return silence->at - silence->from >= limits->look;
	/* Requests on connections that were there before are seen by looking alone. */
	return since >= limits->look && since < limits->look + limits->forget;
}
