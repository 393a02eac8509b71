/* SPDX-License-Identifier: GPL-2.0 */
/* What this process itself takes. */
#ifndef SHUNT_DAEMON_PROCESS_H
#define SHUNT_DAEMON_PROCESS_H

#include "serve/view.h"

/* Reads it from the kernel; a field that cannot be had stays 0. */
void process_read(struct view_process *ret_process);

#endif
