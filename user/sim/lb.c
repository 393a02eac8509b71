/* SPDX-License-Identifier: GPL-2.0 */
/* Load balancers check their targets, and act on what they find. */
#include <string.h>

#include "engine/model.h"
#include "sim/world.h"

#define HOUR (3600 * SECOND)
/* How long a check lasts that meets no obstacle. */
#define QUICK (MSEC / 5)

/* ---- targets go out and come in ---- */

static bool is_majority_down(const struct target *target)
{
	uint32_t checkers = target->lb->plan->checkers, down = 0;

	for (uint32_t i = 0; i < checkers; i++)
		down += target->checkers[i].state.down;
	return 2 * down > checkers;
}

static void note_wrong(struct sim *sim, struct target *target)
{
	uint64_t hour = (sim->now - SIM_BEGIN) / HOUR + 1;

	target->result->wrong_downs++;
	target->result->foretold += target->server->state == HEALTH_CHECKER_FAULT;
	target->result->wrong_hours += hour != target->last_hour;
	target->last_hour = hour;
}

/* Its connections to a target that goes out are closed: NLB resets them, others as well. */
static void drop_kept(struct sim *sim, const struct target *target)
{
	for (uint32_t i = 0; i < sim->crowds_count; i++) {
		struct crowd *crowd = &sim->crowds[i];
		uint32_t *kept = &crowd->kept[target->server->index];

		if (crowd->plan->balancer == SCENARIO_NOBODY ||
		    &sim->lbs[crowd->plan->balancer] != target->lb)
			continue;
		target->server->sample.traffic.closes[SHUNT_CLOSE_RESET_BY_PEER] += *kept;
		target->server->sample.open -= *kept;
		*kept = 0;
	}
}

static void count_out(struct sim *sim, struct target *target)
{
	if (target->out && target->wrong)
		target->result->wrong_out += sim->now - target->out_since;
}

static void turn(struct sim *sim, struct target *target)
{
	bool out = is_majority_down(target);

	if (out == target->out)
		return;
	count_out(sim, target);
	target->out = out;
	target->out_since = sim->now;
	target->wrong = out && !target->server->ill;
	target->result->downs += out;
	if (target->wrong)
		note_wrong(sim, target);
	if (out)
		drop_kept(sim, target);
	sim_say(sim, SIM_NOTE_BALANCER, target->lb->plan->name, out ? "down" : "up", "%s is %s%s",
		target->server->plan->name, out ? "taken out" : "back in",
		target->wrong ? ", and nothing is wrong with it" : "");
}

void lb_finish(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->scenario->balancers_count; i++)
		for (uint32_t k = 0; k < sim->lbs[i].plan->targets_count; k++)
			count_out(sim, &sim->lbs[i].targets[k]);
}

/* nginx lets one request through to what is out, each `interval`. */
static bool is_in(const struct sim *sim, const struct target *target)
{
	const struct scenario_balancer *plan = target->lb->plan;

	if (!target->out)
		return true;
	return plan->model == CONFIG_MODEL_NGINX &&
	       sim->now - target->checkers[0].state.checked_at > plan->interval;
}

uint32_t lb_choose(const struct sim *sim, const struct lb *lb, struct chance *chance)
{
	uint32_t in[SCENARIO_SERVICES];
	uint32_t count = 0, targets = lb->plan->targets_count;

	for (uint32_t i = 0; i < targets; i++)
		if (is_in(sim, &lb->targets[i]))
			in[count++] = lb->plan->targets[i];
	if (count)
		return in[chance_below(chance, count)];
	/* AWS, "target group health": where all are bad it fails open; so does a lone nginx. */
	if (lb->plan->model == CONFIG_MODEL_NLB || lb->plan->model == CONFIG_MODEL_ALB ||
	    lb->plan->model == CONFIG_MODEL_NGINX)
		return lb->plan->targets[chance_below(chance, targets)];
	return SCENARIO_NOBODY;
}

void lb_request(struct sim *sim, struct lb *lb, const struct server *server,
		enum shunt_probe_outcome outcome)
{
	if (lb->plan->model != CONFIG_MODEL_NGINX || lb->plan->targets_count < 2)
		return;
	for (uint32_t i = 0; i < lb->plan->targets_count; i++) {
		struct target *target = &lb->targets[i];

		if (target->server == server &&
		    lb_view_check(&target->checkers[0].state, lb->plan, sim->now, outcome))
			turn(sim, target);
	}
}

/* ---- what the service's kernel tells of a check ---- */

static void note_source(struct checker *checker)
{
	struct shunt_source *source = &checker->source;
	uint32_t unit = (uint32_t)(checker->begun_at >> SHUNT_SOURCE_UNIT_LOG2);

	if (source->count && unit - source->times[(source->count - 1) % SHUNT_SOURCE_TIMES] <
				     SHUNT_SOURCE_UNITS_LEAST)
		return;
	source->times[source->count++ % SHUNT_SOURCE_TIMES] = unit;
	checker->noted = true;
}

static void tell_check(struct sim *sim, struct checker *checker, enum shunt_probe_outcome outcome)
{
	bool refused = outcome == SHUNT_PROBE_REFUSED;
	bool answered = outcome == SHUNT_PROBE_PASS || outcome == SHUNT_PROBE_HTTP_ERROR;
	struct shunt_probe probe = {
		.type = SHUNT_EVENT_PROBE,
		.slot = checker->target->server->slot,
		.at = checker->begun_at,
		.duration = refused ? 0 : sim->now - checker->begun_at,
		.size = refused ? 0 : checker->source.size,
		.outcome = (uint8_t)outcome,
	};

	if (!refused)
		note_source(checker);
	if (answered && checker->target->lb->plan->http)
		probe.status = outcome == SHUNT_PROBE_PASS ? 200 : 503;
	memcpy(probe.addr, checker->addr, sizeof(probe.addr));
	if (checker->known && !sim->losing)
		engine_hear(sim->engine, &probe);
}

/* ---- a check from begin to end ---- */

static void on_begin(struct sim *sim, void *what, uint32_t serial)
{
	(void)serial;
	checker_begin(sim, what);
}

/* How it ended, and what the service's kernel saw of that. */
static void conclude(struct sim *sim, struct checker *checker, enum shunt_probe_outcome outcome,
		     bool seen)
{
	const struct scenario_balancer *plan = checker->target->lb->plan;
	struct sim_target_result *result = checker->target->result;
	uint64_t next;

	checker->serial++;
	checker->conn = NULL;
	result->checks++;
	result->failed_checks += outcome != SHUNT_PROBE_PASS;
	score_check(checker, outcome == SHUNT_PROBE_PASS);
	if (seen)
		tell_check(sim, checker, outcome);
	if (lb_view_check(&checker->state, plan, sim->now, outcome))
		turn(sim, checker->target);
	next = lb_view_next(&checker->state, plan, checker->begun_at, sim->now);
	if (plan->jitter)
		next += chance_below(&checker->chance, plan->jitter);
	events_add(&sim->events, next, on_begin, checker, 0);
}

static void on_timeout(struct sim *sim, void *what, uint32_t serial)
{
	struct checker *checker = what;
	struct conn *conn = checker->conn;

	if (checker->serial != serial)
		return;
	if (!conn) {
		conclude(sim, checker, SHUNT_PROBE_TIMED_OUT, false);
		return;
	}
	conn->gone = true;
	conclude(sim, checker, SHUNT_PROBE_NO_RESPONSE, true);
}

static void on_pass(struct sim *sim, void *what, uint32_t serial)
{
	struct checker *checker = what;

	if (checker->serial == serial)
		conclude(sim, checker, SHUNT_PROBE_PASS, true);
}

static void on_refused(struct sim *sim, void *what, uint32_t serial)
{
	struct checker *checker = what;
	struct server *server = checker->target->server;

	if (checker->serial != serial)
		return;
	if (!checker->known)
		server->sample.traffic.handshakes[SHUNT_HANDSHAKE_REFUSED]++;
	conclude(sim, checker, SHUNT_PROBE_REFUSED, true);
}

void checker_answered(struct sim *sim, struct checker *checker)
{
	conclude(sim, checker,
		 checker->target->server->errors ? SHUNT_PROBE_HTTP_ERROR : SHUNT_PROBE_PASS, true);
}

void checker_crashed(struct sim *sim, struct checker *checker)
{
	conclude(sim, checker, SHUNT_PROBE_RESET, true);
}

/* Whether the checker's own trouble keeps the check from leaving, or its packets from arriving. */
static bool is_lost(struct sim *sim, struct checker *checker)
{
	const struct lb *lb = checker->target->lb;

	if (lb->starve) {
		bool starved = sim->now < checker->starved_until;

		/* One gets through, and then it has no CPU for a while. */
		if (!starved)
			checker->starved_until = sim->now +
						 chance_below(&checker->chance, lb->starve);
		return starved;
	}
	if (lb->fail)
		return checker->alternation++ % (lb->fail + lb->pass) < lb->fail;
	return chance_is(&checker->chance, lb->loss);
}

static void ask(struct sim *sim, struct checker *checker)
{
	struct server *server = checker->target->server;
	struct conn *conn = conn_new(sim, server);

	if (!conn)
		return;
	conn->checker = checker;
	conn->first_at = sim->now;
	checker->conn = conn;
	server_connect(sim, conn);
}

void checker_begin(struct sim *sim, struct checker *checker)
{
	const struct scenario_balancer *plan = checker->target->lb->plan;
	struct server *server = checker->target->server;
	bool dropped = false;

	checker->begun_at = sim->now;
	events_add(&sim->events, sim->now + plan->timeout, on_timeout, checker, checker->serial);
	if (is_lost(sim, checker) || chance_is(&checker->chance, server->loss))
		return;
	if (!server_admits(sim, server, true, &dropped)) {
		/* Before its kernel's TCP, which therefore knows nothing of it. */
		if (!dropped)
			conclude(sim, checker, SHUNT_PROBE_REFUSED, false);
		return;
	}
	if (server->down || chance_is(&checker->chance, server->refuse)) {
		events_add(&sim->events, sim->now + QUICK, on_refused, checker, checker->serial);
	} else if (server_is_full(server)) {
		server->sample.drops++;
	} else if (plan->http) {
		ask(sim, checker);
	} else {
		events_add(&sim->events, sim->now + QUICK, on_pass, checker, checker->serial);
	}
}

/* ---- what shunt is told of those who check ---- */

typedef void (*checker_fn)(struct sim *sim, struct checker *checker);

static void for_each(struct sim *sim, checker_fn fn)
{
	for (uint32_t i = 0; i < sim->scenario->balancers_count; i++) {
		struct lb *lb = &sim->lbs[i];

		for (uint32_t k = 0; k < lb->plan->targets_count; k++)
			for (uint32_t n = 0; n < lb->plan->checkers; n++)
				fn(sim, &lb->targets[k].checkers[n]);
	}
}

static void look(struct sim *sim, struct checker *checker)
{
	/* Those that are known are told check by check. */
	if (checker->noted && !checker->known)
		engine_learn(sim->engine, &checker->source, sim->now);
	checker->noted = false;
}

void lbs_look(struct sim *sim)
{
	for_each(sim, look);
}

static void tell(struct sim *sim, struct checker *checker)
{
	struct server *server = checker->target->server;
	const struct probers *probers = engine_probers(sim->engine, server->slot);
	struct shunt_prober description;
	bool known = probers && probers_describe(probers, checker->addr, &description);

	if (known && !checker->known)
		sim_say(sim, SIM_NOTE_PROBER, server->plan->name, "found", "%s checks it",
			checker->target->lb->plan->name);
	checker->known = known;
}

void lbs_tell(struct sim *sim)
{
	uint32_t slot;
	bool any = false;

	while (engine_next_checked(sim->engine, &slot))
		any = true;
	if (any)
		for_each(sim, tell);
}
