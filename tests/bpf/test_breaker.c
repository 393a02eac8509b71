/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of frames under each verdict, without a network: BPF_PROG_TEST_RUN. */
#include <linux/if_ether.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "bpf/frames.h"
#include "bpf/own.h"
#include "kernel/dataplane.h"

#define SLOTS 16

/* Slots, and the ports of services that are named by an address and by a port alone. */
#define EXACT	  (SHUNT_SLOT_FIRST + 1)
#define WILD	  (SHUNT_SLOT_FIRST + 2)
#define P_EXACT	  8080
#define P_WILD	  8081
#define P_NOBODY  8082
#define SALT	  7
#define HOUR_NSEC 3600000000000ULL

static struct dataplane *dataplane;
static int program;

/* ---- the scene ---- */

static void run_command(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static int own_program(const char *name)
{
	for (int fd = 0; fd < OWN_FDS; fd++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    !strcmp(target, "anon_inode:bpf-prog") &&
		    !bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, name))
			return fd;
	}
	cr_assert_fail("there is no program %s here", name);
	return -1;
}

static void parse_address(const char *text, uint8_t ret_address[16])
{
	memset(ret_address, 0, 16);
	ret_address[10] = ret_address[11] = 0xff;
	if (inet_pton(AF_INET, text, ret_address + 12) != 1)
		cr_assert_eq(inet_pton(AF_INET6, text, ret_address), 1, "%s", text);
}

static void name(const char *address, uint16_t port, uint32_t slot)
{
	struct shunt_endpoint key = {.port = port};
	struct stat netns;

	cr_assert_eq(stat("/proc/self/ns/net", &netns), 0);
	key.netns = (uint32_t)netns.st_ino;
	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_inbound"), &key, &slot, BPF_ANY), 0);
}

static void know_prober(const char *address, uint32_t slot)
{
	struct shunt_prober_key key = {.slot = slot};
	const struct shunt_prober prober = {.dedicated = 1};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_probers"), &key, &prober, BPF_ANY), 0);
}

/* The kernel gives test runs the loopback as their interface. */
static void open_dataplane(void)
{
	const struct dataplane_options options = {
		.slots = SLOTS, .inbound_fd = -1, .probers_fd = -1};
	struct shunt_interface ours = {0};
	uint32_t loopback = 1;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	run_command("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && "
		    "ip -6 route add local 2001:db8::/32 dev lo");
	cr_assert_eq(dataplane_open(&options, &dataplane), 0);
	program = own_program("shunt_frame");
	memcpy(ours.address, OUR_ADDRESS, sizeof(ours.address));
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_interfaces"), &loopback, &ours, BPF_ANY),
		     0);
	name("10.0.0.5", P_EXACT, EXACT);
	name("2001:db8::5", P_EXACT, EXACT);
	name("0.0.0.0", P_WILD, WILD);
	name("::", P_WILD, WILD);
}

static void close_dataplane(void)
{
	dataplane_close(dataplane);
}

TestSuite(breaker, .init = open_dataplane, .fini = close_dataplane);

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void rule_with(uint32_t slot, enum shunt_verdict verdict, uint8_t flags, double share)
{
	const struct shunt_ruling ruling = {
		.until = now() + HOUR_NSEC,
		.admit = dataplane_share(share),
		.salt = SALT,
		.verdict = (uint8_t)verdict,
		.flags = flags,
	};

	cr_assert_eq(dataplane_rule(dataplane, slot, &ruling), 0);
}

static void rule(enum shunt_verdict verdict)
{
	rule_with(EXACT, verdict, 0, 0);
	rule_with(WILD, verdict, 0, 0);
}

/* Runs the program on a frame; the frame as it leaves in *ret_frame. */
static int run(const struct frame *frame, struct frame *ret_frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = ret_frame->bytes,
		    .data_size_out = sizeof(ret_frame->bytes), .repeat = 1);
	int r = bpf_prog_test_run_opts(program, &options);

	cr_assert_eq(r, 0, "test run of %zu bytes: %d", frame->length, r);
	ret_frame->length = options.data_size_out;
	return (int)options.retval;
}

static int run_shape(const struct shape *shape)
{
	struct frame frame, after;

	make_frame(shape, &frame);
	return run(&frame, &after);
}

static bool same(const struct frame *one, const struct frame *other)
{
	return one->length == other->length && !memcmp(one->bytes, other->bytes, one->length);
}

/* "pass=1 reject=2 shadow_drop=3" of what is not 0. */
static const char *describe(uint32_t slot)
{
	static char text[256];
	struct shunt_verdict_counts counts;
	size_t used = 0;

	dataplane_read(dataplane, slot, &counts);
	text[0] = '\0';
	for (unsigned i = 0; i < 2 * SHUNT_VERDICT_MAX; i++) {
		unsigned verdict = i % SHUNT_VERDICT_MAX;
		bool shadow = i >= SHUNT_VERDICT_MAX;
		uint64_t count = shadow ? counts.shadow[verdict] : counts.connections[verdict];

		if (count)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s=%lu",
						 used ? " " : "", shadow ? "shadow_" : "",
						 dataplane_verdict_name(verdict), count);
	}
	return text;
}

static void expect_counts(uint32_t slot, const char *what, const char *counts)
{
	cr_expect_str_eq(describe(slot), counts, "%s: '%s', expected '%s'", what, describe(slot),
			 counts);
}

/* ---- shapes ---- */

#define V4	    .from = "10.0.1.1", .to = "10.0.0.5", .port = P_EXACT
#define V6	    .from = "2001:db8:1::1", .to = "2001:db8::5", .port = P_EXACT
#define NOT_COUNTED (-1)

static const struct {
	const char *what;
	struct shape shape;
	bool refused;
	int unjudged; /* enum shunt_unjudged of what passes, or NOT_COUNTED */
} shapes[] = {
	{"a SYN", {V4, .flags = SYN}, true, 0},
	{"a SYN, IPv6", {V6, .flags = SYN}, true, 0},
	{"to a port alone",
	 {.from = "10.0.1.1", .to = "10.0.0.9", .port = P_WILD, .flags = SYN},
	 true,
	 0},
	{"to a port alone, IPv6",
	 {.from = "2001:db8:1::1", .to = "2001:db8::9", .port = P_WILD, .flags = SYN},
	 true,
	 0},
	{"as Linux sends it", {V4, .flags = SYN, .tcp_options = 20}, true, 0},
	{"as Linux sends it, IPv6", {V6, .flags = SYN, .tcp_options = 20}, true, 0},
	{"all the TCP options there can be", {V4, .flags = SYN, .tcp_options = 40}, true, 0},
	{"padded to 60 bytes", {V4, .flags = SYN, .padding = 6}, true, 0},
	{"ECN", {V4, .flags = SYN | ECE | CWR, .traffic_class = 0xb9}, true, 0},
	{"ECN, IPv6", {V6, .flags = SYN | ECE | CWR, .traffic_class = 0xb9}, true, 0},
	{"urgent and pushed", {V4, .flags = SYN | URG | PSH}, true, 0},
	{"Fast Open: data", {V4, .flags = SYN, .tcp_options = 12, .data = 501}, true, 0},
	{"Fast Open: data, IPv6", {V6, .flags = SYN, .data = 1000}, true, 0},
	{"802.1Q", {V4, .flags = SYN, .tags = 1}, true, 0},
	{"802.1Q, IPv6", {V6, .flags = SYN, .tags = 1}, true, 0},
	{"QinQ", {V4, .flags = SYN, .tags = 2, .outer_type = 0x88a8}, true, 0},
	{"QinQ, IPv6",
	 {V6, .flags = SYN, .tags = 2, .outer_type = 0x88a8, .tcp_options = 20},
	 true,
	 0},
	{"two tags of 802.1Q", {V4, .flags = SYN, .tags = 2}, true, 0},
	{"IP options", {V4, .flags = SYN, .ip_options = 4}, true, 0},
	{"all the IP options there can be",
	 {V4, .flags = SYN, .ip_options = 40, .tcp_options = 40, .tags = 2},
	 true,
	 0},
	{"do not fragment", {V4, .flags = SYN, .fragment = 0x4000}, true, 0},
	{"hop by hop", {V6, .flags = SYN, .extensions = "h"}, true, 0},
	{"destination options", {V6, .flags = SYN, .extensions = "D"}, true, 0},
	{"a route at its end", {V6, .flags = SYN, .extensions = "r"}, true, 0},
	{"all of them, tagged",
	 {V6, .flags = SYN, .extensions = "hdrD", .tags = 2, .tcp_options = 20, .data = 7},
	 true,
	 0},
	{"six headers", {V6, .flags = SYN, .extensions = "dddddd"}, true, 0},

	{"three tags", {V4, .flags = SYN, .tags = 3}, false, SHUNT_UNJUDGED_HEADER},
	{"a first fragment",
	 {V4, .flags = SYN, .fragment = 0x2000},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a later fragment",
	 {V4, .flags = SYN, .fragment = 0x0010},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a fragment, IPv6", {V6, .flags = SYN, .extensions = "f"}, false, SHUNT_UNJUDGED_FRAGMENT},
	{"a fragment behind another header",
	 {V6, .flags = SYN, .extensions = "hf"},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a route on its way", {V6, .flags = SYN, .extensions = "R"}, false, SHUNT_UNJUDGED_HEADER},
	{"seven headers",
	 {V6, .flags = SYN, .extensions = "ddddddd"},
	 false,
	 SHUNT_UNJUDGED_HEADER},
	{"authentication", {V6, .flags = SYN, .extensions = "a"}, false, NOT_COUNTED},
	{"UDP behind another header", {V6, .flags = SYN, .extensions = "hu"}, false, NOT_COUNTED},
	{"an ACK", {V4, .flags = ACK}, false, NOT_COUNTED},
	{"an ACK, IPv6", {V6, .flags = ACK, .tags = 1}, false, NOT_COUNTED},
	{"data", {V4, .flags = ACK | PSH, .tcp_options = 12, .data = 1000}, false, NOT_COUNTED},
	{"a SYN-ACK", {V4, .flags = SYN | ACK}, false, NOT_COUNTED},
	{"a reset", {V4, .flags = RST}, false, NOT_COUNTED},
	{"an end", {V6, .flags = FIN | ACK}, false, NOT_COUNTED},
	{"a SYN that is a reset", {V4, .flags = SYN | RST}, false, NOT_COUNTED},
	{"a SYN that is an end", {V4, .flags = SYN | FIN}, false, NOT_COUNTED},
	{"no flag", {V4}, false, NOT_COUNTED},
	{"another port",
	 {.from = "10.0.1.1", .to = "10.0.0.5", .port = P_NOBODY, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"another address",
	 {.from = "10.0.1.1", .to = "10.0.0.6", .port = P_EXACT, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"another address, IPv6",
	 {.from = "2001:db8:1::1", .to = "2001:db8::6", .port = P_EXACT, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"from nobody",
	 {.from = "0.0.0.0", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from everybody",
	 {.from = "255.255.255.255", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from loopback",
	 {.from = "127.0.0.1", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from a group, IPv6",
	 {.from = "ff02::1", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from loopback, IPv6",
	 {.from = "::1", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"IPv4 in disguise",
	 {.from = "::ffff:10.0.1.1", .to = "::ffff:10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"to a group",
	 {.from = "10.0.1.1", .to = "224.0.0.5", .port = P_WILD, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"another machine's frame",
	 {V4, .flags = SYN, .mac = "\x02\x00\x00\x00\x00\x06"},
	 false,
	 SHUNT_UNJUDGED_ELSEWHERE},
	{"everybody's frame",
	 {V6, .flags = SYN, .mac = "\xff\xff\xff\xff\xff\xff"},
	 false,
	 SHUNT_UNJUDGED_ELSEWHERE},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static uint64_t unjudged_in_all(void)
{
	uint64_t sum = 0;

	for (enum shunt_unjudged why = 0; why < SHUNT_UNJUDGED_MAX; why++)
		sum += dataplane_unjudged(dataplane, why);
	return sum;
}

/* Whatever becomes of it: what passes is as it was, an answer as the other arithmetic has it. */
static void check_run(const char *what, const struct frame *frame, bool refused, int refusal)
{
	struct frame after, answer;
	int wanted = refused ? refusal : XDP_PASS;
	struct seen seen = {0};
	int action = run(frame, &after);

	cr_assert_eq(action, wanted, "%s: XDP action %d, expected %d", what, action, wanted);
	if (action == XDP_TX) {
		cr_assert(see_frame(frame, &seen), "%s is answered", what);
		make_answer(frame, &seen, &answer);
		cr_assert(same(&after, &answer), "%s: the answer's bytes", what);
	} else {
		cr_assert(same(&after, frame), "%s is not as it was", what);
	}
}

static void check_shapes(int refusal)
{
	for (unsigned i = 0; i < SHAPES; i++) {
		uint64_t before = unjudged_in_all(), counted = 0;
		bool is_unjudged = !shapes[i].refused && shapes[i].unjudged != NOT_COUNTED;
		struct frame frame;

		if (is_unjudged)
			counted = dataplane_unjudged(dataplane, shapes[i].unjudged);
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, shapes[i].refused, refusal);
		cr_expect_eq(unjudged_in_all() - before, is_unjudged, "%s", shapes[i].what);
		if (is_unjudged)
			cr_expect_eq(dataplane_unjudged(dataplane, shapes[i].unjudged), counted + 1,
				     "%s: counted as another thing", shapes[i].what);
	}
}

Test(breaker, reject_answers_a_syn_and_nothing_else)
{
	rule(SHUNT_VERDICT_REJECT);
	check_shapes(XDP_TX);
}

Test(breaker, drop_drops_a_syn_and_nothing_else)
{
	rule(SHUNT_VERDICT_DROP);
	check_shapes(XDP_DROP);
}

Test(breaker, without_a_verdict_all_passes_unseen)
{
	struct frame frame;

	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	rule(SHUNT_VERDICT_REJECT);
	dataplane_pass(dataplane, EXACT);
	dataplane_pass(dataplane, WILD);
	dataplane_pass(dataplane, WILD);
	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	cr_expect_eq(unjudged_in_all(), 0);
	expect_counts(EXACT, "exact", "");
	expect_counts(WILD, "wildcard", "");
}

/* Each of its lengths short of the whole; the padding is not the packet's. */
Test(breaker, what_is_cut_short_passes)
{
	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < SHAPES; i++) {
		struct frame frame;
		size_t whole;

		make_frame(&shapes[i].shape, &frame);
		whole = frame.length - shapes[i].shape.padding;
		for (frame.length = ETH_HLEN; frame.length < whole; frame.length++)
			check_run(shapes[i].what, &frame, false, 0);
	}
	cr_expect_gt(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_TRUNCATED), 1000);
	expect_counts(EXACT, "cut short", "");
}

/* Which byte of the frame becomes what, and still it is no SYN to answer. */
Test(breaker, what_contradicts_itself_passes)
{
	static const struct {
		const char *what;
		bool ipv6;
		size_t at;
		uint8_t byte;
	} flaws[] = {
		{"IPv4 of version 6", false, 14, 0x65},
		{"a header of 16 bytes", false, 14, 0x44},
		{"a longer header", false, 14, 0x4f},
		{"longer than the frame", false, 16, 1},
		{"shorter than its header", false, 17, 19},
		{"no room for TCP", false, 17, 39},
		{"a wrong checksum", false, 24, 0xff},
		{"TCP of 16 bytes", false, 46, 0x40},
		{"TCP longer than it is", false, 46, 0x60},
		{"IPv6 of version 4", true, 14, 0x45},
		{"no payload", true, 19, 0},
		{"less than TCP", true, 19, 19},
		{"longer than the frame", true, 18, 1},
		{"TCP of no length", true, 66, 0},
	};

	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		const struct shape plain = {V4, .flags = SYN}, plain6 = {V6, .flags = SYN};
		struct frame frame;

		make_frame(flaws[i].ipv6 ? &plain6 : &plain, &frame);
		check_run("sound", &frame, true, XDP_TX);
		frame.bytes[flaws[i].at] = flaws[i].byte;
		/* The checksum is right, but where it is what is wrong. */
		if (!flaws[i].ipv6 && flaws[i].at != 24 && flaws[i].at < 34) {
			set_short(frame.bytes + 24, 0);
			set_short(frame.bytes + 24, ~add_up(0, frame.bytes + 14, 20));
		}
		check_run(flaws[i].what, &frame, false, 0);
	}
}

/* ---- verdicts ---- */

static const struct shape syn = {V4, .flags = SYN}, syn6 = {V6, .flags = SYN};

Test(breaker, a_lease_that_is_over_passes)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC, .verdict = SHUNT_VERDICT_DROP};

	cr_assert_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
	cr_expect_eq(run_shape(&syn), XDP_DROP);
	dataplane_renew(dataplane, now());
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_EXPIRED), 1);
	dataplane_renew(dataplane, now() + HOUR_NSEC);
	cr_expect_eq(run_shape(&syn6), XDP_DROP);
	expect_counts(EXACT, "two of three", "drop=2");
	dataplane_clear(dataplane, EXACT);
	expect_counts(EXACT, "cleared", "");
}

Test(breaker, a_verdict_is_one_services_alone)
{
	const struct shape other = {
		.from = "10.0.1.1", .to = "10.0.0.5", .port = P_WILD, .flags = SYN};

	rule_with(EXACT, SHUNT_VERDICT_DROP, 0, 0);
	cr_expect_eq(run_shape(&syn), XDP_DROP);
	cr_expect_eq(run_shape(&other), XDP_PASS);
	expect_counts(EXACT, "its own", "drop=1");
	expect_counts(WILD, "another's", "");
}

Test(breaker, in_shadow_all_is_counted_and_passes)
{
	struct frame frame;

	rule_with(EXACT, SHUNT_VERDICT_REJECT, SHUNT_RULING_SHADOW, 0);
	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	expect_counts(EXACT, "shadow", "shadow_reject=24");
	rule_with(EXACT, SHUNT_VERDICT_DROP, SHUNT_RULING_SHADOW, 1);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	expect_counts(EXACT, "shadow, admitted", "shadow_pass=1 shadow_reject=24");
}

Test(breaker, drain_refuses_probers_alone)
{
	const struct shape prober = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN};
	const struct shape prober6 = {
		.from = "2001:db8:1::9", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN};
	const struct shape elsewhere = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_WILD, .flags = SYN};

	know_prober("10.0.1.9", EXACT);
	know_prober("2001:db8:1::9", EXACT);
	rule(SHUNT_VERDICT_DRAIN);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(run_shape(&syn6), XDP_PASS);
	cr_expect_eq(run_shape(&prober), XDP_TX);
	cr_expect_eq(run_shape(&prober6), XDP_TX);
	cr_expect_eq(run_shape(&elsewhere), XDP_PASS, "it checks another service");
	expect_counts(EXACT, "drained", "pass=2 drain=2");
	expect_counts(WILD, "drained", "pass=1");
}

Test(breaker, probers_are_exempt_where_told_so)
{
	const struct shape prober = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN};

	know_prober("10.0.1.9", EXACT);
	rule_with(EXACT, SHUNT_VERDICT_REJECT, SHUNT_RULING_EXEMPT, 0);
	cr_expect_eq(run_shape(&prober), XDP_PASS);
	cr_expect_eq(run_shape(&syn), XDP_TX);
	rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, 0);
	cr_expect_eq(run_shape(&prober), XDP_TX, "coupled");
	expect_counts(EXACT, "exempt, then coupled", "pass=1 reject=2");
}

#define ATTEMPTS 10000

/* The n-th caller: ports of one address, and addresses with one port. */
static bool admits(unsigned n)
{
	struct shape shape = syn;
	char from[32];

	snprintf(from, sizeof(from), "10.0.%u.%u", 1 + n % 7, 1 + n % 250);
	shape.from = from;
	shape.from_port = (uint16_t)(32768 + n / 3);
	return run_shape(&shape) == XDP_PASS;
}

Test(breaker, half_open_admits_its_share)
{
	static const double shares[] = {0.01, 0.1, 0.5, 0.9};

	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		unsigned admitted = 0;

		rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, shares[i]);
		for (unsigned n = 0; n < ATTEMPTS; n++)
			admitted += admits(n);
		cr_expect_float_eq((double)admitted / ATTEMPTS, shares[i], 0.02,
				   "%u of %u, expected a share of %g", admitted, ATTEMPTS,
				   shares[i]);
	}
}

Test(breaker, half_open_answers_a_retransmission_alike)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC, .verdict = SHUNT_VERDICT_DROP};
	unsigned differ = 0;

	ruling.admit = dataplane_share(0.5);
	for (unsigned n = 0; n < 1000; n++) {
		bool first, again, other;

		ruling.salt = 1;
		cr_assert_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
		first = admits(n);
		again = admits(n);
		ruling.salt = 2;
		cr_assert_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
		other = admits(n);
		cr_expect_eq(first, again);
		differ += first != other;
	}
	cr_expect(differ > 400 && differ < 600, "another salt chooses others: %u of 1000", differ);
}

Test(breaker, rulings_that_cannot_be)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC, .verdict = SHUNT_VERDICT_DROP};

	cr_expect_eq(dataplane_rule(dataplane, SLOTS, &ruling), -ERANGE);
	ruling.verdict = SHUNT_VERDICT_REDIRECT;
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP);
	ruling.verdict = SHUNT_VERDICT_MAX;
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(dataplane_share(0), 0);
	cr_expect_eq(dataplane_share(-1), 0);
	cr_expect_eq(dataplane_share(0.5), 0x80000000);
	cr_expect_eq(dataplane_share(2), 0xffffffff);
}

/* A service that is a port on every address is none on the machines behind this one. */
Test(breaker, what_is_forwarded_passes)
{
	const struct shape there = {
		.from = "10.0.1.1", .to = "192.0.2.9", .port = P_WILD, .flags = SYN};
	const struct shape there6 = {
		.from = "2001:db8:1::1", .to = "fd00:9::9", .port = P_WILD, .flags = SYN};
	const struct shape here = {
		.from = "10.0.1.1", .to = "10.0.0.9", .port = P_WILD, .flags = SYN};

	run_command("ip link add v0 type veth peer name v1 && ip link set v0 up && "
		    "ip link set v1 up && ip addr add 198.51.100.1/24 dev v0 && "
		    "ip addr add fd00:8::1/64 dev v0 nodad && "
		    "ip route add 192.0.2.0/24 via 198.51.100.2 && "
		    "ip -6 route add fd00:9::/64 via fd00:8::2");
	rule(SHUNT_VERDICT_REJECT);
	run_command("echo 1 >/proc/sys/net/ipv4/ip_forward && "
		    "echo 1 >/proc/sys/net/ipv4/conf/all/forwarding && "
		    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	cr_expect_eq(run_shape(&there), XDP_PASS);
	cr_expect_eq(run_shape(&there6), XDP_PASS);
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_ELSEWHERE), 2);
	cr_expect_eq(run_shape(&here), XDP_TX);
	cr_expect_eq(run_shape(&syn), XDP_TX);
	expect_counts(WILD, "this host's own", "reject=1");
}

/* ---- chance ---- */

#define FUZZ_FRAMES 200000

static uint64_t seed = 20261121;

/* xorshift64: the same frames each time. */
static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static void make_noise(struct frame *ret_frame)
{
	ret_frame->length = ETH_HLEN + chance(200);
	for (size_t i = 0; i < ret_frame->length; i++)
		ret_frame->bytes[i] = (uint8_t)chance(256);
}

/* Behind the Ethernet addresses; often what is worth a look: headers, not data. */
static void mutate(struct frame *frame)
{
	uint32_t flips = chance(4);

	for (uint32_t i = 0; i < flips; i++)
		frame->bytes[12 +
			     chance(frame->length > 100 ? 88 : (uint32_t)frame->length - 12)] ^=
			(uint8_t)(chance(2) ? 1u << chance(8) : chance(256));
	if (!chance(8))
		frame->length = ETH_HLEN + chance((uint32_t)frame->length - ETH_HLEN + 1);
	/* Mutated addresses and options of a sound IPv4 header. */
	if (chance(2) && frame->length >= 34 && get_short(frame->bytes + 12) == 0x0800) {
		size_t header = (size_t)(frame->bytes[14] & 15) * 4;

		set_short(frame->bytes + 24, 0);
		if (14 + header <= frame->length)
			set_short(frame->bytes + 24, ~add_up(0, frame->bytes + 14, header));
	}
}

static bool is_ours(const struct seen *seen)
{
	static const uint8_t exact[4] = {10, 0, 0, 5};
	static const uint8_t exact6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 5};

	if (seen->port == P_WILD)
		return true;
	return seen->port == P_EXACT &&
	       !memcmp(seen->to, seen->address == 4 ? exact : exact6, seen->address);
}

Test(breaker, chance_finds_nothing_else, .timeout = 300)
{
	unsigned answered = 0;

	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < FUZZ_FRAMES; i++) {
		struct seen seen = {0};
		struct frame frame;
		bool refused;
		char what[64];

		if (chance(10)) {
			make_frame(&shapes[chance(SHAPES)].shape, &frame);
			mutate(&frame);
		} else {
			make_noise(&frame);
		}
		refused = see_frame(&frame, &seen) && is_ours(&seen);
		answered += refused;
		snprintf(what, sizeof(what), "frame %u", i);
		check_run(what, &frame, refused, XDP_TX);
	}
	/* Both kinds came about. */
	cr_expect(answered > FUZZ_FRAMES / 20 && answered < FUZZ_FRAMES / 2, "%u answered",
		  answered);
}
