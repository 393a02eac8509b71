#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# confined.sh FOLDER COMMAND...: executes it as a process of a cgroup, and so that this cgroup is the root
# of all that it sees: what it attaches to "all of this host" is attached there.
folder=$1
shift
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
echo 0 >"$folder/cgroup.procs" || exit 1
# shellcheck disable=SC2016 # the inner shell's
exec unshare --cgroup --mount sh -c 'umount -l "$0" && mount -t cgroup2 none "$0" && exec "$@"' "$mount" "$@"
