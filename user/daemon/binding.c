/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/observer.h"
#include "shunt/address.h"

#define KEY_SIZE offsetof(struct binding, slot)
#define PORTS	 65536

_Static_assert(KEY_SIZE == 32, "the key has no padding");

int bindings_add(struct bindings *bindings, const struct binding *binding)
{
	if (bindings->count == bindings->capacity) {
		size_t capacity = bindings->capacity ? bindings->capacity * 2 : 64;
		struct binding *items = realloc(bindings->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		bindings->items = items;
		bindings->capacity = capacity;
	}
	bindings->items[bindings->count] = *binding;
	bindings->items[bindings->count].order = (uint32_t)bindings->count;
	bindings->count++;
	return 0;
}

void bindings_done(struct bindings *bindings)
{
	free(bindings->items);
	*bindings = (struct bindings){0};
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, KEY_SIZE);
}

static int compare_order(const void *a, const void *b)
{
	const struct binding *left = a, *right = b;
	int keys = compare_keys(a, b);

	if (keys)
		return keys;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* Sorts by key and keeps the first of each. */
static void normalize(struct bindings *bindings)
{
	size_t kept = 0;

	if (!bindings->count)
		return;
	qsort(bindings->items, bindings->count, sizeof(*bindings->items), compare_order);
	for (size_t i = 0; i < bindings->count; i++) {
		if (kept && !compare_keys(&bindings->items[kept - 1], &bindings->items[i]))
			continue;
		bindings->items[kept++] = bindings->items[i];
	}
	bindings->count = kept;
}

static void make_endpoint(const struct binding *binding, struct shunt_endpoint *ret_key)
{
	*ret_key = (struct shunt_endpoint){
		.cgroup = binding->cgroup,
		.netns = binding->netns,
		.port = binding->port,
	};
	memcpy(ret_key->addr, binding->addr, sizeof(ret_key->addr));
}

static void make_prefix(const struct binding *binding, struct shunt_prefix *ret_key)
{
	*ret_key = (struct shunt_prefix){
		.length = SHUNT_PREFIX_FIXED_BITS + binding->bits,
		.netns = binding->netns,
		.cgroup = binding->cgroup,
		.port = binding->port,
	};
	memcpy(ret_key->addr, binding->addr, sizeof(ret_key->addr));
}

static int install(struct observer *observer, const struct binding *binding)
{
	struct shunt_endpoint endpoint;
	struct shunt_prefix prefix;

	make_endpoint(binding, &endpoint);
	make_prefix(binding, &prefix);
	switch (binding->kind) {
	case BINDING_INBOUND:
		return observer_set_inbound(observer, &endpoint, binding->slot);
	case BINDING_OUTBOUND:
		return observer_set_outbound(observer, &endpoint, binding->slot);
	default:
		return observer_set_prefix(observer, &prefix, binding->slot);
	}
}

static void uninstall(struct observer *observer, const struct binding *binding)
{
	struct shunt_endpoint endpoint;
	struct shunt_prefix prefix;

	make_endpoint(binding, &endpoint);
	make_prefix(binding, &prefix);
	switch (binding->kind) {
	case BINDING_INBOUND:
		observer_unset_inbound(observer, &endpoint);
		break;
	case BINDING_OUTBOUND:
		observer_unset_outbound(observer, &endpoint);
		break;
	default:
		observer_unset_prefix(observer, &prefix);
	}
}

static uint8_t port_kinds(const struct binding *binding)
{
	uint8_t kinds = binding->cgroup ? SHUNT_PORT_CGROUP : 0;

	switch (binding->kind) {
	case BINDING_INBOUND:
		if (!binding->netns)
			return kinds | SHUNT_PORT_INBOUND_ANY_NETNS;
		if (address_is_any(binding->addr))
			return kinds | SHUNT_PORT_INBOUND_WILD;
		return kinds | SHUNT_PORT_INBOUND;
	case BINDING_OUTBOUND:
		return kinds | SHUNT_PORT_OUTBOUND;
	default:
		return kinds | (binding->netns ? SHUNT_PORT_OUTBOUND_PREFIX
					       : SHUNT_PORT_OUTBOUND_ANY_NETNS);
	}
}

static int set_ports(struct observer *observer, const struct bindings *bindings)
{
	uint8_t *kinds = calloc(PORTS, 1);

	if (!kinds)
		return -ENOMEM;
	for (size_t i = 0; i < bindings->count; i++)
		kinds[bindings->items[i].port] |= port_kinds(&bindings->items[i]);
	for (unsigned port = 0; port < PORTS; port++)
		observer_set_port(observer, (uint16_t)port, kinds[port]);
	free(kinds);
	return 0;
}

static const struct binding *find(const struct bindings *bindings, const struct binding *key)
{
	if (!bindings->count)
		return NULL;
	return bsearch(key, bindings->items, bindings->count, sizeof(*key), compare_keys);
}

/* Drops from the set what the kernel refused, so that it is tried again next time. */
static int install_new(struct observer *observer, const struct bindings *installed,
		       struct bindings *desired)
{
	size_t kept = 0;
	int refused = 0;

	for (size_t i = 0; i < desired->count; i++) {
		const struct binding *now = &desired->items[i];
		const struct binding *then = find(installed, now);

		if ((!then || then->slot != now->slot) && install(observer, now) < 0) {
			refused++;
			continue;
		}
		desired->items[kept++] = *now;
	}
	desired->count = kept;
	return refused;
}

static bool is_same_set(const struct bindings *one, const struct bindings *other)
{
	return one->count == other->count &&
	       (!one->count || !memcmp(one->items, other->items, one->count * sizeof(*one->items)));
}

int bindings_apply(struct observer *observer, struct bindings *installed, struct bindings *desired)
{
	struct bindings swap;
	int refused, r;

	normalize(desired);
	refused = install_new(observer, installed, desired);
	r = set_ports(observer, desired);
	if (r < 0)
		return r;
	for (size_t i = 0; i < installed->count; i++) {
		if (!find(desired, &installed->items[i]))
			uninstall(observer, &installed->items[i]);
	}
	desired->changes = installed->changes + !is_same_set(installed, desired);
	swap = *installed;
	*installed = *desired;
	*desired = swap;
	return refused;
}

/* The first binding of a kind and port; the rest of them follow. */
static size_t first_of_port(const struct bindings *bindings, uint8_t kind, uint16_t port)
{
	const struct binding key = {.kind = kind, .port = port};
	size_t low = 0, high = bindings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&bindings->items[middle], &key, offsetof(struct binding, netns)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How well a binding fits a listener: 0 not at all, 3 to the byte. */
static unsigned fitness(const struct binding *binding, const struct shunt_endpoint *local)
{
	const uint8_t *wildcard = address_is_ipv4(local->addr) ? address_any_ipv4
							       : address_any_ipv6;

	if (binding->netns && binding->netns != local->netns)
		return 0;
	if (!memcmp(binding->addr, local->addr, sizeof(local->addr)))
		return 3;
	if (!memcmp(binding->addr, wildcard, sizeof(binding->addr)))
		return 2;
	/* One on a wildcard serves every address of its family, and :: of both. */
	if (!address_is_any(local->addr))
		return 0;
	return wildcard == address_any_ipv6 || address_is_ipv4(binding->addr);
}

uint32_t bindings_listener_slot(const struct bindings *installed,
				const struct shunt_endpoint *local)
{
	uint32_t slot = SHUNT_SLOT_UNKNOWN_SERVER;
	unsigned best = 0;

	for (size_t i = first_of_port(installed, BINDING_INBOUND, local->port);
	     i < installed->count; i++) {
		const struct binding *binding = &installed->items[i];

		if (binding->kind != BINDING_INBOUND || binding->port != local->port)
			break;
		if (fitness(binding, local) > best) {
			best = fitness(binding, local);
			slot = binding->slot;
		}
	}
	return slot;
}
