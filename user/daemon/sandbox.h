/* SPDX-License-Identifier: GPL-2.0 */
/* Which system calls are left to the daemon once it observes. */
#ifndef SHUNT_DAEMON_SANDBOX_H
#define SHUNT_DAEMON_SANDBOX_H

/*
 * From now on this process, and every thread that it begins, may make the calls alone that
 * observing, serving, alerting, the journal and a reload need; for good.  Of bpf(2) that is
 * reading and writing maps, and walking over files and listeners.
 *
 * A call that is not among them fails with EPERM, and the kernel's log names it (type=1326):
 * libraries have another way, mostly, and a daemon that lacks a figure is worth more than
 * none.  Executing a program or tracing a process, which nothing here ever does, ends the
 * daemon at once: then somebody else is at the wheel.
 *
 * 0, or a negative errno: -EOPNOTSUPP where the program was built with sanitizers, whose
 * calls are not ours to know.  Sets no_new_privs.
 */
int sandbox_enter(void);

/*
 * From now on this process finds no BTF of a module.  libbpf before 1.3 looks there for a
 * kernel function that the kernel itself lacks, as Linux 6.1 lacks bpf_rdonly_cast(), and
 * gives up where that is not permitted: it takes CAP_SYS_ADMIN, and we have no business
 * there.  0, or a negative errno.  Sets no_new_privs.
 */
int sandbox_hide_modules(void);

#endif
