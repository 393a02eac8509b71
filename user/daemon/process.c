/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static uint64_t resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	if (!statm)
		return 0;
	if (fscanf(statm, "%*s %" SCNu64, &pages) != 1)
		pages = 0;
	fclose(statm);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!directory)
		return 0;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 3; /* ".", ".." and the directory's own */
}

/* Seconds since the epoch; field 22 of stat is in ticks since the boot (proc(5)). */
static double start_time(void)
{
	char line[1024] = "", *rest;
	FILE *stat = fopen("/proc/self/stat", "re");
	struct timespec real, boot;
	uint64_t ticks = 0;

	if (!stat)
		return 0;
	rest = fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	fclose(stat);
	if (!rest || sscanf(rest + 2,
			    "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			    "%*s %*s %" SCNu64,
			    &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(real.tv_sec - boot.tv_sec) + (double)(real.tv_nsec - boot.tv_nsec) / 1e9 +
	       (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void process_read(struct view_process *ret_process)
{
	static double started;
	struct rusage usage = {0};
	struct rlimit limit = {0};

	if (started == 0)
		started = start_time();
	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &limit);
	*ret_process = (struct view_process){
		.start_time = started,
		.cpu = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime),
		.resident = resident_bytes(),
		.open_fds = open_descriptors(),
		.max_fds = limit.rlim_cur,
	};
}
