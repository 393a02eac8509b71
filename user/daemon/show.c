/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/show.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alert/alerts.h"
#include "base/clock.h"
#include "config/names.h"
#include "daemon/checkers.h"
#include "daemon/enforcer.h"
#include "daemon/outcome.h"
#include "daemon/process.h"
#include "daemon/recent.h"
#include "daemon/record.h"
#include "engine/window.h"
#include "kernel/observer.h"

#define NSEC_PER_SEC 1e9

struct show {
	struct view view;
	struct view_service *services;
	struct view_breaker *breakers; /* of those */
	struct shunt_verdict_counts *counts; /* likewise */
	struct shunt_cell *cells; /* mapped while views are asked for; or NULL */
	size_t cells_size;
	bool used; /* since the last show_release() */
	struct view_prober *probers; /* of all services, each one's in a row */
	size_t probers_capacity;
	struct view_error errors[SHUNT_SITE_MAX * SHUNT_ERRNO_MAX];
	struct view_signal signals[SIGNAL_MAX];
	struct view_alerts alerts[TARGET_KINDS];
};

int show_new(uint32_t slots, struct show **ret_show)
{
	struct show *show = calloc(1, sizeof(*show));

	if (!show)
		return -ENOMEM;
	show->services = calloc(slots, sizeof(*show->services));
	show->breakers = calloc(slots, sizeof(*show->breakers));
	show->counts = calloc(slots, sizeof(*show->counts));
	show->cells_size = slots * sizeof(*show->cells);
	if (!show->services || !show->breakers || !show->counts) {
		show_free(show);
		return -ENOMEM;
	}
	*ret_show = show;
	return 0;
}

static void unmap_cells(struct show *show)
{
	if (show->cells)
		munmap(show->cells, show->cells_size);
	show->cells = NULL;
}

void show_free(struct show *show)
{
	if (!show)
		return;
	free(show->services);
	free(show->breakers);
	free(show->counts);
	unmap_cells(show);
	free(show->probers);
	free(show);
}

void show_release(struct show *show)
{
	if (!show->used)
		unmap_cells(show);
	show->used = false;
}

/* Mapped and not allocated, so that the memory really goes back: it is most of a view's. */
static bool map_cells(struct show *show)
{
	void *memory;

	show->used = true;
	if (show->cells)
		return true;
	memory = mmap(NULL, show->cells_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory != MAP_FAILED)
		show->cells = memory;
	return show->cells;
}

static const char *activity_of(const struct service *service, const struct shunt_cell *cell,
			       const struct window_recent *recent)
{
	if (service->origin == SERVICE_DISCOVERED && service->role == SHUNT_ROLE_SERVER &&
	    !service->listening)
		return "gone";
	if (!recent->handshakes && !cell_active(cell))
		return "idle";
	return "busy";
}

static void gather_service(struct show *show, const struct service *service,
			   const struct health_verdict *health, const struct queue *queue,
			   uint64_t now)
{
	size_t index = show->view.services_count++;
	const struct shunt_cell *cell = &show->cells[index];
	struct window_recent recent;

	window_read(&service->window, now, cell, &recent);
	show->services[index] = (struct view_service){
		.name = service->name,
		.role = service->role,
		.activity = activity_of(service, cell, &recent),
		.health = health,
		.total = cell,
		.queue_length = queue->length,
		.queue_limit = queue->limit,
		.recent =
			{
				.seconds = recent.seconds,
				.handshakes_per_second = recent.handshakes_per_second,
				.failures_per_second = recent.failures_per_second,
				.p50 = recent.p50,
				.p95 = recent.p95,
				.p99 = recent.p99,
			},
	};
}

/* ---- who checks ---- */

static void gather_prober(const struct probers *probers, const struct prober *prober, uint64_t now,
			  struct view_prober *ret_prober)
{
	struct model_span left;

	*ret_prober = (struct view_prober){
		.interval = (double)prober->interval / NSEC_PER_SEC,
		.confidence = prober->confidence,
		.model = config_model_names[probers->settings.kind],
		.state = model_state(&prober->model, &probers->settings, now),
		.certain = model_is_certain(&prober->model),
		.health = model_health(&prober->model, &probers->settings),
		.checks_until_down = model_checks_until_down(&prober->model, &probers->settings),
		.seconds_until_down = NAN,
	};
	prober_name(prober, ret_prober->name);
	prober_history(prober, ret_prober->history);
	memcpy(ret_prober->checks, prober->counts, sizeof(ret_prober->checks));
	if (!model_time_until_down(&prober->model, &probers->settings, prober->interval, now,
				   &left))
		ret_prober->seconds_until_down = (double)left.earliest / NSEC_PER_SEC;
}

/* Room for all; if there is none, none is shown. */
static bool has_room(struct show *show, const struct engine *engine, uint32_t slots)
{
	struct view_prober *probers;
	size_t needed = 0;

	for (uint32_t slot = 0; slot < slots; slot++)
		needed += engine_probers(engine, slot) ? CHECKS_PROBERS : 0;
	if (needed <= show->probers_capacity)
		return true;
	probers = realloc(show->probers, needed * sizeof(*probers));
	if (!probers)
		return false;
	show->probers = probers;
	show->probers_capacity = needed;
	return true;
}

static size_t gather_probers(struct show *show, size_t at, const struct probers *probers,
			     uint64_t now, struct view_service *service)
{
	size_t first = at;

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];

		if (prober->used)
			gather_prober(probers, prober, now, &show->probers[at++]);
	}
	service->probers = show->probers + first;
	service->probers_count = at - first;
	return at;
}

/* ---- breakers ---- */

static void gather_breaker(struct show *show, const struct show_sources *sources, uint32_t slot,
			   struct view_service *service)
{
	size_t index = (size_t)(service - show->services);
	const struct outcome_tale *tale = outcomes_of(sources->outcomes, slot);
	struct view_breaker *shown = &show->breakers[index];
	struct breaker_verdict verdict;

	*shown = (struct view_breaker){.breaker = engine_breaker(sources->engine, slot)};
	if (!shown->breaker)
		return;
	service->breaker = shown;
	verdict = engine_verdict(sources->engine, slot);
	shown->mode = verdict.mode;
	if (tale) {
		shown->moves = &tale->moves;
		shown->last = &tale->last;
	}
	if (verdict.kind != BREAKER_PASS)
		shown->unable = enforcer_unable(sources->enforcer, service->role, &verdict);
	if (enforcer_counts(sources->enforcer, slot, &show->counts[index]))
		shown->counts = &show->counts[index];
}

/* ---- services ---- */

static void gather_services(struct show *show, const struct show_sources *sources, uint64_t now)
{
	const struct services *services = sources->services;
	bool room = has_room(show, sources->engine, services->count);
	size_t probers = 0;

	show->view.services_count = 0;
	for (uint32_t slot = 0; slot < services->count; slot++) {
		const struct service *service = &services->items[slot];
		const struct probers *checking = engine_probers(sources->engine, slot);
		struct view_service *shown = &show->services[show->view.services_count];

		if (service->origin == SERVICE_FREE || service->origin == SERVICE_RETIRED)
			continue;
		services_read(services, sources->observer, slot, true,
			      &show->cells[show->view.services_count]);
		gather_service(show, service, engine_health(sources->engine, slot),
			       &services->queues.slots[slot], now);
		gather_breaker(show, sources, slot, shown);
		shown->balancer = outcome_balancer(sources->engine, slot);
		shown->check_durations = checkers_durations(sources->checkers, slot);
		if (checking && room)
			probers = gather_probers(show, probers, checking, now, shown);
	}
	show->view.services = show->services;
}

static void gather_errors(struct show *show, const struct observer *observer)
{
	size_t count = 0;

	for (enum shunt_site site = 0; site < SHUNT_SITE_MAX; site++) {
		for (int error = 0; error < SHUNT_ERRNO_MAX; error++) {
			uint64_t happened = observer_errors(observer, site, error);

			/* The row of errno 0 is always there, to be asked for. */
			if (error && !happened)
				continue;
			show->errors[count++] = (struct view_error){
				.site = observer_site_name(site),
				.error = error,
				.count = happened,
			};
		}
	}
	show->view.errors = show->errors;
	show->view.errors_count = count;
}

static void gather_signals(struct show *show, const struct observer *observer)
{
	for (enum signal_id id = 0; id < SIGNAL_MAX; id++)
		show->signals[id] = (struct view_signal){
			.name = signal_at(id)->name,
			.available = observer_has(observer, id),
		};
	show->view.signals = show->signals;
	show->view.signals_count = SIGNAL_MAX;
}

static void gather_alerts(struct show *show, const struct alerts *alerts)
{
	static const char *const names[TARGET_KINDS] = {
		[TARGET_ALERTMANAGER] = "alertmanager",
		[TARGET_WEBHOOK] = "webhook",
	};

	for (enum target_kind kind = 0; kind < TARGET_KINDS; kind++) {
		struct target_counts counts;

		alerts_count(alerts, kind, &counts);
		show->alerts[kind] = (struct view_alerts){
			.target = names[kind],
			.sent = counts.sent,
			.dropped = counts.dropped,
			.failed = counts.failed,
			.waiting = counts.waiting,
		};
	}
	show->view.alerts = show->alerts;
	show->view.alerts_count = TARGET_KINDS;
}

static void gather_journal(struct view_journal *journal, struct record *record)
{
	struct store_counts counts;

	record_count(record, &counts);
	*journal = (struct view_journal){
		.bytes = counts.bytes,
		.kept = counts.kept,
		.dropped = counts.dropped,
		.writes = counts.writes,
	};
}

const struct view *show_gather(struct show *show, const struct show_about *about,
			       const struct show_sources *sources, uint64_t now, double tick_late)
{
	const struct observer *observer = sources->observer;
	struct view *view = &show->view;

	if (!map_cells(show))
		return NULL;
	/* Beside `now`: ages are turned into times by it. */
	view->wall_clock = (double)clock_wall() / NSEC_PER_SEC;
	gather_services(show, sources, now);
	gather_errors(show, observer);
	gather_signals(show, observer);
	gather_alerts(show, sources->alerts);
	view->changes = sources->recent->changes;
	view->changes_count = sources->recent->count;
	gather_journal(&view->journal, sources->record);
	view->events_lost = observer_events_lost(observer);
	view->runs_missed = observer_runs_missed(observer);
	view->tick_late = tick_late;
	view->config_hash = about->config_hash;
	view->version = about->version;
	view->kernel = about->kernel;
	view->listen = about->listen;
	view->uptime = (double)(now - about->started) / NSEC_PER_SEC;
	view->now = now;
	process_read(&view->process);
	return view;
}
