/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define USEC_PER_SEC 1000000ULL

#define REPEAT		(60 * USEC_PER_SEC)
#define KEEP		(15 * 60 * USEC_PER_SEC)
#define CONNECT_TIMEOUT (5 * USEC_PER_SEC)
#define TIMEOUT		(10 * USEC_PER_SEC)

/* Alertmanager may miss three repeats before an alert ends by itself. */
#define LIFETIME_REPEATS 4

struct alerts {
	sd_event *event;
	sd_event_source *timer;
	struct sender *sender; /* NULL: no target */
	struct sender_limits limits;
	struct targets targets;
	struct notice **firing; /* each alert once, the oldest first */
	size_t firing_count;
	size_t capacity;
	uint64_t next_id;
	char instance[256];
	char url[320];
	bool told_full;
};

static uint64_t loop_clock(const struct alerts *alerts)
{
	uint64_t now = 0;

	sd_event_now(alerts->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* ---- sending ---- */

/* The timer runs when the first target wants to send. */
static void arm(struct alerts *alerts)
{
	uint64_t due = targets_due(&alerts->targets);

	if (due != OUTBOX_NEVER)
		sd_event_source_set_time(alerts->timer, due);
	sd_event_source_set_enabled(alerts->timer,
				    due == OUTBOX_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void on_answer(void *userdata, const struct sender_answer *answer)
{
	struct target *target = userdata;
	struct alerts *alerts = target->owner;

	target_answered(target, answer, loop_clock(alerts));
	arm(alerts);
}

static int on_timer(sd_event_source *source, uint64_t due, void *userdata)
{
	struct alerts *alerts = userdata;
	const struct payload_sender origin = {.instance = alerts->instance, .url = alerts->url};
	uint64_t now = loop_clock(alerts);
	uint64_t wall = clock_wall();

	(void)source;
	(void)due;
	for (size_t i = 0; i < alerts->targets.count; i++)
		target_send(alerts->targets.items[i], alerts->sender, &origin, now, wall,
			    on_answer);
	arm(alerts);
	return 0;
}

/* ---- alerts ---- */

/* Where it is among those that fire, or their count. */
static size_t find(const struct alerts *alerts, const struct notice *notice)
{
	size_t at = 0;

	while (at < alerts->firing_count && !notice_same(alerts->firing[at], notice))
		at++;
	return at;
}

static void tell(struct alerts *alerts, struct notice *notice, bool webhooks)
{
	targets_put(&alerts->targets, notice, webhooks, loop_clock(alerts));
	arm(alerts);
}

static int refuse(struct alerts *alerts)
{
	for (size_t i = 0; i < alerts->targets.count; i++)
		alerts->targets.items[i]->outbox.dropped++;
	if (!alerts->told_full)
		log_warning("alerts: %zu fire already, nobody is told of more", alerts->capacity);
	alerts->told_full = true;
	return -ENOBUFS;
}

/* One more; `notice` is the caller's. */
static int begin(struct alerts *alerts, struct notice *notice)
{
	if (alerts->firing_count == alerts->capacity)
		return refuse(alerts);
	alerts->firing[alerts->firing_count++] = notice_hold(notice);
	tell(alerts, notice, true);
	return 0;
}

/* One that fires already. */
static void change(struct alerts *alerts, size_t at, struct notice *notice)
{
	const struct alert *old = &alerts->firing[at]->alert, *new = &notice->alert;
	bool same_state = !strcmp(old->state, new->state);

	if (same_state && !strcmp(old->summary, new->summary) &&
	    !strcmp(old->description, new->description))
		return;
	notice->alert.starts_at = old->starts_at;
	notice_drop(alerts->firing[at]);
	alerts->firing[at] = notice_hold(notice);
	tell(alerts, notice, !same_state);
}

int alerts_raise(struct alerts *alerts, const struct alert *alert)
{
	struct alert fires = *alert;
	struct notice *notice;
	size_t at;
	int r;

	fires.ends_at = 0;
	if (!fires.starts_at)
		fires.starts_at = clock_wall();
	r = notice_new(&fires, alerts->instance, alerts->next_id, &notice);
	if (r < 0)
		return r;
	alerts->next_id++;
	at = find(alerts, notice);
	if (at < alerts->firing_count)
		change(alerts, at, notice);
	else
		r = begin(alerts, notice);
	notice_drop(notice);
	return r;
}

/* What is said at the end: as it was, but for what is said anew. */
static struct alert end_of(const struct alert *fired, const struct alert *alert)
{
	struct alert over = *fired;

	if (alert->state)
		over.state = alert->state;
	if (alert->summary)
		over.summary = alert->summary;
	if (alert->description)
		over.description = alert->description;
	over.ends_at = alert->ends_at ? alert->ends_at : clock_wall();
	/* The wall clock may have been set back; Alertmanager refuses an end before the start. */
	if (over.ends_at <= over.starts_at)
		over.ends_at = over.starts_at + 1;
	return over;
}

int alerts_resolve(struct alerts *alerts, const struct alert *alert)
{
	struct notice *key, *notice;
	struct alert over;
	size_t at;
	int r;

	r = notice_new(alert, alerts->instance, 0, &key);
	if (r < 0)
		return r;
	at = find(alerts, key);
	notice_drop(key);
	if (at == alerts->firing_count)
		return 0;
	over = end_of(&alerts->firing[at]->alert, alert);
	r = notice_new(&over, alerts->instance, alerts->next_id, &notice);
	if (r < 0)
		return r;
	alerts->next_id++;
	alerts->told_full = false;
	notice_drop(alerts->firing[at]);
	alerts->firing_count--;
	memmove(&alerts->firing[at], &alerts->firing[at + 1],
		(alerts->firing_count - at) * sizeof(*alerts->firing));
	tell(alerts, notice, true);
	notice_drop(notice);
	return 0;
}

/* ---- begin and end ---- */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static void take_options(struct alerts *alerts, const struct alerts_options *options)
{
	uint64_t repeat = or_default(options->repeat, REPEAT);
	uint64_t seed = options->seed;

	if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = clock_wall();
	alerts->limits.connect_timeout = or_default(options->connect_timeout, CONNECT_TIMEOUT);
	alerts->limits.timeout = or_default(options->timeout, TIMEOUT);
	alerts->targets.times = (struct target_times){
		.repeat = repeat,
		.lifetime = LIFETIME_REPEATS * repeat,
		.keep = or_default(options->keep, KEEP),
	};
	alerts->targets.seed = seed;
}

static void take_instance(struct alerts *alerts, const char *instance)
{
	if (instance)
		snprintf(alerts->instance, sizeof(alerts->instance), "%s", instance);
	else
		gethostname(alerts->instance, sizeof(alerts->instance) - 1);
	/* sethostname(2) takes any bytes, JSON does not. */
	for (char *at = alerts->instance; *at; at++) {
		if (*at <= 0x20 || *at > 0x7e)
			*at = '?';
	}
}

/* Where the daemon serves its page; who listens everywhere does so under the host's name. */
static void make_url(struct alerts *alerts, const struct config *config)
{
	const char *host = config->listen_host;

	if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::"))
		host = alerts->instance;
	snprintf(alerts->url, sizeof(alerts->url),
		 strchr(host, ':') ? "http://[%s]:%u/" : "http://%s:%u/", host,
		 config->listen_port);
}

int alerts_new(sd_event *event, const struct config *config, const struct alerts_options *options,
	       struct alerts **ret_alerts)
{
	static const struct alerts_options none;
	struct alerts *alerts = calloc(1, sizeof(*alerts));
	int r = -ENOMEM;

	if (!alerts)
		return r;
	alerts->event = sd_event_ref(event);
	if (!options)
		options = &none;
	take_options(alerts, options);
	take_instance(alerts, options->instance);
	make_url(alerts, config);
	alerts->next_id = clock_wall();
	alerts->capacity = 2 * (size_t)config->max_services;
	if (alerts->capacity < ALERTS_CAPACITY)
		alerts->capacity = ALERTS_CAPACITY;
	alerts->targets.capacity = alerts->capacity;
	alerts->targets.owner = alerts;
	alerts->firing = calloc(alerts->capacity, sizeof(struct notice *));
	if (!alerts->firing)
		goto fail;
	r = sd_event_add_time(event, &alerts->timer, CLOCK_MONOTONIC, 0, 1, on_timer, alerts);
	if (r >= 0)
		r = alerts_reload(alerts, config);
	if (r < 0)
		goto fail;
	*ret_alerts = alerts;
	return 0;
fail:
	alerts_free(alerts);
	return r;
}

int alerts_reload(struct alerts *alerts, const struct config *config)
{
	int r = 0;

	if (!alerts->sender && targets_named(config))
		r = sender_new(alerts->event, &alerts->limits, &alerts->sender);
	if (r >= 0)
		r = targets_configure(&alerts->targets, config);
	if (!alerts->targets.count) {
		sender_free(alerts->sender);
		alerts->sender = NULL;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < alerts->targets.count; i++) {
		struct target *target = alerts->targets.items[i];

		for (size_t j = 0; !target->welcome && j < alerts->firing_count; j++)
			target_put(target, alerts->firing[j], loop_clock(alerts));
		target->welcome = true;
	}
	arm(alerts);
	return 0;
}

void alerts_count(const struct alerts *alerts, enum target_kind kind,
		  struct target_counts *ret_counts)
{
	targets_count(&alerts->targets, kind, ret_counts);
}

void alerts_free(struct alerts *alerts)
{
	if (!alerts)
		return;
	targets_done(&alerts->targets);
	sender_free(alerts->sender);
	sd_event_source_disable_unref(alerts->timer);
	for (size_t i = 0; i < alerts->firing_count; i++)
		notice_drop(alerts->firing[i]);
	free(alerts->firing);
	sd_event_unref(alerts->event);
	free(alerts);
}
