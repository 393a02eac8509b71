/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration as the daemon uses it: validated, defaults filled in,
 * durations in nanoseconds, ports in host order, addresses as 16 bytes with
 * IPv4 as IPv4-mapped IPv6.  Owned by whoever loaded it; see config_free().
 */
#ifndef SHUNT_CONFIG_H
#define SHUNT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/abi.h"

#define CONFIG_DEFAULT_PATH	  "/etc/shunt/shunt.yaml"
#define CONFIG_NAME_MAX		  63
#define CONFIG_MAX_SERVICES_LIMIT 4096

/* An address, a prefix or, with bits 0, any address of either family. */
struct config_endpoint {
	uint8_t addr[16];
	uint8_t bits; /* 0 to 128: how many of addr count; IPv4 adds 96 */
	uint16_t port; /* 0: every port, in guards and probers alone */
};

struct config_endpoints {
	struct config_endpoint *items;
	size_t count;
};

enum config_model {
	CONFIG_MODEL_NONE,
	CONFIG_MODEL_HAPROXY,
	CONFIG_MODEL_NGINX,
	CONFIG_MODEL_KEEPALIVED,
	CONFIG_MODEL_ENVOY,
	CONFIG_MODEL_NLB,
	CONFIG_MODEL_ALB,
	CONFIG_MODEL_GCP,
	CONFIG_MODEL_KUBELET,
	CONFIG_MODEL_CONSECUTIVE,
};

/* What the load balancer does.  0 is "not given": the model's default holds. */
struct config_health_check {
	enum config_model model;
	uint64_t interval;
	uint64_t timeout;
	uint32_t fall;
	uint32_t rise;
	struct config_endpoints probers;
};

enum config_mode { CONFIG_MODE_OFF, CONFIG_MODE_SHADOW, CONFIG_MODE_ENFORCE };

enum config_action {
	CONFIG_ACTION_DROP,
	CONFIG_ACTION_REJECT,
	CONFIG_ACTION_REDIRECT,
	CONFIG_ACTION_DRAIN,
};

enum config_probes { CONFIG_PROBES_EXEMPT, CONFIG_PROBES_COUPLED };

/* A share of slow samples, kept up for a while; over 0: not used. */
struct config_slow {
	enum shunt_signal signal;
	uint64_t over;
	double rate; /* 0 to 1 */
	uint64_t hold; /* the key `for` */
};

struct config_breaker {
	enum config_mode mode;
	uint64_t window;
	uint32_t min_connections;
	double failure_rate; /* 0 to 1 */
	struct config_slow slow;
	uint32_t consecutive_failures; /* 0: not used */
	bool on_flapping;
	enum config_action action;
	struct config_endpoint redirect_to; /* port 0: none */
	enum config_probes probes;
	uint64_t open_for;
	uint64_t open_for_max;
	double half_open_share; /* 0 to 1 */
	uint32_t half_open_connections;
};

struct config_service {
	char name[CONFIG_NAME_MAX + 1];
	enum shunt_role role; /* `inbound` makes a server, `outbound` a client */
	struct config_endpoints endpoints;
	char *cgroup; /* path or glob below the cgroup2 mount; NULL: any */
	bool netns_any; /* false: the daemon's own network namespace */
	struct config_health_check health_check;
	struct config_breaker breaker;
};

struct config_guards {
	uint32_t max_open;
	double max_open_share; /* 0 to 1 */
	struct config_endpoints protect;
	uint64_t lease;
};

/* How much the journal keeps. */
struct config_journal {
	uint64_t keep; /* what is older goes */
	uint64_t max_size; /* bytes */
};

struct config_strings {
	char **items;
	size_t count;
};

struct config {
	char listen_host[64]; /* numeric, without brackets */
	uint16_t listen_port;
	struct config_strings allowed_hosts;
	char *control;
	char *state_dir;
	bool discover;
	uint32_t max_services;
	struct config_strings interfaces;
	struct config_service *services;
	size_t services_count;
	struct config_guards guards;
	struct config_strings alertmanager;
	struct config_strings webhook;
	struct config_journal journal;
};

#endif
