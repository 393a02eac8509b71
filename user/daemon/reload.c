/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "daemon/record.h"
#include "daemon/state.h"

static bool same_strings(const struct config_strings *one, const struct config_strings *other)
{
	bool same = one->count == other->count;

	for (size_t i = 0; same && i < one->count; i++)
		same = !strcmp(one->items[i], other->items[i]);
	return same;
}

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
	if (checkers_want_answers(next) && !checkers_want_answers(current))
		log_warning("reload: health_check is new, the status of HTTP checks is read from "
			    "the next start on");
	if (!same_strings(&next->interfaces, &current->interfaces))
		log_warning("reload: interfaces changed, takes effect at the next start");
	if (enforcer_wants_outbound(next) && !enforcer_wants_outbound(current))
		log_warning(
			"reload: outbound is new, verdicts on dependencies are carried out from "
			"the next start on");
	if (next->max_services != current->max_services)
		log_warning("reload: max_services changed, takes effect at the next start");
}

int daemon_on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;
	struct config *next;
	int r;

	(void)source;
	(void)info;
	sd_notify(0, "RELOADING=1");
	r = config_load(daemon->options->config_path, daemon->options->config_may_be_absent,
			daemon_complain, (void *)"reload", &next);
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
	r = engine_configure(daemon->engine, &next->guards);
	if (r < 0)
		log_error("reload: guards: %s, the old ones stay", strerror(-r));
	r = alerts_reload(daemon->alerts, next);
	if (r < 0)
		log_error("reload: alerts go where they went: %s", strerror(-r));
	if (http_allow(daemon->http, next->allowed_hosts.items, next->allowed_hosts.count) < 0)
		log_error("reload: allowed_hosts: %s, the old ones stay", strerror(ENOMEM));
	daemon->about.config_hash = config_hash(next);
	record_reload(daemon->record, next);
	observer_set_quiet(daemon->observer, !next->discover);
	/* Who closes while nobody discovers is not heard of, and would seem to be there. */
	if (next->discover)
		daemon_list(daemon);
	else
		discovery_done(&daemon->discovery);
	daemon_replan(daemon);
	log_info("reload: done, %zu services configured", next->services_count);
out:
	sd_notify(0, "READY=1");
	return 0;
}
