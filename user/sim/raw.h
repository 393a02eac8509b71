/* SPDX-License-Identifier: GPL-2.0 */
/* A scenario as text values, before anyone has judged them; see config/schema.h. */
#ifndef SHUNT_SIM_RAW_H
#define SHUNT_SIM_RAW_H

#include "config/schema.h"

struct raw_sim_service {
	char *name;
	char *workers;
	char *queue;
	char *median;
	char *p95;
	char *calls;
};

struct raw_sim_crowd {
	char *to;
	char *rate;
	char *timeout;
	char *retries;
	char *pool;
};

struct raw_sim_balancer {
	char *name;
	char *model;
	struct raw_list targets;
	char *checkers;
	char *check;
	char *interval;
	char *timeout;
	char *jitter;
	char *fall;
	char *rise;
};

struct raw_sim_fault {
	char *what;
	char *on;
	char *at;
	char *lasts; /* the key `for` */
	char *share;
	char *by;
	char *up;
	char *down;
	char *every;
	char *factor;
	char *workers;
	char *fail;
	char *pass;
};

struct raw_sim_expect {
	char *service;
	char *state;
	char *reason;
	char *trigger;
	char *within;
	char *since;
};

struct raw_scenario {
	char *title;
	char *duration;
	char *config;
	char *quiet;
	struct raw_sim_service *services;
	unsigned int services_count;
	struct raw_sim_crowd *clients;
	unsigned int clients_count;
	struct raw_sim_balancer *balancers;
	unsigned int balancers_count;
	struct raw_sim_fault *faults;
	unsigned int faults_count;
	struct raw_sim_expect *expect;
	unsigned int expect_count;
};

extern const cyaml_schema_value_t raw_scenario_schema;

#endif
