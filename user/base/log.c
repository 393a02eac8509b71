/* SPDX-License-Identifier: GPL-2.0 */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

/* Where in this file a message was made helps nobody. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

/* Long enough for a path and a reason; longer lines are cut. */
#define LINE_SIZE 1024

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Whether stderr leads to the journal (systemd.exec(5)); whoever redirects it wants plain lines. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat status;

	if (!stream || sscanf(stream, "%ju:%ju", &device, &inode) != 2)
		return false;
	return !fstat(STDERR_FILENO, &status) && status.st_dev == device && status.st_ino == inode;
}

/* One write a line, so that lines of several threads or processes do not mix. */
static void put_line(int priority, const char *text)
{
	/* The journal reads priorities from the line (sd-daemon(3)). */
	if (is_journal())
		fprintf(stderr, "<%d>shunt: %s\n", priority, text);
	else
		fprintf(stderr, "shunt: %s\n", text);
}

__attribute__((format(printf, 2, 0))) static void log_line(int priority, const char *format,
							   va_list arguments)
{
	char text[LINE_SIZE];

	vsnprintf(text, sizeof(text), format, arguments);
	put_line(priority, text);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_ERR, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_INFO, format, arguments);
	va_end(arguments);
}

/* ---- with fields ---- */

static int send_fields(int priority, const struct log_fields *fields, const char *message)
{
	char level[2] = {(char)('0' + priority), '\0'};
	const struct {
		const char *name;
		const char *value;
	} all[] = {
		{"MESSAGE=", message},
		{"PRIORITY=", level},
		{"SYSLOG_IDENTIFIER=", "shunt"},
		{"MESSAGE_ID=", fields->message_id},
		{"SHUNT_SERVICE=", fields->service},
		{"SHUNT_STATE=", fields->state},
		{"SHUNT_REASON=", fields->reason},
		{"SHUNT_MODE=", fields->mode},
		{"SHUNT_PATH=", fields->path},
		{"SHUNT_GUARDS=", fields->guards},
		{"SHUNT_WHO=", fields->who},
	};
	char text[sizeof(all) / sizeof(all[0])][LINE_SIZE + 20];
	struct iovec parts[sizeof(all) / sizeof(all[0])];
	int count = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].value)
			continue;
		snprintf(text[i], sizeof(text[i]), "%s%s", all[i].name, all[i].value);
		parts[count++] = (struct iovec){text[i], strlen(text[i])};
	}
	return sd_journal_sendv(parts, count);
}

void log_event(int priority, const struct log_fields *fields, const char *format, ...)
{
	char message[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	/* libsystemd says nothing where there is no socket. */
	if (!is_journal() || access(JOURNAL_SOCKET, W_OK) ||
	    send_fields(priority, fields, message) < 0)
		put_line(priority, message);
}
