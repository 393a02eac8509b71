/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A load balancer's own state machine, run in its shadow: fed with the outcomes of
 * one prober's checks of one service, it says what that load balancer now thinks
 * of the service, and what it will do next.
 *
 * Every time is in ns, of any one clock, and never falls.  Both structs are plain
 * data that may be copied, kept and compared byte by byte.
 */
#ifndef SHUNT_ENGINE_MODEL_H
#define SHUNT_ENGINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/abi.h"
#include "shunt/config.h"

/* What the configuration allows, and the rows that model_outlook() needs. */
#define MODEL_FALL_MAX 1000

enum lb_state {
	LB_UP,
	LB_GOING_DOWN, /* gets traffic; the last check failed */
	LB_DOWN,
	LB_GOING_UP, /* gets none (nginx: the next request, as a trial); the last check passed */
	LB_STATE_MAX,
};

/* "up", "going_down"…, indexed by enum lb_state. */
extern const char *const lb_state_names[LB_STATE_MAX];

/* How a load balancer checks: what is configured, completed by what the model is known to do. */
struct model_settings {
	uint64_t interval; /* between checks; nginx: fail_timeout; 0: to be observed */
	uint64_t timeout; /* of one check; 0: as long as the interval */
	uint64_t retry_interval; /* after a failed check, while it is up; 0: the interval */
	uint32_t fall; /* checks that must fail; keepalived: 1 + retry; nginx: max_fails */
	uint32_t rise; /* checks that must pass */
	enum config_model kind; /* never CONFIG_MODEL_NONE */
	bool interval_given; /* else an observed interval is nearer to the truth */
};

/* One (service, prober). */
struct model {
	uint64_t last_at; /* when the last outcome was known; before: when the model started */
	uint64_t checked_at; /* nginx: its last failure, or trial after it */
	uint32_t run; /* outcomes that speak against the state, each after the other */
	uint32_t doubt; /* checks that must pass until the state is certain; 0: it is */
	bool down;
	bool trial; /* nginx: checked_at is a trial's, and a pass clears the failures */
	uint8_t last; /* enum shunt_probe_outcome */
	uint8_t last_failure; /* the last that was not a pass; SHUNT_PROBE_PASS: none yet */
	uint32_t reserved;
};

enum model_origin {
	MODEL_JOINED, /* the prober was there before; nobody told us what it thinks */
	MODEL_FRESH, /* the prober has just begun, with what its kind begins with */
};

struct model_span {
	uint64_t earliest;
	uint64_t latest;
};

/* From the moment a service dies until it is out; nginx: from the first request that fails. */
struct model_ejection {
	struct model_span refused; /* each check fails at once… */
	struct model_span black_hole; /* …or only when its time is up */
};

/*
 * What `check` says, with the model's own default for everything that is not given.
 * No model at all is `consecutive`: equal results in a row are what every other
 * active model builds on, and 3 to fall and 2 to rise, where no more is known, are
 * HAProxy's thresholds and the slowest to fall among the defaults.
 */
void model_settings_of(const struct config_health_check *check,
		       struct model_settings *ret_settings);

/*
 * A model that joins an old prober takes the service to be up, wholly, and says that
 * this is not certain: until `rise` checks in a row have passed or it has seen the
 * service go down, since whatever the load balancer thought before, it then thinks the
 * same (nginx: until a request has passed later than fail_timeout after what came
 * before).  A fresh one begins as the load balancer does, which is certain:
 * HAProxy and Keepalived with a service that is up and that the first failure takes
 * down; Envoy, ALB and NLB with one that is out, and that is in if the first check
 * passes; the kubelet and GCP with one that is out; the others with one that is up.
 */
void model_start(struct model *model, const struct model_settings *settings,
		 enum model_origin origin, uint64_t now);

/*
 * One check has ended.  `at` is when its outcome was known to the prober.
 *
 * nginx checks nobody: there, each real request that it passes on is one.  It never
 * gives up on a peer that has no others beside it; that cannot be seen from here, so
 * the model is of a peer among several.  Its clock has whole seconds, which begin where
 * those of `at` do.
 */
void model_probe(struct model *model, const struct model_settings *settings, uint64_t at,
		 enum shunt_probe_outcome outcome);

/* What the load balancer thinks; nginx alone goes on thinking while nothing happens. */
enum lb_state model_state(const struct model *model, const struct model_settings *settings,
			  uint64_t now);

/* Whether the state is the load balancer's for sure; see model_start(). */
bool model_is_certain(const struct model *model);

/*
 * HAProxy's counter, `srv_check_health` of `show servers state`: 0 to rise + fall - 1,
 * up from `rise` on.
 */
uint32_t model_health(const struct model *model, const struct model_settings *settings);

/*
 * How many checks, if each fails as the last failure did, until it is out; 0 when it is.
 * (How they fail matters to Envoy, which does not wait for a second HTTP error.)
 */
uint32_t model_checks_until_down(const struct model *model, const struct model_settings *settings);

/*
 * How long from `now` until it is out, if every check that is still to come fails:
 * earliest if each is refused, latest if each goes unanswered.  0 and 0 when it is out.
 * `observed` is how far the prober's checks were seen to be apart, from begin to begin
 * (nginx: the requests); 0 if unknown.  It counts where no interval is configured.
 * Returns 0, or -ENODATA where nobody knows the interval.
 */
int model_time_until_down(const struct model *model, const struct model_settings *settings,
			  uint64_t observed, uint64_t now, struct model_span *ret_span);

/*
 * How long a service that was wholly up stays in after its death: earliest if it died just
 * before a check, latest if just after one.  `observed` and the return value as above.
 */
int model_eject_bounds(const struct model_settings *settings, uint64_t observed,
		       struct model_ejection *ret_ejection);

/*
 * The chance, 0 to 1, that it is out after the next `fall` checks at the latest, if each
 * fails with `failure_rate` (0 to 1) whatever the others do; 1 when it is out.
 * nginx: of requests within one fail_timeout, which is the worst case.
 */
double model_outlook(const struct model *model, const struct model_settings *settings,
		     double failure_rate);

#endif
