/* SPDX-License-Identifier: GPL-2.0 */
/* BPF maps in user space: whose they are, and their memory. */
#ifndef SHUNT_KERNEL_MAP_H
#define SHUNT_KERNEL_MAP_H

#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* Of a map that is shared with nobody. */
#define MAP_OWN_ENTRIES 4096

/*
 * Has programs that are not loaded yet use another's map, of which no descriptor is kept, or
 * with -1 one of their own.  0 or a negative errno.
 */
static inline int map_share(struct bpf_map *map, int fd)
{
	return fd < 0 ? bpf_map__set_max_entries(map, MAP_OWN_ENTRIES) : bpf_map__reuse_fd(map, fd);
}

/*
 * Maps a map's own memory, which the kernel reads and writes as well (BPF_F_MMAPABLE).  0 and
 * what is to be given back to munmap(2), or a negative errno.
 */
static inline int map_mmap(int fd, size_t size, void **ret_memory)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*ret_memory = memory;
	return 0;
}

#endif
