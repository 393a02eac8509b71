/* SPDX-License-Identifier: GPL-2.0 */
/* What the host's kernel counts of a service, at whichever end of its connections it is. */
#include "engine/fault.h"
#include "sim/world.h"

void count_handshake(struct server *server, const struct conn *conn, enum shunt_handshake outcome)
{
	if (conn->checker && conn->checker->known)
		return;
	server->sample.traffic.handshakes[outcome]++;
}

static void end_trial(struct server *server, struct conn *conn, bool passed, bool slow)
{
	if (!conn->trial)
		return;
	conn->trial = false;
	server->sample.trials_passed += passed;
	server->sample.trials_failed += !passed;
	server->sample.trials_slow += slow;
}

void count_close(struct server *server, struct conn *conn, enum shunt_close outcome)
{
	uint64_t closes[SHUNT_CLOSE_MAX] = {0};

	if (conn->open) {
		conn->open = false;
		server->sample.open--;
	}
	if (conn->checker && conn->checker->known)
		return;
	server->sample.traffic.closes[outcome]++;
	closes[outcome] = 1;
	end_trial(server, conn, !fault_closes(server->role, closes), false);
}

void count_response(const struct sim *sim, struct server *server, struct conn *conn)
{
	uint64_t took = sim->now - conn->asked_at;
	uint64_t over = server->breaker->slow.over;
	bool slow = over && server->breaker->slow.signal == SHUNT_SIGNAL_RESPONSE &&
		    shunt_bucket(took) > shunt_bucket(over);

	if (conn->checker)
		return;
	server->sample.traffic.responses++;
	server->sample.traffic.response_time += took;
	if (server->breaker->slow.signal == SHUNT_SIGNAL_RESPONSE) {
		server->sample.samples++;
		server->sample.slow += slow;
	}
	end_trial(server, conn, true, slow);
}

/* Attempts that came to nothing while it was half-open were on trial, too. */
void count_trials(struct server *server)
{
	if (server->verdict.state == BREAKER_HALF_OPEN)
		server->sample.trials_failed +=
			fault_handshakes(server->role, server->sample.traffic.handshakes) +
			server->sample.drops;
}
