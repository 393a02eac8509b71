/* SPDX-License-Identifier: GPL-2.0 */
#include "config/convert.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/endpoint.h"
#include "config/names.h"
#include "config/take.h"
#include "config/url.h"
#include "config/validate.h"
#include "config/values.h"

#define COUNT_MAX     1000000
#define CGROUP_MAX    1024
#define STATE_DIR_MAX 1024
#define SOCKET_MAX    (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* A keyframe is written each hour: what is kept for less cannot be replayed. */
#define KEEP_MIN    NSEC_PER_HOUR
#define KEEP_MAX    (10 * 365 * 24 * NSEC_PER_HOUR)
#define JOURNAL_MIN (16 * VALUE_MIB)
#define JOURNAL_MAX (1024 * VALUE_GIB)

/* The histograms' range: a limit outside it would never or always be passed. */
#define SLOW_MIN NSEC_PER_USEC
#define SLOW_MAX (64 * NSEC_PER_SEC)

const struct config_breaker config_breaker_defaults = {
	.mode = CONFIG_MODE_SHADOW,
	.window = 10 * NSEC_PER_SEC,
	.min_connections = 20,
	.failure_rate = 0.5,
	.action = CONFIG_ACTION_REJECT,
	.probes = CONFIG_PROBES_EXEMPT,
	.open_for = 5 * NSEC_PER_SEC,
	.open_for_max = 5 * NSEC_PER_MINUTE,
	.half_open_share = 0.1,
	.half_open_connections = 10,
};

static void enter(struct taker *taker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void enter(struct taker *taker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(taker->prefix, sizeof(taker->prefix), format, args);
	va_end(args);
}

static const char *check_name(const char *text)
{
	if (!*text || strlen(text) > CONFIG_NAME_MAX)
		return "is not a name, expected 1 to 63 characters";
	if (*text == '_')
		return "begins with _, which is reserved";
	if (strpbrk(text, " '\"`\\"))
		return "is not a name, expected no spaces, quotes or backslashes";
	return NULL;
}

static const char *check_interface(const char *text)
{
	if (!*text || strlen(text) >= IFNAMSIZ || strpbrk(text, " /:") || !strcmp(text, ".") ||
	    !strcmp(text, ".."))
		return "is not the name of a network interface";
	return NULL;
}

static const char *check_socket(const char *text)
{
	if (*text != '/' || strlen(text) > SOCKET_MAX)
		return "is not a socket's path, expected one that begins with / of at most 107 "
		       "characters";
	return NULL;
}

static const char *check_directory(const char *text)
{
	if (*text != '/' || strlen(text) > STATE_DIR_MAX)
		return "is not a directory's path, expected one that begins with /";
	return NULL;
}

static const char *check_cgroup(const char *text)
{
	size_t length = strlen(text);

	if (*text != '/' || length > CGROUP_MAX)
		return "is not a control group, expected a path or glob that begins with /";
	if (length > 1 && text[length - 1] == '/')
		return "ends with /, expected the control group itself";
	return NULL;
}

static void convert_health_check(struct taker *taker, const struct raw_health_check *raw,
				 struct config_health_check *check)
{
	check->model = (enum config_model)take_name(taker, "model", raw->model, config_model_names,
						    (int)check->model);
	take_duration(taker, "interval", raw->interval, 10 * NSEC_PER_MSEC, NSEC_PER_HOUR,
		      &check->interval);
	take_duration(taker, "timeout", raw->timeout, NSEC_PER_MSEC, NSEC_PER_HOUR,
		      &check->timeout);
	take_uint(taker, "fall", raw->fall, 1, 1000, &check->fall);
	take_uint(taker, "rise", raw->rise, 1, 1000, &check->rise);
	take_endpoints(taker, "probers", &raw->probers, ENDPOINT_PROBER, &check->probers);
}

/* All four keys or none, for a limit without its rate means nothing. */
static bool is_slow_whole(struct taker *taker, const struct raw_slow *raw)
{
	const struct {
		const char *key;
		const char *value;
	} keys[] = {
		{"signal", raw->signal},
		{"over", raw->over},
		{"rate", raw->rate},
		{"for", raw->hold},
	};
	char missing[64] = "";
	size_t length = 0;
	size_t given = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		given += keys[i].value != NULL;
		if (!keys[i].value)
			length += (size_t)snprintf(missing + length, sizeof(missing) - length,
						   " %s", keys[i].key);
	}
	if (given && length)
		take_refuse(taker, "slow", "is incomplete, expected%s too", missing);
	return given && !length;
}

static void convert_slow(struct taker *taker, const struct raw_slow *raw, struct config_slow *slow)
{
	uint64_t over = 0;

	if (!is_slow_whole(taker, raw))
		return;
	slow->signal = (enum shunt_signal)take_name(taker, "slow.signal", raw->signal,
						    config_signal_names, SHUNT_SIGNAL_RESPONSE);
	take_duration(taker, "slow.over", raw->over, SLOW_MIN, SLOW_MAX, &over);
	take_share(taker, "slow.rate", raw->rate, TAKE_SHARE_ABOVE_ZERO, &slow->rate);
	take_duration(taker, "slow.for", raw->hold, 0, NSEC_PER_HOUR, &slow->hold);
	slow->over = over;
}

static void convert_half_open(struct taker *taker, const struct raw_half_open *raw,
			      struct config_breaker *breaker)
{
	take_share(taker, "half_open.share", raw->share, TAKE_SHARE_ABOVE_ZERO,
		   &breaker->half_open_share);
	take_uint(taker, "half_open.connections", raw->connections, 1, COUNT_MAX,
		  &breaker->half_open_connections);
}

static void convert_breaker(struct taker *taker, const struct raw_breaker *raw,
			    struct config_breaker *breaker)
{
	breaker->mode = (enum config_mode)take_name(taker, "mode", raw->mode, config_mode_names,
						    (int)breaker->mode);
	take_duration(taker, "window", raw->window, NSEC_PER_SEC, NSEC_PER_HOUR, &breaker->window);
	take_uint(taker, "min_connections", raw->min_connections, 1, COUNT_MAX,
		  &breaker->min_connections);
	take_share(taker, "failure_rate", raw->failure_rate, TAKE_SHARE_ABOVE_ZERO,
		   &breaker->failure_rate);
	if (raw->slow)
		convert_slow(taker, raw->slow, &breaker->slow);
	take_uint(taker, "consecutive_failures", raw->consecutive_failures, 0, COUNT_MAX,
		  &breaker->consecutive_failures);
	take_bool(taker, "on_flapping", raw->on_flapping, &breaker->on_flapping);
	breaker->action = (enum config_action)take_name(taker, "action", raw->action,
							config_action_names, (int)breaker->action);
	take_endpoint(taker, "redirect_to", raw->redirect_to, ENDPOINT_TARGET,
		      &breaker->redirect_to);
	breaker->probes = (enum config_probes)take_name(taker, "probes", raw->probes,
							config_probes_names, (int)breaker->probes);
	take_duration(taker, "open_for", raw->open_for, 100 * NSEC_PER_MSEC, 24 * NSEC_PER_HOUR,
		      &breaker->open_for);
	take_duration(taker, "open_for_max", raw->open_for_max, 100 * NSEC_PER_MSEC,
		      24 * NSEC_PER_HOUR, &breaker->open_for_max);
	if (raw->half_open)
		convert_half_open(taker, raw->half_open, breaker);
}

static void convert_name(struct taker *taker, const char *raw, struct config_service *service)
{
	char *name = NULL;

	if (!raw)
		take_refuse(taker, "name", "is missing, expected 1 to 63 characters");
	take_text(taker, "name", raw, check_name, &name);
	if (name)
		strcpy(service->name, name);
	free(name);
}

/* Exactly one of the two lists, which makes the service's role. */
static void convert_endpoints(struct taker *taker, const struct raw_service *raw,
			      struct config_service *service)
{
	if (raw->inbound.count && raw->outbound.count)
		take_refuse(taker, "outbound", "is given beside inbound, expected one of them");
	else if (!raw->inbound.count && !raw->outbound.count)
		take_refuse(taker, "inbound",
			    "has no entry and neither has outbound, expected one of the two lists");
	else if (raw->inbound.count)
		take_endpoints(taker, "inbound", &raw->inbound, ENDPOINT_INBOUND,
			       &service->endpoints);
	else
		take_endpoints(taker, "outbound", &raw->outbound, ENDPOINT_OUTBOUND,
			       &service->endpoints);
	service->role = raw->outbound.count ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER;
}

static void convert_service(struct taker *taker, const struct raw_service *raw, size_t number,
			    struct config_service *service)
{
	size_t before = taker->complaints->count;

	enter(taker, "services[%zu].", number);
	service->breaker = config_breaker_defaults;
	convert_name(taker, raw->name, service);
	convert_endpoints(taker, raw, service);
	take_text(taker, "cgroup", raw->cgroup, check_cgroup, &service->cgroup);
	service->netns_any = take_name(taker, "netns", raw->netns, config_netns_names,
				       service->netns_any);
	if (raw->health_check) {
		enter(taker, "services[%zu].health_check.", number);
		convert_health_check(taker, raw->health_check, &service->health_check);
	}
	if (raw->breaker) {
		enter(taker, "services[%zu].breaker.", number);
		convert_breaker(taker, raw->breaker, &service->breaker);
	}
	if (taker->complaints->count == before)
		validate_service(service, number, taker->outline, taker->complaints);
}

static void convert_services(struct taker *taker, const struct raw_config *raw,
			     struct config *config)
{
	config->services = calloc(raw->services_count + 1, sizeof(*config->services));
	if (!config->services) {
		taker->err = -ENOMEM;
		return;
	}
	config->services_count = raw->services_count;
	for (size_t i = 0; i < config->services_count; i++)
		convert_service(taker, &raw->services[i], i, &config->services[i]);
	enter(taker, "%s", "");
	if (config->services_count > config->max_services)
		take_refuse(taker, "services", "has %zu entries, but max_services is %u",
			    config->services_count, config->max_services);
}

static void convert_guards(struct taker *taker, const struct raw_guards *raw,
			   struct config_guards *guards)
{
	enter(taker, "guards.");
	take_uint(taker, "max_open", raw->max_open, 0, CONFIG_MAX_SERVICES_LIMIT,
		  &guards->max_open);
	take_share(taker, "max_open_share", raw->max_open_share, TAKE_SHARE_FROM_ZERO,
		   &guards->max_open_share);
	/* An empty list is no default: it says that nothing shall be protected. */
	if (outline_has_list(taker->outline, "guards.protect"))
		guards->protect.count = 0;
	take_endpoints(taker, "protect", &raw->protect, ENDPOINT_PROTECT, &guards->protect);
	take_duration(taker, "lease", raw->lease, 500 * NSEC_PER_MSEC, NSEC_PER_MINUTE,
		      &guards->lease);
}

static void convert_journal(struct taker *taker, const struct raw_journal *raw,
			    struct config_journal *journal)
{
	enter(taker, "journal.");
	take_duration(taker, "keep", raw->keep, KEEP_MIN, KEEP_MAX, &journal->keep);
	take_size(taker, "max_size", raw->max_size, JOURNAL_MIN, JOURNAL_MAX, &journal->max_size);
}

static void convert_listen(struct taker *taker, const char *raw, struct config *config)
{
	struct config_endpoint endpoint;
	char host[ENDPOINT_TEXT_MAX];

	if (!take_endpoint(taker, "listen", raw, ENDPOINT_LISTEN, &endpoint))
		return;
	endpoint_format_host(&endpoint, host);
	snprintf(config->listen_host, sizeof(config->listen_host), "%s", host);
	config->listen_port = endpoint.port;
}

static int set_defaults(struct config *config)
{
	strcpy(config->listen_host, "127.0.0.1");
	config->listen_port = 9909;
	config->control = strdup("/run/shunt.sock");
	config->state_dir = strdup("/var/lib/shunt");
	config->discover = true;
	config->max_services = 256;
	/* A month, if there is room for it. */
	config->journal.keep = 31 * 24 * NSEC_PER_HOUR;
	config->journal.max_size = VALUE_GIB;
	config->guards.max_open = 1;
	config->guards.max_open_share = 0.34;
	config->guards.lease = 3 * NSEC_PER_SEC;
	config->guards.protect.items = calloc(1, sizeof(*config->guards.protect.items));
	if (!config->control || !config->state_dir || !config->guards.protect.items)
		return -ENOMEM;
	config->guards.protect.items[0].port = 22;
	config->guards.protect.count = 1;
	return 0;
}

int convert_config(const struct raw_config *raw, const struct outline *outline,
		   struct complaints *complaints, struct config *config)
{
	static const struct raw_config nothing;
	struct taker taker = {.outline = outline, .complaints = complaints};

	taker.err = set_defaults(config);
	if (taker.err)
		return taker.err;
	if (!raw)
		raw = &nothing;
	convert_listen(&taker, raw->listen, config);
	take_texts(&taker, "allowed_hosts", &raw->allowed_hosts, url_check_host,
		   &config->allowed_hosts);
	take_text(&taker, "control", raw->control, check_socket, &config->control);
	take_text(&taker, "state_dir", raw->state_dir, check_directory, &config->state_dir);
	take_bool(&taker, "discover", raw->discover, &config->discover);
	take_uint(&taker, "max_services", raw->max_services, 1, CONFIG_MAX_SERVICES_LIMIT,
		  &config->max_services);
	take_texts(&taker, "interfaces", &raw->interfaces, check_interface, &config->interfaces);
	convert_services(&taker, raw, config);
	if (raw->guards)
		convert_guards(&taker, raw->guards, &config->guards);
	if (raw->alerts) {
		enter(&taker, "alerts.");
		take_texts(&taker, "alertmanager", &raw->alerts->alertmanager, url_check_base,
			   &config->alertmanager);
		take_texts(&taker, "webhook", &raw->alerts->webhook, url_check, &config->webhook);
	}
	if (raw->journal)
		convert_journal(&taker, raw->journal, &config->journal);
	return taker.err ? taker.err : validate_services(config, outline, complaints);
}
