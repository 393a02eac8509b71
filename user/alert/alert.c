/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/alert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/utf8.h"

/* In bytes, with the terminator.  A service's name is the longest that the daemon gives. */
#define NAME_SIZE	 128
#define STATE_SIZE	 32
#define SUMMARY_SIZE	 256
#define DESCRIPTION_SIZE 1024

#define REPLACEMENT "\xef\xbf\xbd"

static const char *const roles[] = {
	[SHUNT_ROLE_SERVER] = "server",
	[SHUNT_ROLE_CLIENT] = "client",
};

static const char *const severities[] = {
	[ALERT_INFO] = "info",
	[ALERT_WARNING] = "warning",
	[ALERT_CRITICAL] = "critical",
};

const char *alert_role(const struct alert *alert)
{
	return roles[alert->role];
}

const char *alert_severity(const struct alert *alert)
{
	return severities[alert->severity];
}

/* ---- texts ---- */

/*
 * Copies up to `size` - 1 bytes of whole characters, with the terminator; returns how
 * many bytes that are.  With `copy` NULL it only counts.
 */
static size_t copy_text(const char *text, size_t size, char *copy)
{
	size_t at = 0;

	while (text && *text) {
		size_t length = utf8_length(text);
		const char *bytes = length ? text : REPLACEMENT;
		size_t taken = length ? length : strlen(REPLACEMENT);

		if (at + taken >= size)
			break;
		if (copy)
			memcpy(copy + at, bytes, taken);
		at += taken;
		text += length ? length : 1;
	}
	if (copy)
		copy[at] = '\0';
	return at + 1;
}

/* Each text with its bound; one place for those who count and those who copy. */
static size_t copy_texts(const struct alert *alert, char *at, struct alert *copy)
{
	const struct {
		const char *text;
		size_t size;
		const char **copy;
	} all[] = {
		{alert->name, NAME_SIZE, &copy->name},
		{alert->service, NAME_SIZE, &copy->service},
		{alert->state, STATE_SIZE, &copy->state},
		{alert->summary, SUMMARY_SIZE, &copy->summary},
		{alert->description, DESCRIPTION_SIZE, &copy->description},
	};
	size_t total = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*all[i].copy = at ? at + total : NULL;
		total += copy_text(all[i].text, all[i].size, at ? at + total : NULL);
	}
	return total;
}

/* ---- identity ---- */

/* FNV-1a over the text and a byte that UTF-8 does not have. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return (hash ^ 0xff) * 0x100000001b3;
}

/* As prometheus/common makes it (model.LabelSet.Fingerprint), labels in alphabetical order. */
static uint64_t fingerprint(const struct alert *alert, const char *instance)
{
	const char *const labels[] = {
		"alertname",	   alert->name, "instance",	instance,   "role",
		alert_role(alert), "service",	alert->service, "severity", alert_severity(alert),
	};
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		hash = mix(hash, labels[i]);
	return hash;
}

bool notice_same(const struct notice *a, const struct notice *b)
{
	return a->fingerprint == b->fingerprint && a->alert.role == b->alert.role &&
	       a->alert.severity == b->alert.severity && !strcmp(a->alert.name, b->alert.name) &&
	       !strcmp(a->alert.service, b->alert.service);
}

/* ---- notices ---- */

int notice_new(const struct alert *alert, const char *instance, uint64_t id,
	       struct notice **ret_notice)
{
	struct alert copy = *alert;
	size_t size = copy_texts(alert, NULL, &copy);
	struct notice *notice = malloc(sizeof(*notice) + size);

	if (!notice)
		return -ENOMEM;
	copy_texts(alert, notice->text, &copy);
	notice->alert = copy;
	notice->fingerprint = fingerprint(&notice->alert, instance);
	notice->id = id;
	notice->holders = 1;
	*ret_notice = notice;
	return 0;
}

struct notice *notice_hold(struct notice *notice)
{
	notice->holders++;
	return notice;
}

void notice_drop(struct notice *notice)
{
	if (notice && --notice->holders == 0)
		free(notice);
}
