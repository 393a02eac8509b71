/* SPDX-License-Identifier: GPL-2.0 */
/* What a breaker knows of its service, and what it makes of that. */

#include "engine/breaker_parts.h"
#include "engine/fault.h"

static uint64_t sum(const uint64_t *counts, unsigned n)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += counts[i];
	return total;
}

/* ---- evidence ---- */

void breaker_gather(struct breaker *breaker, const struct breaker_service *service,
		    const struct breaker_input *input, uint64_t now)
{
	const struct health_traffic *traffic = &input->traffic;
	uint64_t failed_attempts = fault_handshakes(service->role, traffic->handshakes);
	uint64_t failed_closes = fault_closes(service->role, traffic->closes);
	struct evidence_tick tick = {
		.attempts = traffic->handshakes[SHUNT_HANDSHAKE_OK] + failed_attempts,
		.ends = failed_attempts + sum(traffic->closes, SHUNT_CLOSE_MAX),
		.failures = failed_attempts + failed_closes,
		.passes = traffic->responses + traffic->closes[SHUNT_CLOSE_ORDERLY],
		.samples = input->samples,
		.slow = input->slow,
	};

	/* That the kernel takes connections says little while none of them is answered. */
	if (!failed_closes)
		tick.passes += traffic->handshakes[SHUNT_HANDSHAKE_OK];
	evidence_add(&breaker->evidence, service->breaker->window, now, &tick);
}

static void report(const struct evidence *evidence, const struct config_breaker *config,
		   const struct breaker_input *input, struct breaker_numbers *ret_numbers)
{
	*ret_numbers = (struct breaker_numbers){
		.window = config->window,
		.connections = evidence_connections(evidence),
		.failures = evidence->sums[EVIDENCE_FAILURES],
		.failed_ticks = evidence->sums[EVIDENCE_FAILED_TICKS],
		.run = evidence->sums[EVIDENCE_RUN],
		.samples = evidence->sums[EVIDENCE_SAMPLES],
		.slow = evidence->sums[EVIDENCE_SLOW],
		.slow_over = config->slow.over,
		.flap_score = input->flap_score,
		.withdrawals = input->withdrawals,
	};
}

static double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* ---- triggers ---- */

/* Enough connections, enough failures among them, and not all at one moment. */
static bool has_failures(const struct breaker_numbers *numbers, const struct config_breaker *config,
			 const struct breaker_limits *limits)
{
	return numbers->connections >= config->min_connections &&
	       numbers->failures >= limits->failures && numbers->failed_ticks >= limits->ticks;
}

static bool is_failing(struct breaker_numbers *numbers, const struct config_breaker *config,
		       const struct breaker_limits *limits)
{
	numbers->share = share_of(numbers->failures, numbers->connections);
	numbers->limit = config->failure_rate;
	return has_failures(numbers, config, limits) && numbers->share >= numbers->limit;
}

static bool is_run(struct breaker_numbers *numbers, const struct evidence *evidence,
		   const struct config_breaker *config, const struct breaker_limits *limits)
{
	numbers->limit = config->consecutive_failures;
	return config->consecutive_failures && numbers->run >= config->consecutive_failures &&
	       evidence->sums[EVIDENCE_RUN_TICKS] >= limits->ticks;
}

static bool is_slow(struct breaker *breaker, struct breaker_numbers *numbers,
		    const struct config_breaker *config, const struct breaker_limits *limits,
		    uint64_t now)
{
	numbers->share = share_of(numbers->slow, numbers->samples);
	numbers->limit = config->slow.rate;
	if (!config->slow.over || numbers->samples < config->min_connections ||
	    numbers->slow < limits->failures || numbers->share < numbers->limit) {
		breaker->slow_since = 0;
		return false;
	}
	if (!breaker->slow_since)
		breaker->slow_since = now;
	numbers->slow_lasts = now - breaker->slow_since;
	return numbers->slow_lasts >= config->slow.hold;
}

/* Flapping by itself harms nobody: its connections have to suffer as well. */
static bool is_flapping(struct breaker_numbers *numbers, const struct config_breaker *config,
			const struct breaker_limits *limits, enum health_state health)
{
	numbers->share = share_of(numbers->failures, numbers->connections);
	numbers->limit = limits->share;
	return config->on_flapping && health == HEALTH_FLAPPING &&
	       has_failures(numbers, config, limits) && numbers->share >= numbers->limit;
}

enum breaker_reason breaker_trigger(struct breaker *breaker, const struct config_breaker *config,
				    const struct breaker_limits *limits,
				    const struct breaker_input *input, uint64_t now,
				    struct breaker_numbers *ret_numbers)
{
	struct breaker_numbers numbers, slow;
	bool too_slow;

	report(&breaker->evidence, config, input, ret_numbers);
	/* Always asked: it remembers since when. */
	slow = *ret_numbers;
	too_slow = is_slow(breaker, &slow, config, limits, now);

	numbers = *ret_numbers;
	if (is_failing(&numbers, config, limits)) {
		*ret_numbers = numbers;
		return BREAKER_FAILURE_RATE;
	}
	numbers = *ret_numbers;
	if (is_run(&numbers, &breaker->evidence, config, limits)) {
		*ret_numbers = numbers;
		return BREAKER_CONSECUTIVE;
	}
	if (too_slow) {
		*ret_numbers = slow;
		return BREAKER_SLOW;
	}
	numbers = *ret_numbers;
	if (is_flapping(&numbers, config, limits, input->health)) {
		*ret_numbers = numbers;
		return BREAKER_FLAPPING;
	}
	return BREAKER_NO_REASON;
}

/* ---- trials ---- */

enum breaker_reason breaker_judge(const struct breaker *breaker,
				  const struct config_breaker *config, uint64_t now,
				  struct breaker_numbers *ret_numbers)
{
	uint64_t judged = breaker->trials_passed + breaker->trials_failed;
	uint64_t wanted = config->half_open_connections;
	bool over = now - breaker->since >= config->open_for_max;
	uint64_t whole = judged > wanted || over ? judged : wanted;
	double failed = share_of(breaker->trials_failed, whole);
	double slow = share_of(breaker->trials_slow, whole);

	*ret_numbers = (struct breaker_numbers){
		.trials = judged,
		.trials_failed = breaker->trials_failed,
		.trials_slow = breaker->trials_slow,
		.slow_over = config->slow.over,
		.share = failed,
		.limit = config->failure_rate,
	};
	/* Of all that are wanted: so it fails as soon as the rest cannot make up for it. */
	if (failed >= config->failure_rate)
		return BREAKER_TRIALS_FAILED;
	if (config->slow.over && slow >= config->slow.rate) {
		ret_numbers->share = slow;
		ret_numbers->limit = config->slow.rate;
		return BREAKER_TRIALS_SLOW;
	}
	if (judged >= wanted)
		return BREAKER_TRIALS_PASSED;
	return over ? BREAKER_TRIALS_FEW : BREAKER_NO_REASON;
}

/* ---- back-off ---- */

/* FNV-1a: a service's jitter is its own, and the same after a reload. */
static uint64_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	return hash;
}

/* The output function of SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t breaker_open_for(const struct breaker *breaker, const struct config_breaker *config,
			  const char *name, uint64_t seed)
{
	/* Room for the jitter below the maximum, or all hosts would meet there again. */
	uint64_t ceiling = config->open_for_max - config->open_for_max / 5;
	uint64_t base = config->open_for;
	uint64_t top, place;

	for (uint32_t i = 0; i < breaker->backoff && base < ceiling; i++)
		base *= 2;
	if (base > ceiling)
		base = ceiling > config->open_for ? ceiling : config->open_for;
	top = base + base / 4;
	if (top > config->open_for_max)
		top = config->open_for_max;
	if (top <= base)
		return base;
	place = (breaker->openings + 1ULL) * 0x9e3779b97f4a7c15;
	return base + mix(seed ^ hash_name(name) ^ place) % (top - base + 1);
}
