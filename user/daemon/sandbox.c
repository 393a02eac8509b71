/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/sandbox.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/ioctls.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Found by following the daemon through its tests, and by what its libraries fall back to. */
static const char *const allowed[] = {
	/* memory */
	"brk",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	/* the loop */
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"pipe2",
	"poll",
	"ppoll",
	"pselect6",
	"select",
	"signalfd4",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	/* what it reads of /proc, /sys and its configuration, and the journal's database */
	"access",
	"close",
	"dup",
	"dup3",
	"faccessat",
	"faccessat2",
	"fallocate",
	"fchmod",
	"fcntl",
	"fdatasync",
	"flock",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"getcwd",
	"getdents64",
	"lseek",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"pread64",
	"pwrite64",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"stat",
	"statfs",
	"statx",
	"umask",
	"unlink",
	"unlinkat",
	"write",
	"writev",
	/* HTTP, the control socket, alerts and the name server, syslog and sd_notify */
	"accept",
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendfile",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socket",
	"socketpair",
	/* threads: the journal's writer, libcurl's resolver */
	"clone",
	"clone3",
	"exit",
	"exit_group",
	"futex",
	"gettid",
	"membarrier",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_getaffinity",
	"sched_yield",
	"set_robust_list",
	"sigaltstack",
	"tgkill",
	/* who and when */
	"capget",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"getcpu",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpid",
	"getppid",
	"getrandom",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"gettimeofday",
	"getuid",
	"nanosleep",
	"prlimit64",
	"sysinfo",
	"time",
	"times",
	"uname",
};

/* Calls that are allowed with these values of one argument alone. */
static const struct {
	const char *call;
	unsigned argument;
	unsigned long value;
} narrowed[] = {
	{"bpf", 0, BPF_MAP_LOOKUP_ELEM},
	{"bpf", 0, BPF_MAP_UPDATE_ELEM},
	{"bpf", 0, BPF_MAP_DELETE_ELEM},
	{"bpf", 0, BPF_MAP_GET_NEXT_KEY},
	{"bpf", 0, BPF_MAP_LOOKUP_AND_DELETE_ELEM},
	{"bpf", 0, BPF_MAP_LOOKUP_BATCH},
	{"bpf", 0, BPF_MAP_LOOKUP_AND_DELETE_BATCH},
	{"bpf", 0, BPF_MAP_UPDATE_BATCH},
	{"bpf", 0, BPF_MAP_DELETE_BATCH},
	{"bpf", 0, BPF_OBJ_GET_INFO_BY_FD},
	/* A walk is linked anew each time; other links want capabilities besides. */
	{"bpf", 0, BPF_LINK_CREATE},
	{"bpf", 0, BPF_ITER_CREATE},
	{"bpf", 0, BPF_LINK_DETACH},
	{"ioctl", 1, FIONBIO},
	{"ioctl", 1, FIONREAD},
	{"ioctl", 1, SIOCGIFINDEX},
	{"ioctl", 1, TCGETS},
	{"prctl", 0, PR_SET_NAME},
	{"prctl", 0, PR_CAPBSET_READ},
};

static const char *const deadly[] = {
	"execve", "execveat", "process_vm_readv", "process_vm_writev", "ptrace",
};

/* A call that this architecture lacks, or this libseccomp does not know, needs no rule. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *call)
{
	int number = seccomp_syscall_resolve_name(call);

	return number < 0 ? 0 : seccomp_rule_add(filter, action, number, 0);
}

static int add_narrowed(scmp_filter_ctx filter, size_t i)
{
	int number = seccomp_syscall_resolve_name(narrowed[i].call);
	/* Of 32 bits: the kernel looks at no more of them. */
	const struct scmp_arg_cmp compare = {
		.arg = narrowed[i].argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = UINT32_MAX,
		.datum_b = (uint32_t)narrowed[i].value,
	};

	return number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, compare);
}

static int fill(scmp_filter_ctx filter)
{
	int r = 0;

	/* What is refused is logged where that can be had. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	for (size_t i = 0; r >= 0 && i < COUNT(allowed); i++)
		r = add(filter, SCMP_ACT_ALLOW, allowed[i]);
	for (size_t i = 0; r >= 0 && i < COUNT(narrowed); i++)
		r = add_narrowed(filter, i);
	for (size_t i = 0; r >= 0 && i < COUNT(deadly); i++)
		r = add(filter, SCMP_ACT_KILL_PROCESS, deadly[i]);
	return r;
}

int sandbox_hide_modules(void)
{
	const struct scmp_arg_cmp compare = {
		.arg = 0,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = UINT32_MAX,
		.datum_b = BPF_BTF_GET_NEXT_ID,
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(bpf), 1, compare);
	if (r >= 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sandbox_enter(void)
{
	scmp_filter_ctx filter;
	int r;

	if (SANITIZED)
		return -EOPNOTSUPP;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	r = fill(filter);
	if (r >= 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
