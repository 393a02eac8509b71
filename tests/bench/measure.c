/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a command and prints what went by meanwhile: the time and the runs of a
 * process's BPF programs, and the CPU time of processes and of the command.
 *
 *	program ID NAME HOOK NANOSECONDS RUNS
 *	cpu NAME NANOSECONDS
 *	elapsed NANOSECONDS
 *
 * Programs are found by the file descriptors of the process that loaded them, for
 * others may be on the host.  The kernel counts their time only while this runs:
 * the switch is a file descriptor, which no way to die leaves behind.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS_MAX  64
#define PROCESSES_MAX 64
#define HOOK_MAX      64

struct program {
	uint32_t id;
	int fd;
	char name[BPF_OBJ_NAME_LEN];
	char hook[HOOK_MAX]; /* its tracepoint, `iter` for what only a read(2) runs, or `-` */
	uint64_t ns;
	uint64_t runs;
};

struct process {
	const char *name;
	const char *pid;
	uint64_t ns;
};

static struct program programs[PROGRAMS_MAX];
static size_t programs_count;
static struct process processes[PROCESSES_MAX];
static size_t processes_count;

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(error));
	exit(1);
}

/* ---- BPF programs ---- */

static struct program *program_of(uint32_t id)
{
	for (size_t i = 0; i < programs_count; i++) {
		if (programs[i].id == id)
			return &programs[i];
	}
	if (programs_count == PROGRAMS_MAX)
		die("programs", E2BIG);
	programs[programs_count] = (struct program){.id = id, .hook = "-"};
	return &programs[programs_count++];
}

/* The file descriptor of a program, or of a link, which also knows the hook. */
static void take_descriptor(const char *path)
{
	char line[256], hook[HOOK_MAX] = "";
	uint32_t id = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "link_type:\titer", 15))
			strcpy(hook, "iter");
		sscanf(line, "tp_name: %63s", hook);
		sscanf(line, "prog_id: %u", &id);
	}
	fclose(file);
	if (id && *hook)
		strcpy(program_of(id)->hook, hook);
	else if (id)
		program_of(id);
}

static void find_programs(const char *pid)
{
	char path[512];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	directory = opendir(path);
	if (!directory)
		die(path, errno);
	while ((entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
		take_descriptor(path);
	}
	closedir(directory);
	for (size_t i = 0; i < programs_count; i++) {
		programs[i].fd = bpf_prog_get_fd_by_id(programs[i].id);
		if (programs[i].fd < 0)
			die("program", errno);
	}
}

/* The difference to what was there before. */
static void count_programs(void)
{
	for (size_t i = 0; i < programs_count; i++) {
		struct program *program = &programs[i];
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(program->fd, &info, &size))
			die("program", errno);
		memcpy(program->name, info.name, sizeof(program->name));
		program->ns = info.run_time_ns - program->ns;
		program->runs = info.run_cnt - program->runs;
	}
}

/* ---- CPU time ---- */

/* Of one thread, to the nanosecond: the first number of schedstat. */
static uint64_t thread_time(const char *pid, const char *tid)
{
	char path[512];
	unsigned long long ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		die(path, errno);
	if (fscanf(file, "%llu", &ns) != 1)
		die(path, EIO);
	fclose(file);
	return ns;
}

static uint64_t process_time(const char *pid)
{
	char path[256];
	struct dirent *entry;
	uint64_t ns = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	directory = opendir(path);
	if (!directory)
		die(path, errno);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] != '.')
			ns += thread_time(pid, entry->d_name);
	}
	closedir(directory);
	return ns;
}

static void count_processes(void)
{
	for (size_t i = 0; i < processes_count; i++)
		processes[i].ns = process_time(processes[i].pid) - processes[i].ns;
}

static uint64_t time_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_usec * 1000;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the command ---- */

/* Returns what it and its children took of the CPU. */
static uint64_t run(char **command, const char *output)
{
	struct rusage usage;
	int status, fd;
	pid_t child = fork();

	if (child < 0)
		die("fork", errno);
	if (!child) {
		fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			die(output, errno);
		execvp(command[0], command);
		die(command[0], errno);
	}
	if (wait4(child, &status, 0, &usage) != child)
		die("wait", errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "measure: %s: failed\n", command[0]);
		exit(1);
	}
	return time_of(&usage.ru_utime) + time_of(&usage.ru_stime);
}

static void usage(void)
{
	fputs("usage: measure [--programs PID] [--cpu NAME:PID]... [--output FILE] COMMAND...\n",
	      stderr);
	exit(2);
}

static void add_process(char *argument)
{
	char *colon = strchr(argument, ':');

	if (!colon || processes_count == PROCESSES_MAX)
		usage();
	*colon = '\0';
	processes[processes_count++] = (struct process){.name = argument, .pid = colon + 1};
}

static void print(uint64_t command, uint64_t elapsed)
{
	for (size_t i = 0; i < programs_count; i++)
		printf("program %u %s %s %llu %llu\n", programs[i].id, programs[i].name,
		       programs[i].hook, (unsigned long long)programs[i].ns,
		       (unsigned long long)programs[i].runs);
	for (size_t i = 0; i < processes_count; i++)
		printf("cpu %s %llu\n", processes[i].name, (unsigned long long)processes[i].ns);
	printf("cpu command %llu\nelapsed %llu\n", (unsigned long long)command,
	       (unsigned long long)elapsed);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"programs", required_argument, NULL, 'p'},
		{"cpu", required_argument, NULL, 'c'},
		{"output", required_argument, NULL, 'o'},
		{0},
	};
	const char *pid = NULL, *output = "/dev/null";
	uint64_t began, elapsed, command;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'p')
			pid = optarg;
		else if (c == 'c')
			add_process(optarg);
		else if (c == 'o')
			output = optarg;
		else
			usage();
	}
	if (optind == argc)
		usage();
	if (pid) {
		find_programs(pid);
		if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
			die("bpf_enable_stats", errno);
	}
	count_programs();
	count_processes();
	began = now_ns();
	command = run(&argv[optind], output);
	elapsed = now_ns() - began;
	count_programs();
	count_processes();
	print(command, elapsed);
	return 0;
}
