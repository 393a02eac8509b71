/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* nftw(3) passes no argument on; the walk is single-threaded, as is the daemon. */
static struct {
	uint64_t *ids;
	int count;
} walked;

/* Where cgroup2 is mounted; hybrid hosts have it in a folder of the version 1 tree. */
static int find_mount(size_t size, char *ret_path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	while ((mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		r = strlen(mount->mnt_dir) < size ? 0 : -ENAMETOOLONG;
		if (!r)
			strcpy(ret_path, mount->mnt_dir);
		break;
	}
	endmntent(mounts);
	return r;
}

static int on_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (type == FTW_D && walked.count < CGROUP_IDS_MAX)
		walked.ids[walked.count++] = status->st_ino;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

int cgroup_resolve(const char *pattern, uint64_t ret_ids[static CGROUP_IDS_MAX])
{
	char mount[PATH_MAX / 2], path[PATH_MAX];
	glob_t matches = {0};
	int r, unique = 0;

	r = find_mount(sizeof(mount), mount);
	if (r < 0)
		return r;
	if ((size_t)snprintf(path, sizeof(path), "%s%s", mount, pattern) >= sizeof(path))
		return -ENAMETOOLONG;
	r = glob(path, GLOB_ONLYDIR, NULL, &matches);
	if (r) {
		/* What was found by then is there, too. */
		globfree(&matches);
		return r == GLOB_NOMATCH ? 0 : -ENOMEM;
	}

	walked.ids = ret_ids;
	walked.count = 0;
	for (size_t i = 0; i < matches.gl_pathc; i++)
		nftw(matches.gl_pathv[i], on_entry, 16, FTW_PHYS | FTW_MOUNT);
	globfree(&matches);

	/* Matches may lie below one another. */
	qsort(ret_ids, (size_t)walked.count, sizeof(*ret_ids), compare_ids);
	for (int i = 0; i < walked.count; i++) {
		if (!unique || ret_ids[unique - 1] != ret_ids[i])
			ret_ids[unique++] = ret_ids[i];
	}
	return unique;
}

int cgroup_root(void)
{
	char mount[PATH_MAX];
	int r = find_mount(sizeof(mount), mount);

	if (r < 0)
		return r;
	r = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? -errno : r;
}
