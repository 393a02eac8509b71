/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/raw.h"

#include "config/fields.h"
#include "sim/scenario.h"

#define ENTRIES(_key, _entry, _max)                                                                \
	CYAML_FIELD_SEQUENCE(#_key, OPTIONAL, struct raw_scenario, _key, _entry, 0, _max)
#define ENTRY(_struct, _fields) CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct _struct, _fields)

static const cyaml_schema_field_t service_fields[] = {
	NAME(raw_sim_service, name),
	TEXT(raw_sim_service, workers),
	TEXT(raw_sim_service, queue),
	TEXT(raw_sim_service, median),
	TEXT(raw_sim_service, p95),
	TEXT(raw_sim_service, calls),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t crowd_fields[] = {
	TEXT(raw_sim_crowd, to),      TEXT(raw_sim_crowd, rate), TEXT(raw_sim_crowd, timeout),
	TEXT(raw_sim_crowd, retries), TEXT(raw_sim_crowd, pool), CYAML_FIELD_END,
};

static const cyaml_schema_field_t balancer_fields[] = {
	NAME(raw_sim_balancer, name),
	TEXT(raw_sim_balancer, model),
	LIST(raw_sim_balancer, targets, SCENARIO_SERVICES),
	TEXT(raw_sim_balancer, checkers),
	TEXT(raw_sim_balancer, check),
	TEXT(raw_sim_balancer, interval),
	TEXT(raw_sim_balancer, timeout),
	TEXT(raw_sim_balancer, jitter),
	TEXT(raw_sim_balancer, fall),
	TEXT(raw_sim_balancer, rise),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t fault_fields[] = {
	TEXT(raw_sim_fault, what),    TEXT(raw_sim_fault, on),
	TEXT(raw_sim_fault, at),      TEXT_AS(raw_sim_fault, "for", lasts),
	TEXT(raw_sim_fault, share),   TEXT(raw_sim_fault, by),
	TEXT(raw_sim_fault, up),      TEXT(raw_sim_fault, down),
	TEXT(raw_sim_fault, every),   TEXT(raw_sim_fault, factor),
	TEXT(raw_sim_fault, workers), TEXT(raw_sim_fault, fail),
	TEXT(raw_sim_fault, pass),    CYAML_FIELD_END,
};

static const cyaml_schema_field_t expect_fields[] = {
	TEXT(raw_sim_expect, service),
	TEXT(raw_sim_expect, state),
	TEXT(raw_sim_expect, reason),
	TEXT(raw_sim_expect, trigger),
	TEXT(raw_sim_expect, within),
	TEXT(raw_sim_expect, since),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t service_entry = {ENTRY(raw_sim_service, service_fields)};
static const cyaml_schema_value_t crowd_entry = {ENTRY(raw_sim_crowd, crowd_fields)};
static const cyaml_schema_value_t balancer_entry = {ENTRY(raw_sim_balancer, balancer_fields)};
static const cyaml_schema_value_t fault_entry = {ENTRY(raw_sim_fault, fault_fields)};
static const cyaml_schema_value_t expect_entry = {ENTRY(raw_sim_expect, expect_fields)};

static const cyaml_schema_field_t scenario_fields[] = {
	TEXT(raw_scenario, title),
	TEXT(raw_scenario, duration),
	TEXT(raw_scenario, config),
	TEXT(raw_scenario, quiet),
	ENTRIES(services, &service_entry, SCENARIO_SERVICES),
	ENTRIES(clients, &crowd_entry, SCENARIO_CROWDS),
	ENTRIES(balancers, &balancer_entry, SCENARIO_BALANCERS),
	ENTRIES(faults, &fault_entry, SCENARIO_FAULTS),
	ENTRIES(expect, &expect_entry, SCENARIO_EXPECTS),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t raw_scenario_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL_STR, struct raw_scenario, scenario_fields),
};
