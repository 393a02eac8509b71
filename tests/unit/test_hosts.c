/* SPDX-License-Identifier: GPL-2.0 */
/* Which host names are answered, and where that matters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "serve/hosts.h"

static struct hosts hosts;

static void tear_down(void)
{
	hosts_done(&hosts);
}

TestSuite(hosts, .fini = tear_down);

static const char *const foreign[] = {
	"evil.example",
	"evil.example:9909",
	"localhost.evil.example",
	"evil-localhost",
	"notlocalhost",
	".localhost.x",
	"127.0.0.1.evil.example",
	"127.0.0.1.nip.io:9909",
	"127.1",
	"0x7f000001",
	"",
	":9909",
	".",
	"localhost:99x",
	"localhost:1:2",
	"127.0.0.1:9909x",
	"[::1",
	"[::1]x",
	"[::1]:9909x",
	"[evil.example]",
	"[]",
	"::1",
	"user@localhost",
};

static const char *const ours[] = {
	"localhost",	  "localhost:9909",
	"LocalHost:80",	  "localhost.",
	"localhost.:80",  "localhost:",
	"a.localhost:1",  "127.0.0.1",
	"127.0.0.1:9909", "10.0.0.5:9909",
	"[::1]",	  "[::1]:9909",
	"[2001:db8::1]:", "[::ffff:127.0.0.1]:9909",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_checked(void)
{
	for (size_t i = 0; i < COUNT(ours); i++)
		cr_expect(hosts_allow(&hosts, ours[i]), "%s", ours[i]);
	for (size_t i = 0; i < COUNT(foreign); i++)
		cr_expect(!hosts_allow(&hosts, foreign[i]), "%s", foreign[i]);
	cr_expect(hosts_allow(&hosts, NULL));
}

Test(hosts, on_loopback_foreign_names_are_refused)
{
	static const char *const addresses[] = {"127.0.0.1", "127.8.9.10", "::1",
						"::ffff:127.0.0.1"};

	for (size_t i = 0; i < COUNT(addresses); i++) {
		hosts_init(&hosts, addresses[i]);
		expect_checked();
	}
}

Test(hosts, elsewhere_every_name_is_answered)
{
	static const char *const addresses[] = {"0.0.0.0", "::", "10.0.0.5", "2001:db8::1",
						"128.0.0.1"};

	for (size_t i = 0; i < COUNT(addresses); i++) {
		hosts_init(&hosts, addresses[i]);
		for (size_t k = 0; k < COUNT(foreign); k++)
			cr_expect(hosts_allow(&hosts, foreign[k]), "%s", foreign[k]);
	}
}

Test(hosts, names_that_are_allowed_are_all_there_are)
{
	static char example[] = "shunt.example", node[] = "Node-1";
	char *const names[] = {example, node};

	hosts_init(&hosts, "0.0.0.0");
	cr_assert_eq(hosts_set(&hosts, names, 2), 0);
	expect_checked();
	cr_expect(hosts_allow(&hosts, "Shunt.Example:443"));
	cr_expect(hosts_allow(&hosts, "node-1."));
	cr_expect(!hosts_allow(&hosts, "a.shunt.example"));
	/* Others in their place, or none. */
	cr_assert_eq(hosts_set(&hosts, names, 1), 0);
	cr_expect(!hosts_allow(&hosts, "node-1"));
	cr_assert_eq(hosts_set(&hosts, NULL, 0), 0);
	cr_expect(hosts_allow(&hosts, "evil.example"));
}

Test(hosts, this_host_s_own_name_is_answered)
{
	char name[HOST_NAME_MAX + 1] = "", header[2 * HOST_NAME_MAX];

	cr_assert_eq(gethostname(name, sizeof(name) - 1), 0);
	hosts_init(&hosts, "127.0.0.1");
	snprintf(header, sizeof(header), "%s:9909", name);
	cr_expect(hosts_allow(&hosts, header));
	strcpy(hosts.own, "web-1.example.com");
	cr_expect(hosts_allow(&hosts, "WEB-1.example.com:9909"));
	cr_expect(hosts_allow(&hosts, "web-1"));
	cr_expect(!hosts_allow(&hosts, "web"));
	cr_expect(!hosts_allow(&hosts, "web-1.example"));
	hosts.own[0] = '\0';
	cr_expect(!hosts_allow(&hosts, "web-1"));
}
