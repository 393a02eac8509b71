/* SPDX-License-Identifier: GPL-2.0 */
/* A test's own cgroups, below one that is named after its process. */
#ifndef SHUNT_TESTS_BPF_CGROUPS_H
#define SHUNT_TESTS_BPF_CGROUPS_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char cgroups_mount[128];

/* Of the test's own top, below the mount. */
static inline const char *cgroups_name(void)
{
	static char name[32];

	if (!name[0])
		snprintf(name, sizeof(name), "shunt-test-%d", (int)getpid());
	return name;
}

static inline void cgroups_path(const char *below, size_t size, char *ret_path)
{
	snprintf(ret_path, size, "%s/%s%s", cgroups_mount, cgroups_name(), below);
}

/* Finds where cgroup2 is mounted; a host without it skips the test. */
static inline void cgroups_prepare(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;

	cr_assert_not_null(mounts);
	while ((mount = getmntent(mounts))) {
		if (!strcmp(mount->mnt_type, "cgroup2"))
			snprintf(cgroups_mount, sizeof(cgroups_mount), "%s", mount->mnt_dir);
	}
	endmntent(mounts);
	if (!cgroups_mount[0])
		cr_skip_test("no cgroup2 is mounted");
}

/* Makes one and gives its id. */
static inline uint64_t cgroups_make(const char *below)
{
	struct stat status;
	char path[256];

	cgroups_path(below, sizeof(path), path);
	cr_assert_eq(mkdir(path, 0755), 0, "%s", path);
	cr_assert_eq(stat(path, &status), 0);
	return status.st_ino;
}

/* Moves this process into one; "/.." is the root. */
static inline void cgroups_enter(const char *below)
{
	char path[288];
	int fd;

	cgroups_path(below, sizeof(path) - 32, path);
	strcat(path, "/cgroup.procs");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, "0", 1), 1);
	close(fd);
}

static inline int cgroups_remove_one(const char *path, const struct stat *status, int type,
				     struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	return type == FTW_DP ? rmdir(path) : 0;
}

static inline void cgroups_remove(void)
{
	char path[256];

	if (!cgroups_mount[0])
		return;
	cgroups_path("", sizeof(path), path);
	nftw(path, cgroups_remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

#endif
