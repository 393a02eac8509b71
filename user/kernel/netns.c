/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/netns.h"

#include <errno.h>
#include <sys/stat.h>

int netns_own(uint32_t *ret_inode)
{
	struct stat status;

	if (stat(NETNS_OWN, &status))
		return -errno;
	*ret_inode = (uint32_t)status.st_ino;
	return 0;
}
