/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/enforcer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/privilege.h"
#include "kernel/cgroup.h"
#include "kernel/dataplane.h"
#include "kernel/observer.h"
#include "serve/names.h"

/* In `interfaces`: clients on this host, whom no frame brings. */
#define LOOPBACK "lo"

/* ---- start ---- */

bool enforcer_wants_outbound(const struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++) {
		if (config->services[i].role == SHUNT_ROLE_CLIENT)
			return true;
	}
	return false;
}

static const char *why_not_attach(int error)
{
	switch (error) {
	case -EBUSY:
		return "another XDP program is attached, and is left alone";
	case -ENODEV:
		return "there is no such interface";
	case -EOPNOTSUPP:
		return "it has no Ethernet address";
	default:
		return strerror(-error);
	}
}

/* Whether what comes in by this interface is judged. */
static bool attach_interface(struct enforcer *enforcer, const char *interface)
{
	bool native = false;
	int r;

	if (!strcmp(interface, LOOPBACK))
		return false;
	r = dataplane_attach(enforcer->dataplane, interface, &native);
	if (r < 0) {
		log_error("interfaces: %s: %s; verdicts do not reach what comes in by it",
			  interface, why_not_attach(r));
		return false;
	}
	log_info("interfaces: %s: XDP attached, %s", interface,
		 native ? "in the driver" : "generic, as the driver has none");
	return true;
}

static void attach_inbound(struct enforcer *enforcer, const struct config *config)
{
	bool any = false;
	int r;

	for (size_t i = 0; i < config->interfaces.count; i++)
		any |= attach_interface(enforcer, config->interfaces.items[i]);
	r = dataplane_attach_local(enforcer->dataplane);
	if (r < 0)
		log_error("interfaces: clients on this host: %s; verdicts do not reach them",
			  strerror(-r));
	enforcer->carries[SHUNT_ROLE_SERVER] = any || r >= 0;
}

static void attach_outbound(struct enforcer *enforcer)
{
	struct observer_maps maps;
	int cgroup = cgroup_root(), r;

	observer_maps(enforcer->observer, &maps);
	r = cgroup < 0 ? cgroup
		       : dataplane_attach_outbound(enforcer->dataplane, cgroup, maps.outbound,
						   maps.prefixes);
	if (cgroup >= 0)
		close(cgroup);
	if (r < 0)
		log_error("outbound: connect(2): %s; verdicts on dependencies are not carried out",
			  strerror(-r));
	enforcer->carries[SHUNT_ROLE_CLIENT] = r >= 0;
}

static int open_dataplane(struct enforcer *enforcer, uint32_t slots)
{
	struct dataplane_options options = {.slots = slots};
	struct observer_maps maps;

	observer_maps(enforcer->observer, &maps);
	options.inbound_fd = maps.inbound;
	options.probers_fd = maps.probers;
	return dataplane_open(&options, &enforcer->dataplane);
}

int enforcer_start(struct enforcer *enforcer, const struct config *config,
		   struct observer *observer, struct engine *engine, uint32_t slots)
{
	bool dependency = enforcer_wants_outbound(config);
	int r;

	*enforcer = (struct enforcer){
		.observer = observer,
		.engine = engine,
		.words = calloc(slots, sizeof(*enforcer->words)),
		.refused = calloc(slots, sizeof(*enforcer->refused)),
		.unmatched = calloc(slots, sizeof(*enforcer->unmatched)),
		.trials = calloc(slots, sizeof(*enforcer->trials)),
	};
	if (!enforcer->words || !enforcer->refused || !enforcer->unmatched || !enforcer->trials)
		return -ENOMEM;
	if (!config->interfaces.count && !dependency)
		return 0;
	if (!privilege_may_divert()) {
		log_warning("verdicts: missing: CAP_NET_ADMIN; nothing is carried out");
		return 0;
	}
	r = open_dataplane(enforcer, slots);
	if (r < 0) {
		log_error("verdicts: cannot load the BPF programs: %s; nothing is carried out",
			  strerror(-r));
		return 0;
	}
	if (config->interfaces.count)
		attach_inbound(enforcer, config);
	if (dependency)
		attach_outbound(enforcer);
	return 0;
}

void enforcer_stop(struct enforcer *enforcer)
{
	dataplane_close(enforcer->dataplane);
	free(enforcer->words);
	free(enforcer->refused);
	free(enforcer->unmatched);
	free(enforcer->trials);
	*enforcer = (struct enforcer){0};
}

/* ---- trials ---- */

static bool set_has(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

static void set_put(uint64_t *set, uint32_t i, bool in)
{
	if (in)
		set[i / 64] |= 1ULL << (i % 64);
	else
		set[i / 64] &= ~(1ULL << (i % 64));
}

/* Connections are trials of a half-open service; who is drained is tried by its checks. */
static void apply_trials(struct enforcer *enforcer, uint32_t slot,
			 const struct breaker_verdict *verdict)
{
	bool wanted = verdict->state == BREAKER_HALF_OPEN && verdict->kind != BREAKER_DRAIN;
	const struct config_breaker *config;
	struct observer_trial trial;

	if (wanted == set_has(enforcer->tried, slot))
		return;
	set_put(enforcer->tried, slot, wanted);
	if (!wanted) {
		observer_try(enforcer->observer, slot, NULL);
		return;
	}
	config = engine_rules(enforcer->engine)->services[slot].breaker;
	trial = (struct observer_trial){
		.since = engine_breaker(enforcer->engine, slot)->since,
		.over = config->slow.over,
		.signal = config->slow.signal,
	};
	observer_tried(enforcer->observer, slot, &enforcer->trials[slot]);
	observer_try(enforcer->observer, slot, &trial);
}

bool enforcer_trials(struct enforcer *enforcer, uint32_t slot, uint64_t *ret_passed,
		     uint64_t *ret_failed, uint64_t *ret_slow)
{
	struct observer_tried *last = &enforcer->trials[slot], now;

	if (!set_has(enforcer->tried, slot))
		return false;
	observer_tried(enforcer->observer, slot, &now);
	*ret_passed = now.passed - last->passed;
	*ret_failed = now.failed - last->failed;
	*ret_slow = now.slow - last->slow;
	*last = now;
	return true;
}

/* ---- rulings ---- */

/* What the verdict comes to; a drained service that is half-open gets all its checks. */
static struct shunt_ruling ruling_of(const struct breaker_verdict *verdict,
				     const struct breaker *breaker)
{
	static const uint8_t kinds[] = {
		[BREAKER_PASS] = SHUNT_VERDICT_PASS,	     [BREAKER_DROP] = SHUNT_VERDICT_DROP,
		[BREAKER_REJECT] = SHUNT_VERDICT_REJECT,     [BREAKER_DRAIN] = SHUNT_VERDICT_DRAIN,
		[BREAKER_REDIRECT] = SHUNT_VERDICT_REDIRECT,
	};
	struct shunt_ruling ruling = {.until = verdict->lease};

	if (verdict->kind == BREAKER_PASS || verdict->share >= 1)
		return ruling;
	ruling.verdict = kinds[verdict->kind];
	ruling.admit = dataplane_share(verdict->share);
	/* Another half-open chooses others. */
	ruling.salt = (uint16_t)breaker->transitions[BREAKER_HALF_OPEN];
	ruling.flags = (verdict->enforced ? 0 : SHUNT_RULING_SHADOW) |
		       (verdict->probes_pass ? SHUNT_RULING_EXEMPT : 0);
	return ruling;
}

static bool can_go_elsewhere(const struct enforcer *enforcer, uint32_t slot)
{
	return engine_rules(enforcer->engine)->services[slot].breaker->redirect_to.port;
}

/* Where its connections go instead. */
static int set_target(struct enforcer *enforcer, uint32_t slot)
{
	const struct breaker_service *service = &engine_rules(enforcer->engine)->services[slot];
	const struct config_endpoint *endpoint = &service->breaker->redirect_to;
	struct shunt_target target = {.port = endpoint->port};

	memcpy(target.addr, endpoint->addr, sizeof(target.addr));
	return service->role == SHUNT_ROLE_CLIENT
		       ? dataplane_set_fallback(enforcer->dataplane, slot, &target)
		       : dataplane_set_target(enforcer->dataplane, slot, &target);
}

static int rule(struct enforcer *enforcer, uint32_t slot, const struct shunt_ruling *ruling)
{
	int r = 0;

	if (ruling->verdict == SHUNT_VERDICT_REDIRECT && ruling->word != enforcer->words[slot])
		r = set_target(enforcer, slot);
	if (r >= 0)
		r = dataplane_rule(enforcer->dataplane, slot, ruling);
	if (r >= 0)
		enforcer->words[slot] = ruling->word;
	return r;
}

static void pass(struct enforcer *enforcer, uint32_t slot)
{
	dataplane_pass(enforcer->dataplane, slot);
	enforcer->words[slot] = 0;
	set_put(enforcer->ruled, slot, false);
}

static void apply_ruling(struct enforcer *enforcer, uint32_t slot,
			 const struct breaker_verdict *verdict)
{
	struct shunt_ruling ruling = {0};
	int r;

	if (verdict->kind != BREAKER_PASS)
		ruling = ruling_of(verdict, engine_breaker(enforcer->engine, slot));
	if (ruling.verdict == SHUNT_VERDICT_PASS) {
		set_put(enforcer->unable, slot, false);
		if (set_has(enforcer->ruled, slot))
			pass(enforcer, slot);
		return;
	}
	r = rule(enforcer, slot, &ruling);
	if (r >= 0) {
		set_put(enforcer->unable, slot, false);
		set_put(enforcer->ruled, slot, true);
		return;
	}
	/* The former verdict must not stand for one that could not be carried out. */
	pass(enforcer, slot);
	if (!set_has(enforcer->unable, slot))
		log_error("%s: the verdict `%s` cannot be carried out: %s; it passes",
			  engine_name(enforcer->engine, slot), name_verdict(ruling.verdict),
			  strerror(-r));
	set_put(enforcer->unable, slot, true);
}

static void apply(struct enforcer *enforcer, uint32_t slot)
{
	const struct breaker_verdict verdict = engine_verdict(enforcer->engine, slot);

	apply_trials(enforcer, slot, &verdict);
	if (enforcer->dataplane)
		apply_ruling(enforcer, slot, &verdict);
}

void enforcer_apply(struct enforcer *enforcer)
{
	const struct breakers *breakers = engine_breakers(enforcer->engine);

	for (uint32_t w = 0; w * 64 < breakers->count; w++) {
		uint64_t left = breakers->awake[w] | enforcer->ruled[w] | enforcer->tried[w] |
				enforcer->unable[w];

		for (; left; left &= left - 1)
			apply(enforcer, w * 64 + (uint32_t)__builtin_ctzll(left));
	}
}

void enforcer_refresh(struct enforcer *enforcer)
{
	int r = enforcer->dataplane ? dataplane_refresh(enforcer->dataplane) : 0;

	if (r < 0 && !enforcer->told_refresh)
		log_warning("redirect_to: standbys cannot be looked for: %s", strerror(-r));
	enforcer->told_refresh = r < 0;
}

void enforcer_assign(struct enforcer *enforcer, uint32_t slot)
{
	int r = 0;

	/* What is in force is looked at anew. */
	enforcer->words[slot] = 0;
	if (enforcer->dataplane && can_go_elsewhere(enforcer, slot))
		r = set_target(enforcer, slot);
	if (r < 0)
		log_warning("%s: redirect_to: %s", engine_name(enforcer->engine, slot),
			    strerror(-r));
}

void enforcer_release(struct enforcer *enforcer, uint32_t slot)
{
	if (set_has(enforcer->tried, slot))
		observer_try(enforcer->observer, slot, NULL);
	set_put(enforcer->tried, slot, false);
	set_put(enforcer->unable, slot, false);
	if (!enforcer->dataplane)
		return;
	pass(enforcer, slot);
	dataplane_clear(enforcer->dataplane, slot);
	enforcer->refused[slot] = 0;
	enforcer->unmatched[slot] = 0;
}

/* A refusal is counted before its reset is seen, and so may be found a tick too early. */
uint64_t enforcer_own_refusals(struct enforcer *enforcer, uint32_t slot, uint64_t refused)
{
	struct shunt_verdict_counts counts;
	uint64_t new, own;

	if (!enforcer->dataplane || !set_has(enforcer->ruled, slot))
		return 0;
	dataplane_read(enforcer->dataplane, slot, &counts);
	new = counts.local - enforcer->refused[slot];
	own = new + enforcer->unmatched[slot];
	enforcer->refused[slot] = counts.local;
	if (own > refused)
		own = refused;
	enforcer->unmatched[slot] = new + enforcer->unmatched[slot] - own;
	if (enforcer->unmatched[slot] > new)
		enforcer->unmatched[slot] = new;
	return own;
}

/* ---- what is shown ---- */

const char *enforcer_unable(const struct enforcer *enforcer, enum shunt_role role,
			    const struct breaker_verdict *verdict)
{
	if (!verdict->enforced || enforcer->carries[role])
		return NULL;
	return role == SHUNT_ROLE_SERVER
		       ? "no interface is attached to, see `interfaces` in the configuration"
		       : "no dependency was configured at the start";
}

bool enforcer_counts(const struct enforcer *enforcer, uint32_t slot,
		     struct shunt_verdict_counts *ret_counts)
{
	if (!enforcer->dataplane || !enforcer->carries[engine_role(enforcer->engine, slot)])
		return false;
	dataplane_read(enforcer->dataplane, slot, ret_counts);
	return true;
}
