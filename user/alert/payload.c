/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/payload.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ULL

#define TIME_SIZE 40

/* How Alertmanager writes that there is no end yet: Go's zero time. */
#define NEVER "0001-01-01T00:00:00Z"

/* RFC 3339, in UTC. */
static void format_time(uint64_t nsec, char ret_text[static TIME_SIZE])
{
	time_t seconds = (time_t)(nsec / NSEC_PER_SEC);
	struct tm tm;
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(ret_text, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret_text + length, TIME_SIZE - length, ".%09" PRIu64 "Z",
		 (uint64_t)(nsec % NSEC_PER_SEC));
}

static json_t *labels(const struct payload_sender *sender, const struct alert *alert)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "alertname", alert->name, "instance",
			 sender->instance, "role", alert_role(alert), "service", alert->service,
			 "severity", alert_severity(alert));
}

static json_t *annotations(const struct alert *alert)
{
	return json_pack("{s:s, s:s, s:s}", "summary", alert->summary, "description",
			 alert->description, "state", alert->state);
}

/* What both forms have of an alert. */
static json_t *describe(const struct payload_sender *sender, const struct alert *alert,
			const char *ends_at)
{
	char starts_at[TIME_SIZE];

	format_time(alert->starts_at, starts_at);
	return json_pack("{s:o, s:o, s:s, s:s, s:s}", "labels", labels(sender, alert),
			 "annotations", annotations(alert), "startsAt", starts_at, "endsAt",
			 ends_at, "generatorURL", sender->url);
}

static int finish(json_t *root, char **ret_text)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

/* Alertmanager refuses an end before the start, as when the wall clock was set back meanwhile. */
static uint64_t end_of(const struct alert *alert, uint64_t until)
{
	if (alert->ends_at)
		return alert->ends_at;
	return until > alert->starts_at ? until : alert->starts_at + 1;
}

int payload_alertmanager(const struct payload_sender *sender, struct notice *const *notices,
			 size_t count, uint64_t until, char **ret_text)
{
	json_t *root = json_array();
	char ends_at[TIME_SIZE];

	for (size_t i = 0; i < count; i++) {
		const struct alert *alert = &notices[i]->alert;

		format_time(end_of(alert, until), ends_at);
		if (json_array_append_new(root, describe(sender, alert, ends_at))) {
			json_decref(root);
			return -ENOMEM;
		}
	}
	return finish(root, ret_text);
}

int payload_webhook(const struct payload_sender *sender, const struct notice *notice,
		    char **ret_text)
{
	const struct alert *alert = &notice->alert;
	const char *status = notice_fires(notice) ? "firing" : "resolved";
	char fingerprint[17], id[17], ends_at[TIME_SIZE] = NEVER;
	json_t *item;

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, notice->fingerprint);
	snprintf(id, sizeof(id), "%016" PRIx64, notice->id);
	if (alert->ends_at)
		format_time(alert->ends_at, ends_at);
	item = describe(sender, alert, ends_at);
	if (!item || json_object_set_new(item, "status", json_string(status)) ||
	    json_object_set_new(item, "fingerprint", json_string(fingerprint))) {
		json_decref(item);
		return -ENOMEM;
	}
	return finish(json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:s, s:[o]}",
				"version", "4", "id", id, "groupKey", fingerprint,
				"truncatedAlerts", 0, "status", status, "receiver", "shunt",
				"groupLabels", labels(sender, alert), "commonLabels",
				labels(sender, alert), "commonAnnotations", annotations(alert),
				"externalURL", sender->url, "alerts", item),
		      ret_text);
}
