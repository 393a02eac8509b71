/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A mapping as /proc/PID/smaps tells of it: a head, then lines "NAME: VALUE". */
struct mapping {
	unsigned long start, end;
	bool is_file; /* private, and not to be written */
};

/* Whether a line is a mapping's head: "START-END PERMISSIONS OFFSET DEVICE INODE  /PATH". */
static bool read_head(const char *line, struct mapping *ret_mapping)
{
	char permissions[5], path[2];
	unsigned long start, end;
	int fields = sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &start, &end, permissions, path);

	if (fields < 3)
		return false;
	*ret_mapping = (struct mapping){
		.start = start,
		.end = end,
		.is_file = fields == 4 && path[0] == '/' && permissions[0] == 'r' &&
			   permissions[1] == '-' && permissions[3] == 'p',
	};
	return true;
}

/* What is no copy of a file's pages, as relocated data is not, could not be had again. */
static bool has_own_pages(const char *line)
{
	return strcmp(line, "Anonymous:             0 kB\n") != 0;
}

static void let_go(const struct mapping *mapping)
{
	/* An address is a number here.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	madvise((void *)mapping->start, mapping->end - mapping->start, MADV_DONTNEED);
}

void trim_memory(void)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	struct mapping mapping = {0};
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		if (read_head(line, &mapping))
			continue;
		if (!strncmp(line, "Anonymous:", 10) && mapping.is_file && !has_own_pages(line))
			let_go(&mapping);
	}
	free(line);
	if (file)
		fclose(file);
	malloc_trim(0);
}
