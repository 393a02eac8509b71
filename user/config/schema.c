/* SPDX-License-Identifier: GPL-2.0 */
#include "config/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "config/fields.h"
#include "shunt/config.h"

/* Bounds on lists, far past any use, so that a bad file stays cheap. */
#define LIST_MAX       1024
#define SHORT_LIST_MAX 64

const cyaml_schema_value_t schema_list_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t health_check_fields[] = {
	TEXT(raw_health_check, model),
	TEXT(raw_health_check, interval),
	TEXT(raw_health_check, timeout),
	TEXT(raw_health_check, fall),
	TEXT(raw_health_check, rise),
	LIST(raw_health_check, probers, LIST_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t slow_fields[] = {
	TEXT(raw_slow, signal),		TEXT(raw_slow, over), TEXT(raw_slow, rate),
	TEXT_AS(raw_slow, "for", hold), CYAML_FIELD_END,
};

static const cyaml_schema_field_t half_open_fields[] = {
	TEXT(raw_half_open, share),
	TEXT(raw_half_open, connections),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t breaker_fields[] = {
	TEXT(raw_breaker, mode),
	TEXT(raw_breaker, window),
	TEXT(raw_breaker, min_connections),
	TEXT(raw_breaker, failure_rate),
	MAPPING(raw_breaker, slow, slow_fields),
	TEXT(raw_breaker, consecutive_failures),
	TEXT(raw_breaker, on_flapping),
	TEXT(raw_breaker, action),
	TEXT(raw_breaker, redirect_to),
	TEXT(raw_breaker, probes),
	TEXT(raw_breaker, open_for),
	TEXT(raw_breaker, open_for_max),
	MAPPING(raw_breaker, half_open, half_open_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t service_fields[] = {
	NAME(raw_service, name),
	LIST(raw_service, inbound, LIST_MAX),
	LIST(raw_service, outbound, LIST_MAX),
	TEXT(raw_service, cgroup),
	TEXT(raw_service, netns),
	MAPPING(raw_service, health_check, health_check_fields),
	MAPPING(raw_service, breaker, breaker_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t service_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_service, service_fields),
};

static const cyaml_schema_field_t guards_fields[] = {
	TEXT(raw_guards, max_open),
	TEXT(raw_guards, max_open_share),
	LIST(raw_guards, protect, LIST_MAX),
	TEXT(raw_guards, lease),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t alerts_fields[] = {
	LIST(raw_alerts, alertmanager, SHORT_LIST_MAX),
	LIST(raw_alerts, webhook, SHORT_LIST_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t journal_fields[] = {
	TEXT(raw_journal, keep),
	TEXT(raw_journal, max_size),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
	TEXT(raw_config, listen),
	LIST(raw_config, allowed_hosts, SHORT_LIST_MAX),
	TEXT(raw_config, control),
	TEXT(raw_config, state_dir),
	TEXT(raw_config, discover),
	TEXT(raw_config, max_services),
	LIST(raw_config, interfaces, SHORT_LIST_MAX),
	CYAML_FIELD_SEQUENCE("services", OPTIONAL, struct raw_config, services, &service_entry, 0,
			     CONFIG_MAX_SERVICES_LIMIT),
	MAPPING(raw_config, guards, guards_fields),
	MAPPING(raw_config, alerts, alerts_fields),
	MAPPING(raw_config, journal, journal_fields),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t schema_config = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL_STR, struct raw_config, config_fields),
};

/* No aliases: they are how a small file becomes a large one. */
static const cyaml_config_t cyaml = {
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS,
};

int schema_load(const char *text, size_t size, const cyaml_schema_value_t *schema, void **ret_raw,
		const char **ret_reason)
{
	cyaml_data_t *raw = NULL;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)text, size, &cyaml, schema, &raw, NULL);
	/* The text has been parsed before: memory is all that the parser can lack. */
	if (err == CYAML_ERR_OOM || err == CYAML_ERR_LIBYAML_PARSER ||
	    err == CYAML_ERR_LIBYAML_PARSER_INIT)
		return -ENOMEM;
	if (err != CYAML_OK) {
		*ret_reason = cyaml_strerror(err);
		return -EINVAL;
	}
	*ret_raw = raw;
	return 0;
}

void schema_free(const cyaml_schema_value_t *schema, void *raw)
{
	cyaml_free(&cyaml, schema, raw, 0);
}

bool schema_is_null(const char *value)
{
	return !*value || !strcmp(value, "~") || !strcmp(value, "null") || !strcmp(value, "Null") ||
	       !strcmp(value, "NULL");
}

bool schema_takes_null(const cyaml_schema_value_t *schema)
{
	return (schema->flags & CYAML_FLAG_POINTER_NULL_STR) == CYAML_FLAG_POINTER_NULL_STR;
}
