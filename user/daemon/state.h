/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's state, shared by the files that make it up and by nobody else. */
#ifndef SHUNT_DAEMON_STATE_H
#define SHUNT_DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/utsname.h>
#include <systemd/sd-event.h>

#include "alert/alerts.h"
#include "config/config.h"
#include "daemon/checkers.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/discovery.h"
#include "daemon/enforcer.h"
#include "daemon/gather.h"
#include "daemon/operators.h"
#include "daemon/outcome.h"
#include "daemon/latency.h"
#include "daemon/plan.h"
#include "daemon/recent.h"
#include "daemon/roster.h"
#include "daemon/service.h"
#include "daemon/show.h"
#include "engine/engine.h"
#include "kernel/observer.h"
#include "serve/http.h"

#define USEC_PER_SEC  1000000ULL
#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	uint32_t netns; /* that it is in: the inode */
	struct observer *observer;
	struct services services;
	struct discovery discovery;
	struct engine *engine;
	struct roster roster;
	struct gather gather;
	struct enforcer enforcer;
	struct outcomes outcomes;
	struct checkers checkers;
	struct plan plan;
	struct control *control;
	struct operators *operators;
	struct http *http;
	struct show *show;
	struct alerts *alerts;
	struct recent recent;
	uint64_t published; /* the tick of the last status to those who stay */
	uint64_t published_change; /* …and the last change in it */
	struct latencies latencies;
	struct record *record; /* NULL: there is no memory for one */
	struct show_about about;
	struct utsname kernel;
	char listen[80];
	sd_event *event;
	sd_event_source *tick;
	sd_event_source *http_timer;
	uint64_t ticks;
	double tick_late; /* seconds */
	uint64_t events_lost; /* as of the last tick */
	bool failed; /* the last plan could not be made or followed */
	bool replanned; /* in this tick already */
	bool told_full;
	bool told_queues;
};

/* Takes a complaint about the configuration to the log; `userdata` says during what. */
void daemon_complain(void *userdata, const char *line);

/* Decides anew which services there are; what goes wrong is logged. */
void daemon_replan(struct daemon *daemon);

/* Reads the accept queues at `now`, if they can have changed; what goes wrong is logged, once. */
void daemon_read_queues(struct daemon *daemon, uint64_t now);

/* Walks over what is there on this host; what goes wrong is logged. */
void daemon_list(struct daemon *daemon);

/* Discovery's ear. */
void daemon_on_found(void *userdata, const struct shunt_event *event);

/* …and of those who check services. */
void daemon_on_probe(void *userdata, const struct shunt_probe *probe);

/* The roster's ears: a service that was not well is gone; one is assigned, or released. */
void daemon_on_gone(void *userdata, const struct health_change *change);
void daemon_on_assigned(void *userdata, uint32_t slot);
void daemon_on_released(void *userdata, uint32_t slot);

/* What HTTP shows. */
int daemon_on_view(void *userdata, const struct view **ret_view);

/* Hangs the event sources but the signals into the loop.  0 or a negative errno. */
int daemon_add_sources(struct daemon *daemon);

/* SIGHUP: the configuration is read again. */
int daemon_on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata);

#endif
