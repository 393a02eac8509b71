/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holds a verdict on a port as the daemon would: attached, and renewing its lease every
 * tick.  On who serves it here; with --cgroup on whoever is called at it, by the processes of
 * a cgroup.  SIGUSR1 trips and SIGUSR2 resets, which it tells; at SIGTERM it prints what was
 * counted, as NAME=COUNT.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/dataplane.h"
#include "serve/names.h"
#include "shunt/abi.h"

#include "peer.h"

#define SLOTS 16
#define SLOT  5

#define INTERFACES_MAX 4

#define TICK_NSEC 20000000
#define MSEC_NSEC 1000000ULL

static void usage(void)
{
	fputs("usage: holder --port PORT [--interface NAME]... [--local] [--verdict NAME]\n"
	      "              [--lease MS] [--prober ADDRESS] [--shadow]\n"
	      "              [--target ADDRESS --target-port PORT] [--share PERCENT]\n"
	      "              [--cgroup FOLDER]\n",
	      stderr);
	exit(2);
}

struct holder {
	struct dataplane *dataplane;
	struct shunt_ruling ruling;
	uint64_t lease; /* ns */
	bool tripped;
};

static uint8_t verdict_of(const char *name)
{
	for (enum shunt_verdict verdict = 0; verdict < SHUNT_VERDICT_MAX; verdict++) {
		if (!strcmp(name, name_verdict(verdict)))
			return (uint8_t)verdict;
	}
	errx(2, "'%s' is no verdict", name);
}

static int make_map(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value)
{
	int fd;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	fd = bpf_map_create(type, name, key, value, 64, &options);
	if (fd < 0)
		err(1, "map %s", name);
	return fd;
}

/* The port on every address of both families, in this network namespace. */
static void name_port(int inbound, unsigned long port)
{
	struct shunt_endpoint key = {.port = (uint16_t)port};
	struct stat netns;
	uint32_t slot = SLOT;

	if (stat("/proc/self/ns/net", &netns))
		err(1, "network namespace");
	key.netns = (uint32_t)netns.st_ino;
	if (bpf_map_update_elem(inbound, &key, &slot, BPF_ANY))
		err(1, "port %lu", port);
	key.addr[10] = key.addr[11] = 0xff;
	if (bpf_map_update_elem(inbound, &key, &slot, BPF_ANY))
		err(1, "port %lu", port);
}

/* The port on every address of both families, called from this network namespace. */
static void name_remotes(int prefixes, unsigned long port)
{
	struct shunt_prefix key = {.length = SHUNT_PREFIX_FIXED_BITS, .port = (uint16_t)port};
	struct stat netns;
	uint32_t slot = SLOT;

	if (stat("/proc/self/ns/net", &netns))
		err(1, "network namespace");
	key.netns = (uint32_t)netns.st_ino;
	if (bpf_map_update_elem(prefixes, &key, &slot, BPF_ANY))
		err(1, "port %lu", port);
}

static void name_prober(int probers, const char *text)
{
	struct shunt_prober_key key = {.slot = SLOT, .addr = {[10] = 0xff, [11] = 0xff}};
	const struct shunt_prober prober = {.count = 1};

	if (inet_pton(AF_INET, text, key.addr + 12) != 1)
		errx(2, "'%s' is no IPv4 address", text);
	if (bpf_map_update_elem(probers, &key, &prober, BPF_ANY))
		err(1, "prober %s", text);
}

static void attach(struct holder *holder, const char *interface)
{
	bool native;
	int r = dataplane_attach(holder->dataplane, interface, &native);

	if (r < 0)
		errx(1, "%s: %s", interface, strerror(-r));
	printf("%s %s\n", interface, native ? "native" : "generic");
}

/* Where redirected connections go. */
static void aim(struct holder *holder, const char *text, unsigned long port, bool outbound)
{
	struct shunt_target target = {.addr = {[10] = 0xff, [11] = 0xff}, .port = (uint16_t)port};
	int r;

	if (inet_pton(AF_INET, text, target.addr + 12) != 1 &&
	    inet_pton(AF_INET6, text, target.addr) != 1)
		errx(2, "'%s' is no address", text);
	r = outbound ? dataplane_set_fallback(holder->dataplane, SLOT, &target)
		     : dataplane_set_target(holder->dataplane, SLOT, &target);
	if (r < 0)
		errx(1, "%s: %s", text, strerror(-r));
}

static void attach_outbound(struct holder *holder, const char *folder, unsigned long port)
{
	int prefixes = make_map(BPF_MAP_TYPE_LPM_TRIE, "prefixes", sizeof(struct shunt_prefix),
				sizeof(uint32_t));
	int cgroup = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (cgroup < 0)
		err(1, "%s", folder);
	name_remotes(prefixes, port);
	r = dataplane_attach_outbound(holder->dataplane, cgroup, -1, prefixes);
	if (r < 0)
		errx(1, "%s: %s", folder, strerror(-r));
	close(cgroup);
}

/* Until the lease is over, or this is called again. */
static void rule(struct holder *holder)
{
	holder->ruling.until = peer_now() + holder->lease;
	if (dataplane_rule(holder->dataplane, SLOT, &holder->ruling))
		errx(1, "the verdict is refused");
}

static void trip(struct holder *holder)
{
	rule(holder);
	holder->tripped = true;
	puts("tripped");
}

static void reset(struct holder *holder)
{
	dataplane_pass(holder->dataplane, SLOT);
	holder->tripped = false;
	puts("reset");
}

static void say_counts(const struct holder *holder)
{
	struct shunt_verdict_counts counts;

	dataplane_read(holder->dataplane, SLOT, &counts);
	for (enum shunt_verdict verdict = 0; verdict < SHUNT_VERDICT_MAX; verdict++)
		printf("%s=%llu shadow_%s=%llu ", name_verdict(verdict),
		       counts.connections[verdict], name_verdict(verdict), counts.shadow[verdict]);
	putchar('\n');
}

static void hold(struct holder *holder, const sigset_t *signals)
{
	const struct timespec tick = {.tv_nsec = TICK_NSEC};

	for (;;) {
		int number = sigtimedwait(signals, NULL, &tick);

		if (holder->tripped)
			rule(holder);
		dataplane_refresh(holder->dataplane);
		if (number == SIGUSR1) {
			trip(holder);
		} else if (number == SIGUSR2) {
			reset(holder);
		} else if (number == SIGTERM) {
			say_counts(holder);
			return;
		}
	}
}

static void block_signals(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGUSR1);
	sigaddset(ret_signals, SIGUSR2);
	sigaddset(ret_signals, SIGTERM);
	sigprocmask(SIG_BLOCK, ret_signals, NULL);
}

/* What the command line asks for, beside the ruling. */
struct settings {
	const char *interfaces[INTERFACES_MAX], *prober, *target, *cgroup;
	size_t interfaces_count;
	unsigned long port, target_port;
	bool local;
};

static void take_option(struct holder *holder, struct settings *settings, int option)
{
	if (option == 'p')
		settings->port = peer_number(optarg);
	else if (option == 'i' && settings->interfaces_count < INTERFACES_MAX)
		settings->interfaces[settings->interfaces_count++] = optarg;
	else if (option == 'l')
		settings->local = true;
	else if (option == 'v')
		holder->ruling.verdict = verdict_of(optarg);
	else if (option == 'e')
		holder->lease = peer_number(optarg) * MSEC_NSEC;
	else if (option == 'b')
		settings->prober = optarg;
	else if (option == 's')
		holder->ruling.flags |= SHUNT_RULING_SHADOW;
	else if (option == 't')
		settings->target = optarg;
	else if (option == 'c')
		settings->cgroup = optarg;
	else if (option == 'q')
		settings->target_port = peer_number(optarg);
	else if (option == 'h')
		holder->ruling.admit = dataplane_share((double)peer_number(optarg) / 100);
	else
		usage();
}

static void parse(struct holder *holder, struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"interface", required_argument, NULL, 'i'},
		{"local", no_argument, NULL, 'l'},
		{"verdict", required_argument, NULL, 'v'},
		{"lease", required_argument, NULL, 'e'},
		{"prober", required_argument, NULL, 'b'},
		{"shadow", no_argument, NULL, 's'},
		{"target", required_argument, NULL, 't'},
		{"target-port", required_argument, NULL, 'q'},
		{"share", required_argument, NULL, 'h'},
		{"cgroup", required_argument, NULL, 'c'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(holder, settings, option);
	if (!settings->port || optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct holder holder = {.ruling = {.verdict = SHUNT_VERDICT_REJECT},
				.lease = 3000 * MSEC_NSEC};
	struct dataplane_options maps = {.slots = SLOTS};
	struct settings settings = {0};
	sigset_t signals;

	parse(&holder, &settings, argc, argv);
	setlinebuf(stdout);
	block_signals(&signals);
	maps.inbound_fd = make_map(BPF_MAP_TYPE_HASH, "inbound", sizeof(struct shunt_endpoint),
				   sizeof(uint32_t));
	maps.probers_fd = make_map(BPF_MAP_TYPE_HASH, "probers", sizeof(struct shunt_prober_key),
				   sizeof(struct shunt_prober));
	name_port(maps.inbound_fd, settings.port);
	if (settings.prober)
		name_prober(maps.probers_fd, settings.prober);
	if (dataplane_open(&maps, &holder.dataplane))
		errx(1, "the programs cannot be loaded");
	for (size_t i = 0; i < settings.interfaces_count; i++)
		attach(&holder, settings.interfaces[i]);
	if (settings.local && dataplane_attach_local(holder.dataplane))
		errx(1, "loopback cannot be attached to");
	if (settings.cgroup)
		attach_outbound(&holder, settings.cgroup, settings.port);
	if (settings.target)
		aim(&holder, settings.target, settings.target_port, settings.cgroup);
	puts("ready");
	hold(&holder, &signals);
	dataplane_close(holder.dataplane);
	return 0;
}
