/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon keeps of what happened: its journal. */
#ifndef SHUNT_DAEMON_RECORD_H
#define SHUNT_DAEMON_RECORD_H

#include "journal/store.h"
#include "shunt/config.h"

/*
 * Makes the state directory, for the user that the daemon is to become: to be called while
 * that is still allowed.  One that is there is left as it is.  What goes wrong is said by the
 * journal itself, once it cannot be written.
 */
void record_prepare(const struct config *config);

/* Begins to keep a journal; see store_open(). */
int record_start(const struct config *config, struct store **ret_store);

/* Writes what waits, for some seconds at most, and ends it; NULL is fine. */
void record_stop(struct store *store);

#endif
