/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/netstat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both lines of TcpExt are about 3 KiB. */
#define LINE_SIZE 8192

/* The figure below a name, which begins with the space before it; or NULL. */
static const char *figure_of(const char *names, const char *figures, const char *name)
{
	const char *found = strstr(names, name);

	for (const char *at = names; found && figures && at <= found; at++) {
		if (*at == ' ' && (figures = strchr(figures, ' ')))
			figures++;
	}
	return found ? figures : NULL;
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

		if (strncmp(names, "TcpExt:", strlen("TcpExt:")))
			continue;
		figure = figure_of(names, figures, " ListenDrops");
		if (!figure)
			break;
		*ret_drops = strtoull(figure, NULL, 10);
		r = 0;
		break;
	}
	fclose(file);
	return r;
}
