/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/flows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/map.h"

#define SIZE	  (sizeof(struct shunt_flow) * SHUNT_FLOWS_MAX)
#define SEC_NSEC  1000000000ULL
#define PORTS_END 65535u

/* A port range and a list of ranges, of the caller's network namespace. */
#define RANGE_FILE    "/proc/sys/net/ipv4/ip_local_port_range"
#define RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"

struct flows {
	struct shunt_flow *all; /* shared with the kernel */
	int by_client;
	uint32_t *count;
};

int flows_open(int map, int by_client, uint32_t *count, struct flows **ret_flows)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	int r;

	if (!flows)
		return -ENOMEM;
	flows->by_client = by_client;
	flows->count = count;
	r = map_mmap(map, SIZE, (void **)&flows->all);
	if (r < 0) {
		free(flows);
		return r;
	}
	*ret_flows = flows;
	return 0;
}

void flows_close(struct flows *flows)
{
	if (!flows)
		return;
	munmap(flows->all, SIZE);
	free(flows);
}

/*
 * How long a flow may be silent.  An open one for as long as RFC 5382 (REQ-5) wants at least;
 * for the others that has four minutes, which so few ports do not allow: a client sends its
 * SYN again within a minute, and who has ended has little to say but its last ACK again.
 */
static uint64_t patience(uint32_t state)
{
	switch (state) {
	case SHUNT_FLOW_OPEN:
		return 7440 * SEC_NSEC;
	case SHUNT_FLOW_OPENING:
		return 70 * SEC_NSEC;
	default:
		return 2 * SEC_NSEC;
	}
}

/* Nothing leads to it from now on; its port is freed when no program can be at it any more. */
static void part(struct flows *flows, struct shunt_flow *flow)
{
	bpf_map_delete_elem(flows->by_client, &flow->ends);
	__atomic_store_n(&flow->state, SHUNT_FLOW_GONE, __ATOMIC_RELEASE);
}

static void tend(struct flows *flows, struct shunt_flow *flow, uint64_t now)
{
	uint32_t state = __atomic_load_n(&flow->state, __ATOMIC_ACQUIRE);
	uint64_t seen = *(volatile __u64 *)&flow->seen;

	if (state == SHUNT_FLOW_GONE) {
		__atomic_store_n(&flow->state, SHUNT_FLOW_FREE, __ATOMIC_RELEASE);
		__atomic_fetch_sub(flows->count, 1, __ATOMIC_RELAXED);
	} else if (state >= SHUNT_FLOW_OPENING && now > seen && now - seen > patience(state)) {
		part(flows, flow);
	}
}

void flows_sweep(struct flows *flows, uint64_t now)
{
	if (!__atomic_load_n(flows->count, __ATOMIC_RELAXED))
		return;
	for (uint32_t i = 0; i < SHUNT_FLOWS_MAX; i++)
		tend(flows, &flows->all[i], now);
}

void flows_reroute(struct flows *flows, const struct shunt_target *standby,
		   const struct shunt_way *way)
{
	for (uint32_t i = 0; i < SHUNT_FLOWS_MAX; i++) {
		struct shunt_flow *flow = &flows->all[i];

		/* Its address is what the standby knows it by. */
		if (flow->state < SHUNT_FLOW_OPENING || flow->state > SHUNT_FLOW_OVER ||
		    memcmp(&flow->standby, standby, sizeof(*standby)) != 0)
			continue;
		memcpy(flow->way.ethernet, way->ethernet, sizeof(way->ethernet));
		flow->way.interface = way->interface;
	}
}

/* ---- ports ---- */

static int read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	int r = 0;

	if (!file)
		return -errno;
	if (!fgets(line, size, file))
		r = -EIO;
	fclose(file);
	return r;
}

/* Whether a list such as "80,61440-65535" has all of ours in one of its ranges. */
static bool is_reserved(char *list)
{
	char *rest = NULL;

	for (char *item = strtok_r(list, ",\n", &rest); item; item = strtok_r(NULL, ",\n", &rest)) {
		char *dash;
		unsigned long first = strtoul(item, &dash, 10);

		if (first <= SHUNT_FLOW_PORT && *dash == '-' &&
		    strtoul(dash + 1, NULL, 10) >= PORTS_END)
			return true;
	}
	return false;
}

int flows_check_ports(void)
{
	char line[4096];
	char *end;
	int r = read_line(RANGE_FILE, line, sizeof(line));

	if (r < 0)
		return r;
	strtoul(line, &end, 10);
	if (strtoul(end, NULL, 10) < SHUNT_FLOW_PORT)
		return 0;
	/* An empty list is an empty line, or none. */
	r = read_line(RESERVED_FILE, line, sizeof(line));
	return r >= 0 && is_reserved(line) ? 0 : -EADDRINUSE;
}
