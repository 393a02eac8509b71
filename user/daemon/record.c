/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/record.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "daemon/privilege.h"

/* A month, if there is room for it. */
#define AGE	 (31 * 24 * 3600 * 1000000000ULL)
#define BYTES	 (1ULL << 30)
#define QUEUE	 (4UL << 20)
#define STOP_FOR 5000 /* ms */

void record_prepare(const struct config *config)
{
	/* Only what is made here is given away: it might be anybody's directory. */
	if (mkdir(config->state_dir, 0750))
		return;
	if (privilege_give(config->state_dir) < 0)
		log_warning("journal: %s: cannot be given to the daemon's user: %s",
			    config->state_dir, strerror(errno));
}

int record_start(const struct config *config, struct store **ret_store)
{
	const struct store_options options = {
		.directory = config->state_dir,
		.limits = {.bytes = BYTES, .age = AGE},
		.queue = QUEUE,
	};

	return store_open(&options, ret_store);
}

void record_stop(struct store *store)
{
	store_close(store, STOP_FOR);
}
