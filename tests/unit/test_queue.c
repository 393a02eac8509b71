/* SPDX-License-Identifier: GPL-2.0 */
/* Accept queues: whose a listener is, and what it turned away. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "daemon/binding.h"
#include "daemon/queue.h"
#include "kernel/netstat.h"
#include "unit/fake_observer.h"

#define SLOTS 16
#define OWN   7

static struct observer kernel;
static struct bindings bindings;
static struct queues queues;

/* What the namespace turns away between two readings: enough for what listeners say. */
static uint64_t turned_away = 1000000;

int netstat_listen_drops(uint64_t *ret_drops)
{
	static uint64_t drops = 5;

	drops += turned_away;
	*ret_drops = drops;
	return 0;
}

static void set_up(void)
{
	cr_assert_eq(queues_init(&queues, SLOTS, OWN), 0);
}

static void tear_down(void)
{
	queues_done(&queues);
	bindings_done(&bindings);
}

TestSuite(queue, .init = set_up, .fini = tear_down);

static void parse(const char *text, uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	if (strchr(text, ':')) {
		cr_assert_eq(inet_pton(AF_INET6, text, ret_addr), 1);
	} else {
		ret_addr[10] = ret_addr[11] = 0xff;
		cr_assert_eq(inet_pton(AF_INET, text, ret_addr + 12), 1);
	}
}

/* Binds a local address to a slot. */
static void name(uint32_t netns, const char *address, uint16_t port, uint32_t slot)
{
	struct binding binding = {
		.kind = BINDING_INBOUND, .netns = netns, .port = port, .slot = slot};
	struct bindings desired = {0};

	parse(address, binding.addr);
	for (size_t i = 0; i < bindings.count; i++)
		bindings_add(&desired, &bindings.items[i]);
	bindings_add(&desired, &binding);
	bindings_apply(&kernel, &bindings, &desired);
	bindings_done(&desired);
}

/* A listener as the next reading finds it. */
static struct shunt_queue *listener(uint64_t socket, const char *address, uint16_t port)
{
	struct shunt_queue *queue = &kernel.queues[kernel.queues_count++];

	*queue = (struct shunt_queue){
		.local = {.netns = OWN, .port = port}, .socket = socket, .limit = 128};
	parse(address, queue->local.addr);
	return queue;
}

static void read_queues(void)
{
	cr_assert_eq(queues_read(&queues, &kernel, &bindings, 0), 0);
}

static void close_all(void)
{
	kernel.queues_count = 0;
}

Test(queue, a_listener_is_its_service)
{
	name(OWN, "10.0.0.5", 80, 5);
	listener(1, "10.0.0.5", 80)->length = 3;
	read_queues();
	cr_expect_eq(queues.slots[5].length, 3);
	cr_expect_eq(queues.slots[5].limit, 128);
	cr_expect_eq(queues.slots[5].drops, 0);
	read_queues();
	cr_expect_eq(queues.slots[5].length, 3, "a reading replaces the one before");
	close_all();
	read_queues();
	cr_expect_eq(queues.slots[5].length, 0);
	cr_expect_eq(queues.slots[5].limit, 0, "nobody listens");
}

Test(queue, listeners_of_one_service_add_up)
{
	name(OWN, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80)->length = 3;
	listener(2, "0.0.0.0", 80)->length = 4;
	listener(3, "0.0.0.0", 81)->length = 100;
	read_queues();
	cr_expect_eq(queues.slots[5].length, 7);
	cr_expect_eq(queues.slots[5].limit, 256);
	cr_expect_eq(queues.slots[SHUNT_SLOT_UNKNOWN_SERVER].length, 100);
}

Test(queue, drops_before_the_daemon_are_not_its_own)
{
	name(OWN, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80)->drops = 1000;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 0);
	kernel.queues[0].drops = 1007;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 7);
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 7);
}

Test(queue, drops_of_a_new_listener_are_all_new)
{
	name(OWN, "0.0.0.0", 80, 5);
	read_queues();
	listener(1, "0.0.0.0", 80)->drops = 4;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 4);
}

Test(queue, drops_outlive_the_listener)
{
	name(OWN, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80);
	read_queues();
	kernel.queues[0].drops = 4;
	read_queues();
	close_all();
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 4);
	listener(2, "0.0.0.0", 80)->drops = 3;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 7);
	queues_clear(&queues, 5);
	cr_expect_eq(queues.slots[5].drops, 0);
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 0);
}

Test(queue, the_kernels_count_wraps)
{
	name(OWN, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80)->drops = UINT32_MAX - 1;
	read_queues();
	kernel.queues[0].drops = 3;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 5);
}

Test(queue, anothers_memory_is_another_listener)
{
	name(OWN, "0.0.0.0", 80, 5);
	name(OWN, "0.0.0.0", 81, 6);
	listener(1, "0.0.0.0", 80)->drops = 100;
	read_queues();
	close_all();
	listener(1, "0.0.0.0", 81)->drops = 2;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 0);
	cr_expect_eq(queues.slots[6].drops, 2);
}

Test(queue, many_in_any_order)
{
	name(OWN, "0.0.0.0", 80, 5);
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		listener(FAKE_QUEUES - i, "0.0.0.0", 80)->drops = i;
	read_queues();
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		kernel.queues[i].drops += 2;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 2 * FAKE_QUEUES);
	cr_expect_eq(queues.slots[5].limit, 128 * FAKE_QUEUES);
}

/* ---- what is believed ---- */

/* A load balancer's check that takes its half-open connection back, say. */
Test(queue, packets_of_no_use_are_no_drops)
{
	name(OWN, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80);
	read_queues();
	turned_away = 0;
	kernel.queues[0].drops = 10;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 0);
	turned_away = 2;
	kernel.queues[0].drops = 15;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 2);
}

Test(queue, full_listeners_are_believed_first)
{
	name(OWN, "0.0.0.0", 80, 5);
	name(OWN, "0.0.0.0", 81, 6);
	listener(1, "0.0.0.0", 80);
	listener(2, "0.0.0.0", 81)->length = 128;
	read_queues();
	turned_away = 8;
	kernel.queues[0].drops = 10;
	kernel.queues[1].drops = 6;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 2);
	cr_expect_eq(queues.slots[6].drops, 6);
}

Test(queue, in_another_namespace_only_full_listeners_are_believed)
{
	name(0, "0.0.0.0", 80, 5);
	listener(1, "0.0.0.0", 80)->local.netns = OWN + 1;
	read_queues();
	kernel.queues[0].drops = 10;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 0);
	kernel.queues[0].length = 128;
	kernel.queues[0].drops = 14;
	read_queues();
	cr_expect_eq(queues.slots[5].drops, 4);
}

/* ---- which service ---- */

struct owner_case {
	char local[20];
	uint16_t port;
	uint16_t slot;
	uint32_t netns;
};

ParameterizedTestParameters(queue, owner)
{
	static struct owner_case cases[] = {
		{"10.0.0.5", 80, 5, OWN},
		{"10.0.0.6", 80, 6, OWN}, /* no address of its own: the wildcard's */
		{"0.0.0.0", 80, 6, OWN},
		{"::", 80, 7, OWN},
		{"2001:db8::1", 80, 7, OWN},
		{"10.0.0.5", 81, SHUNT_SLOT_UNKNOWN_SERVER, OWN},
		{"10.0.0.5", 80, SHUNT_SLOT_UNKNOWN_SERVER, OWN + 1},
		{"0.0.0.0", 82, 8, OWN + 1}, /* any namespace */
		{"0.0.0.0", 83, 9, OWN}, /* serves an address of its own among others */
		{"10.0.0.9", 83, SHUNT_SLOT_UNKNOWN_SERVER, OWN},
		{"::", 83, 9, OWN}, /* of both families */
		{"0.0.0.0", 84, SHUNT_SLOT_UNKNOWN_SERVER, OWN}, /* not of the other one */
	};

	return cr_make_param_array(struct owner_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct owner_case *c, queue, owner)
{
	struct shunt_endpoint local = {.netns = c->netns, .port = c->port};
	uint32_t slot;

	name(OWN, "10.0.0.5", 80, 5);
	name(OWN, "0.0.0.0", 80, 6);
	name(OWN, "::", 80, 7);
	name(0, "0.0.0.0", 82, 8);
	name(OWN, "10.0.0.5", 83, 9);
	name(OWN, "2001:db8::5", 84, 10);
	parse(c->local, local.addr);
	slot = bindings_listener_slot(&bindings, &local);
	cr_assert_eq(slot, c->slot, "%s port %u: slot %u", c->local, c->port, slot);
}

/* ---- readings that stand ---- */

/* Whether the listeners are walked over, at `now`. */
static bool walks(bool come, uint64_t now)
{
	unsigned before = kernel.walks;

	cr_assert_eq(queues_refresh(&queues, &kernel, &bindings, come, now), 0);
	return kernel.walks != before;
}

Test(queue, empty_queues_are_read_where_they_can_have_changed)
{
	uint64_t now = 1000 * QUEUES_STAND;

	turned_away = 0;
	listener(1, "0.0.0.0", 80);
	cr_expect(walks(false, now), "never read");
	cr_expect_not(walks(false, now + 1));
	cr_expect(walks(true, now + 1), "somebody has come");
	kernel.listens++;
	cr_expect(walks(false, now + 1), "another listener");
	cr_expect_not(walks(false, now + 1));
	name(OWN, "0.0.0.0", 80, 5);
	cr_expect(walks(false, now + 1), "it is another service's");
	cr_expect_eq(queues.slots[5].limit, 128);
	name(OWN, "0.0.0.0", 80, 5);
	cr_expect_not(walks(false, now + 1), "it is whose it was");
	turned_away = 1;
	cr_expect(walks(false, now + 1), "somebody was turned away");
	turned_away = 0;
	cr_expect_not(walks(false, now + QUEUES_STAND));
	cr_expect(walks(false, now + QUEUES_STAND + 1), "for so long");
}

Test(queue, who_waits_is_looked_at_again)
{
	turned_away = 0;
	listener(1, "0.0.0.0", 81)->length = 1;
	cr_expect(walks(false, 1));
	cr_expect(walks(false, 1));
	kernel.queues[0].length = 0;
	cr_expect(walks(false, 1));
	cr_expect_not(walks(false, 1));
}
