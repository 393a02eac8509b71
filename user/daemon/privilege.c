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

#define NOBODY 65534

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
	return (struct user){"nobody", NOBODY, NOBODY};
}

static const struct {
	const char *name;
	unsigned capability;
	bool loads; /* CAP_SYS_ADMIN will do, of which it was a part before Linux 5.8; else root's
		     */
} needed[] = {
	{"CAP_BPF", CAP_BPF, true},	   {"CAP_PERFMON", CAP_PERFMON, true},
	{"CAP_CHOWN", CAP_CHOWN, false},   {"CAP_SETUID", CAP_SETUID, false},
	{"CAP_SETGID", CAP_SETGID, false}, {"CAP_SETPCAP", CAP_SETPCAP, false},
};

static bool have(unsigned capability, bool admin)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capability) ||
	       (admin && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN));
}

void privilege_missing(char ret_names[static PRIVILEGE_NAMES_MAX])
{
	bool gives = find_user().uid != NOBODY;
	size_t used = 0;

	capng_get_caps_process();
	ret_names[0] = '\0';
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (have(needed[i].capability, needed[i].loads) ||
		    (!needed[i].loads && geteuid()) ||
		    (needed[i].capability == CAP_CHOWN && !gives))
			continue;
		used += (size_t)snprintf(ret_names + used, PRIVILEGE_NAMES_MAX - used, "%s%s",
					 used ? ", " : "", needed[i].name);
	}
}

bool privilege_may_divert(void)
{
	capng_get_caps_process();
	return have(CAP_NET_ADMIN, true);
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
