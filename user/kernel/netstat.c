/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/netstat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both lines of TcpExt are about 3 KiB. */
#define LINE_SIZE 8192

/* Which word of a line it is; 0 where it is none (the first is the line's name). */
static int find_word(char *line, const char *word)
{
	char *rest = NULL;
	int at = 0;

	for (char *found = strtok_r(line, " \n", &rest); found;
	     found = strtok_r(NULL, " \n", &rest), at++) {
		if (!strcmp(found, word))
			return at;
	}
	return 0;
}

static const char *word_at(char *line, int at)
{
	char *rest = NULL, *found = strtok_r(line, " \n", &rest);

	while (found && at--)
		found = strtok_r(NULL, " \n", &rest);
	return found;
}

/* Names and figures come in pairs of lines, each with the name of its group. */
int netstat_listen_drops(uint64_t *ret_drops)
{
	char names[LINE_SIZE], figures[LINE_SIZE];
	FILE *file = fopen("/proc/self/net/netstat", "re");
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (fgets(names, sizeof(names), file) && fgets(figures, sizeof(figures), file)) {
		const char *figure;
		int at;

		if (strncmp(names, "TcpExt:", strlen("TcpExt:")))
			continue;
		at = find_word(names, "ListenDrops");
		figure = at ? word_at(figures, at) : NULL;
		if (!figure)
			break;
		*ret_drops = strtoull(figure, NULL, 10);
		r = 0;
		break;
	}
	fclose(file);
	return r;
}
