/* SPDX-License-Identifier: GPL-2.0 */
/* What is left of the system calls, tried in a child for each call. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"

#define KILLED (-1)

/* The errno with which a call ends in the sandbox, 0 if it succeeds, KILLED if it ends the process.
 */
static int outcome(int (*call)(void))
{
	pid_t child;
	int status;

	child = fork();
	if (!child) {
		if (sandbox_enter())
			_exit(255);
		errno = 0;
		_exit(call() < 0 ? errno : 0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		cr_assert_eq(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	cr_assert_neq(WEXITSTATUS(status), 255, "the sandbox cannot be entered");
	return WEXITSTATUS(status);
}

static void set_up(void)
{
	pid_t child = fork();
	int status;

	/* In a child: it is for good. */
	if (!child)
		_exit(sandbox_enter() == -EOPNOTSUPP);
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status))
		cr_skip("built with sanitizers");
}

static int bpf(enum bpf_cmd command)
{
	union bpf_attr attr = {.map_fd = (__u32)-1};

	return (int)syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static int load_program(void)
{
	return bpf(BPF_PROG_LOAD);
}

static int make_map(void)
{
	return bpf(BPF_MAP_CREATE);
}

static int pin(void)
{
	return bpf(BPF_OBJ_PIN);
}

static int update_map(void)
{
	return bpf(BPF_MAP_UPDATE_ELEM);
}

static int make_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int mount_something(void)
{
	return mount("none", "/", "tmpfs", 0, NULL);
}

static int change_owner(void)
{
	return chown("/dev/null", 0, 0);
}

static int become_root(void)
{
	return setuid(0);
}

static int fake_input(void)
{
	char byte = 'x';

	return ioctl(0, TIOCSTI, &byte);
}

static int become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int run_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int trace(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void *nothing(void *argument)
{
	return argument;
}

/* A journal's file, a socket, a thread. */
static int work(void)
{
	char path[] = "/tmp/shunt-sandbox-XXXXXX";
	int file = mkstemp(path), r = -1;
	pthread_t thread;

	if (file < 0 || pwrite(file, "x", 1, 0) != 1 || fdatasync(file) || unlink(path))
		goto out;
	r = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r < 0)
		goto out;
	r = pthread_create(&thread, NULL, nothing, NULL) ? -1 : 0;
	if (!r)
		r = pthread_join(thread, NULL) ? -1 : 0;
out:
	if (file >= 0)
		close(file);
	return r;
}

Test(sandbox, what_the_daemon_does_succeeds, .init = set_up)
{
	cr_assert_eq(outcome(work), 0);
	/* It gets as far as the descriptor, or the kernel's own refusal of who may not. */
	cr_assert(outcome(update_map) == EBADF || geteuid());
}

Test(sandbox, what_loads_or_changes_the_host_is_refused, .init = set_up)
{
	cr_assert_eq(outcome(load_program), EPERM);
	cr_assert_eq(outcome(make_map), EPERM);
	cr_assert_eq(outcome(pin), EPERM);
	cr_assert_eq(outcome(make_namespace), EPERM);
	cr_assert_eq(outcome(mount_something), EPERM);
	cr_assert_eq(outcome(change_owner), EPERM);
	cr_assert_eq(outcome(become_root), EPERM);
}

Test(sandbox, calls_of_many_uses_are_narrowed, .init = set_up)
{
	cr_assert_eq(outcome(fake_input), EPERM);
	cr_assert_eq(outcome(become_dumpable), EPERM);
}

Test(sandbox, what_nobody_here_ever_does_ends_it, .init = set_up)
{
	cr_assert_eq(outcome(run_program), KILLED);
	cr_assert_eq(outcome(trace), KILLED);
}
