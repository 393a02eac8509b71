/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words of the configuration, each array indexed by its enumeration in
 * shunt/config.h (signals: shunt/abi.h) and ended by NULL.
 */
#ifndef SHUNT_CONFIG_NAMES_H
#define SHUNT_CONFIG_NAMES_H

extern const char *const config_model_names[];
extern const char *const config_mode_names[];
extern const char *const config_action_names[];
extern const char *const config_probes_names[];
extern const char *const config_signal_names[];
extern const char *const config_netns_names[]; /* by netns_any */

#endif
