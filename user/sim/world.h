/* SPDX-License-Identifier: GPL-2.0 */
/* What the simulator's files share, and nobody else. */
#ifndef SHUNT_SIM_WORLD_H
#define SHUNT_SIM_WORLD_H

#include "engine/engine.h"
#include "sim/balancer.h"
#include "sim/chance.h"
#include "sim/events.h"
#include "sim/list.h"
#include "sim/sim.h"

#define MSEC	 1000000ULL
#define SECOND	 1000000000ULL
#define SIM_TICK (100 * MSEC)
/* An uptime: the clock does not begin at 0. */
#define SIM_BEGIN (5000 * SECOND)

struct server;
struct crowd;
struct checker;

enum conn_state {
	CONN_FREE,
	CONN_CALLING, /* no SYN of it has been answered yet */
	CONN_WAITING, /* it lies in the accept queue, or is accepted and waits for a worker */
	CONN_RUNNING, /* a worker has it */
	CONN_FROZEN, /* …which would be done, but is stopped */
};

/* An attempt to get one answer, on a connection of its own or a kept one. */
struct conn {
	struct link asking; /* in the crowd's list, while its client is there */
	struct link place; /* where it waits at the service; on the free list */
	struct link unanswered; /* in the service's list, as its kernel sees it */
	struct crowd *crowd; /* NULL: a check */
	struct checker *checker;
	struct server *server;
	struct conn *parent; /* whose worker waits for this */
	uint32_t parent_serial;
	uint32_t serial; /* a new one for each use */
	uint64_t first_at; /* of the first attempt */
	uint64_t asked_at; /* when the request came */
	uint64_t deadline; /* then the client goes */
	enum conn_state state;
	uint32_t attempt; /* from 0 on */
	uint32_t syns;
	bool queued; /* it counts in the accept queue */
	bool kept; /* its connection was there before */
	bool gone; /* its client is not there any more */
	bool called; /* the dependency was asked */
	bool trial; /* it was established while the breaker was half-open */
	bool open; /* it counts as an open connection */
};

/* A service. */
struct server {
	const struct scenario_service *plan;
	const struct config_breaker *breaker;
	struct sim_service_result *result;
	uint32_t index, slot; /* in the scenario; in the engine */
	enum shunt_role role;
	struct chance chance;
	double sigma; /* of the logarithm of what a worker needs */
	struct crowd *callers; /* who asks on behalf of the services that call it */
	/* What goes wrong with it. */
	uint32_t stopped, down, deaf, errors; /* how many faults say so */
	uint32_t workers, strain;
	double slow, refuse, reset, loss, leave; /* shares */
	uint64_t slow_by, names_by;
	uint32_t ill; /* faults that are its own, and not a checker's */
	/* What it has in hand. */
	uint32_t busy, queue_count;
	struct link queue; /* the accept queue */
	struct link inbox; /* accepted, or on kept connections */
	struct link frozen;
	struct link running;
	struct link unanswered; /* oldest first */
	/* What the kernel counted, and shunt made of it. */
	struct engine_sample sample;
	uint32_t open_told;
	uint64_t drops; /* of `sample`, kept for checks */
	struct breaker_verdict verdict;
	enum health_state state;
	uint64_t state_since;
};

/* Clients that are alike. */
struct crowd {
	const struct scenario_crowd *plan;
	struct chance chance;
	struct link asking; /* by deadline */
	bool timer; /* an event will look at that */
	double rate;
	struct server *first; /* whom it asks, or the first of those */
	uint32_t kept[SCENARIO_SERVICES]; /* idle connections, by service */
};

/* One checker of one target. */
struct checker {
	struct target *target;
	struct chance chance;
	struct lb_view state;
	uint8_t addr[16];
	struct shunt_source source;
	bool noted; /* the source has changed since it was looked at */
	bool known; /* the kernel is to tell of its checks */
	uint64_t begun_at;
	uint32_t serial; /* of the check at hand */
	struct conn *conn; /* of that check, while the service has it */
	uint64_t starved_until;
	uint32_t alternation; /* its place in the pattern */
	/* See struct sim_target_result. */
	uint32_t passed; /* in a row */
	uint32_t since_onset; /* checks from the first failed one on; 0: none */
	uint32_t failed; /* of those */
	bool is_onset, is_said;
};

/* One service as one load balancer sees it. */
struct target {
	struct lb *lb;
	struct server *server;
	struct sim_target_result *result;
	struct checker checkers[SCENARIO_CHECKERS];
	bool out, wrong;
	uint64_t out_since;
	uint64_t last_hour; /* +1: with a wrong time out */
};

struct lb {
	const struct scenario_balancer *plan;
	struct target targets[SCENARIO_SERVICES];
	/* What goes wrong with it. */
	double loss;
	uint32_t fail, pass; /* alternation; 0: none */
	uint64_t starve;
};

#define CONN_BLOCK 256

struct conn_block {
	struct conn_block *next;
	struct conn conns[CONN_BLOCK];
};

struct sim {
	const struct scenario *scenario;
	struct engine *engine;
	struct sim_result *result;
	sim_note_fn note;
	void *userdata;
	uint64_t now, end;
	uint64_t ticks;
	struct sim_events events;
	struct conn_block *blocks;
	struct link free;
	bool failed; /* no memory */
	struct server servers[SCENARIO_SERVICES];
	struct crowd crowds[SCENARIO_CROWDS + SCENARIO_SERVICES];
	struct scenario_crowd callers[SCENARIO_SERVICES]; /* plans of those that nobody wrote */
	uint32_t crowds_count;
	struct lb lbs[SCENARIO_BALANCERS];
	uint64_t late;
	bool losing; /* events */
	uint32_t leaks[SCENARIO_FAULTS]; /* serials of what repeats */
	uint64_t quiet_until; /* no harm is counted before the first fault */
};

/* ---- world.c ---- */

void sim_say(struct sim *sim, enum sim_note_kind kind, const char *name, const char *word,
	     const char *format, ...) __attribute__((format(printf, 5, 6)));
struct conn *conn_new(struct sim *sim, struct server *server);
void conn_free(struct sim *sim, struct conn *conn);
void sim_harm(struct sim *sim);

/* ---- ground.c ---- */

/* Lays out what the scenario says.  0, or a negative errno. */
int ground_lay(struct sim *sim, uint64_t seed);
/* …and lets it begin. */
void ground_begin(struct sim *sim);

/* ---- crowd.c: the clients ---- */

void crowd_begin(struct sim *sim, struct crowd *crowd);
/* A service that calls asks this crowd's dependency on behalf of `parent`. */
void crowd_call(struct sim *sim, struct crowd *crowd, struct conn *parent);
/* How an attempt ended; conn is still there, and is not the crowd's any more. */
void crowd_answered(struct sim *sim, struct conn *conn);
void crowd_refused(struct sim *sim, struct conn *conn);

/* ---- count.c ---- */

static inline bool is_client(const struct server *server)
{
	return server->role == SHUNT_ROLE_CLIENT;
}

void count_handshake(struct server *server, const struct conn *conn, enum shunt_handshake outcome);
void count_close(struct server *server, struct conn *conn, enum shunt_close outcome);
void count_response(const struct sim *sim, struct server *server, struct conn *conn);
void count_trials(struct server *server);

/* ---- server.c: the services ---- */

/* A SYN of this attempt arrives, or a request on a kept connection. */
void server_syn(struct sim *sim, struct conn *conn);
void server_ask(struct sim *sim, struct conn *conn);
/* The accept queue has room: it is connected, and asks. */
void server_connect(struct sim *sim, struct conn *conn);
bool server_is_full(const struct server *server);
/* Whether what is in force lets a connection pass; probes are of known probers. */
bool server_admits(struct sim *sim, struct server *server, bool probe, bool *ret_dropped);
/* The client of a connection that is established goes. */
void server_left(struct sim *sim, struct conn *conn);
/* The parent's call has ended, well or badly. */
void server_called(struct sim *sim, struct conn *parent);
/* Workers look for work, after whatever may give them some. */
void server_work(struct sim *sim, struct server *server);
/* The process dies, or runs on after it was stopped. */
void server_crash(struct sim *sim, struct server *server);
void server_resume(struct sim *sim, struct server *server);
/* How many requests have waited for so long, and the oldest. */
void server_look(const struct server *server, uint64_t now, struct engine_sample *sample);

/* ---- lb.c: those who check ---- */

void checker_begin(struct sim *sim, struct checker *checker);
void checker_answered(struct sim *sim, struct checker *checker);
void checker_crashed(struct sim *sim, struct checker *checker);
void lbs_look(struct sim *sim);
void lbs_tell(struct sim *sim);
/* Which service takes a crowd's next request, or SCENARIO_NOBODY. */
uint32_t lb_choose(const struct sim *sim, const struct lb *lb, struct chance *chance);
/* How a request went that it passed on; nginx looks at nothing else. */
void lb_request(struct sim *sim, struct lb *lb, const struct server *server,
		enum shunt_probe_outcome outcome);
/* Whatever is out now is out to the end. */
void lb_finish(struct sim *sim);

/* ---- score.c ---- */

/* A check has ended. */
void score_check(struct checker *checker, bool passed);
/* Shunt has changed its mind about a service. */
void score_judge(struct sim *sim, const struct server *server);

/* ---- fault.c ---- */

void faults_plan(struct sim *sim);

#endif
