/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/log.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/discovery.h"
#include "daemon/plan.h"
#include "daemon/privilege.h"
#include "daemon/service.h"
#include "daemon/show.h"
#include "kernel/observer.h"
#include "serve/http.h"

#define USEC_PER_SEC  1000000ULL
#define NSEC_PER_USEC 1000ULL

#define TICK_USEC	 (100 * 1000ULL)
#define TICKS_PER_SECOND (USEC_PER_SEC / TICK_USEC)

/* Keys by which services are found; beyond what is configured, discovery's. */
#define ENDPOINTS 65536

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct observer *observer;
	struct services services;
	struct discovery discovery;
	struct plan plan;
	struct control *control;
	struct http *http;
	struct show *show;
	struct show_about about;
	struct utsname kernel;
	char listen[80];
	sd_event *event;
	sd_event_source *tick;
	sd_event_source *http_timer;
	uint64_t ticks;
	uint64_t tick_due; /* µs */
	double tick_late; /* seconds */
	bool replan;
	bool told_full;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC * NSEC_PER_USEC + (uint64_t)now.tv_nsec;
}

static void complain(void *userdata, const char *line)
{
	log_error("%s: %s", (const char *)userdata, line);
}

static bool has_cgroups(const struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++) {
		if (config->services[i].cgroup)
			return true;
	}
	return false;
}

/* ---- what happens ---- */

static void replan(struct daemon *daemon)
{
	int r = plan_run(&daemon->plan, daemon->config, now_ns());

	if (r < 0)
		log_warning("services: %s, keeping those there are", strerror(-r));
	daemon->replan = daemon->plan.crowded || daemon->plan.full;
	daemon->discovery.changed = false;
	if (daemon->plan.full && !daemon->told_full)
		log_warning("services: the kernel's table of %u addresses is full, "
			    "counting the rest as _unknown",
			    ENDPOINTS);
	daemon->told_full = daemon->plan.full;
}

static void on_found(void *userdata, const struct shunt_event *event)
{
	struct daemon *daemon = userdata;

	discovery_event(&daemon->discovery, event);
}

static void list(struct daemon *daemon)
{
	int r = observer_list(daemon->observer, on_found, daemon);

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
	return 0;
}

static int on_control(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	control_accept(daemon->control);
	return 0;
}

static void each_second(struct daemon *daemon, uint64_t now)
{
	struct shunt_cell cell;

	for (uint32_t slot = 0; slot < daemon->services.count; slot++) {
		struct service *service = &daemon->services.items[slot];

		if (service->origin == SERVICE_FREE)
			continue;
		if (window_wants_histograms(&service->window, now))
			observer_read(daemon->observer, slot, &cell);
		else
			observer_read_counters(daemon->observer, slot, &cell);
		window_add(&service->window, now, &cell);
	}
	services_sweep(&daemon->services, daemon->observer, now);
	/* Cgroups come and go by themselves; a full table may have room again. */
	if (daemon->replan || has_cgroups(daemon->config))
		replan(daemon);
}

/* The next tick is due a period after this one was, so that lateness does not add up. */
static int on_tick(sd_event_source *source, uint64_t due, void *userdata)
{
	struct daemon *daemon = userdata;
	uint64_t now = now_ns();

	daemon->tick_late = (double)(now / NSEC_PER_USEC - due) / (double)USEC_PER_SEC;
	daemon->ticks++;
	if (daemon->discovery.incomplete)
		list(daemon);
	if (daemon->discovery.changed)
		replan(daemon);
	if (daemon->ticks % TICKS_PER_SECOND == 0)
		each_second(daemon, now);

	due += TICK_USEC;
	if (due < now / NSEC_PER_USEC)
		due = now / NSEC_PER_USEC;
	return sd_event_source_set_time(source, due);
}

/* ---- HTTP ---- */

static int on_view(void *userdata, const struct view **ret_view)
{
	struct daemon *daemon = userdata;

	*ret_view = show_gather(daemon->show, &daemon->about, &daemon->services, daemon->observer,
				now_ns(), daemon->tick_late);
	return 0;
}

/* The server is driven from the loop, so that an answer proves that the loop turns. */
static const char *on_health(void *userdata)
{
	(void)userdata;
	return NULL;
}

static int run_http(struct daemon *daemon)
{
	uint64_t timeout, now;
	int r;

	r = http_run(daemon->http);
	if (r < 0)
		log_warning("http: %s", strerror(-r));
	timeout = http_timeout_us(daemon->http);
	if (timeout == UINT64_MAX)
		return sd_event_source_set_enabled(daemon->http_timer, SD_EVENT_OFF);
	sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	r = sd_event_source_set_time(daemon->http_timer, now + timeout);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(daemon->http_timer, SD_EVENT_ONESHOT);
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

/* ---- reload ---- */

/* What only a start can change stays as it is, and is said. */
static void keep_fixed(struct config *next, const struct config *current)
{
	if (strcmp(next->listen_host, current->listen_host) ||
	    next->listen_port != current->listen_port)
		log_warning("reload: listen changed, takes effect at the next start");
	if (strcmp(next->control, current->control))
		log_warning("reload: control changed, takes effect at the next start");
	if (strcmp(next->state_dir, current->state_dir))
		log_warning("reload: state_dir changed, takes effect at the next start");
	if (next->max_services != current->max_services)
		log_warning("reload: max_services changed, takes effect at the next start");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;
	struct config *next;
	int r;

	(void)source;
	(void)info;
	sd_notify(0, "RELOADING=1");
	r = config_load(daemon->options->config_path, daemon->options->config_may_be_absent,
			complain, (void *)"reload", &next);
	if (r < 0) {
		log_error("reload: the configuration is refused, the old one stays");
		goto out;
	}
	if (next->services_count > daemon->config->max_services) {
		log_error("reload: %zu services, expected at most %u until the next start, "
			  "the old configuration stays",
			  next->services_count, daemon->config->max_services);
		config_free(next);
		goto out;
	}
	keep_fixed(next, daemon->config);
	next->max_services = daemon->config->max_services;
	config_free(daemon->config);
	daemon->config = next;
	daemon->about.config_hash = config_hash(next);
	observer_set_quiet(daemon->observer, !next->discover);
	if (next->discover)
		list(daemon);
	replan(daemon);
	log_info("reload: done, %zu services configured", next->services_count);
out:
	sd_notify(0, "READY=1");
	return 0;
}

/* ---- start ---- */

static uint32_t own_netns(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : (uint32_t)status.st_ino;
}

static int start_control(struct daemon *daemon)
{
	pid_t holder = 0;
	int r = control_open(daemon->config->control, &daemon->control, &holder);

	if (r == -EADDRINUSE)
		log_error("run: process %d holds %s, expected no other daemon on this control "
			  "socket",
			  (int)holder, daemon->config->control);
	else if (r < 0)
		log_error("run: %s: %s", daemon->config->control, strerror(-r));
	return r;
}

static int start_http(struct daemon *daemon)
{
	const struct http_handler handler = {.view = on_view, .health = on_health};
	const struct config *config = daemon->config;
	bool ipv6 = strchr(config->listen_host, ':');
	int r;

	r = http_start(config->listen_host, config->listen_port, &handler, daemon, &daemon->http);
	snprintf(daemon->listen, sizeof(daemon->listen), ipv6 ? "[%s]:%u" : "%s:%u",
		 config->listen_host, config->listen_port);
	if (r < 0)
		log_error("run: listen %s: %s", daemon->listen, strerror(-r));
	return r;
}

static const char *why_not_load(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "not permitted, expected CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";
	case -ENOENT:
	case -ESRCH:
		return "this kernel lacks BTF (/sys/kernel/btf/vmlinux) or the tracepoint "
		       "inet_sock_set_state; see shunt doctor";
	default:
		return strerror(-error);
	}
}

static int start_observer(struct daemon *daemon)
{
	struct observer_limits limits = {
		.slots = SHUNT_SLOT_FIRST + daemon->config->max_services,
		.endpoints = ENDPOINTS,
	};
	int r;

	if (!privilege_may_load()) {
		log_error("run: needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
		return -EPERM;
	}
	r = observer_open(&limits, &daemon->observer);
	if (r >= 0)
		r = observer_on_event(daemon->observer, on_found, daemon);
	if (r >= 0)
		r = services_init(&daemon->services, daemon->config->max_services);
	if (r >= 0)
		r = show_new(daemon->services.count, &daemon->show);
	if (r < 0)
		log_error("run: cannot load the BPF programs: %s", why_not_load(r));
	return r;
}

/*
 * What is there already is named first, so that the first event finds its service;
 * what came between the walk and the attach is found by a second walk.
 */
static int start_observing(struct daemon *daemon)
{
	int r;

	daemon->plan = (struct plan){
		.observer = daemon->observer,
		.services = &daemon->services,
		.discovery = &daemon->discovery,
		.own_netns = own_netns(),
	};
	observer_set_quiet(daemon->observer, !daemon->config->discover);
	if (daemon->config->discover)
		list(daemon);
	replan(daemon);
	r = observer_attach(daemon->observer);
	if (r < 0) {
		log_error("run: cannot attach the BPF programs: %s", strerror(-r));
		return r;
	}
	if (daemon->config->discover)
		list(daemon);
	replan(daemon);
	r = observer_seed(daemon->observer);
	if (r < 0)
		log_warning("run: connections that are open already are not followed: %s",
			    strerror(-r));
	return 0;
}

static int add_signals(struct daemon *daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t mask;
	int r = 0;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&mask, signals[i]);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -errno;
	/* Without a handler of ours sd-event ends the loop. */
	for (size_t i = 0; r >= 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		r = sd_event_add_signal(daemon->event, NULL, signals[i],
					signals[i] == SIGHUP ? on_hangup : NULL, daemon);
	return r;
}

static int add_sources(struct daemon *daemon)
{
	uint64_t now = now_ns() / NSEC_PER_USEC;
	int r;

	r = sd_event_add_io(daemon->event, NULL, observer_event_fd(daemon->observer), EPOLLIN,
			    on_events, daemon);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, NULL, control_fd(daemon->control), EPOLLIN,
				    on_control, daemon);
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

static void describe(struct daemon *daemon)
{
	uname(&daemon->kernel);
	daemon->about = (struct show_about){
		.version = daemon->options->version,
		.kernel = daemon->kernel.release,
		.listen = daemon->listen,
		.config_hash = config_hash(daemon->config),
		.started = now_ns(),
	};
}

static void say_started(const struct daemon *daemon, const char *user)
{
	uint32_t named = 0;

	for (uint32_t i = SHUNT_SLOT_FIRST; i < daemon->services.count; i++)
		named += daemon->services.items[i].origin != SERVICE_FREE;
	log_info("observing %u services on Linux %s, as %s without capabilities", named,
		 daemon->kernel.release, user);
	log_info("metrics at http://%s/metrics", daemon->listen);
	sd_notify(0, "READY=1");
}

static int start(struct daemon *daemon)
{
	const char *user;
	int r;

	r = sd_event_new(&daemon->event);
	if (r >= 0)
		r = add_signals(daemon);
	if (r < 0) {
		log_error("run: cannot make the event loop: %s", strerror(-r));
		return r;
	}
	/* The observer first: who may not load has no business with the sockets. */
	r = start_observer(daemon);
	if (r >= 0)
		r = start_control(daemon);
	if (r >= 0)
		r = start_http(daemon);
	if (r < 0)
		return r;
	describe(daemon);
	r = start_observing(daemon);
	if (r < 0)
		return r;
	r = privilege_drop(&user);
	if (r < 0) {
		log_error("run: cannot drop privileges: %s", strerror(-r));
		return r;
	}
	r = add_sources(daemon);
	if (r < 0) {
		log_error("run: cannot fill the event loop: %s", strerror(-r));
		return r;
	}
	say_started(daemon, user);
	return 0;
}

static void stop(struct daemon *daemon)
{
	sd_notify(0, "STOPPING=1");
	http_stop(daemon->http);
	control_close(daemon->control);
	plan_done(&daemon->plan);
	show_free(daemon->show);
	observer_close(daemon->observer);
	discovery_done(&daemon->discovery);
	services_done(&daemon->services);
	sd_event_source_unref(daemon->http_timer);
	sd_event_source_unref(daemon->tick);
	sd_event_unref(daemon->event);
	config_free(daemon->config);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon daemon = {.options = options};
	int r;

	r = config_load(options->config_path, options->config_may_be_absent, complain,
			(void *)"run", &daemon.config);
	if (r < 0)
		return 2;
	r = start(&daemon);
	if (r >= 0)
		r = sd_event_loop(daemon.event);
	stop(&daemon);
	return r < 0 ? 1 : 0;
}
