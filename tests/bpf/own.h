/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of an observer in this process, by name: what it keeps to itself is read
 * as the kernel has it.
 */
#ifndef SHUNT_TESTS_BPF_OWN_H
#define SHUNT_TESTS_BPF_OWN_H

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shunt/abi.h"

#include "observe.skel.h"

#define OWN_FDS 256

static inline bool is_map(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 &&
	       !strcmp(target, "anon_inode:bpf-map");
}

/* The kernel keeps 15 bytes of a name; that of a data section is "OBJECT.bss". */
static inline bool is_named(const struct bpf_map_info *info, const char *name)
{
	const char *section = strchr(info->name, '.');

	if (name[0] == '.')
		return section && !strcmp(section, name);
	return !strncmp(info->name, name, sizeof(info->name) - 1);
}

/* The observer's own descriptor of a map. */
static inline int own_map(const char *name)
{
	for (int fd = 0; fd < OWN_FDS; fd++) {
		struct bpf_map_info info = {0};
		uint32_t size = sizeof(info);

		if (is_map(fd) && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    is_named(&info, name))
			return fd;
	}
	cr_assert_fail("there is no map %s here", name);
	return -1;
}

/* The programs' variables, for as long as the process lives. */
static inline const struct observe_bpf__bss *own_variables(void)
{
	static const struct observe_bpf__bss *variables;

	if (!variables)
		variables = mmap(NULL, sizeof(*variables), PROT_READ, MAP_SHARED, own_map(".bss"),
				 0);
	cr_assert_neq(variables, MAP_FAILED);
	return variables;
}

/* The table of connections, likewise. */
static inline const struct shunt_conn_set *own_table(void)
{
	static const struct shunt_conn_set *table;

	if (!table)
		table = mmap(NULL, SHUNT_CONN_SETS * sizeof(*table), PROT_READ, MAP_SHARED,
			     own_map("shunt_conns"), 0);
	cr_assert_neq(table, MAP_FAILED);
	return table;
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
