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

#endif
