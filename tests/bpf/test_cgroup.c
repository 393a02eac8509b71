/* SPDX-License-Identifier: GPL-2.0 */
/* Patterns and the cgroups that they stand for, in the hierarchy that this host has. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/cgroups.h"
#include "kernel/cgroup.h"

static void tear_down(void)
{
	cgroups_remove();
}

TestSuite(cgroup, .init = cgroups_prepare, .fini = tear_down);

static uint64_t ids[CGROUP_IDS_MAX];

/* Resolves a pattern below this test's own cgroup. */
static int resolve(const char *pattern)
{
	char path[256];

	snprintf(path, sizeof(path), "/%s%s", cgroups_name(), pattern);
	return cgroup_resolve(path, ids);
}

Test(cgroup, a_path_is_itself_and_what_is_below)
{
	uint64_t top = cgroups_make(""), web = cgroups_make("/web.service"),
		 worker = cgroups_make("/web.service/worker"), other = cgroups_make("/other");

	cr_assert_eq(resolve("/web.service"), 2);
	cr_expect((ids[0] == web && ids[1] == worker) || (ids[0] == worker && ids[1] == web));
	cr_expect_lt(ids[0], ids[1]);
	cr_assert_eq(resolve("/other"), 1);
	cr_expect_eq(ids[0], other);
	cr_assert_eq(resolve(""), 4);
	cr_expect_neq(top, 0);
}

Test(cgroup, a_glob_is_all_that_match)
{
	cgroups_make("");
	cgroups_make("/web-1.service");
	cgroups_make("/web-2.service");
	cgroups_make("/web-2.service/worker");
	cgroups_make("/db.service");
	cr_expect_eq(resolve("/web-*.service"), 3);
	cr_expect_eq(resolve("/web-[12].service/worker"), 1);
	cr_expect_eq(resolve("/*"), 4);
	cr_expect_eq(resolve("*"), 5);
}

Test(cgroup, none_is_no_error)
{
	cgroups_make("");
	cr_expect_eq(resolve("/absent.service"), 0);
	cr_expect_eq(resolve("/absent-*"), 0);
	/* A file is no cgroup. */
	cr_expect_eq(resolve("/cgroup.procs"), 0);
}

Test(cgroup, a_pattern_that_is_too_long)
{
	char pattern[8192];

	memset(pattern, 'x', sizeof(pattern));
	pattern[0] = '/';
	pattern[sizeof(pattern) - 1] = '\0';
	cr_expect_eq(cgroup_resolve(pattern, ids), -ENAMETOOLONG);
}

Test(cgroup, more_than_fit_are_left_out)
{
	char name[32];

	cgroups_make("");
	for (unsigned i = 0; i < CGROUP_IDS_MAX + 2; i++) {
		snprintf(name, sizeof(name), "/%u", i);
		cgroups_make(name);
	}
	cr_expect_eq(resolve("/*"), CGROUP_IDS_MAX);
}
