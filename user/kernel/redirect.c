/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/redirect.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kernel/flows.h"
#include "kernel/walk.h"
#include "kernel/way.h"

#include "standby.skel.h"

#define SEC_NSEC 1000000000ULL

/* A slot's; port 0: it has none. */
struct standby {
	struct shunt_target target;
	bool remote; /* on another host */
	bool known; /* …to which this is the way */
	struct shunt_way way;
};

struct redirect {
	struct standby_bpf *bpf;
	struct bpf_link *walk; /* over listening sockets, ready to be taken */
	struct redirect_maps maps;
	struct flows *flows;
	struct way_interfaces interfaces;
	uint64_t asked; /* ns: when the ways were last asked for */
	uint32_t slots;
	uint32_t count; /* of standbys */
	struct standby standbys[]; /* [slot] */
};

int redirect_open(uint32_t slots, struct redirect **ret_redirect)
{
	struct redirect *redirect = calloc(1, sizeof(*redirect) +
						      slots * sizeof(redirect->standbys[0]));
	int r;

	if (!redirect)
		return -ENOMEM;
	redirect->slots = slots;
	redirect->bpf = standby_bpf__open_and_load();
	if (redirect->bpf)
		redirect->walk = bpf_program__attach_iter(redirect->bpf->progs.shunt_find_standbys,
							  NULL);
	if (!redirect->walk) {
		r = -errno;
		redirect_close(redirect);
		return r;
	}
	*ret_redirect = redirect;
	return 0;
}

void redirect_close(struct redirect *redirect)
{
	if (!redirect)
		return;
	flows_close(redirect->flows);
	bpf_link__destroy(redirect->walk);
	standby_bpf__destroy(redirect->bpf);
	free(redirect);
}

int redirect_standbys(const struct redirect *redirect)
{
	return bpf_map__fd(redirect->bpf->maps.shunt_standbys);
}

int redirect_use(struct redirect *redirect, const struct redirect_maps *maps)
{
	redirect->maps = *maps;
	return flows_open(maps->flows, maps->flow_of, maps->carried, &redirect->flows);
}

void redirect_add_interface(struct redirect *redirect, uint32_t index,
			    const struct shunt_interface *interface)
{
	struct way_interfaces *interfaces = &redirect->interfaces;

	if (interfaces->count < SHUNT_INTERFACES_MAX)
		interfaces->all[interfaces->count++] = (struct way_interface){.index = index,
									      .about = *interface};
}

bool redirect_has(const struct redirect *redirect, uint32_t slot)
{
	return slot < redirect->slots && redirect->standbys[slot].target.port;
}

/* Has the walk put the sockets that listen into their map. */
static int find_sockets(const struct redirect *redirect)
{
	int r = walk_take(redirect->walk, 1, NULL, NULL);

	/* So it ends where there are connections, which come last (bpf/standby.bpf.c). */
	return r == -EAGAIN ? 0 : r;
}

/* ---- one slot ---- */

/* A port at which no standby of this host is to listen any more is looked at no longer. */
static void forget_port(struct redirect *redirect, uint32_t port)
{
	for (uint32_t slot = 0; slot < redirect->slots; slot++) {
		const struct standby *standby = &redirect->standbys[slot];

		if (standby->target.port == port && !standby->remote)
			return;
	}
	bpf_map_delete_elem(bpf_map__fd(redirect->bpf->maps.shunt_standby_ports), &port);
}

/* The target goes first: a way alone is of no meaning. */
static void forget(struct redirect *redirect, uint32_t slot)
{
	struct standby *standby = &redirect->standbys[slot];
	uint32_t port = standby->target.port;

	if (!port)
		return;
	bpf_map_delete_elem(redirect->maps.targets, &slot);
	bpf_map_delete_elem(redirect->maps.ways, &slot);
	memset(standby, 0, sizeof(*standby));
	redirect->count--;
	forget_port(redirect, port);
}

/* Tells the programs of a way that is new, or that there is none any more. */
static int update_way(struct redirect *redirect, uint32_t slot, const struct shunt_way *way)
{
	struct standby *standby = &redirect->standbys[slot];

	if (!way && standby->known) {
		standby->known = false;
		bpf_map_delete_elem(redirect->maps.targets, &slot);
	}
	if (!way || (standby->known && !memcmp(&standby->way, way, sizeof(*way))))
		return 0;
	if (bpf_map_update_elem(redirect->maps.ways, &slot, way, BPF_ANY) ||
	    bpf_map_update_elem(redirect->maps.targets, &slot, &standby->target, BPF_ANY))
		return -errno;
	standby->way = *way;
	standby->known = true;
	flows_reroute(redirect->flows, &standby->target, way);
	return 0;
}

/* Looks for the way again; as long as there is none, connections pass. */
static int refresh_way(struct redirect *redirect, uint32_t slot)
{
	struct standby *standby = &redirect->standbys[slot];
	struct shunt_way way;
	bool local = false;
	int r = way_find(&standby->target, &redirect->interfaces, &local, &way);

	return update_way(redirect, slot, r < 0 || local ? NULL : &way);
}

static int set_remote(struct redirect *redirect, uint32_t slot)
{
	way_ask(&redirect->standbys[slot].target);
	return refresh_way(redirect, slot);
}

static int set_local(struct redirect *redirect, uint32_t slot)
{
	const struct shunt_target *target = &redirect->standbys[slot].target;
	uint32_t port = target->port, yes = 1;

	if (bpf_map_update_elem(bpf_map__fd(redirect->bpf->maps.shunt_standby_ports), &port, &yes,
				BPF_ANY) ||
	    bpf_map_update_elem(redirect->maps.targets, &slot, target, BPF_ANY))
		return -errno;
	return find_sockets(redirect);
}

/* Whether that is its target already: then no connection passes meanwhile. */
static bool is_set(const struct standby *standby, const struct shunt_target *target, bool remote)
{
	return standby->target.port == target->port && standby->remote == remote &&
	       !memcmp(standby->target.addr, target->addr, sizeof(target->addr));
}

int redirect_set(struct redirect *redirect, uint32_t slot, const struct shunt_target *target)
{
	struct shunt_way way;
	bool local = false;
	int r;

	if (slot >= redirect->slots)
		return -ERANGE;
	if (!target) {
		forget(redirect, slot);
		return 0;
	}
	r = way_find(target, &redirect->interfaces, &local, &way);
	if (r < 0 && r != -ENOENT && r != -EHOSTUNREACH)
		return r;
	if (!local && (r = flows_check_ports()) < 0)
		return r;
	if (!is_set(&redirect->standbys[slot], target, !local)) {
		forget(redirect, slot);
		redirect->count++;
		redirect->standbys[slot] = (struct standby){.target = *target, .remote = !local};
	}
	r = local ? set_local(redirect, slot) : set_remote(redirect, slot);
	if (r < 0)
		forget(redirect, slot);
	return r;
}

/* ---- all of them ---- */

int redirect_refresh(struct redirect *redirect)
{
	uint64_t now = clock_monotonic();
	bool ask = now - redirect->asked >= SEC_NSEC;
	bool local = false;
	int r = 0, failed;

	flows_sweep(redirect->flows, now);
	if (!redirect->count)
		return 0;
	for (uint32_t slot = 0; slot < redirect->slots; slot++) {
		const struct standby *standby = &redirect->standbys[slot];

		local = local || (standby->target.port && !standby->remote);
		if (!standby->target.port || !standby->remote)
			continue;
		failed = refresh_way(redirect, slot);
		if (failed < 0)
			r = failed;
		if (ask)
			way_ask(&standby->target);
	}
	if (ask)
		redirect->asked = now;
	failed = local ? find_sockets(redirect) : 0;
	return failed < 0 ? failed : r;
}
