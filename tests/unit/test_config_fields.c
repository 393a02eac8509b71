/* SPDX-License-Identifier: GPL-2.0 */
/* Each key arrives in its own field, from tests/golden/config/every.in. */
#include <criterion/criterion.h>

#include "config/endpoint.h"
#include "test_config.h"

#define MSEC UINT64_C(1000000)
#define SEC  (1000 * MSEC)

static struct parsed every;

static void set_up(void)
{
	every = load_config("tests/golden/config/every.in", false);
	cr_assert_eq(every.err, 0, "%s", every.complaints);
}

static void tear_down(void)
{
	free_parsed(&every);
}

TestSuite(config_fields, .init = set_up, .fini = tear_down);

static void expect_endpoint(const struct config_endpoint *endpoint, const char *text)
{
	char printed[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, ENDPOINT_PROTECT, printed);
	cr_expect_str_eq(printed, text);
}

Test(config_fields, top)
{
	const struct config *config = every.config;

	cr_assert(config);
	cr_expect_str_eq(config->listen_host, "::");
	cr_expect_eq(config->listen_port, 9910);
	cr_expect_eq(config->allowed_hosts.count, 2);
	cr_expect_str_eq(config->allowed_hosts.items[1], "Node-1");
	cr_expect_str_eq(config->control, "/run/other.sock");
	cr_expect_str_eq(config->state_dir, "/srv/shunt state");
	cr_expect_eq(config->discover, false);
	cr_expect_eq(config->max_services, 4096);
	cr_expect_eq(config->interfaces.count, 2);
	cr_expect_str_eq(config->interfaces.items[1], "bond0.100");
	cr_expect_eq(config->services_count, 3);
	cr_expect_eq(config->guards.max_open, 0);
	cr_expect_eq(config->guards.max_open_share, 0);
	cr_expect_eq(config->guards.protect.count, 5);
	expect_endpoint(&config->guards.protect.items[1], "10.0.0.0/8:*");
	cr_expect_eq(config->guards.lease, 500 * MSEC);
	cr_expect_eq(config->alertmanager.count, 2);
	cr_expect_str_eq(config->alertmanager.items[0], "http://10.0.0.2:9093");
	cr_expect_eq(config->journal.keep, 5400000 * MSEC);
	cr_expect_eq(config->journal.max_size, 2ULL << 30);
	cr_expect_eq(config->webhook.count, 1);
	cr_expect_str_eq(config->webhook.items[0], "https://hooks.example/?a=\"b\"&c=\\d");
}

Test(config_fields, service)
{
	const struct config_service *web = &every.config->services[0];
	const struct config_service *db = &every.config->services[1];

	cr_assert(web && db);
	cr_expect_str_eq(web->name, "web");
	cr_expect_eq(web->role, SHUNT_ROLE_SERVER);
	cr_expect_eq(web->endpoints.count, 1);
	expect_endpoint(&web->endpoints.items[0], "*:443");
	cr_expect_str_eq(web->cgroup, "/system.slice/web-*.service");
	cr_expect_eq(web->netns_any, true);
	cr_expect_eq(db->role, SHUNT_ROLE_CLIENT);
	cr_expect_eq(db->endpoints.count, 3);
	expect_endpoint(&db->endpoints.items[2], "[2001:db8::/32]:5432");
	cr_expect_eq(db->breaker.mode, CONFIG_MODE_OFF);
	cr_expect_eq(db->breaker.action, CONFIG_ACTION_DROP);
	cr_expect_eq(every.config->services[2].breaker.action, CONFIG_ACTION_DRAIN);
}

Test(config_fields, health_check)
{
	const struct config_health_check *check = &every.config->services[0].health_check;

	cr_expect_eq(check->model, CONFIG_MODEL_CONSECUTIVE);
	cr_expect_eq(check->interval, 1500 * MSEC);
	cr_expect_eq(check->timeout, 10 * SEC);
	cr_expect_eq(check->fall, 1000);
	cr_expect_eq(check->rise, 1);
	cr_expect_eq(check->probers.count, 3);
	cr_expect_eq(check->probers.items[0].bits, 0);
	cr_expect_eq(check->probers.items[2].bits, 64);
	cr_expect_eq(check->probers.items[2].addr[0], 0x20);
}

Test(config_fields, breaker)
{
	const struct config_breaker *breaker = &every.config->services[0].breaker;

	cr_expect_eq(breaker->mode, CONFIG_MODE_ENFORCE);
	cr_expect_eq(breaker->window, 3600 * SEC);
	cr_expect_eq(breaker->min_connections, 1);
	cr_expect_eq(breaker->failure_rate, 1);
	cr_expect_eq(breaker->slow.signal, SHUNT_SIGNAL_RTT);
	cr_expect_eq(breaker->slow.over, 1000);
	cr_expect_eq(breaker->slow.rate, 0.0001);
	cr_expect_eq(breaker->slow.hold, 0);
	cr_expect_eq(breaker->consecutive_failures, 1000000);
	cr_expect_eq(breaker->on_flapping, true);
	cr_expect_eq(breaker->action, CONFIG_ACTION_REDIRECT);
	expect_endpoint(&breaker->redirect_to, "[2001:db8::9]:8443");
	cr_expect_eq(breaker->probes, CONFIG_PROBES_COUPLED);
	cr_expect_eq(breaker->open_for, 100 * MSEC);
	cr_expect_eq(breaker->open_for_max, 86400 * SEC);
	cr_expect_eq(breaker->half_open_share, 1);
	cr_expect_eq(breaker->half_open_connections, 1);
	cr_expect_eq(every.config->services[1].breaker.slow.hold, 3600 * SEC);
	cr_expect_eq(every.config->services[1].breaker.slow.signal, SHUNT_SIGNAL_CONNECTION);
	cr_expect_eq(every.config->services[2].breaker.slow.signal, SHUNT_SIGNAL_HANDSHAKE);
	cr_expect_eq(every.config->services[2].breaker.slow.rate, 0.25);
}
