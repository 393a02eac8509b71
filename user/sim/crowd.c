/* SPDX-License-Identifier: GPL-2.0 */
/* Clients: they come at random, wait for so long, try again, and keep connections. */
#include "sim/world.h"

/* Before the second attempt; doubled for each later one, and scattered. */
#define BACKOFF (100 * MSEC)
/* No client minds less. */
#define LATE (100 * MSEC)

static void attempt(struct sim *sim, struct crowd *crowd, struct conn *conn);

/* ---- results ---- */

static void tell_balancer(struct sim *sim, const struct conn *conn,
			  enum shunt_probe_outcome outcome)
{
	uint32_t balancer = conn->crowd->plan->balancer;

	if (balancer != SCENARIO_NOBODY)
		lb_request(sim, &sim->lbs[balancer], conn->server, outcome);
}

/* Longer than a client of a well service ever waits, or nearly. */
static uint64_t late_of(const struct scenario_service *plan)
{
	return 4 * plan->p95 > LATE ? 4 * plan->p95 : LATE;
}

/* The last attempt has ended: whoever waits for it goes on. */
static void conclude(struct sim *sim, const struct conn *conn, bool answered)
{
	struct sim_service_result *result = conn->server->result;
	struct conn *parent = conn->parent;
	uint64_t took = sim->now - conn->first_at;

	result->requests++;
	if (answered) {
		result->answered++;
		result->durations.buckets[shunt_bucket(took)]++;
		result->durations.sum += took;
	} else {
		result->failed++;
	}
	if (conn->server->ill && (!answered || took > late_of(conn->server->plan)))
		sim_harm(sim);
	if (parent && parent->serial == conn->parent_serial)
		server_called(sim, parent);
}

static void on_retry(struct sim *sim, void *what, uint32_t serial)
{
	struct conn *conn = what;

	if (conn->serial == serial)
		attempt(sim, conn->crowd, conn);
}

static void fail(struct sim *sim, struct conn *conn)
{
	struct crowd *crowd = conn->crowd;
	uint64_t wait = BACKOFF << (conn->attempt < 10 ? conn->attempt : 10);
	struct conn *next;

	if (conn->attempt >= crowd->plan->retries) {
		conclude(sim, conn, false);
		return;
	}
	next = conn_new(sim, conn->server);
	if (!next)
		return;
	next->crowd = crowd;
	next->parent = conn->parent;
	next->parent_serial = conn->parent_serial;
	next->first_at = conn->first_at;
	next->attempt = conn->attempt + 1;
	wait = (uint64_t)((double)wait * (0.5 + chance_share(&crowd->chance)));
	events_add(&sim->events, sim->now + wait, on_retry, next, next->serial);
}

void crowd_answered(struct sim *sim, struct conn *conn)
{
	list_remove(&conn->asking);
	tell_balancer(sim, conn, SHUNT_PROBE_PASS);
	conclude(sim, conn, true);
}

void crowd_refused(struct sim *sim, struct conn *conn)
{
	list_remove(&conn->asking);
	tell_balancer(sim, conn, SHUNT_PROBE_REFUSED);
	fail(sim, conn);
}

/* ---- patience ---- */

static void on_timer(struct sim *sim, void *what, uint32_t serial);

static void wait_for_first(struct sim *sim, struct crowd *crowd)
{
	const struct conn *first;

	if (crowd->timer || list_is_empty(&crowd->asking))
		return;
	first = LIST_OF(crowd->asking.next, struct conn, asking);
	crowd->timer = true;
	events_add(&sim->events, first->deadline, on_timer, crowd, 0);
}

static void on_timer(struct sim *sim, void *what, uint32_t serial)
{
	struct crowd *crowd = what;

	(void)serial;
	crowd->timer = false;
	while (!list_is_empty(&crowd->asking)) {
		struct conn *conn = LIST_OF(crowd->asking.next, struct conn, asking);

		if (conn->deadline > sim->now)
			break;
		list_remove(&conn->asking);
		tell_balancer(sim, conn, SHUNT_PROBE_TIMED_OUT);
		fail(sim, conn);
		server_left(sim, conn);
	}
	wait_for_first(sim, crowd);
}

/* ---- attempts ---- */

static uint32_t choose(const struct sim *sim, struct crowd *crowd)
{
	const struct scenario_crowd *plan = crowd->plan;

	if (plan->service != SCENARIO_NOBODY)
		return plan->service;
	return lb_choose(sim, &sim->lbs[plan->balancer], &crowd->chance);
}

/* Its name is not found, so that nobody is called. */
static void wait_for_name(struct sim *sim, struct crowd *crowd, struct conn *conn)
{
	conn->deadline = sim->now + conn->server->names_by;
	conn->attempt = crowd->plan->retries;
	conn->state = CONN_CALLING;
	events_add(&sim->events, conn->deadline, on_retry, conn, conn->serial);
}

static void attempt(struct sim *sim, struct crowd *crowd, struct conn *conn)
{
	uint32_t chosen = choose(sim, crowd);
	struct server *server;
	uint32_t *kept;

	/* No target is in; or the name was waited for in vain. */
	if (chosen == SCENARIO_NOBODY || conn->state == CONN_CALLING) {
		conclude(sim, conn, false);
		conn_free(sim, conn);
		return;
	}
	server = &sim->servers[chosen];
	conn->server = server;
	kept = &crowd->kept[server->index];
	if (server->names_by) {
		wait_for_name(sim, crowd, conn);
		return;
	}
	conn->deadline = sim->now + crowd->plan->timeout;
	conn->state = CONN_CALLING;
	list_append(&crowd->asking, &conn->asking);
	wait_for_first(sim, crowd);
	if (*kept) {
		(*kept)--;
		conn->kept = true;
		conn->open = true;
		server_ask(sim, conn);
	} else {
		server_syn(sim, conn);
	}
}

static void begin_request(struct sim *sim, struct crowd *crowd, struct conn *parent)
{
	struct conn *conn = conn_new(sim, crowd->first);

	if (!conn)
		return;
	conn->crowd = crowd;
	conn->first_at = sim->now;
	conn->parent = parent;
	conn->parent_serial = parent ? parent->serial : 0;
	attempt(sim, crowd, conn);
}

void crowd_call(struct sim *sim, struct crowd *crowd, struct conn *parent)
{
	begin_request(sim, crowd, parent);
}

static void on_arrival(struct sim *sim, void *what, uint32_t serial)
{
	struct crowd *crowd = what;

	(void)serial;
	events_add(&sim->events, sim->now + chance_wait(&crowd->chance, crowd->rate), on_arrival,
		   crowd, 0);
	begin_request(sim, crowd, NULL);
}

void crowd_begin(struct sim *sim, struct crowd *crowd)
{
	if (crowd->rate > 0)
		events_add(&sim->events, sim->now + chance_wait(&crowd->chance, crowd->rate),
			   on_arrival, crowd, 0);
}
