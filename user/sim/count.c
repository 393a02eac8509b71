/* SPDX-License-Identifier: GPL-2.0 */
/* What the host's kernel counts of a service, at whichever end of its connections it is. */
#include "sim/world.h"

void count_handshake(struct server *server, const struct conn *conn, enum shunt_handshake outcome)
{
	if (conn->checker && conn->checker->known)
		return;
	server->sample.traffic.handshakes[outcome]++;
}

void count_trial(struct server *server, const struct conn *conn, bool passed, bool slow)
{
	if (!conn->trial)
		return;
	server->sample.trials_passed += passed;
	server->sample.trials_failed += !passed;
	server->sample.trials_slow += slow;
}

void count_close(struct server *server, struct conn *conn, enum shunt_close outcome)
{
	if (conn->open) {
		conn->open = false;
		server->sample.open--;
	}
	if (conn->checker && conn->checker->known)
		return;
	server->sample.traffic.closes[outcome]++;
	/* At the service itself, who leaves does so for reasons of his own. */
	if (outcome == SHUNT_CLOSE_NO_RESPONSE ||
	    (is_client(server) && outcome != SHUNT_CLOSE_ORDERLY))
		count_trial(server, conn, false, false);
}

void count_response(const struct sim *sim, struct server *server, const struct conn *conn)
{
	uint64_t took = sim->now - conn->asked_at;
	uint64_t over = server->breaker->slow.over;
	bool slow = over && shunt_bucket(took) > shunt_bucket(over);

	if (conn->checker)
		return;
	server->sample.traffic.responses++;
	server->sample.traffic.response_time += took;
	if (server->breaker->slow.signal == SHUNT_SIGNAL_RESPONSE) {
		server->sample.samples++;
		server->sample.slow += slow;
	}
	count_trial(server, conn, true, slow);
}
