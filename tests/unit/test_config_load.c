/* SPDX-License-Identifier: GPL-2.0 */
/* Files of every kind, and the defaults. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test_config.h"

static char folder[] = "/tmp/shunt-test-config-XXXXXX";
static char path[sizeof(folder) + 16];

static void set_up(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/shunt.yaml", folder);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(path);
	rmdir(folder);
}

TestSuite(config_load, .init = set_up, .fini = tear_down);

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

/* The file is refused with this error and, after its path, exactly this line. */
static void expect_refusal(int err, const char *line)
{
	struct parsed parsed = load_config(path, true);
	char expected[256];

	snprintf(expected, sizeof(expected), "%s%s\n", path, line);
	cr_expect_eq(parsed.err, err, "%s", strerror(-parsed.err));
	cr_expect_null(parsed.config);
	cr_expect_str_eq(parsed.complaints, expected);
	free_parsed(&parsed);
}

static void expect_defaults(const struct config *config)
{
	cr_expect_str_eq(config->listen_host, "127.0.0.1");
	cr_expect_eq(config->listen_port, 9909);
	cr_expect_eq(config->allowed_hosts.count, 0);
	cr_expect_str_eq(config->control, "/run/shunt.sock");
	cr_expect_str_eq(config->state_dir, "/var/lib/shunt");
	cr_expect_eq(config->discover, true);
	cr_expect_eq(config->max_services, 256);
	cr_expect_eq(config->interfaces.count, 0);
	cr_expect_eq(config->services_count, 0);
	cr_expect_eq(config->guards.max_open, 1);
	cr_expect_eq(config->guards.max_open_share, 0.34);
	cr_expect_eq(config->guards.protect.count, 1);
	cr_expect_eq(config->guards.protect.items[0].bits, 0);
	cr_expect_eq(config->guards.protect.items[0].port, 22);
	cr_expect_eq(config->guards.lease, 3000000000);
	cr_expect_eq(config->alertmanager.count, 0);
	cr_expect_eq(config->webhook.count, 0);
	cr_expect_eq(config->journal.keep, 31 * 86400 * 1000000000ULL);
	cr_expect_eq(config->journal.max_size, 1ULL << 30);
}

Test(config_load, absent)
{
	struct parsed parsed = load_config(path, true);

	cr_assert_eq(parsed.err, 0);
	cr_expect_str_eq(parsed.complaints, "");
	expect_defaults(parsed.config);
	free_parsed(&parsed);

	parsed = load_config(path, false);
	cr_expect_eq(parsed.err, -ENOENT);
	cr_expect(strstr(parsed.complaints, ": No such file or directory\n"));
	free_parsed(&parsed);
}

Test(config_load, empty)
{
	struct parsed parsed;

	write_file("");
	parsed = load_config(path, false);
	cr_assert_eq(parsed.err, 0);
	expect_defaults(parsed.config);
	free_parsed(&parsed);
}

Test(config_load, service_defaults)
{
	struct parsed parsed;
	const struct config_service *service;

	write_file("services: [{name: web, inbound: ['*:80']}]");
	parsed = load_config(path, false);
	cr_assert_eq(parsed.err, 0, "%s", parsed.complaints);
	service = &parsed.config->services[0];
	cr_expect_eq(service->role, SHUNT_ROLE_SERVER);
	cr_expect_null(service->cgroup);
	cr_expect_eq(service->netns_any, false);
	cr_expect_eq(service->health_check.model, CONFIG_MODEL_NONE);
	cr_expect_eq(service->health_check.interval, 0);
	cr_expect_eq(service->breaker.mode, CONFIG_MODE_SHADOW);
	cr_expect_eq(service->breaker.window, 10000000000);
	cr_expect_eq(service->breaker.min_connections, 20);
	cr_expect_eq(service->breaker.failure_rate, 0.5);
	cr_expect_eq(service->breaker.slow.over, 0);
	cr_expect_eq(service->breaker.consecutive_failures, 0);
	cr_expect_eq(service->breaker.on_flapping, false);
	cr_expect_eq(service->breaker.action, CONFIG_ACTION_REJECT);
	cr_expect_eq(service->breaker.redirect_to.port, 0);
	cr_expect_eq(service->breaker.probes, CONFIG_PROBES_EXEMPT);
	cr_expect_eq(service->breaker.open_for, 5000000000);
	cr_expect_eq(service->breaker.open_for_max, 300000000000);
	cr_expect_eq(service->breaker.half_open_share, 0.1);
	cr_expect_eq(service->breaker.half_open_connections, 10);
	free_parsed(&parsed);
}

Test(config_load, line_of_the_file)
{
	write_file("discover: true\n\nlisten: nowhere\n");
	expect_refusal(-EINVAL, ":3: listen: 'nowhere' has no port, expected ADDRESS:PORT such as "
				"10.0.0.9:8080 or [2001:db8::9]:8080");
}

Test(config_load, directory)
{
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refusal(-EISDIR, ": is a directory, expected a file");
}

/* Refused by its size alone: reading a sparse file this long would take a while. */
Test(config_load, too_long)
{
	write_file("");
	cr_assert_eq(truncate(path, 10485760), 0);
	expect_refusal(-EFBIG, ": 10485760 bytes, expected at most 1048576");
	cr_assert_eq(truncate(path, (off_t)1 << 40), 0);
	expect_refusal(-EFBIG, ": 1099511627776 bytes, expected at most 1048576");
	cr_assert_eq(truncate(path, CONFIG_FILE_MAX + 1), 0);
	expect_refusal(-EFBIG, ": 1048577 bytes, expected at most 1048576");
}

/* As of a file that grows while it is read, or says nothing of its size. */
Test(config_load, too_long_in_memory)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	struct parsed parsed;

	memset(text, '\n', CONFIG_FILE_MAX + 1);
	parsed = parse_config("t", text, CONFIG_FILE_MAX + 1);
	cr_expect_eq(parsed.err, -EFBIG);
	cr_expect_str_eq(parsed.complaints, "t: 1048577 bytes, expected at most 1048576\n");
	free_parsed(&parsed);
	free(text);
}

Test(config_load, as_long_as_may_be)
{
	struct parsed parsed;
	FILE *file = fopen(path, "w");

	cr_assert(file);
	fprintf(file, "%*s\nmax_services: 7\n", CONFIG_FILE_MAX - 17, "# a comment");
	cr_assert_eq(ftell(file), CONFIG_FILE_MAX);
	fclose(file);
	parsed = load_config(path, false);
	cr_assert_eq(parsed.err, 0, "%s", parsed.complaints);
	cr_expect_eq(parsed.config->max_services, 7);
	free_parsed(&parsed);
}

/* Nobody writes to it: opening or reading it must not wait. */
Test(config_load, fifo, .timeout = 10)
{
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refusal(-EINVAL, ": is not a regular file");
}

Test(config_load, device)
{
	struct parsed parsed = load_config("/dev/zero", false);

	cr_expect_eq(parsed.err, -EINVAL);
	cr_expect_str_eq(parsed.complaints, "/dev/zero: is not a regular file\n");
	free_parsed(&parsed);
}

Test(config_load, socket)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refusal(-ENXIO, ": No such device or address");
	close(fd);
}

Test(config_load, loop_of_links)
{
	cr_assert_eq(symlink(path, path), 0);
	expect_refusal(-ELOOP, ": Too many levels of symbolic links");
}

/* Root may read anything, so the rest runs as somebody else. */
Test(config_load, unreadable)
{
	write_file("");
	cr_assert_eq(chmod(path, 0), 0);
	cr_assert_eq(chmod(folder, 0755), 0);
	if (!geteuid())
		cr_assert_eq(seteuid(65534), 0);
	expect_refusal(-EACCES, ": Permission denied");
	if (!getuid())
		cr_assert_eq(seteuid(0), 0);
}

Test(config_load, failure_leaves_the_output_alone)
{
	struct config *config = (struct config *)path;

	cr_expect_eq(config_parse("t", "x: y", 4, NULL, NULL, &config), -EINVAL);
	cr_expect_eq((char *)config, path);
}

Test(config_load, file_name_is_escaped)
{
	struct parsed parsed = parse_config("a\x1b[2J\n", "x: y", 4);

	cr_expect_eq(strncmp(parsed.complaints, "a\\x1b[2J\\x0a:1: unknown key 'x'", 31), 0);
	free_parsed(&parsed);
}
