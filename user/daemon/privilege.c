/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

bool privilege_may_load(void)
{
	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		return true;
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON);
}

static bool kernel_wants_cap_bpf(void)
{
	struct utsname name;
	unsigned major, minor;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major < 5 || (major == 5 && minor < 19);
}

/* Nobody may come back to what was dropped. */
static int verify(bool kept)
{
	if (!getuid() || !geteuid() || !setuid(0))
		return -EPERM;
	capng_get_caps_process();
	if (!kept && capng_have_capabilities(CAPNG_SELECT_CAPS) > CAPNG_NONE)
		return -EPERM;
	return 0;
}

static int become(uid_t uid, gid_t gid, bool keep)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (keep)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
	if (capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
		return -EPERM;
	return verify(keep);
}

struct user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

static struct user find_user(void)
{
	const struct passwd *entry = getpwnam("shunt");

	if (entry)
		return (struct user){"shunt", entry->pw_uid, entry->pw_gid};
	return (struct user){"nobody", 65534, 65534};
}

int privilege_give(const char *path)
{
	const struct user user = find_user();

	if (geteuid())
		return 0;
	return chown(path, user.uid, user.gid) ? -errno : 0;
}

int privilege_drop(const char **ret_user)
{
	const struct user user = find_user();
	const char *name = user.name;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (geteuid()) {
		/* Started with capabilities alone: the user is unprivileged already. */
		capng_clear(CAPNG_SELECT_BOTH);
		if (kernel_wants_cap_bpf())
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
		r = capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
		name = "the user it was started as";
	} else {
		r = become(user.uid, user.gid, kernel_wants_cap_bpf());
	}
	if (r < 0)
		return r;
	*ret_user = name;
	return 0;
}
