#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# unified.sh COMMAND...: executes it where cgroup2 alone is mounted at /sys/fs/cgroup, as hosts have it by now. One
# that has version 1 there has it in a folder, and runtimes refuse to work with both.
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || [ ! -d /sys/fs/cgroup/unified ]; then
	exec "$@"
fi
# shellcheck disable=SC2016 # the inner shell's
exec unshare --mount sh -c 'mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup && exec "$@"' sh "$@"
