/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks: who is noted, what is told of a known prober's checks, and what of them counts. */
#include <netinet/tcp.h>

#include "bpf/scene.h"
#include "bpf/sockets.h"

#define SLOT   (SHUNT_SLOT_FIRST)
#define PORT   7000
#define CLOSED 7001

static struct shunt_probe heard[16];
static unsigned heard_count;

static void on_event(void *userdata, const struct shunt_event *event)
{
	(void)userdata;
	(void)event;
}

static void on_probe(void *userdata, const struct shunt_probe *probe)
{
	(void)userdata;
	if (probe->slot == SLOT && heard_count < 16)
		heard[heard_count++] = *probe;
}

static void open_scene(void)
{
	enter_netns();
	scene_load();
	cr_assert_eq(observer_on_event(observer, on_event, NULL), 0);
	observer_on_probe(observer, on_probe);
	observer_set_quiet(observer, true);
	name_inbound("0.0.0.0", PORT, SLOT);
	name_inbound("0.0.0.0", CLOSED, SLOT);
	name_inbound("::", PORT, SLOT);
	observer_watch(observer, SLOT, SHUNT_WATCH_RHYTHM);
	scene_attach();
}

TestSuite(probes, .init = open_scene, .fini = scene_close);

/* From now on `address` is known to check with requests of `size` bytes. */
static void know(const char *address, uint32_t size)
{
	struct shunt_prober_key key = {.slot = SLOT};
	struct shunt_prober prober = {.sizes = {size}, .count = 1};

	parse_address(address, key.addr);
	cr_assert_eq(observer_set_prober(observer, &key, &prober), 0);
	observer_watch(observer, SLOT, SHUNT_WATCH_RHYTHM | SHUNT_WATCH_PROBERS);
}

/* Waits for so many checks, and says what the last was: "pass 200 of 5". */
static const char *told(unsigned count)
{
	static const char *const outcomes[SHUNT_PROBE_MAX] = {
		"pass", "refused", "reset", "timed_out", "no_response", "http_error", "overflow"};
	static char text[64];
	const struct shunt_probe *last;

	for (unsigned ms = 0; ms < PATIENCE_MS && heard_count < count; ms++) {
		observer_dispatch(observer);
		usleep(1000);
	}
	cr_expect_eq(heard_count, count, "%u checks, expected %u", heard_count, count);
	if (!heard_count)
		return "nothing";
	last = &heard[heard_count - 1];
	snprintf(text, sizeof(text), "%s %u of %u", outcomes[last->outcome], last->status,
		 last->size);
	return text;
}

struct counted {
	const char *address;
	uint32_t size;
	uint32_t count;
	bool crowded;
};

static int count_source(void *userdata, unsigned index, const struct shunt_source *source)
{
	struct counted *counted = userdata;
	uint8_t addr[16];

	(void)index;
	parse_address(counted->address, addr);
	if (source->slot == SLOT && source->size == counted->size &&
	    !memcmp(source->addr, addr, 16))
		*counted = (struct counted){counted->address, counted->size, source->count,
					    source->crowded};
	return 0;
}

static struct counted counted(const char *address, uint32_t size)
{
	struct counted counted = {.address = address, .size = size};

	cr_assert_eq(observer_sources(observer, true, count_source, &counted), 0);
	return counted;
}

static uint32_t noted(const char *address, uint32_t size)
{
	return counted(address, size).count;
}

static void connect_from(const char *source, const char *to, uint16_t port, int *ret_fd)
{
	union address from, address;
	socklen_t from_size = make_address(source, 0, &from);
	socklen_t size = make_address(to, port, &address);
	int fd = make_socket(&address), zero = 0;

	cr_assert_eq(bind(fd, &from.any, from_size), 0);
	/* As HAProxy does: the last ACK of the handshake waits for something to ride on. */
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero)), 0);
	if (connect(fd, &address.any, size))
		cr_assert_eq(errno, ECONNREFUSED);
	*ret_fd = fd;
}

/* A check: says `request`, is answered `response` or not at all, and goes. */
static void check(int listener, const char *source, const char *to, const char *request,
		  const char *response)
{
	char buffer[256];
	int client, server;

	connect_from(source, to, PORT, &client);
	if (*request)
		cr_assert_eq(write(client, request, strlen(request)), (ssize_t)strlen(request));
	else
		shutdown(client, SHUT_WR);
	server = accept_on(listener);
	if (*request)
		cr_assert_gt(read(server, buffer, sizeof(buffer)), 0);
	if (response) {
		cr_assert_gt(write(server, response, strlen(response)), 0);
		cr_assert_gt(read(client, buffer, sizeof(buffer)), 0);
	}
	close(client);
	cr_assert_eq(read(server, buffer, sizeof(buffer)), 0);
	close(server);
}

#define REQUEST "GET /healthz HTTP/1.0\r\n\r\n"
#define SIZE	25

Test(probes, who_says_little_is_noted_with_what_it_says)
{
	int listener = listen_on("10.0.0.1", PORT, 8);

	for (int i = 0; i < 3; i++) {
		check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "HTTP/1.1 200 OK\r\n\r\n");
		check(listener, "10.0.0.2", "10.0.0.1", "", NULL);
		check(listener, "10.0.0.3", "10.0.0.1", "four", "yes");
		usleep(60000);
	}
	cr_expect_eq(noted("10.0.0.2", SIZE), 3);
	cr_expect_eq(noted("10.0.0.2", 0), 3);
	cr_expect_eq(noted("10.0.0.3", 4), 3);
	cr_expect_eq(noted("10.0.0.3", SIZE), 0);
	told(0);
	expect_slot(SLOT, "nobody is known", "established=9 closed=9");
	observer_forget_sources(observer, SLOT);
	cr_expect_eq(noted("10.0.0.2", SIZE), 0, "forgotten");
	expect_nothing_left();
}

Test(probes, who_comes_too_fast_is_not_counted_each_time)
{
	int listener = listen_on("10.0.0.1", PORT, 8);

	for (int i = 0; i < 20; i++)
		check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "x");
	cr_expect_lt(noted("10.0.0.2", SIZE), 20);
	expect_slot(SLOT, "all of it", "established=20 closed=20");
}

Test(probes, who_comes_in_crowds_is_marked)
{
	int listener = listen_on("10.0.0.1", PORT, 8);

	check(listener, "10.0.0.3", "10.0.0.1", REQUEST, "x");
	/* Nine of them came within 25 ms some time, however slow the machine is. */
	for (int i = 0; i < 10000 && !counted("10.0.0.2", SIZE).crowded; i++)
		check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "x");
	cr_expect(counted("10.0.0.2", SIZE).crowded);
	cr_expect(!counted("10.0.0.3", SIZE).crowded);
}

Test(probes, checks_leave_the_traffic)
{
	int listener = listen_on("10.0.0.1", PORT, 8);

	know("10.0.0.2", SIZE);
	check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "HTTP/1.1 204 No Content\r\n\r\n");
	cr_expect_str_eq(told(1), "pass 204 of 25");
	check(listener, "10.0.0.2", "10.0.0.1", REQUEST,
	      "HTTP/1.0 503 Service Unavailable\r\n\r\n");
	cr_expect_str_eq(told(2), "http_error 503 of 25");
	check(listener, "10.0.0.2", "10.0.0.1", REQUEST, NULL);
	cr_expect_str_eq(told(3), "no_response 0 of 25");
	check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "\x15\x03");
	cr_expect_str_eq(told(4), "pass 0 of 25");
	for (unsigned i = 0; i < heard_count; i++) {
		cr_expect_gt(heard[i].at, 0);
		cr_expect_gt(heard[i].duration, 0);
		cr_expect_lt(heard[i].duration, 10000000000);
	}
	expect_slot(SLOT, "checks", "");
	cr_expect_eq(samples(SLOT, SHUNT_SIGNAL_CONNECTION), 0);
	check(listener, "10.0.0.3", "10.0.0.1", REQUEST, "x");
	expect_slot(SLOT, "another's connection", "established=1 closed=1");
	expect_nothing_left();
}

Test(probes, a_shared_address_is_told_apart_by_what_it_says)
{
	int listener = listen_on("10.0.0.1", PORT, 8);

	know("10.0.0.2", SIZE);
	check(listener, "10.0.0.2", "10.0.0.1", REQUEST, "HTTP/1.1 302 Found\r\n\r\n");
	cr_expect_str_eq(told(1), "pass 302 of 25");
	expect_slot(SLOT, "a check", "");
	check(listener, "10.0.0.2", "10.0.0.1", "GET / HTTP/1.0\r\n\r\n",
	      "HTTP/1.1 500 Oops\r\n\r\n");
	told(1);
	expect_slot(SLOT, "traffic", "established=1 closed=1");
	expect_nothing_left();
}

Test(probes, ipv6)
{
	int listener = listen_on("2001:db8::1", PORT, 8);

	know("2001:db8::2", SIZE);
	check(listener, "2001:db8::2", "2001:db8::1", REQUEST, "HTTP/1.1 404 Not Found\r\n\r\n");
	cr_expect_str_eq(told(1), "http_error 404 of 25");
	expect_slot(SLOT, "checks", "");
	expect_nothing_left();
}

Test(probes, refused)
{
	int client;

	know("10.0.0.2", SIZE);
	connect_from("10.0.0.2", "10.0.0.1", CLOSED, &client);
	close(client);
	cr_expect_str_eq(told(1), "refused 0 of 0");
	expect_slot(SLOT, "whose it was is not known", "refused=1 resets_sent=1");
	connect_from("10.0.0.3", "10.0.0.1", CLOSED, &client);
	close(client);
	told(1);
	expect_slot(SLOT, "somebody else", "refused=2 resets_sent=2");
}

/* HAProxy's TCP check: reset before the handshake is complete. */
static void connect_and_reset(const char *source)
{
	int client;

	connect_from(source, "10.0.0.1", PORT, &client);
	set_linger(client, 0);
	close(client);
}

Test(probes, a_check_that_never_becomes_a_connection)
{
	if (!observer_has(observer, SIGNAL_CONNECT_CHECKS))
		cr_skip_test("this kernel does not tell");
	listen_on("10.0.0.1", PORT, 8);
	connect_and_reset("10.0.0.2");
	cr_expect_eq(noted("10.0.0.2", 0), 1);
	know("10.0.0.2", 0);
	connect_and_reset("10.0.0.2");
	cr_expect_str_eq(told(1), "pass 0 of 0");
	know("10.0.0.2", SIZE);
	connect_and_reset("10.0.0.2");
	told(1);
	expect_nothing_left();
}

Test(probes, reset_by_the_service)
{
	int listener = listen_on("10.0.0.1", PORT, 8), client, server;

	know("10.0.0.2", SIZE);
	connect_from("10.0.0.2", "10.0.0.1", PORT, &client);
	cr_assert_eq(write(client, REQUEST, SIZE), SIZE);
	server = accept_on(listener);
	wait_readable(server);
	set_linger(server, 0);
	close(server);
	close(client);
	cr_expect_str_eq(told(1), "reset 0 of 25");
	expect_slot(SLOT, "checks", "");
	expect_nothing_left();
}

/*
 * Nothing was said yet: by a check that would have said something; by one that has nothing to
 * say, but has not looked yet whether it is connected; by one that has.
 */
Test(probes, reset_by_the_service_before_a_word)
{
	static const struct {
		uint32_t size;
		int looked;
		const char *told;
	} cases[] = {{SIZE, 1, "reset 0 of 0"}, {0, 0, "reset 0 of 0"}, {0, 1, "pass 0 of 0"}};
	int listener = listen_on("10.0.0.1", PORT, 8), client, server;

	for (unsigned i = 0; i < 3; i++) {
		know("10.0.0.2", cases[i].size);
		connect_from("10.0.0.2", "10.0.0.1", PORT, &client);
		/* The handshake's last ACK leaves at once. */
		if (cases[i].looked)
			setsockopt(client, IPPROTO_TCP, TCP_QUICKACK, &cases[i].looked,
				   sizeof(cases[i].looked));
		server = accept_on(listener);
		set_linger(server, 0);
		close(server);
		close(client);
		cr_expect_str_eq(told(i + 1), cases[i].told, "%u", i);
	}
	expect_nothing_left();
}

/* The listener goes between its answer to the SYN and what the checker does then. */
Test(probes, cut_amid_the_handshake)
{
	int listener, client;

	if (!observer_has(observer, SIGNAL_CONNECT_CHECKS))
		cr_skip_test("this kernel does not tell");
	know("10.0.0.2", SIZE);
	listener = listen_on("10.0.0.1", PORT, 8);
	connect_from("10.0.0.2", "10.0.0.1", PORT, &client);
	close(listener);
	cr_assert_eq(write(client, REQUEST, SIZE), SIZE);
	cr_expect_str_eq(told(1), "reset 0 of 25");
	close(client);

	know("10.0.0.2", 0);
	listener = listen_on("10.0.0.1", PORT, 8);
	connect_from("10.0.0.2", "10.0.0.1", PORT, &client);
	close(listener);
	set_linger(client, 0);
	close(client);
	cr_expect_str_eq(told(2), "pass 0 of 0");
	expect_nothing_left();
}
