/* SPDX-License-Identifier: GPL-2.0 */
/* A service: its kernel's accept queue, its workers, and what is counted of both. */
#include "sim/world.h"

/* ---- verdicts ---- */

bool server_admits(struct sim *sim, struct server *server, bool probe, bool *ret_dropped)
{
	const struct breaker_verdict *verdict = &server->verdict;

	*ret_dropped = verdict->kind == BREAKER_DROP;
	if (!verdict->enforced || verdict->kind == BREAKER_PASS ||
	    verdict->kind == BREAKER_REDIRECT || sim->now >= verdict->lease)
		return true;
	if (verdict->kind == BREAKER_DRAIN)
		return !probe || chance_is(&server->chance, verdict->share);
	if (probe && verdict->probes_pass)
		return true;
	if (chance_is(&server->chance, verdict->share))
		return true;
	server->result->cut++;
	return false;
}

/* ---- connections ---- */

static void wait_in(struct link *list, struct conn *conn)
{
	list_remove(&conn->place);
	list_append(list, &conn->place);
}

static void leave_queue(struct server *server, struct conn *conn)
{
	list_remove(&conn->place);
	if (conn->queued)
		server->queue_count--;
	conn->queued = false;
}

/* It is none of the service's business any more. */
static void forget(struct sim *sim, struct server *server, struct conn *conn)
{
	leave_queue(server, conn);
	list_remove(&conn->unanswered);
	if (conn->state == CONN_RUNNING || conn->state == CONN_FROZEN)
		server->busy--;
	conn_free(sim, conn);
}

static void send_again(struct sim *sim, void *what, uint32_t serial)
{
	struct conn *conn = what;

	if (conn->serial == serial && conn->state == CONN_CALLING)
		server_syn(sim, conn);
}

/* The client's kernel sends its SYN again after 1 s, 2 s, 4 s… */
static void lose_syn(struct sim *sim, struct conn *conn)
{
	uint64_t wait = SECOND << (conn->syns < 6 ? conn->syns : 6);

	conn->syns++;
	events_add(&sim->events, sim->now + wait, send_again, conn, conn->serial);
}

static void refuse(struct sim *sim, struct conn *conn)
{
	if (conn->checker)
		return;
	crowd_refused(sim, conn);
	conn_free(sim, conn);
}

/* Linux lets one more wait than the limit says. */
bool server_is_full(const struct server *server)
{
	return server->queue_count > server->plan->queue;
}

void server_connect(struct sim *sim, struct conn *conn)
{
	struct server *server = conn->server;

	count_handshake(server, conn, SHUNT_HANDSHAKE_OK);
	conn->trial = !conn->checker && server->verdict.state == BREAKER_HALF_OPEN;
	conn->open = true;
	server->sample.open++;
	conn->queued = true;
	server->queue_count++;
	wait_in(&server->queue, conn);
	server_ask(sim, conn);
}

void server_syn(struct sim *sim, struct conn *conn)
{
	struct server *server = conn->server;
	bool dropped;

	if (!server_admits(sim, server, false, &dropped)) {
		if (dropped)
			lose_syn(sim, conn);
		else
			refuse(sim, conn);
		return;
	}
	if (chance_is(&server->chance, server->loss)) {
		lose_syn(sim, conn);
	} else if (server->down || chance_is(&server->chance, server->refuse)) {
		count_handshake(server, conn, SHUNT_HANDSHAKE_REFUSED);
		refuse(sim, conn);
	} else if (server_is_full(server)) {
		/* A dependency's queue is not ours to see. */
		server->sample.drops += !is_client(server);
		lose_syn(sim, conn);
	} else {
		server_connect(sim, conn);
	}
}

void server_ask(struct sim *sim, struct conn *conn)
{
	struct server *server = conn->server;

	conn->state = CONN_WAITING;
	conn->asked_at = sim->now;
	list_append(&server->unanswered, &conn->unanswered);
	if (!conn->queued)
		wait_in(&server->inbox, conn);
	server_work(sim, server);
}

void server_left(struct sim *sim, struct conn *conn)
{
	struct server *server = conn->server;

	conn->gone = true;
	if (conn->state == CONN_CALLING) {
		if (is_client(server))
			count_handshake(server, conn, SHUNT_HANDSHAKE_TIMED_OUT);
		conn_free(sim, conn);
		return;
	}
	if (!is_client(server))
		return; /* its kernel has a FIN, and the application does not look */
	count_close(server, conn, SHUNT_CLOSE_NO_RESPONSE);
	list_remove(&conn->unanswered);
}

/* ---- workers ---- */

/* The connection ends, or is kept for the next request. */
static void end(struct sim *sim, struct server *server, struct conn *conn)
{
	struct crowd *crowd = conn->crowd;
	bool keeps = crowd && !conn->gone && crowd->kept[server->index] < crowd->plan->pool;

	if (keeps) {
		crowd->kept[server->index]++;
		conn->open = false; /* it stays open, though no request is on it */
	} else if (!conn->gone || !is_client(server)) {
		count_close(server, conn, SHUNT_CLOSE_ORDERLY);
	}
	forget(sim, server, conn);
}

static void reset(struct sim *sim, struct server *server, struct conn *conn)
{
	if (!conn->gone || !is_client(server))
		count_close(server, conn,
			    is_client(server) ? SHUNT_CLOSE_RESET_BY_PEER
					      : SHUNT_CLOSE_RESET_BY_LOCAL);
	if (conn->checker && !conn->gone)
		checker_crashed(sim, conn->checker);
	else if (!conn->gone)
		crowd_refused(sim, conn);
	forget(sim, server, conn);
}

static void abandon(struct sim *sim, struct server *server, struct conn *conn)
{
	count_close(server, conn, SHUNT_CLOSE_RESET_BY_PEER);
	crowd_refused(sim, conn);
	forget(sim, server, conn);
}

static void answer(struct sim *sim, struct server *server, struct conn *conn)
{
	if (chance_is(&server->chance, server->reset)) {
		reset(sim, server, conn);
	} else if (!conn->gone && !conn->checker && chance_is(&server->chance, server->leave)) {
		abandon(sim, server, conn);
	} else {
		/* What nobody acknowledges is no response. */
		if (!conn->gone) {
			count_response(sim, server, conn);
			if (conn->checker)
				checker_answered(sim, conn->checker);
			else
				crowd_answered(sim, conn);
		}
		end(sim, server, conn);
	}
	server_work(sim, server);
}

/* A worker has done its own part. */
static void done(struct sim *sim, struct server *server, struct conn *conn)
{
	const struct scenario_service *plan = server->plan;

	if (plan->calls != SCENARIO_NOBODY && !conn->called && !conn->checker) {
		conn->called = true;
		crowd_call(sim, sim->servers[plan->calls].callers, conn);
		return;
	}
	answer(sim, server, conn);
}

static void on_done(struct sim *sim, void *what, uint32_t serial)
{
	struct conn *conn = what;
	struct server *server = conn->server;

	if (conn->serial != serial || conn->state != CONN_RUNNING)
		return;
	if (server->stopped) {
		conn->state = CONN_FROZEN;
		wait_in(&server->frozen, conn);
		return;
	}
	done(sim, server, conn);
}

void server_called(struct sim *sim, struct conn *parent)
{
	on_done(sim, parent, parent->serial);
}

static uint64_t time_of(struct server *server, const struct conn *conn)
{
	uint64_t time = chance_duration(&server->chance, (double)server->plan->median,
					server->sigma);

	if (conn->checker)
		return MSEC;
	time *= server->strain;
	if (chance_is(&server->chance, server->slow))
		time += server->slow_by;
	return time;
}

static void run(struct sim *sim, struct server *server, struct conn *conn)
{
	leave_queue(server, conn);
	conn->state = CONN_RUNNING;
	list_append(&server->running, &conn->place);
	server->busy++;
	events_add(&sim->events, sim->now + time_of(server, conn), on_done, conn, conn->serial);
}

static struct conn *first_of(const struct link *list)
{
	return list_is_empty(list) ? NULL : LIST_OF(list->next, struct conn, place);
}

void server_work(struct sim *sim, struct server *server)
{
	struct conn *conn;

	if (server->stopped || server->down)
		return;
	/* It accepts, and does nothing with it. */
	while (server->deaf && (conn = first_of(&server->queue))) {
		leave_queue(server, conn);
		list_append(&server->inbox, &conn->place);
	}
	while (!server->deaf && server->busy < server->workers) {
		conn = first_of(&server->inbox);
		if (!conn)
			conn = first_of(&server->queue);
		if (!conn)
			return;
		run(sim, server, conn);
	}
}

/* ---- the process ---- */

static void cut_all(struct sim *sim, struct server *server, struct link *list)
{
	struct conn *conn;

	while ((conn = first_of(list))) {
		bool accepted = !conn->queued;

		/* Of the server's own end; what nobody had accepted ends in order. */
		if (!conn->gone || !is_client(server))
			count_close(server, conn,
				    is_client(server) ? SHUNT_CLOSE_RESET_BY_PEER
				    : accepted	      ? SHUNT_CLOSE_NO_RESPONSE
						      : SHUNT_CLOSE_ORDERLY);
		if (conn->checker && !conn->gone)
			checker_crashed(sim, conn->checker);
		else if (!conn->gone)
			crowd_refused(sim, conn);
		forget(sim, server, conn);
	}
}

void server_crash(struct sim *sim, struct server *server)
{
	cut_all(sim, server, &server->queue);
	cut_all(sim, server, &server->inbox);
	cut_all(sim, server, &server->running);
	cut_all(sim, server, &server->frozen);
	for (uint32_t i = 0; i < sim->crowds_count; i++) {
		uint32_t *kept = &sim->crowds[i].kept[server->index];

		server->sample.traffic.closes[SHUNT_CLOSE_ORDERLY] += *kept;
		server->sample.open -= *kept;
		*kept = 0;
	}
}

void server_resume(struct sim *sim, struct server *server)
{
	struct conn *conn;

	if (server->stopped)
		return;
	while ((conn = first_of(&server->frozen))) {
		wait_in(&server->running, conn);
		conn->state = CONN_RUNNING;
		done(sim, server, conn);
	}
	server_work(sim, server);
}

/* ---- the closer look ---- */

void server_look(const struct server *server, uint64_t now, struct engine_sample *sample)
{
	sample->seen = ENGINE_SAW_WAITING;
	for (const struct link *at = server->unanswered.next; at != &server->unanswered;
	     at = at->next) {
		const struct conn *conn = LIST_OF(at, struct conn, unanswered);

		if (conn->asked_at + ENGINE_WAITING_AGE > now)
			break;
		if (!sample->waiting++)
			sample->oldest = now - conn->asked_at;
	}
	if (is_client(server) || server->down)
		return;
	sample->seen |= ENGINE_SAW_QUEUE;
	sample->queue = server->queue_count;
	sample->queue_limit = server->plan->queue;
}
