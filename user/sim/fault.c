/* SPDX-License-Identifier: GPL-2.0 */
/* What goes wrong, when, and what that does. */
#include "sim/world.h"

/* How a server differs while a fault is on; `sign` is 1 as it begins and -1 as it ends. */
static void change_process(struct sim *sim, struct server *server, enum scenario_what what, bool on)
{
	uint32_t one = on ? 1 : UINT32_MAX;

	if (what == FAULT_STOP) {
		server->stopped += one;
		server_resume(sim, server);
	} else if (what == FAULT_CRASH || what == FAULT_FLAP) {
		server->down += one;
		if (on)
			server_crash(sim, server);
	} else if (what == FAULT_DEAF) {
		server->deaf += one;
	} else if (what == FAULT_ERRORS) {
		server->errors += one;
	}
}

static void change_load(struct sim *sim, const struct server *server, uint32_t factor)
{
	for (uint32_t i = 0; i < sim->crowds_count; i++) {
		struct crowd *crowd = &sim->crowds[i];

		if (crowd->plan->service == server->index)
			crowd->rate = (double)crowd->plan->rate * factor;
	}
}

static void change_work(struct sim *sim, struct server *server, const struct scenario_fault *fault,
			bool on)
{
	double share = on ? fault->share : 0;

	switch (fault->what) {
	case FAULT_SLOW:
		server->slow = share;
		server->slow_by = fault->by;
		break;
	case FAULT_STRAIN:
		server->strain = on ? fault->factor : 1;
		break;
	case FAULT_WORKERS:
		server->workers = on ? fault->workers : server->plan->workers;
		break;
	case FAULT_REFUSE:
		server->refuse = share;
		break;
	case FAULT_RESET:
		server->reset = share;
		break;
	case FAULT_LOSS:
		server->loss = share;
		break;
	case FAULT_LEAVE:
		server->leave = share;
		break;
	case FAULT_NAMES:
		server->names_by = on ? fault->by : 0;
		break;
	case FAULT_LOAD:
		change_load(sim, server, on ? fault->factor : 1);
		break;
	default:
		change_process(sim, server, fault->what, on);
		break;
	}
}

static void change_checks(struct lb *lb, const struct scenario_fault *fault, bool on)
{
	if (fault->what == FAULT_PROBE_LOSS)
		lb->loss = on ? fault->share : 0;
	if (fault->what == FAULT_STARVE)
		lb->starve = on ? fault->by : 0;
	if (fault->what != FAULT_ALTERNATE)
		return;
	lb->fail = on ? fault->fail : 0;
	lb->pass = on ? fault->pass : 0;
	for (uint32_t i = 0; i < lb->plan->targets_count; i++)
		for (uint32_t k = 0; k < SCENARIO_CHECKERS; k++)
			lb->targets[i].checkers[k].alternation = 0;
}

static const char *whose(const struct sim *sim, const struct scenario_fault *fault)
{
	if (fault->service != SCENARIO_NOBODY)
		return sim->scenario->services[fault->service].name;
	if (fault->balancer != SCENARIO_NOBODY)
		return sim->scenario->balancers[fault->balancer].name;
	return "shunt";
}

static void change(struct sim *sim, const struct scenario_fault *fault, bool on)
{
	if (fault->service != SCENARIO_NOBODY) {
		struct server *server = &sim->servers[fault->service];

		server->ill += on ? 1 : UINT32_MAX;
		change_work(sim, server, fault, on);
		server_work(sim, server);
	} else if (fault->balancer != SCENARIO_NOBODY) {
		change_checks(&sim->lbs[fault->balancer], fault, on);
	} else if (fault->what == FAULT_LATE) {
		sim->late = on ? fault->by : 0;
	} else {
		sim->losing = on;
	}
}

/* ---- faults that repeat ---- */

static uint32_t *serial_of(struct sim *sim, const struct scenario_fault *fault)
{
	return &sim->leaks[fault - sim->scenario->faults];
}

static void on_leak(struct sim *sim, void *what, uint32_t serial)
{
	const struct scenario_fault *fault = what;
	struct server *server = &sim->servers[fault->service];

	if (*serial_of(sim, fault) != serial)
		return;
	if (server->workers)
		server->workers--;
	events_add(&sim->events, sim->now + fault->every, on_leak, what, serial);
}

static void on_flap(struct sim *sim, void *what, uint32_t serial)
{
	const struct scenario_fault *fault = what;
	struct server *server = &sim->servers[fault->service];
	bool down = !server->down;

	if (*serial_of(sim, fault) != serial)
		return;
	change_process(sim, server, FAULT_FLAP, down);
	events_add(&sim->events, sim->now + (down ? fault->down : fault->up), on_flap, what,
		   serial);
}

/* ---- begin and end ---- */

static void on_end(struct sim *sim, void *what, uint32_t serial)
{
	const struct scenario_fault *fault = what;
	bool repeats = fault->what == FAULT_LEAK || fault->what == FAULT_FLAP;

	(void)serial;
	++*serial_of(sim, fault);
	if (repeats) {
		struct server *server = &sim->servers[fault->service];

		server->ill--;
		server->workers = server->plan->workers;
		server->down = 0;
		server_work(sim, server);
	} else {
		change(sim, fault, false);
	}
	sim_say(sim, SIM_NOTE_FAULT, whose(sim, fault), scenario_what_names[fault->what], "ends");
}

static void on_begin(struct sim *sim, void *what, uint32_t serial)
{
	const struct scenario_fault *fault = what;

	sim_say(sim, SIM_NOTE_FAULT, whose(sim, fault), scenario_what_names[fault->what], "begins");
	if (fault->what == FAULT_LEAK || fault->what == FAULT_FLAP) {
		sim->servers[fault->service].ill++;
		(fault->what == FAULT_LEAK ? on_leak : on_flap)(sim, what, *serial_of(sim, fault));
	} else {
		change(sim, fault, true);
	}
	if (fault->lasts)
		events_add(&sim->events, sim->now + fault->lasts, on_end, what, serial);
}

void faults_plan(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->scenario->faults_count; i++) {
		const struct scenario_fault *fault = &sim->scenario->faults[i];

		events_add(&sim->events, SIM_BEGIN + fault->at, on_begin, (void *)fault, 0);
		if (fault->at < sim->result->fault_at)
			sim->result->fault_at = fault->at;
	}
}
