/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/guards.h"

#include <stddef.h>

#include "shunt/address.h"

#define MINUTE (60 * 1000000000ULL)

/* Shares have at most 9 decimals: a third of three services, 0.333333333, is one. */
#define ROUNDING 1e-6

static const char *const names[GUARD_MAX] = {
	[GUARD_PROTECT] = "protect",
	[GUARD_OPERATOR] = "operator",
	[GUARD_HOLD] = "hold",
	[GUARD_LAST] = "last",
	[GUARD_PANIC] = "panic",
	[GUARD_MAX_OPEN] = "max_open",
	[GUARD_MAX_OPEN_SHARE] = "max_open_share",
	[GUARD_VELOCITY] = "velocity",
};

static const char *const paths[GUARD_MAX] = {
	[GUARD_PROTECT] = "guards.protect",
	[GUARD_MAX_OPEN] = "guards.max_open",
	[GUARD_MAX_OPEN_SHARE] = "guards.max_open_share",
};

const char *guard_name(enum guard guard)
{
	return guard < GUARD_MAX ? names[guard] : "none";
}

const char *guard_path(enum guard guard)
{
	return guard < GUARD_MAX ? paths[guard] : NULL;
}

static uint32_t room_by_share(const struct guards_limits *limits, uint32_t services)
{
	return (uint32_t)(limits->max_open_share * services + ROUNDING);
}

static bool is_panic(const struct guards_limits *limits, const struct guards_case *about)
{
	return about->kind - about->kind_usable > limits->panic * about->kind + ROUNDING;
}

struct guards_answer guards_ask(const struct guards_limits *limits, const struct guards_case *about,
				uint32_t which)
{
	const bool refuses[GUARD_MAX] = {
		[GUARD_PROTECT] = about->protected,
		[GUARD_OPERATOR] = about->ordered,
		[GUARD_HOLD] = about->stretch > 1,
		[GUARD_LAST] = !about->kind_usable,
		[GUARD_PANIC] = is_panic(limits, about),
		[GUARD_MAX_OPEN] = about->open > limits->max_open,
		[GUARD_MAX_OPEN_SHARE] = about->open > room_by_share(limits, about->services),
		[GUARD_VELOCITY] = about->trips > limits->velocity,
	};
	struct guards_answer answer = {.asked = which};

	for (unsigned i = 0; i < GUARD_MAX; i++)
		if (refuses[i])
			answer.refused |= GUARD_BIT(i);
	answer.refused &= which;
	return answer;
}

enum guard guards_first(const struct guards_answer *answer)
{
	unsigned i = 0;

	while (i < GUARD_MAX && !(answer->refused & GUARD_BIT(i)))
		i++;
	return (enum guard)i;
}

/* ---- protect ---- */

static bool overlap(const struct config_endpoint *a, const struct config_endpoint *b)
{
	if (a->port && b->port && a->port != b->port)
		return false;
	return address_same_prefix(a->addr, b->addr, a->bits < b->bits ? a->bits : b->bits);
}

bool guards_protect(const struct config_endpoints *protect,
		    const struct config_endpoints *endpoints)
{
	for (size_t i = 0; i < protect->count; i++)
		for (size_t j = 0; j < endpoints->count; j++)
			if (overlap(&protect->items[i], &endpoints->items[j]))
				return true;
	return false;
}

/* ---- velocity ---- */

void guards_trip(struct guards_trips *trips, uint64_t now)
{
	trips->at[trips->count % GUARDS_TRIPS] = now;
	trips->count++;
}

uint32_t guards_trips_lately(const struct guards_trips *trips, uint64_t now)
{
	uint32_t known = trips->count < GUARDS_TRIPS ? trips->count : GUARDS_TRIPS;
	uint32_t lately = 0;

	for (uint32_t i = 0; i < known; i++)
		lately += now - trips->at[i] < MINUTE;
	return lately;
}
