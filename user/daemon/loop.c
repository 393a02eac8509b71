/* SPDX-License-Identifier: GPL-2.0 */
/* What the loop does: events, the tick, HTTP. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/command.h"
#include "daemon/notify.h"
#include "daemon/record.h"
#include "daemon/state.h"

/* Who checks twice a second is found before the fifth check. */
#define LOOK_TICKS 4
#define TICK_USEC  (100 * 1000ULL)
/* Many changes at once are told of together. */
#define NEWS_TICKS	 2
#define TICKS_PER_SECOND (USEC_PER_SEC / TICK_USEC)

static bool has_cgroups(const struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++) {
		if (config->services[i].cgroup)
			return true;
	}
	return false;
}

/* ---- what happens ---- */

void daemon_on_gone(void *userdata, const struct health_change *change)
{
	struct daemon *daemon = userdata;

	notify_change(daemon->alerts, change);
	recent_health(&daemon->recent, change);
}

void daemon_on_assigned(void *userdata, uint32_t slot)
{
	struct daemon *daemon = userdata;

	enforcer_assign(&daemon->enforcer, slot);
}

void daemon_on_released(void *userdata, uint32_t slot)
{
	struct daemon *daemon = userdata;

	enforcer_release(&daemon->enforcer, slot);
	outcomes_release(&daemon->outcomes, daemon->alerts, slot);
}

void daemon_replan(struct daemon *daemon)
{
	int r = plan_run(&daemon->plan, daemon->config, clock_monotonic());

	if (r >= 0)
		r = roster_update(&daemon->roster, daemon->config, &daemon->discovery);
	record_resume(daemon->record, clock_monotonic());
	if (r < 0)
		log_warning("services: %s, keeping those there are", strerror(-r));
	daemon->failed = r < 0;
	daemon->discovery.changed = false;
	if (daemon->plan.full && !daemon->told_full)
		log_warning("services: the kernel's table of %u addresses is full, "
			    "counting the rest as _unknown",
			    OBSERVER_ENDPOINTS);
	daemon->told_full = daemon->plan.full;
}

void daemon_on_found(void *userdata, const struct shunt_event *event)
{
	struct daemon *daemon = userdata;

	discovery_event(&daemon->discovery, event);
}

static void on_found_listener(void *userdata, const struct shunt_event *event)
{
	if (event->type == SHUNT_EVENT_LISTEN)
		daemon_on_found(userdata, event);
}

/*
 * Which end of an open connection is ours is told by the keys of who listens; they
 * come first, or each accepted connection would be taken for a remote that is called.
 */
static int list_found(struct daemon *daemon)
{
	int r = observer_list(daemon->observer, on_found_listener, daemon);

	if (r < 0)
		return r;
	if (daemon->discovery.changed)
		daemon_replan(daemon);
	return observer_list(daemon->observer, daemon_on_found, daemon);
}

void daemon_list(struct daemon *daemon)
{
	/* The walk also marks the listeners, whose queues are read in any case. */
	int r = daemon->config->discover ? list_found(daemon)
					 : observer_list(daemon->observer, NULL, NULL);

	daemon->discovery.incomplete = false;
	if (r < 0 && r != -EOPNOTSUPP)
		log_warning("discovery: cannot walk the open files: %s", strerror(-r));
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	observer_dispatch(daemon->observer);
	/* At once, for a new service's first connections; but once a tick, whatever comes. */
	if (daemon->discovery.changed && !daemon->replanned) {
		daemon->replanned = true;
		daemon_replan(daemon);
	}
	return 0;
}

void daemon_on_probe(void *userdata, const struct shunt_probe *probe)
{
	struct daemon *daemon = userdata;

	checkers_hear(&daemon->checkers, probe);
}

/* Who orders what is not carried out is to know that. */
static void add_unable(const struct daemon *daemon, json_t *answer)
{
	const char *message = json_string_value(json_object_get(answer, "message"));
	const char *unable = outcomes_unable(&daemon->outcomes);

	if (message && unable)
		json_object_set_new(answer, "message",
				    json_sprintf("%s; not carried out: %s", message, unable));
}

/* Whoever gives an order is told what came of it; so are those who read the log. */
static json_t *on_order(void *userdata, const struct order *order, const char *who)
{
	struct daemon *daemon = userdata;
	uint64_t before = engine_breakers(daemon->engine)->decisions;
	json_t *answer = command_run(daemon->engine, order, who, clock_monotonic());

	if (engine_breakers(daemon->engine)->decisions != before) {
		enforcer_apply(&daemon->enforcer);
		add_unable(daemon, answer);
		outcomes_tell(&daemon->outcomes, daemon->alerts, &daemon->recent);
	} else if (answer) {
		log_warning("control: %s: %s", who,
			    json_string_value(json_object_get(answer, "message")));
	}
	return answer;
}

static int listen_to_operators(struct daemon *daemon)
{
	const struct operators_options options = {
		.fd = control_fd(daemon->control),
		.group = control_group(daemon->control),
		.fn = on_order,
		.userdata = daemon,
	};

	return operators_new(daemon->event, &options, &daemon->operators);
}

void daemon_read_queues(struct daemon *daemon, uint64_t now)
{
	bool heard = gather_heard(&daemon->gather);
	int r = queues_refresh(&daemon->services.queues, daemon->observer, &daemon->plan.installed,
			       heard, now);

	if (r < 0 && r != -EOPNOTSUPP && !daemon->told_queues) {
		log_warning("accept queues: cannot be read: %s", strerror(-r));
		daemon->told_queues = true;
	}
}

/* Each service once a second, a tenth of them in each tick: no tick has the work of a second. */
static void read_services(struct daemon *daemon, uint64_t now)
{
	uint32_t slot = (uint32_t)(daemon->ticks % TICKS_PER_SECOND);
	struct shunt_cell cell;

	for (; slot < daemon->services.count; slot += TICKS_PER_SECOND) {
		struct service *service = &daemon->services.items[slot];
		uint64_t activity;

		if (service->origin == SERVICE_FREE)
			continue;
		activity = gather_activity(&daemon->gather, slot);
		if (activity == service->activity && window_repeat(&service->window, now))
			continue;
		service->activity = activity;
		services_read(&daemon->services, daemon->observer, slot,
			      window_wants_histograms(&service->window, now), &cell);
		window_add(&service->window, now, &cell);
	}
}

/*
 * Runs that the kernel left out are not among what was lost: counts are made good for
 * them (bpf/observe.bpf.c), and a busy host always has some.
 */
static void judge_services(struct daemon *daemon, uint64_t now)
{
	uint64_t late = daemon->tick_late > 0 ? (uint64_t)(daemon->tick_late * 1e9) : 0;
	uint64_t lost = observer_events_lost(daemon->observer);
	struct engine_tick tick;

	/* What is less decides nothing, and the journal has it at every tick. */
	late -= late % NSEC_PER_MSEC;
	gather_take(&daemon->gather, now, late, lost - daemon->events_lost, &tick);
	daemon->events_lost = lost;
	engine_tick(daemon->engine, &tick);
	enforcer_apply(&daemon->enforcer);
	checkers_tell(&daemon->checkers);
	outcomes_tell(&daemon->outcomes, daemon->alerts, &daemon->recent);
}

static void each_second(struct daemon *daemon, uint64_t now)
{
	bool freed;

	observer_note_missed(daemon->observer);
	daemon_read_queues(daemon, now);
	show_release(daemon->show);
	enforcer_refresh(&daemon->enforcer);
	freed = services_sweep(&daemon->services, daemon->observer, now);
	latencies_look(&daemon->latencies, daemon->record, now);
	record_look(daemon->record, now);
	/* Cgroups come and go by themselves; what failed for want of memory is tried again. */
	if (plan_is_due(&daemon->plan, freed, now) || daemon->failed || has_cgroups(daemon->config))
		daemon_replan(daemon);
}

/* Until the server has something to do by itself. */
static int wait_http(struct daemon *daemon)
{
	uint64_t timeout = http_timeout_us(daemon->http), now;
	int r;

	if (timeout == UINT64_MAX)
		return sd_event_source_set_enabled(daemon->http_timer, SD_EVENT_OFF);
	sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	r = sd_event_source_set_time(daemon->http_timer, now + timeout);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(daemon->http_timer, SD_EVENT_ONESHOT);
}

/* Once a second, sooner where something has changed; later, not now: the tick does not wait. */
static void publish(struct daemon *daemon)
{
	bool news = daemon->recent.last != daemon->published_change;
	uint64_t ticks = daemon->ticks - daemon->published;

	if (!http_streams(daemon->http) || ticks < (news ? NEWS_TICKS : TICKS_PER_SECOND))
		return;
	daemon->published = daemon->ticks;
	daemon->published_change = daemon->recent.last;
	http_publish_soon(daemon->http);
	wait_http(daemon);
}

/* The next tick is due a period after this one was, so that lateness does not add up. */
static int on_tick(sd_event_source *source, uint64_t due, void *userdata)
{
	struct daemon *daemon = userdata;
	uint64_t now;

	/*
	 * A tick comes before events that wait, and a late one finds many: a check is missing
	 * only if it is not among them.  And none of them is to be later than `now`.
	 */
	observer_dispatch(daemon->observer);
	/* In microseconds, which is short in the journal; upwards, for the reason above. */
	now = (clock_monotonic() / NSEC_PER_USEC + 1) * NSEC_PER_USEC;
	daemon->tick_late = (double)now / 1e9 - (double)due / 1e6;
	daemon->ticks++;
	daemon->replanned = false;
	if (daemon->discovery.incomplete)
		daemon_list(daemon);
	if (daemon->discovery.changed)
		daemon_replan(daemon);
	/* First of all: what is decided is to hold at once. */
	judge_services(daemon, now);
	read_services(daemon, now);
	if (daemon->ticks % LOOK_TICKS == 0)
		checkers_look(&daemon->checkers, now);
	if (daemon->ticks % TICKS_PER_SECOND == 0)
		each_second(daemon, now);
	publish(daemon);

	due += TICK_USEC;
	if (due < now / NSEC_PER_USEC)
		due = now / NSEC_PER_USEC;
	return sd_event_source_set_time(source, due);
}

/* ---- HTTP ---- */

int daemon_on_view(void *userdata, const struct view **ret_view)
{
	struct daemon *daemon = userdata;

	const struct show_sources sources = {
		.services = &daemon->services,
		.engine = daemon->engine,
		.checkers = &daemon->checkers,
		.outcomes = &daemon->outcomes,
		.enforcer = &daemon->enforcer,
		.observer = daemon->observer,
		.alerts = daemon->alerts,
		.recent = &daemon->recent,
		.record = daemon->record,
	};

	*ret_view = show_gather(daemon->show, &daemon->about, &sources, clock_monotonic(),
				daemon->tick_late);
	return *ret_view ? 0 : -ENOMEM;
}

static int run_http(struct daemon *daemon)
{
	int r = http_run(daemon->http);

	if (r < 0)
		log_warning("http: %s", strerror(-r));
	return wait_http(daemon);
}

static int on_http(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	return run_http(userdata);
}

static int on_http_timer(sd_event_source *source, uint64_t due, void *userdata)
{
	(void)source;
	(void)due;
	return run_http(userdata);
}

int daemon_add_sources(struct daemon *daemon)
{
	uint64_t now = clock_monotonic() / NSEC_PER_USEC;
	int r;

	r = sd_event_add_io(daemon->event, NULL, observer_event_fd(daemon->observer), EPOLLIN,
			    on_events, daemon);
	if (r >= 0)
		r = listen_to_operators(daemon);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, NULL, http_fd(daemon->http), EPOLLIN, on_http,
				    daemon);
	if (r >= 0)
		r = sd_event_add_time(daemon->event, &daemon->http_timer, CLOCK_MONOTONIC, now, 1,
				      on_http_timer, daemon);
	if (r >= 0)
		r = sd_event_add_time(daemon->event, &daemon->tick, CLOCK_MONOTONIC,
				      now + TICK_USEC, 1, on_tick, daemon);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->tick, SD_EVENT_ON);
	/* A busy client must not hold the tick up. */
	if (r >= 0)
		r = sd_event_source_set_priority(daemon->tick, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_set_watchdog(daemon->event, true);
	return r;
}
