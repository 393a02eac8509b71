/* SPDX-License-Identifier: GPL-2.0 */
/* A verdict in plain words. */
#include <inttypes.h>

#include "engine/health.h"
#include "engine/text.h"

static const char *const state_names[HEALTH_MAX] = {
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_AT_RISK] = "at_risk",
	[HEALTH_CHECKER_FAULT] = "checker_fault",
	[HEALTH_FAILING] = "failing",
	[HEALTH_WEDGED] = "wedged",
	[HEALTH_FLAPPING] = "flapping",
};

static const char *const outcomes[SHUNT_PROBE_MAX] = {
	[SHUNT_PROBE_PASS] = "passed",
	[SHUNT_PROBE_REFUSED] = "refused",
	[SHUNT_PROBE_RESET] = "reset",
	[SHUNT_PROBE_TIMED_OUT] = "timed out",
	[SHUNT_PROBE_NO_RESPONSE] = "not answered",
	[SHUNT_PROBE_HTTP_ERROR] = "answered with an error",
	[SHUNT_PROBE_OVERFLOW] = "turned away at a full queue",
};

const char *health_state_name(enum health_state state)
{
	return state < HEALTH_MAX ? state_names[state] : "unknown";
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void say_connections(struct text *text, const struct health_verdict *verdict)
{
	say(text, "%" PRIu64 " of %" PRIu64 " connections failed in the last %.1f s",
	    verdict->failures, verdict->connections, seconds(verdict->span));
}

static void say_outcome(struct text *text, const struct health_verdict *verdict)
{
	if (verdict->http_status)
		say(text, " (status %" PRIu32 ")", verdict->http_status);
	else if (verdict->outcome < SHUNT_PROBE_MAX)
		say(text, " (%s)", outcomes[verdict->outcome]);
}

static void say_checks(struct text *text, const struct health_verdict *verdict)
{
	if (verdict->checks_in_a_row > 1)
		say(text, "%" PRIu32 " checks in a row failed", verdict->checks_in_a_row);
	else if (verdict->checks_recent > 1)
		say(text, "%" PRIu32 " of the last %d checks failed", verdict->checks_recent,
		    CHECKS_RECENT);
	else
		say(text, "a check failed");
	say_outcome(text, verdict);
}

static void say_silence(struct text *text, const struct health_verdict *verdict)
{
	say(text, "nothing was answered for %.1f s, where %.1f s is usual",
	    seconds(verdict->silence), seconds(verdict->usual));
	if (verdict->arrivals)
		say(text, ", to %" PRIu64 " new connection%s", verdict->arrivals,
		    plural(verdict->arrivals));
	if (verdict->queue)
		say(text, ", %" PRIu32 " of them not even accepted", verdict->queue);
	if (verdict->waiting)
		say(text, ", with %" PRIu32 " request%s waiting", verdict->waiting,
		    plural(verdict->waiting));
}

static void say_flapping(struct text *text, const struct health_verdict *verdict)
{
	if (verdict->reason == HEALTH_REASON_TRANSITIONS)
		say(text, "its state keeps changing from check to check (score %.2f)",
		    verdict->flap_score);
	else
		say(text, "it went down %" PRIu32 " times in the last %.0f s (penalty %.0f)",
		    verdict->withdrawals, seconds(verdict->withdrawals_span), verdict->penalty);
	if (verdict->beneath > HEALTH_AT_RISK)
		say(text, ", now %s", health_state_name(verdict->beneath));
}

static void say_reason(struct text *text, const struct health_verdict *verdict)
{
	switch (verdict->reason) {
	case HEALTH_REASON_NONE:
	case HEALTH_REASON_MAX:
		say(text, "nothing speaks against it");
		break;
	case HEALTH_REASON_OVER:
		say(text, "what was wrong seems over, and is waited out");
		break;
	case HEALTH_REASON_CONNECTIONS:
		say_connections(text, verdict);
		break;
	case HEALTH_REASON_CHECKS:
	case HEALTH_REASON_HTTP_ERROR:
		say_checks(text, verdict);
		break;
	case HEALTH_REASON_BALANCER:
	case HEALTH_REASON_OUTLOOK:
		break;
	case HEALTH_REASON_UNTOUCHED:
	case HEALTH_REASON_UNANSWERED:
		say_silence(text, verdict);
		break;
	case HEALTH_REASON_TRAFFIC_SERVED:
		say_checks(text, verdict);
		say(text, " while %" PRIu64 " connections or requests were served",
		    verdict->witnesses);
		break;
	case HEALTH_REASON_CHECKER_ALONE:
		say_checks(text, verdict);
		say(text, " while most other checkers found nothing");
		break;
	case HEALTH_REASON_DAMPED:
	case HEALTH_REASON_TRANSITIONS:
		say_flapping(text, verdict);
		break;
	}
}

static void say_balancer(struct text *text, const struct health_verdict *verdict, const char *name)
{
	const struct health_balancer *balancer = &verdict->balancer;
	const char *between = text->length ? "; " : "";

	if (!balancer->known)
		return;
	switch (balancer->state) {
	case LB_UP:
		if (verdict->unseen)
			say(text, "%sthe checks of %s still pass", between, name);
		if (verdict->reason == HEALTH_REASON_OUTLOOK)
			say(text, "%s%s takes it out with a chance of %.0f %% if this goes on",
			    between, name, balancer->outlook * 100);
		break;
	case LB_STATE_MAX:
		break;
	case LB_GOING_DOWN:
		say(text, "%s%s takes it out in %u more check%s", between, name,
		    balancer->checks_until_down, plural(balancer->checks_until_down));
		break;
	case LB_DOWN:
		say(text, "%s%s has taken it out", between, name);
		break;
	case LB_GOING_UP:
		say(text, "%s%s has taken it out and is about to bring it back", between, name);
		break;
	}
}

static void say_observer(struct text *text, const struct health_verdict *verdict)
{
	if (verdict->stretch <= 1)
		return;
	say(text, " (limits in time stretched by %" PRIu32 ", as the observer ", verdict->stretch);
	if (verdict->late)
		say(text, "was %.1f s late%s", seconds(verdict->late),
		    verdict->lost ? " and " : "");
	if (verdict->lost)
		say(text, "lost %" PRIu64 " event%s", verdict->lost, plural(verdict->lost));
	say(text, ")");
}

void health_explain(const struct health_verdict *verdict, const char *balancer, char *ret_text,
		    size_t size)
{
	struct text text = {.buf = ret_text, .size = size};

	if (!size)
		return;
	ret_text[0] = 0;
	say_reason(&text, verdict);
	say_balancer(&text, verdict, balancer ? balancer : "the load balancer");
	say_observer(&text, verdict);
}
