/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define API_PATH "/api/v2/alerts"

#define NSEC_PER_USEC 1000

/* ---- URLs ---- */

/* What is posted to: of Alertmanager the API below the given URL. */
static char *make_url(enum target_kind kind, const char *configured)
{
	size_t length = strlen(configured);
	char *url;

	if (kind == TARGET_WEBHOOK)
		return strdup(configured);
	while (length && configured[length - 1] == '/')
		length--;
	return asprintf(&url, "%.*s" API_PATH, (int)length, configured) < 0 ? NULL : url;
}

static char *make_name(const char *configured)
{
	const char *host = strstr(configured, "://");
	size_t scheme, length;
	const char *at;
	char *name;

	host = host ? host + 3 : configured;
	scheme = (size_t)(host - configured);
	length = strcspn(host, "/?#");
	at = memchr(host, '@', length);
	if (at) {
		length -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (asprintf(&name, "%.*s%.*s", (int)scheme, configured, (int)length, host) < 0)
		return NULL;
	return name;
}

/* ---- begin and end ---- */

int target_new(enum target_kind kind, const char *url, size_t capacity,
	       const struct target_times *times, uint64_t seed, void *owner,
	       struct target **ret_target)
{
	enum outbox_kind order = kind == TARGET_WEBHOOK ? OUTBOX_EVERY : OUTBOX_LATEST;
	struct target *target = calloc(1, sizeof(*target));
	int r;

	if (!target)
		return -ENOMEM;
	target->kind = kind;
	target->retry.seed = seed;
	target->lifetime = times->lifetime;
	target->owner = owner;
	target->configured = strdup(url);
	target->url = make_url(kind, url);
	target->name = make_name(url);
	r = outbox_init(&target->outbox, order, capacity, times->repeat, times->keep);
	if (r < 0 || !target->configured || !target->url || !target->name) {
		target_free(target);
		return -ENOMEM;
	}
	*ret_target = target;
	return 0;
}

void target_free(struct target *target)
{
	if (!target)
		return;
	if (target->transfer)
		sender_cancel(target->transfer);
	outbox_done(&target->outbox);
	free(target->configured);
	free(target->url);
	free(target->name);
	free(target);
}

/* ---- what is to be told ---- */

void target_put(struct target *target, struct notice *notice, uint64_t now)
{
	uint64_t dropped = target->outbox.dropped;

	outbox_put(&target->outbox, notice, now);
	if (target->outbox.dropped == dropped || target->told_full)
		return;
	log_warning("alerts: %s: %zu wait to be told, giving up the oldest", target->name,
		    target->outbox.capacity);
	target->told_full = true;
}

uint64_t target_due(const struct target *target)
{
	uint64_t due;

	if (target->transfer)
		return OUTBOX_NEVER;
	due = outbox_due(&target->outbox);
	return due < target->wait ? target->wait : due;
}

static int make_body(const struct target *target, const struct payload_sender *origin,
		     struct notice *const *notices, size_t count, uint64_t wall, char **ret_body)
{
	uint64_t until = wall + target->lifetime * NSEC_PER_USEC;

	if (target->kind == TARGET_WEBHOOK)
		return payload_webhook(origin, notices[0], ret_body);
	return payload_alertmanager(origin, notices, count, until, ret_body);
}

void target_send(struct target *target, struct sender *sender, const struct payload_sender *origin,
		 uint64_t now, uint64_t wall, sender_done_fn done)
{
	struct notice *notices[TARGET_BATCH];
	char *body = NULL;
	size_t count;
	int r;

	if (target_due(target) > now)
		return;
	count = outbox_take(&target->outbox, now, TARGET_BATCH, notices);
	if (!count)
		return;
	r = make_body(target, origin, notices, count, wall, &body);
	if (r >= 0)
		r = sender_post(sender, target->url, body, done, target, &target->transfer);
	if (r < 0) {
		const struct sender_answer nothing = {.text = strerror(-r)};

		target_answered(target, &nothing, now);
	}
	free(body);
	for (size_t i = 0; i < count; i++)
		notice_drop(notices[i]);
}

/* ---- what came of it ---- */

static void accepted(struct target *target, uint64_t now)
{
	target->sent += outbox_accepted(&target->outbox, now);
	if (target->retry.failures)
		log_info("alerts: %s: answers again (attempts that failed: %u)", target->name,
			 target->retry.failures);
	retry_succeeded(&target->retry);
	target->told_status = 0;
	if (!outbox_waiting(&target->outbox))
		target->told_full = false;
}

static void refused(struct target *target, const struct sender_answer *answer, uint64_t now)
{
	outbox_refused(&target->outbox, now);
	retry_succeeded(&target->retry);
	if (answer->status == target->told_status)
		return;
	log_warning("alerts: %s: answers %ld%s%s, giving up what it refuses", target->name,
		    answer->status, *answer->text ? ": " : "", answer->text);
	target->told_status = answer->status;
}

static void failed(struct target *target, const struct sender_answer *answer, uint64_t now)
{
	outbox_failed(&target->outbox);
	target->failed++;
	/* The first alone: a target may be away for days. */
	if (!target->retry.failures && answer->status)
		log_warning("alerts: %s: answers %ld%s%s, trying again", target->name,
			    answer->status, *answer->text ? ": " : "", answer->text);
	else if (!target->retry.failures)
		log_warning("alerts: %s: %s, trying again", target->name, answer->text);
	target->wait = now + retry_failed(&target->retry);
}

/* What another attempt may change (RFC 9110, 8470 and 6585). */
static bool is_passing(long status)
{
	return status == 408 || status == 425 || status == 429;
}

void target_answered(struct target *target, const struct sender_answer *answer, uint64_t now)
{
	target->transfer = NULL;
	if (answer->status >= 200 && answer->status <= 299)
		accepted(target, now);
	else if (answer->status >= 400 && answer->status <= 499 && !is_passing(answer->status))
		refused(target, answer, now);
	else
		failed(target, answer, now);
}
