/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that is decided about a host's services, as one object: who checks them, how
 * healthy they are, what their breakers do.  The daemon gathers what is put in here and
 * carries out what comes out; a replay or a simulation puts in what was recorded or made up.
 *
 * What goes in:
 *   engine_configure()      the guards
 *   engine_assign()         a service has a slot, or is configured anew
 *   engine_release()        …and has it no more
 *   engine_learn()          what one source does: is it a prober?
 *   engine_hear()           a check has ended
 *   engine_command()        an operator's order
 *   engine_tick()           what happened in a tick
 * What comes out:
 *   engine_outcome()        changes of health, the breakers' decisions
 *   engine_verdict()        what is to be done to a service's new connections
 *   engine_next_checked()   whose checks the kernel is to tell of
 *   engine_wants_look()     …and what is to be looked at
 *
 * The same calls with the same arguments, on an engine made with the same arguments, give
 * the same results, byte for byte.  There is no clock, no I/O, and no allocation but in
 * engine_new(), engine_configure() and engine_assign().  Every time is in ns, of one clock that
 * never falls (CLOCK_MONOTONIC); a slot is a service's place in the kernel's cells, from
 * SHUNT_SLOT_FIRST on, and where one service must come before another the lower slot does.
 */
#ifndef SHUNT_ENGINE_ENGINE_H
#define SHUNT_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/breaker.h"
#include "engine/health.h"
#include "engine/prober.h"
#include "shunt/abi.h"
#include "shunt/config.h"

/* Bytes of a service's name, its final 0 among them. */
#define ENGINE_NAME_MAX 128
/* Checks of one service between two ticks; more are counted, and not looked at. */
#define ENGINE_CHECKS 64

struct engine;

/* A service; all that this points to is copied. */
struct engine_service {
	const char *name;
	enum shunt_role role;
	const struct config_endpoints *endpoints; /* for guards.protect */
	const struct config_health_check *check; /* all zero: nothing is configured */
	const struct config_breaker *breaker;
};

/* What was looked at, beside the counters. */
enum engine_seen {
	ENGINE_SAW_WAITING = 1, /* requests that have waited for ENGINE_WAITING_AGE */
	ENGINE_SAW_UNREAD = 2, /* …and what the application has not read */
	ENGINE_SAW_QUEUE = 4, /* the accept queue */
};

/* A request that has only just come does not wait: its answer may be under way. */
#define ENGINE_WAITING_AGE 100000000ULL

/* What happened to one service since the last tick, and how it is now. */
struct engine_sample {
	uint32_t slot;
	uint32_t seen; /* a set of enum engine_seen; what was not seen is 0 */
	uint32_t open; /* connections, now */
	uint32_t waiting;
	uint32_t unread;
	uint32_t queue;
	uint32_t queue_limit;
	uint32_t reserved;
	uint64_t oldest; /* ns: for how long the oldest of those that wait has */
	uint64_t drops; /* what its listeners turned away */
	struct health_traffic traffic; /* `drops` and health checks not in it */
	uint64_t samples; /* of the signal of breaker.slow… */
	uint64_t slow; /* …and those over its limit: histogram_above() */
	uint64_t trials_passed; /* connections that a half-open breaker let through, ended… */
	uint64_t trials_failed;
	uint64_t trials_slow;
};

struct engine_tick {
	uint64_t now; /* ns, CLOCK_MONOTONIC; it never falls */
	uint64_t late; /* ns: by how much the tick was late */
	uint64_t lost; /* events lost since the last tick */
	/*
	 * One for each service to which anything happened, whose open connections are other
	 * ones, or that was looked at; by slot.
	 */
	const struct engine_sample *samples;
	uint32_t samples_count;
	bool looked; /* because engine_wants_look() */
};

struct engine_change {
	uint32_t slot;
	uint32_t was; /* enum health_state */
	uint32_t is;
	uint32_t reserved;
};

/* What the last tick or command came to.  The engine's own, until the next. */
struct engine_outcome {
	const struct engine_change *changes; /* by slot */
	uint32_t changes_count;
	uint32_t decisions_count;
	const struct breaker_decision *decisions; /* their `service` is a slot */
};

/*
 * Makes an engine for so many slots, the reserved ones among them, at most SHUNT_SLOTS_MAX;
 * `seed` is of the breakers' jitter.  0 and an engine to free with engine_free(), -EINVAL, or
 * -ENOMEM.  What belongs to slots that are not used is memory that is never touched.
 */
int engine_new(uint32_t slots, uint64_t seed, struct engine **ret_engine);

/* Frees it; NULL is fine. */
void engine_free(struct engine *engine);

/*
 * Hears what the engine is given, so that all of that can be recorded, and nothing else: calls
 * that change nothing are not told.  Each is called once the call has had its effect.
 */
struct engine_ear {
	void (*configured)(void *userdata, const struct config_guards *guards);
	void (*assigned)(void *userdata, uint32_t slot, const struct engine_service *service);
	void (*released)(void *userdata, uint32_t slot);
	void (*learnt)(void *userdata, const struct shunt_source *source, uint64_t now);
	void (*heard)(void *userdata, const struct shunt_probe *probe);
	void (*resumed)(void *userdata, uint32_t slot, const struct breaker_past *past);
	/* With what it came to, and engine_outcome(). */
	void (*commanded)(void *userdata, const struct breaker_command *command, int result);
	void (*ticked)(void *userdata, const struct engine_tick *tick);
	void *userdata;
};

/* Who hears from now on; NULL: nobody. */
void engine_listen(struct engine *engine, const struct engine_ear *ear);

/* ---- in ---- */

/* Sets the guards; before the first tick, and at any time.  0, or -ENOMEM and nothing changed. */
int engine_configure(struct engine *engine, const struct config_guards *guards);

/*
 * Gives a slot to a service, which begins with nothing; or says anew what is configured of the
 * one that has it, by name and role, which keeps all that is known of it.  Its probers are
 * forgotten if it is checked in another way.  1; 0 if that is as it was, and the call need not
 * be recorded; -ERANGE for a slot that is none, or -ENOMEM, and nothing changed.
 */
int engine_assign(struct engine *engine, uint32_t slot, const struct engine_service *service);

/* Forgets the service of a slot.  Returns how it was, HEALTH_HEALTHY if nobody had the slot. */
enum health_state engine_release(struct engine *engine, uint32_t slot);

/*
 * Looks for probers in what a source did up to `now`.  Returns how many were found: if none,
 * nothing has changed, and the call need not be recorded.
 */
unsigned engine_learn(struct engine *engine, const struct shunt_source *source, uint64_t now);

/* A check has ended.  Returns how many checks that tells of, 0 if it was none. */
unsigned engine_hear(struct engine *engine, const struct shunt_probe *probe);

/* As breaker_command(); its `service` is a slot. */
int engine_command(struct engine *engine, const struct breaker_command *command);

/*
 * Takes up a breaker where an earlier engine left it; the mode that was ordered for all, if
 * `slot` is BREAKER_ALL.  Before anything has happened to it.
 */
void engine_resume(struct engine *engine, uint32_t slot, const struct breaker_past *past);

/* Takes a tick (100 ms). */
void engine_tick(struct engine *engine, const struct engine_tick *tick);

/* ---- out ---- */

struct engine_outcome engine_outcome(const struct engine *engine);

/* Whether accept queues and waiting requests are to be looked at in a tick that is now. */
bool engine_wants_look(const struct engine *engine, uint64_t now);

/* …and whether those of this slot are. */
bool engine_wants_look_at(const struct engine *engine, uint32_t slot);

/* How a service is; NULL where none is, or before its first tick. */
const struct health_verdict *engine_health(const struct engine *engine, uint32_t slot);

/* The kind of its load balancer, CONFIG_MODEL_NONE where that is not known. */
enum config_model engine_balancer(const struct engine *engine, uint32_t slot);

/* Those who check a slot; NULL: nobody does, as far as is known. */
const struct probers *engine_probers(const struct engine *engine, uint32_t slot);

/*
 * The next slot whose probers are others than when this last named it, in *ret_slot; false if
 * there is none.  The kernel is to be told of them.
 */
bool engine_next_checked(struct engine *engine, uint32_t *ret_slot);

/* The breaker of a slot; NULL where no service is. */
const struct breaker *engine_breaker(const struct engine *engine, uint32_t slot);

/* …and what is to be done to its new connections; nothing, where no service is. */
struct breaker_verdict engine_verdict(const struct engine *engine, uint32_t slot);

/* The state of all breakers, and what it is by; an index is a slot. */
const struct breakers *engine_breakers(const struct engine *engine);
const struct breaker_rules *engine_rules(const struct engine *engine);

/* What engine_resume() wants to be told later; false where there is nothing to tell. */
bool engine_past(const struct engine *engine, uint32_t slot, struct breaker_past *ret_past);

/*
 * Calls `part` for each run of plain bytes that, beside what was configured and assigned,
 * makes up the state.  Put into another engine, made with the same arguments, with the same
 * configured and assigned, in the same order, they make that engine the same.
 */
void engine_parts(struct engine *engine, void (*part)(void *userdata, void *bytes, size_t size),
		  void *userdata);

/* The service of a slot, as assigned; what it points to holds until that changes.  Whether there
 * is one. */
bool engine_assigned(const struct engine *engine, uint32_t slot,
		     struct engine_service *ret_service);

/* How many slots there are, the reserved ones among them. */
uint32_t engine_slots(const struct engine *engine);

/* The service of a slot, as assigned: its name, "" where none is… */
const char *engine_name(const struct engine *engine, uint32_t slot);

/* …and its role. */
enum shunt_role engine_role(const struct engine *engine, uint32_t slot);

#endif
