/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This process's own descriptors of BPF maps and programs, by name: what a module keeps to
 * itself is found so, and its owner closes it.
 */
#ifndef SHUNT_TESTS_BPF_DESCRIPTORS_H
#define SHUNT_TESTS_BPF_DESCRIPTORS_H

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 256

/* `kind` is bpf-map or bpf-prog. */
static inline bool is_bpf(int fd, const char *kind)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 &&
	       !strncmp(target, "anon_inode:", 11) && !strcmp(target + 11, kind);
}

/* The kernel keeps 15 bytes of a name; that of a data section is "OBJECT.bss". */
static inline bool is_named(const char kept[BPF_OBJ_NAME_LEN], const char *name)
{
	const char *section = strchr(kept, '.');

	if (name[0] == '.')
		return section && !strcmp(section, name);
	return !strncmp(kept, name, BPF_OBJ_NAME_LEN - 1);
}

/* -1: there is none. */
static inline int find_map(const char *name)
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
		struct bpf_map_info info = {0};
		uint32_t size = sizeof(info);

		if (is_bpf(fd, "bpf-map") && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    is_named(info.name, name))
			return fd;
	}
	return -1;
}

static inline int find_program(const char *name)
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (is_bpf(fd, "bpf-prog") && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    is_named(info.name, name))
			return fd;
	}
	return -1;
}

#endif
