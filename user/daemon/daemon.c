/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"
#include "daemon/record.h"
#include "daemon/state.h"
#include "daemon/trim.h"
#include "kernel/netns.h"

void daemon_complain(void *userdata, const char *line)
{
	log_error("%s: %s", (const char *)userdata, line);
}

/*
 * The answer to a scrape is megabytes for a moment.  Memory of that size goes back
 * to the system at once, unless glibc learns to keep it; a fixed threshold is not
 * learned.
 */
#define KEEP_BELOW (256 << 10)

/* The server is driven from the loop, so that an answer proves that the loop turns. */
static const char *on_health(void *userdata)
{
	(void)userdata;
	return NULL;
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
	const struct http_handler handler = {.view = daemon_on_view, .health = on_health};
	const struct config *config = daemon->config;
	bool ipv6 = strchr(config->listen_host, ':');
	int r;

	r = http_start(config->listen_host, config->listen_port, &handler, daemon, &daemon->http);
	if (r >= 0)
		r = http_allow(daemon->http, config->allowed_hosts.items,
			       config->allowed_hosts.count);
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
		return "bpf(2) is refused although the capabilities are there: by a seccomp "
		       "profile, as of a container, or by the kernel's lockdown";
	case -ENOENT:
	case -ESRCH:
		return "this kernel lacks BTF (/sys/kernel/btf/vmlinux) or the tracepoint "
		       "inet_sock_set_state; see shunt doctor";
	default:
		return strerror(-error);
	}
}

/* The engine, and what stands between it and the kernel. */
static int start_engine(struct daemon *daemon)
{
	struct services *services = &daemon->services;
	uint64_t seed;
	int r;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	r = engine_new(services->count, seed, &daemon->engine);
	if (r >= 0)
		r = engine_configure(daemon->engine, &daemon->config->guards);
	if (r >= 0)
		r = gather_init(&daemon->gather, daemon->observer, &daemon->plan.installed,
				services, daemon->engine);
	if (r >= 0)
		r = roster_init(&daemon->roster, services, daemon->engine, &daemon->gather);
	if (r >= 0)
		r = enforcer_start(&daemon->enforcer, daemon->config, daemon->observer,
				   daemon->engine, services->count);
	if (r >= 0)
		r = outcomes_init(&daemon->outcomes, daemon->engine, &daemon->enforcer,
				  services->count);
	if (r >= 0)
		r = latencies_init(&daemon->latencies, services, daemon->observer, daemon->engine);
	if (r < 0)
		return r;
	daemon->gather.enforcer = &daemon->enforcer;
	daemon->roster.changed = daemon_on_gone;
	daemon->roster.assigned = daemon_on_assigned;
	daemon->roster.released = daemon_on_released;
	daemon->roster.userdata = daemon;
	return checkers_init(&daemon->checkers, daemon->observer, services, daemon->engine);
}

/* Said before anything is tried: a refusal of the kernel's does not say for want of what. */
static bool may_start(void)
{
	char missing[PRIVILEGE_NAMES_MAX];

	privilege_missing(missing);
	if (!missing[0])
		return true;
	if (geteuid())
		log_error("run: needs root, or CAP_BPF and CAP_PERFMON, and CAP_NET_ADMIN for "
			  "verdicts; missing: %s",
			  missing);
	else
		log_error("run: not permitted, missing: %s", missing);
	return false;
}

static int start_observer(struct daemon *daemon)
{
	struct observer_limits limits = {
		.slots = SHUNT_SLOT_FIRST + daemon->config->max_services,
		.answers = checkers_want_answers(daemon->config),
	};
	int r;

	if (!may_start())
		return -EPERM;
	if (limits.answers && !privilege_may_divert()) {
		log_warning("run: the status of HTTP checks cannot be read: missing: "
			    "CAP_NET_ADMIN");
		limits.answers = false;
	}
	r = netns_own(&daemon->netns);
	if (r < 0) {
		log_error("run: %s: %s", NETNS_OWN, strerror(-r));
		return r;
	}
	/* Where it cannot be had it may not be needed. */
	sandbox_hide_modules();
	r = observer_open(&limits, &daemon->observer);
	if (r >= 0)
		r = observer_on_event(daemon->observer, daemon_on_found, daemon);
	if (r >= 0)
		r = services_init(&daemon->services, daemon->config->max_services, daemon->netns);
	if (r >= 0)
		r = start_engine(daemon);
	if (r >= 0)
		observer_on_probe(daemon->observer, daemon_on_probe);
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
		.own_netns = daemon->netns,
	};
	observer_set_quiet(daemon->observer, !daemon->config->discover);
	daemon_list(daemon);
	daemon_replan(daemon);
	r = observer_attach(daemon->observer);
	if (r < 0) {
		log_error("run: cannot attach the BPF programs: %s", strerror(-r));
		return r;
	}
	daemon_list(daemon);
	daemon_replan(daemon);
	/* What listeners turn away counts from now on. */
	daemon_read_queues(daemon, clock_monotonic());
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
	/* Without a handler sd-event ends the loop, with the argument as its result. */
	for (size_t i = 0; r >= 0 && i < sizeof(signals) / sizeof(signals[0]) - 1; i++)
		r = sd_event_add_signal(daemon->event, NULL, signals[i], NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, daemon_on_hangup, daemon);
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
		.started = clock_monotonic(),
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

/* Without a target this costs nothing, and is there for those of a reload. */
static int start_alerts(struct daemon *daemon)
{
	int r = alerts_new(daemon->event, daemon->config, NULL, &daemon->alerts);

	if (r < 0)
		log_error("run: cannot send alerts: %s", strerror(-r));
	return r;
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
	record_prepare(daemon->config);
	trim_memory();
	r = privilege_drop(&user);
	if (r < 0) {
		log_error("run: cannot drop privileges: %s", strerror(-r));
		return r;
	}
	r = sandbox_enter();
	if (r < 0)
		log_warning("run: system calls are not filtered: %s", strerror(-r));
	/* Only now: who answers a request has no business with privileges. */
	r = start_alerts(daemon);
	if (r < 0)
		return r;
	/* What happened is worth less than what happens. */
	r = record_start(daemon->config, daemon->options->version, daemon->engine, &daemon->recent,
			 clock_monotonic(), &daemon->record);
	if (r < 0)
		log_warning("run: no journal is kept: %s", strerror(-r));
	r = daemon_add_sources(daemon);
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
	operators_free(daemon->operators);
	control_close(daemon->control);
	alerts_free(daemon->alerts);
	plan_done(&daemon->plan);
	show_free(daemon->show);
	observer_close(daemon->observer);
	/* This may wait for a disk: verdicts are gone by now. */
	record_stop(daemon->record, clock_monotonic());
	recent_done(&daemon->recent);
	discovery_done(&daemon->discovery);
	checkers_done(&daemon->checkers);
	enforcer_stop(&daemon->enforcer);
	outcomes_done(&daemon->outcomes);
	roster_done(&daemon->roster);
	latencies_done(&daemon->latencies);
	gather_done(&daemon->gather);
	engine_free(daemon->engine);
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

	mallopt(M_MMAP_THRESHOLD, KEEP_BELOW);
	r = config_load(options->config_path, options->config_may_be_absent, daemon_complain,
			(void *)"run", &daemon.config);
	if (r < 0)
		return 2;
	r = start(&daemon);
	if (r >= 0)
		r = sd_event_loop(daemon.event);
	stop(&daemon);
	return r < 0 ? 1 : 0;
}
