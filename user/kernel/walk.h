/* SPDX-License-Identifier: GPL-2.0 */
/* Taking a BPF iterator from its beginning to its end. */
#ifndef SHUNT_KERNEL_WALK_H
#define SHUNT_KERNEL_WALK_H

#include <stddef.h>

struct bpf_link;

/* Gets each record; a negative errno ends the walk. */
typedef int (*walk_fn)(void *userdata, const void *record);

/*
 * Walks once, handing out the records of `record_size` bytes that the program writes.
 * Needs no privileges once the link is there.  0, what `fn` failed with, or another
 * negative errno.
 */
int walk_take(const struct bpf_link *link, size_t record_size, walk_fn fn, void *userdata);

#endif
