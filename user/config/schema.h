/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file's shape: which keys there are and which of them hold a mapping, a
 * list or one value.  Values stay text here, NULL where a key is absent: what
 * they mean is judged in convert.c, where every wrong one can be told, while
 * libcyaml stops at its first and takes 0x10 or 1e9999 for numbers.
 */
#ifndef SHUNT_CONFIG_SCHEMA_H
#define SHUNT_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <cyaml/cyaml.h>

struct raw_list {
	char **items;
	unsigned int count;
};

struct raw_health_check {
	char *model;
	char *interval;
	char *timeout;
	char *fall;
	char *rise;
	struct raw_list probers;
};

struct raw_slow {
	char *signal;
	char *over;
	char *rate;
	char *hold;
};

struct raw_half_open {
	char *share;
	char *connections;
};

struct raw_breaker {
	char *mode;
	char *window;
	char *min_connections;
	char *failure_rate;
	struct raw_slow *slow;
	char *consecutive_failures;
	char *on_flapping;
	char *action;
	char *redirect_to;
	char *probes;
	char *open_for;
	char *open_for_max;
	struct raw_half_open *half_open;
};

struct raw_service {
	char *name;
	struct raw_list inbound;
	struct raw_list outbound;
	char *cgroup;
	char *netns;
	struct raw_health_check *health_check;
	struct raw_breaker *breaker;
};

struct raw_guards {
	char *max_open;
	char *max_open_share;
	struct raw_list protect;
	char *lease;
};

struct raw_alerts {
	struct raw_list alertmanager;
	struct raw_list webhook;
};

struct raw_journal {
	char *keep;
	char *max_size;
};

struct raw_config {
	char *listen;
	struct raw_list allowed_hosts;
	char *control;
	char *state_dir;
	char *discover;
	char *max_services;
	struct raw_list interfaces;
	struct raw_service *services;
	unsigned int services_count;
	struct raw_guards *guards;
	struct raw_alerts *alerts;
	struct raw_journal *journal;
};

/* The tables themselves, for shape.c, which tells every misfit with its line. */
extern const cyaml_schema_value_t schema_config;

/* An entry of a struct raw_list. */
extern const cyaml_schema_value_t schema_list_entry;

/*
 * Loads a text that shape_read() has been through with the same schema.  Unknown keys are
 * skipped.  Returns 0 and a structure for schema_free() (NULL for an empty file), -ENOMEM,
 * or -EINVAL with the reason in *ret_reason (static text).
 */
int schema_load(const char *text, size_t size, const cyaml_schema_value_t *schema, void **ret_raw,
		const char **ret_reason);

/* Frees it; NULL is fine. */
void schema_free(const cyaml_schema_value_t *schema, void *raw);

/* Whether libcyaml takes a scalar for an absent value: nothing, `~` or `null`… */
bool schema_is_null(const char *value);

/* …where the schema allows for one. */
bool schema_takes_null(const cyaml_schema_value_t *schema);

#endif
