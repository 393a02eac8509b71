/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of an observer in this process, by name: what it keeps to itself is read
 * as the kernel has it.
 */
#ifndef SHUNT_TESTS_BPF_OWN_H
#define SHUNT_TESTS_BPF_OWN_H

#include <criterion/criterion.h>
#include <sys/mman.h>

#include "bpf/descriptors.h"
#include "shunt/abi.h"

#include "observe.skel.h"

/* The descriptor of one; it stays the observer's. */
static inline int own_map(const char *name)
{
	int fd = find_map(name);

	cr_assert_geq(fd, 0, "there is no map %s here", name);
	return fd;
}

/* The programs' variables, for as long as the process lives. */
static inline struct observe_bpf__bss *own_variables(void)
{
	static struct observe_bpf__bss *variables;

	if (!variables)
		variables = mmap(NULL, sizeof(*variables), PROT_READ | PROT_WRITE, MAP_SHARED,
				 own_map(".bss"), 0);
	cr_assert_neq(variables, MAP_FAILED);
	return variables;
}

/* The table of connections is one of them. */
static inline struct shunt_conn_set *own_table(void)
{
	return own_variables()->shunt_conns;
}

/* How many keys a hash or trie has. */
static inline unsigned own_keys(const char *name)
{
	char previous[64], key[64];
	unsigned count = 0;
	int fd = own_map(name);

	while (!bpf_map_get_next_key(fd, count ? previous : NULL, key)) {
		memcpy(previous, key, sizeof(previous));
		count++;
	}
	return count;
}

#endif
