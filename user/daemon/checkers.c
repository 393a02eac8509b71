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

int checkers_init(struct checkers *checkers, struct observer *observer,
		  const struct services *services, struct engine *engine)
{
	*checkers = (struct checkers){
		.observer = observer,
		.services = services,
		.engine = engine,
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

static void forget(struct checkers *checkers, uint32_t slot)
{
	struct checker *checker = checkers->items[slot];

	if (!checker)
		return;
	untell(checkers, checker);
	observer_forget_sources(checkers->observer, slot);
	free(checker);
	checkers->items[slot] = NULL;
}

/* Tells of every address anew; they are few, and change seldom. */
static void tell(struct checkers *checkers, uint32_t slot, const struct probers *probers)
{
	struct checker *checker = checkers->items[slot];

	if (!checker && !(checker = checkers->items[slot] = calloc(1, sizeof(*checker))))
		return;
	untell(checkers, checker);
	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];
		struct shunt_prober_key *key = &checker->keys[checker->keys_count];
		struct shunt_prober known;

		if (!prober->used || !probers_describe(probers, prober->addr, &known))
			continue;
		*key = (struct shunt_prober_key){.slot = slot};
		memcpy(key->addr, prober->addr, sizeof(key->addr));
		if (!observer_set_prober(checkers->observer, key, &known))
			checker->keys_count++;
	}
	observer_watch(checkers->observer, slot,
		       SHUNT_WATCH_RHYTHM | (checker->keys_count ? SHUNT_WATCH_PROBERS : 0));
}

void checkers_tell(struct checkers *checkers)
{
	uint32_t slot;

	while (engine_next_checked(checkers->engine, &slot)) {
		const struct probers *probers = engine_probers(checkers->engine, slot);

		if (probers)
			tell(checkers, slot, probers);
		else
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

static void say_found(const char *service, const struct probers *probers)
{
	char name[PROBER_NAME_MAX];

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];

		if (!is_new(prober))
			continue;
		prober_name(prober, name);
		log_info("%s: checked by %s every %.3g s", service, name,
			 (double)prober->interval / 1e9);
	}
}

struct look {
	struct checkers *checkers;
	uint64_t now;
};

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

static int consider(void *userdata, unsigned index, const struct shunt_source *kept)
{
	const struct look *look = userdata;
	struct checkers *checkers = look->checkers;
	const struct shunt_source source = *kept; /* the kernel adds to it meanwhile */

	if (source.count < SOURCE_COUNT_LEAST || !is_due(source.count, checkers->seen[index]) ||
	    !is_watched(&checkers->services->items[source.slot]))
		return 0;
	checkers->seen[index] = source.count;
	if (engine_learn(checkers->engine, &source, look->now))
		say_found(engine_name(checkers->engine, source.slot),
			  engine_probers(checkers->engine, source.slot));
	return 0;
}

/* Services come and go; a place may be another's now. */
static void follow(struct checkers *checkers, uint32_t slot)
{
	const struct service *service = &checkers->services->items[slot];

	if (!is_watched(service))
		observer_watch(checkers->observer, slot, 0);
	else if (!checkers->items[slot])
		observer_watch(checkers->observer, slot, SHUNT_WATCH_RHYTHM);
}

void checkers_look(struct checkers *checkers, uint64_t now)
{
	struct look look = {.checkers = checkers, .now = now};

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < checkers->services->count; slot++)
		follow(checkers, slot);
	observer_sources(checkers->observer, false, consider, &look);
	checkers_tell(checkers);
}

/* ---- checks ---- */

static void add_duration(struct shunt_histogram *durations, uint64_t ns)
{
	durations->buckets[shunt_bucket(ns)]++;
	durations->sum += ns;
}

void checkers_hear(struct checkers *checkers, const struct shunt_probe *probe)
{
	unsigned count = engine_hear(checkers->engine, probe);

	if (count && probe->duration && checkers->items[probe->slot])
		add_duration(&checkers->items[probe->slot]->durations, probe->duration);
}

const struct shunt_histogram *checkers_durations(const struct checkers *checkers, uint32_t slot)
{
	const struct checker *checker = checkers->items[slot];

	return checker ? &checker->durations : NULL;
}
