/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/redirect.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/route.h"
#include "kernel/walk.h"

#include "standby.skel.h"

struct redirect {
	struct standby_bpf *bpf;
	struct bpf_link *walk; /* over listening sockets, ready to be taken */
	int map; /* shunt_targets */
	uint32_t slots;
	uint32_t count; /* of targets */
	struct shunt_target targets[]; /* [slot]; port 0: none */
};

int redirect_open(uint32_t slots, struct redirect **ret_redirect)
{
	struct redirect *redirect = calloc(1, sizeof(*redirect) +
						      slots * sizeof(redirect->targets[0]));
	int r;

	if (!redirect)
		return -ENOMEM;
	redirect->slots = slots;
	redirect->map = -1;
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
	bpf_link__destroy(redirect->walk);
	standby_bpf__destroy(redirect->bpf);
	free(redirect);
}

int redirect_standbys(const struct redirect *redirect)
{
	return bpf_map__fd(redirect->bpf->maps.shunt_standbys);
}

void redirect_use(struct redirect *redirect, int targets)
{
	redirect->map = targets;
}

bool redirect_has(const struct redirect *redirect, uint32_t slot)
{
	return slot < redirect->slots && redirect->targets[slot].port;
}

/* A port that no target has any more is looked for no longer. */
static void forget(struct redirect *redirect, uint32_t slot)
{
	uint32_t port = redirect->targets[slot].port;

	if (!port)
		return;
	bpf_map_delete_elem(redirect->map, &slot);
	redirect->targets[slot].port = 0;
	redirect->count--;
	for (uint32_t other = 0; other < redirect->slots; other++) {
		if (redirect->targets[other].port == port)
			return;
	}
	bpf_map_delete_elem(bpf_map__fd(redirect->bpf->maps.shunt_standby_ports), &port);
}

int redirect_set(struct redirect *redirect, uint32_t slot, const struct shunt_target *target)
{
	int ports = bpf_map__fd(redirect->bpf->maps.shunt_standby_ports);
	struct route route;
	uint32_t port, yes = 1;
	int r;

	if (slot >= redirect->slots)
		return -ERANGE;
	if (!target) {
		forget(redirect, slot);
		return 0;
	}
	r = route_find(target->addr, &route);
	if (r < 0)
		return r;
	if (!route.local)
		return -EADDRNOTAVAIL;
	port = target->port;
	if (redirect->targets[slot].port != port)
		forget(redirect, slot);
	if (bpf_map_update_elem(ports, &port, &yes, BPF_ANY) ||
	    bpf_map_update_elem(redirect->map, &slot, target, BPF_ANY))
		return -errno;
	redirect->count += !redirect->targets[slot].port;
	redirect->targets[slot] = *target;
	return redirect_refresh(redirect);
}

int redirect_refresh(struct redirect *redirect)
{
	return redirect->count ? walk_take(redirect->walk, 1, NULL, NULL) : 0;
}
