/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A scenario: one host with its services, who calls and who checks them, what goes wrong
 * and when, and what shunt is expected to say.  docs/simulator.md has the format.
 * Times are ns, those of faults since the begin.
 */
#ifndef SHUNT_SIM_SCENARIO_H
#define SHUNT_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "engine/breaker.h"
#include "engine/health.h"

#define SCENARIO_SERVICES  16
#define SCENARIO_CROWDS	   32
#define SCENARIO_BALANCERS 8
#define SCENARIO_FAULTS	   64
#define SCENARIO_EXPECTS   32
#define SCENARIO_CHECKERS  8
#define SCENARIO_NAME_MAX  64
#define SCENARIO_TITLE_MAX 160
#define SCENARIO_NOBODY	   UINT32_MAX

/* Something that answers: workers take connections out of one accept queue. */
struct scenario_service {
	char name[SCENARIO_NAME_MAX];
	uint32_t slot; /* its place in the configuration's services */
	enum shunt_role role; /* as configured */
	uint32_t workers;
	uint32_t queue; /* the accept queue's limit */
	uint64_t median, p95; /* of the time that a worker needs */
	uint32_t calls; /* the dependency that each request asks, or SCENARIO_NOBODY */
};

/* Who asks: Poisson arrivals. */
struct scenario_crowd {
	uint32_t service; /* whom, or SCENARIO_NOBODY… */
	uint32_t balancer; /* …and then through this one */
	uint32_t rate; /* requests a second; 0: only the service that calls */
	uint64_t timeout; /* then a client gives up */
	uint32_t retries; /* …and asks anew, so often */
	uint32_t pool; /* connections that are kept; 0: one for each request */
};

/* A load balancer; SCENARIO_CHECKERS of its own check each target. */
struct scenario_balancer {
	char name[SCENARIO_NAME_MAX];
	enum config_model model;
	uint32_t targets[SCENARIO_SERVICES];
	uint32_t targets_count;
	uint32_t checkers; /* of each target; most of them have to agree */
	bool http; /* it asks and wants an answer; else it connects and goes */
	uint64_t interval, timeout;
	uint64_t jitter; /* a check comes late by up to this */
	uint32_t fall, rise;
};

enum scenario_what {
	FAULT_STOP, /* the process is stopped; its kernel goes on */
	FAULT_CRASH, /* nobody listens */
	FAULT_FLAP, /* it crashes and comes back, again and again */
	FAULT_DEAF, /* it takes everything in, and reads nothing */
	FAULT_SLOW, /* a share of the requests takes `by` longer */
	FAULT_STRAIN, /* every request takes `factor` times as long */
	FAULT_WORKERS, /* only so many are left */
	FAULT_LEAK, /* one worker less every so often */
	FAULT_REFUSE, /* a share of the connections finds nobody */
	FAULT_RESET, /* a share of the requests is answered by a reset */
	FAULT_LOSS, /* a share of the connections' packets is lost, whichever way */
	FAULT_NAMES, /* its name is not found: nobody calls it, and who wants to waits `by` */
	FAULT_LOAD, /* `factor` times as many requests */
	FAULT_LEAVE, /* a share of the clients goes without an answer */
	FAULT_ERRORS, /* checks are answered with 503 */
	FAULT_PROBE_LOSS, /* a share of a balancer's checks is lost */
	FAULT_ALTERNATE, /* `fail` of its checks fail, `pass` pass, and so on */
	FAULT_STARVE, /* its checker gets no CPU, for up to `by` at a time */
	FAULT_LATE, /* shunt's own ticks come late by `by` */
	FAULT_LOST, /* events are lost on their way to it */
	FAULT_MAX,
};

struct scenario_fault {
	enum scenario_what what;
	uint64_t at, lasts; /* lasts 0: to the end */
	uint32_t service, balancer; /* whose, or SCENARIO_NOBODY */
	double share;
	uint64_t by, up, down, every;
	uint32_t factor, workers, fail, pass;
};

struct scenario_expect {
	uint32_t service;
	bool has_state, has_reason, has_trigger;
	enum health_state state;
	enum health_reason reason;
	enum breaker_reason trigger;
	uint64_t within; /* of the first fault, or of the first client who suffers */
	bool from_harm;
};

struct scenario {
	char title[SCENARIO_TITLE_MAX];
	uint64_t duration;
	struct config *config;
	struct scenario_service services[SCENARIO_SERVICES];
	struct scenario_crowd crowds[SCENARIO_CROWDS];
	struct scenario_balancer balancers[SCENARIO_BALANCERS];
	struct scenario_fault faults[SCENARIO_FAULTS];
	struct scenario_expect expects[SCENARIO_EXPECTS];
	uint32_t services_count, crowds_count, balancers_count, faults_count, expects_count;
	bool quiet; /* nothing may be said at all */
};

/* The words of a file, indexed by their enumerations and ended by NULL. */
extern const char *const scenario_what_names[];
extern const char *const scenario_reason_names[];
extern const char *const scenario_trigger_names[];
extern const char *const scenario_state_names[];

/*
 * Reads the scenario in the file at `path`, and with another `config_path` than NULL the
 * configuration in that file instead of its own.  Complaints are as config_load() makes
 * them.  0, and *ret_scenario is for scenario_free(); or a negative errno.
 */
int scenario_load(const char *path, const char *config_path, config_complain_fn complain,
		  void *userdata, struct scenario **ret_scenario);

/* Frees it; NULL is fine. */
void scenario_free(struct scenario *scenario);

#endif
