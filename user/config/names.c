/* SPDX-License-Identifier: GPL-2.0 */
#include "config/names.h"

#include <stddef.h>

#include "shunt/config.h"

const char *const config_model_names[] = {
	[CONFIG_MODEL_NONE] = "none",
	[CONFIG_MODEL_HAPROXY] = "haproxy",
	[CONFIG_MODEL_NGINX] = "nginx",
	[CONFIG_MODEL_KEEPALIVED] = "keepalived",
	[CONFIG_MODEL_ENVOY] = "envoy",
	[CONFIG_MODEL_NLB] = "nlb",
	[CONFIG_MODEL_ALB] = "alb",
	[CONFIG_MODEL_GCP] = "gcp",
	[CONFIG_MODEL_KUBELET] = "kubelet",
	[CONFIG_MODEL_CONSECUTIVE] = "consecutive",
	NULL,
};

const char *const config_mode_names[] = {
	[CONFIG_MODE_OFF] = "off",
	[CONFIG_MODE_SHADOW] = "shadow",
	[CONFIG_MODE_ENFORCE] = "enforce",
	NULL,
};

const char *const config_action_names[] = {
	[CONFIG_ACTION_DROP] = "drop",
	[CONFIG_ACTION_REJECT] = "reject",
	[CONFIG_ACTION_REDIRECT] = "redirect",
	[CONFIG_ACTION_DRAIN] = "drain",
	NULL,
};

const char *const config_probes_names[] = {
	[CONFIG_PROBES_EXEMPT] = "exempt",
	[CONFIG_PROBES_COUPLED] = "coupled",
	NULL,
};

const char *const config_signal_names[] = {
	[SHUNT_SIGNAL_HANDSHAKE] = "handshake",
	[SHUNT_SIGNAL_RESPONSE] = "response",
	[SHUNT_SIGNAL_RTT] = "rtt",
	[SHUNT_SIGNAL_CONNECTION] = "connection",
	NULL,
};

const char *const config_netns_names[] = {"own", "any", NULL};
