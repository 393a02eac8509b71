/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct config_strings *urls(const struct config *config, enum target_kind kind)
{
	return kind == TARGET_WEBHOOK ? &config->webhook : &config->alertmanager;
}

size_t targets_named(const struct config *config)
{
	return config->alertmanager.count + config->webhook.count;
}

/* ---- another configuration ---- */

/* The one that is there for this URL already, or NULL. */
static struct target *find(const struct targets *targets, enum target_kind kind, const char *url)
{
	for (size_t i = 0; i < targets->count; i++) {
		struct target *target = targets->items[i];

		if (target->kind == kind && !strcmp(target->configured, url))
			return target;
	}
	return NULL;
}

static int add(struct targets *next, const struct targets *targets, enum target_kind kind,
	       const char *url)
{
	struct target *target = find(targets, kind, url);
	int r;

	if (!target) {
		r = target_new(kind, url, next->capacity, &next->times, ++next->seed, next->owner,
			       &target);
		if (r < 0)
			return r;
	}
	next->items[next->count++] = target;
	return 0;
}

static void let_go(struct targets *targets, struct target *target)
{
	struct target_counts *past = &targets->past[target->kind];

	past->sent += target->sent;
	past->failed += target->failed;
	past->dropped += target->outbox.dropped;
	target_free(target);
}

/* Frees what is in `from` and not in `kept`; what they did is counted in `to`. */
static void free_others(struct targets *from, const struct targets *kept, struct targets *to)
{
	for (size_t i = 0; i < from->count; i++) {
		if (!find(kept, from->items[i]->kind, from->items[i]->configured))
			let_go(to, from->items[i]);
	}
	free(from->items);
}

int targets_configure(struct targets *targets, const struct config *config)
{
	struct targets next = *targets;
	int r = 0;

	next.count = 0;
	next.items = calloc(targets_named(config) + 1, sizeof(struct target *));
	if (!next.items)
		return -ENOMEM;
	for (enum target_kind kind = 0; kind < TARGET_KINDS; kind++) {
		const struct config_strings *list = urls(config, kind);

		for (size_t i = 0; r >= 0 && i < list->count; i++)
			r = add(&next, targets, kind, list->items[i]);
	}
	if (r < 0) {
		free_others(&next, targets, targets);
		return r;
	}
	free_others(targets, &next, &next);
	*targets = next;
	return 0;
}

void targets_done(struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		target_free(targets->items[i]);
	free(targets->items);
	targets->items = NULL;
	targets->count = 0;
}

/* ---- all together ---- */

void targets_put(struct targets *targets, struct notice *notice, bool webhooks, uint64_t now)
{
	for (size_t i = 0; i < targets->count; i++) {
		if (webhooks || targets->items[i]->kind != TARGET_WEBHOOK)
			target_put(targets->items[i], notice, now);
	}
}

uint64_t targets_due(const struct targets *targets)
{
	uint64_t due = OUTBOX_NEVER;

	for (size_t i = 0; i < targets->count; i++) {
		uint64_t wanted = target_due(targets->items[i]);

		if (wanted < due)
			due = wanted;
	}
	return due;
}

void targets_count(const struct targets *targets, enum target_kind kind,
		   struct target_counts *ret_counts)
{
	struct target_counts counts = targets->past[kind];

	for (size_t i = 0; i < targets->count; i++) {
		const struct target *target = targets->items[i];

		if (target->kind != kind)
			continue;
		counts.sent += target->sent;
		counts.failed += target->failed;
		counts.dropped += target->outbox.dropped;
		counts.waiting += outbox_waiting(&target->outbox);
	}
	*ret_counts = counts;
}
