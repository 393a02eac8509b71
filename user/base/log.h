/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One line per message on stderr, "shunt: what: why"; with a syslog priority
 * prefix ("<3>") when the journal reads us, as sd-daemon(3) describes.
 */
#ifndef SHUNT_LOG_H
#define SHUNT_LOG_H

/* Something failed and was given up. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something failed and work goes on without it. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What an operator wants to have read once. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* MESSAGE_ID of a change of a service's health: journalctl MESSAGE_ID=…, the same for ever. */
#define LOG_ID_HEALTH "f04e4ff3dad447b1941d6676a6f2f671"

/* …of what a breaker decided. */
#define LOG_ID_BREAKER "5a1f0c57d4e94e0c8a3a7f64b9f3d1c2"

/* What the journal can be asked for; NULL leaves the field out. */
struct log_fields {
	const char *message_id; /* 32 hexadecimal digits */
	const char *service; /* SHUNT_SERVICE= */
	const char *state; /* SHUNT_STATE= */
	const char *reason; /* SHUNT_REASON= */
	const char *mode; /* SHUNT_MODE= */
	const char *path; /* SHUNT_PATH=, of the key that decided */
	const char *guards; /* SHUNT_GUARDS=, those that refused */
	const char *who; /* SHUNT_WHO= */
};

/*
 * A message with fields, where stderr is the journal's; elsewhere a line like the
 * others, without them.  `priority` is one of syslog(3)'s, LOG_ERR to LOG_INFO.
 */
void log_event(int priority, const struct log_fields *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
