/* SPDX-License-Identifier: GPL-2.0 */
/* Messages with fields, with a journal of this test's own and without one. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log.h"

/* What the journal was told, a field a line. */
static char told[8192];
static int journal_says;
static bool has_socket = true;

/* In the place of libsystemd's. */
int sd_journal_sendv(const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		strncat(told, iov[i].iov_base, iov[i].iov_len);
		strcat(told, "\n");
	}
	return journal_says;
}

/* In the place of libc's; other paths are Criterion's. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int access(const char *path, int mode)
{
	if (!strcmp(path, "/run/systemd/journal/socket")) {
		errno = ENOENT;
		return has_socket ? 0 : -1;
	}
	return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

/* As systemd does for a service; `other`: of some other file. */
static void set_stream(bool other)
{
	struct stat status;
	char stream[64];

	cr_assert_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino + other);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void set_up(void)
{
	cr_redirect_stderr();
	unsetenv("JOURNAL_STREAM");
}

TestSuite(log, .init = set_up);

static void say(void)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_HEALTH,
		.service = "checkout",
		.state = "failing",
		.reason = "12 of 20 refused",
	};

	log_event(LOG_WARNING, &fields, "%s: %s: %s", fields.service, fields.state, fields.reason);
}

Test(log, the_journal_has_the_fields)
{
	set_stream(false);
	say();
	cr_assert_str_eq(told, "MESSAGE=checkout: failing: 12 of 20 refused\n"
			       "PRIORITY=4\n"
			       "SYSLOG_IDENTIFIER=shunt\n"
			       "MESSAGE_ID=f04e4ff3dad447b1941d6676a6f2f671\n"
			       "SHUNT_SERVICE=checkout\n"
			       "SHUNT_STATE=failing\n"
			       "SHUNT_REASON=12 of 20 refused\n");
	fflush(stderr);
	cr_assert_stderr_eq_str("");
}

Test(log, a_field_that_is_not_given_is_not_there)
{
	const struct log_fields fields = {.service = "checkout"};

	set_stream(false);
	log_event(LOG_INFO, &fields, "hello");
	cr_assert_str_eq(told, "MESSAGE=hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=shunt\n"
			       "SHUNT_SERVICE=checkout\n");
}

Test(log, without_a_journal_it_is_a_line)
{
	say();
	fflush(stderr);
	cr_assert_str_eq(told, "");
	cr_assert_stderr_eq_str("shunt: checkout: failing: 12 of 20 refused\n");
}

Test(log, who_redirected_it_wants_the_line)
{
	set_stream(true);
	say();
	fflush(stderr);
	cr_assert_str_eq(told, "");
	cr_assert_stderr_eq_str("shunt: checkout: failing: 12 of 20 refused\n");
}

Test(log, no_socket_to_reach_it)
{
	set_stream(false);
	has_socket = false;
	say();
	fflush(stderr);
	cr_assert_str_eq(told, "");
	cr_assert_stderr_eq_str("<4>shunt: checkout: failing: 12 of 20 refused\n");
}

Test(log, a_journal_that_refuses)
{
	set_stream(false);
	journal_says = -ENOBUFS;
	say();
	fflush(stderr);
	cr_assert_stderr_eq_str("<4>shunt: checkout: failing: 12 of 20 refused\n");
}

/* A field that is too long is cut, and so is the message: nothing is lost for it. */
Test(log, long_fields_are_cut)
{
	char reason[5000];
	const struct log_fields fields = {.reason = reason};

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	set_stream(false);
	log_event(LOG_ERR, &fields, "%s", reason);
	cr_assert(strstr(told, "MESSAGE=xxxx"));
	cr_assert(strstr(told, "\nSHUNT_REASON=xxxx"));
	cr_assert_lt(strlen(told), 2200);
}
