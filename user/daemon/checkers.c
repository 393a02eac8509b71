/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/checkers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/service.h"
#include "kernel/observer.h"
#include "shunt/histogram.h"

/* Connections after which a source is looked at again, at the most. */
#define PATIENCE_MOST 63

/* Fewer connections than this are no rhythm, not even where it is configured. */
#define SOURCE_COUNT_LEAST 2

static const struct config_health_check unconfigured;

int checkers_init(struct checkers *checkers, struct observer *observer,
		  const struct services *services, const struct config *config)
{
	*checkers = (struct checkers){
		.observer = observer,
		.services = services,
		.config = config,
		.items = calloc(services->count, sizeof(*checkers->items)),
		.seen = calloc(SHUNT_SOURCE_SETS * SHUNT_SOURCE_WAYS, sizeof(*checkers->seen)),
	};
	return checkers->items && checkers->seen ? 0 : -ENOMEM;
}

void checkers_done(struct checkers *checkers)
{
	if (!checkers->services)
		return;
	for (uint32_t slot = 0; checkers->items && slot < checkers->services->count; slot++)
		free(checkers->items[slot]);
	free(checkers->items);
	free(checkers->seen);
	*checkers = (struct checkers){0};
}

bool checkers_want_answers(const struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++) {
		const struct config_health_check *check = &config->services[i].health_check;

		if (check->model != CONFIG_MODEL_NONE || check->interval || check->fall ||
		    check->rise || check->probers.count)
			return true;
	}
	return false;
}

static const struct config_health_check *check_of(const struct checkers *checkers,
						  const struct service *service)
{
	const struct config *config = checkers->config;

	for (size_t i = 0; service->origin == SERVICE_CONFIGURED && i < config->services_count; i++)
		if (config->services[i].role == service->role &&
		    !strcmp(config->services[i].name, service->name))
			return &config->services[i].health_check;
	return &unconfigured;
}

/* A dependency's checks go elsewhere, and _unknown is no one thing. */
static bool is_watched(const struct service *service)
{
	return service->role == SHUNT_ROLE_SERVER &&
	       (service->origin == SERVICE_CONFIGURED || service->origin == SERVICE_DISCOVERED);
}

/* ---- what the kernel knows ---- */

static void untell(struct checkers *checkers, struct checker *checker)
{
	for (unsigned i = 0; i < checker->keys_count; i++)
		observer_unset_prober(checkers->observer, &checker->keys[i]);
	checker->keys_count = 0;
}

/* Tells of every address anew; they are few, and change seldom. */
static void tell(struct checkers *checkers, struct checker *checker, uint32_t slot)
{
	if (checker->told == checker->probers.changes)
		return;
	checker->told = checker->probers.changes;
	untell(checkers, checker);
	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &checker->probers.probers[i];
		struct shunt_prober_key *key = &checker->keys[checker->keys_count];
		struct shunt_prober known;

		if (!prober->used || !probers_describe(&checker->probers, prober->addr, &known))
			continue;
		*key = (struct shunt_prober_key){.slot = slot};
		memcpy(key->addr, prober->addr, sizeof(key->addr));
		if (!observer_set_prober(checkers->observer, key, &known))
			checker->keys_count++;
	}
	observer_watch(checkers->observer, slot,
		       SHUNT_WATCH_RHYTHM | (checker->keys_count ? SHUNT_WATCH_PROBERS : 0));
}

static void forget(struct checkers *checkers, uint32_t slot)
{
	struct checker *checker = checkers->items[slot];

	untell(checkers, checker);
	observer_forget_sources(checkers->observer, slot);
	free(checker);
	checkers->items[slot] = NULL;
}

static bool same_settings(const struct model_settings *a, const struct model_settings *b)
{
	return a->kind == b->kind && a->interval == b->interval && a->timeout == b->timeout &&
	       a->retry_interval == b->retry_interval && a->fall == b->fall && a->rise == b->rise &&
	       a->interval_given == b->interval_given;
}

void checkers_reload(struct checkers *checkers, const struct config *config)
{
	checkers->config = config;
	for (uint32_t slot = 0; slot < checkers->services->count; slot++) {
		const struct checker *checker = checkers->items[slot];
		struct model_settings settings;

		if (!checker)
			continue;
		model_settings_of(check_of(checkers, &checkers->services->items[slot]), &settings);
		if (!same_settings(&settings, &checker->probers.settings))
			forget(checkers, slot);
	}
}

/* ---- finding ---- */

static bool is_new(const struct prober *prober)
{
	uint64_t checks = 0;

	for (unsigned i = 0; i < SHUNT_PROBE_MAX; i++)
		checks += prober->counts[i];
	return prober->used && !checks;
}

static void say_found(const struct checker *checker)
{
	char name[PROBER_NAME_MAX];

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &checker->probers.probers[i];

		if (!is_new(prober))
			continue;
		prober_name(prober, name);
		log_info("%s: checked by %s every %.3g s", checker->service, name,
			 (double)prober->interval / 1e9);
	}
}

struct look {
	struct checkers *checkers;
	uint64_t now;
};

static struct checker *begin(const struct service *service, const struct config_health_check *check)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	if (!checker)
		return NULL;
	checker->service = service->name;
	probers_start(&checker->probers, check);
	return checker;
}

/*
 * Whether a source that came `seen` times when it was looked at is to be looked at again.
 * The more often it came without being a prober, the less it is likely to be one; a count
 * that has fallen is another source's.
 */
static bool is_due(uint32_t count, uint32_t seen)
{
	uint32_t patience = seen / SHUNT_SOURCE_TIMES;

	if (count < seen)
		return true;
	return count - seen > (patience < PATIENCE_MOST ? patience : PATIENCE_MOST);
}

/* Most sources are no probers: what is begun for them ends at once. */
static int consider(void *userdata, unsigned index, const struct shunt_source *kept)
{
	const struct look *look = userdata;
	struct checkers *checkers = look->checkers;
	const struct shunt_source source = *kept; /* the kernel adds to it meanwhile */
	const struct service *service = &checkers->services->items[source.slot];
	const struct config_health_check *check;
	struct checker *checker;
	unsigned found;

	if (source.count < SOURCE_COUNT_LEAST || !is_due(source.count, checkers->seen[index]) ||
	    !is_watched(service))
		return 0;
	checkers->seen[index] = source.count;
	check = check_of(checkers, service);
	checker = checkers->items[source.slot];
	if (!checker && !(checker = begin(service, check)))
		return 0;
	found = probers_learn(&checker->probers, check, &source, look->now);
	if (!found && !checkers->items[source.slot]) {
		free(checker);
		return 0;
	}
	checkers->items[source.slot] = checker;
	if (found)
		say_found(checker);
	tell(checkers, checker, source.slot);
	return 0;
}

/* Services come and go; a place may be another's now. */
static void follow(struct checkers *checkers, uint32_t slot)
{
	const struct service *service = &checkers->services->items[slot];

	if (is_watched(service)) {
		if (!checkers->items[slot])
			observer_watch(checkers->observer, slot, SHUNT_WATCH_RHYTHM);
		return;
	}
	if (checkers->items[slot])
		forget(checkers, slot);
	observer_watch(checkers->observer, slot, 0);
}

void checkers_look(struct checkers *checkers, uint64_t now)
{
	struct look look = {.checkers = checkers, .now = now};

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < checkers->services->count; slot++)
		follow(checkers, slot);
	observer_sources(checkers->observer, false, consider, &look);
}

/* ---- checks ---- */

static void keep(struct checker *checker, const struct check *checks, unsigned count)
{
	if (checker->given)
		checker->checks_count = 0;
	checker->given = false;
	for (unsigned i = 0; i < count && checker->checks_count < CHECKERS_CHECKS; i++)
		checker->checks[checker->checks_count++] = checks[i];
}

static void add_duration(struct shunt_histogram *durations, uint64_t ns)
{
	durations->buckets[shunt_bucket(ns)]++;
	durations->sum += ns;
}

void checkers_hear(struct checkers *checkers, const struct shunt_probe *probe)
{
	struct check checks[PROBERS_EVENT_CHECKS];
	struct checker *checker;
	unsigned count;

	if (probe->slot >= checkers->services->count || probe->outcome >= SHUNT_PROBE_MAX)
		return;
	checker = checkers->items[probe->slot];
	if (!checker)
		return;
	count = probers_event(&checker->probers, probe, checks);
	if (count && probe->duration)
		add_duration(&checker->durations, probe->duration);
	keep(checker, checks, count);
}

void checkers_give(struct checkers *checkers, uint32_t slot, struct health_input *input)
{
	struct checker *checker = checkers->items[slot];
	struct check lost[CHECKS_PROBERS];
	struct probers_tick tick = {.now = input->now, .late = input->late, .lost = input->lost};
	uint64_t drops;

	if (!checker)
		return;
	drops = checkers->services->queues.slots[slot].drops;
	tick.drops = drops - checker->drops;
	checker->drops = drops;
	keep(checker, lost, probers_overdue(&checker->probers, &tick, lost));
	tell(checkers, checker, slot);
	input->checks = checker->checks;
	input->checks_count = checker->checks_count;
	checker->given = true;
	probers_balancer(&checker->probers, input->now, &input->balancer);
}

const struct checker *checkers_of(const struct checkers *checkers, uint32_t slot)
{
	return checkers->items[slot];
}

uint64_t checkers_interval(const struct checkers *checkers, uint32_t slot)
{
	const struct checker *checker = checkers->items[slot];
	uint64_t longest = 0;

	for (unsigned i = 0; checker && i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &checker->probers.probers[i];

		if (prober->used && prober->interval > longest)
			longest = prober->interval;
	}
	return longest;
}
