/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What XDP programs cost a packet that nothing is to be done about, by BPF_PROG_TEST_RUN:
 * shunt's in several states and another one, which is loaded already, by its id.  All take
 * turns; a line for each is `STATE NANOSECONDS`.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bpf/descriptors.h"
#include "kernel/dataplane.h"
#include "shunt/abi.h"

#define SLOTS	  16
#define SLOT	  5 /* whose ruling is in force; no packet is for it */
#define OTHER	  6 /* …and whose is none: all addresses of the table */
#define PORT	  8080
#define REPEAT	  500000
#define ROUNDS	  9
#define HOUR_NSEC 3600000000000ULL
#define FIRST	  0x0a000000u /* 10.0.0.0: the table's addresses follow */

struct packet {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

struct bench {
	struct dataplane *dataplane;
	int inbound;
	uint32_t netns;
	int shunt, other; /* programs */
};

/* Of CPU time, what others take of the CPU is none of the program's. */
static uint64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint16_t sum_up(const void *from, size_t words)
{
	const uint16_t *shorts = from;
	uint32_t sum = 0;

	for (size_t i = 0; i < words; i++)
		sum += shorts[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* To an address of the table: the first in each. */
static struct packet make_packet(bool syn)
{
	struct packet packet = {
		.ethernet = {.h_dest = {2}, .h_source = {2, 1}, .h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(struct iphdr) + sizeof(struct tcphdr)),
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .saddr = htonl(0xc6336401),
		       .daddr = htonl(FIRST + 1)},
		.tcp = {.source = htons(40000), .dest = htons(PORT), .doff = 5},
	};

	packet.tcp.syn = syn;
	packet.tcp.ack = !syn;
	packet.ip.check = sum_up(&packet.ip, sizeof(packet.ip) / 2);
	return packet;
}

/* ns a packet */
static double run(int program, bool syn)
{
	struct packet packet = make_packet(syn);
	struct bpf_test_run_opts options = {.sz = sizeof(options),
					    .data_in = &packet,
					    .data_size_in = sizeof(packet),
					    .repeat = REPEAT};
	uint64_t began = read_clock(CLOCK_THREAD_CPUTIME_ID);
	int r = bpf_prog_test_run_opts(program, &options);

	if (r < 0)
		errx(1, "test run: %s", strerror(-r));
	if (options.retval != 2)
		errx(1, "the packet does not pass, but meets %u", options.retval);
	return (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - began) / REPEAT;
}

static void add_addresses(const struct bench *bench, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < count; i++) {
		struct shunt_endpoint key = {.netns = bench->netns, .port = PORT};
		uint32_t slot = OTHER, address = htonl(FIRST + 1 + i);

		key.addr[10] = key.addr[11] = 0xff;
		memcpy(key.addr + 12, &address, sizeof(address));
		if (bpf_map_update_elem(bench->inbound, &key, &slot, BPF_ANY))
			err(1, "address %u", i);
	}
}

static void remove_addresses(const struct bench *bench, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < count; i++) {
		struct shunt_endpoint key = {.netns = bench->netns, .port = PORT};
		uint32_t address = htonl(FIRST + 1 + i);

		key.addr[10] = key.addr[11] = 0xff;
		memcpy(key.addr + 12, &address, sizeof(address));
		bpf_map_delete_elem(bench->inbound, &key);
	}
}

static void rule(const struct bench *bench)
{
	const struct shunt_ruling ruling = {.until = read_clock(CLOCK_MONOTONIC) + HOUR_NSEC,
					    .verdict = SHUNT_VERDICT_REJECT};

	if (dataplane_rule(bench->dataplane, SLOT, &ruling))
		errx(1, "the verdict is refused");
}

static void measure(const struct bench *bench)
{
	printf("other %.2f\n", run(bench->other, false));
	dataplane_pass(bench->dataplane, SLOT);
	printf("idle %.2f\n", run(bench->shunt, false));
	rule(bench);
	printf("segment %.2f\n", run(bench->shunt, false));
	printf("one %.2f\n", run(bench->shunt, true));
	add_addresses(bench, 1, 4096);
	printf("many %.2f\n", run(bench->shunt, true));
	remove_addresses(bench, 1, 4096);
}

int main(int argc, char **argv)
{
	struct dataplane_options options = {.slots = SLOTS, .probers_fd = -1};
	struct bpf_map_create_opts map = {.sz = sizeof(map), .map_flags = BPF_F_NO_PREALLOC};
	struct bench bench = {0};
	struct stat netns;
	int r;

	if (argc != 2) {
		fputs("usage: xdp PROGRAM-ID\n", stderr);
		return 2;
	}
	bench.other = bpf_prog_get_fd_by_id((uint32_t)strtoul(argv[1], NULL, 10));
	if (bench.other < 0 || stat("/proc/self/ns/net", &netns))
		err(1, "%s", argv[1]);
	bench.netns = (uint32_t)netns.st_ino;
	bench.inbound = options.inbound_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "inbound",
							    sizeof(struct shunt_endpoint),
							    sizeof(uint32_t), 8192, &map);
	if (bench.inbound < 0)
		err(1, "map");
	r = dataplane_open(&options, &bench.dataplane);
	if (r < 0)
		errx(1, "the programs cannot be loaded: %s", strerror(-r));
	bench.shunt = find_program("shunt_frame");
	if (bench.shunt < 0)
		errx(1, "there is no program shunt_frame");
	add_addresses(&bench, 0, 1);
	for (int round = 0; round < ROUNDS; round++)
		measure(&bench);
	dataplane_close(bench.dataplane);
	return 0;
}
