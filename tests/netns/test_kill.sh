#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is left of a daemon that ended: nothing, however it ended.
. "$(dirname "$0")/lib.sh"

namespace host
user=$(id -u shunt 2>/dev/null || echo 65534)
install -d -o "$user" "$scratch/run"

# A control socket where the daemon, unprivileged by then, may remove it, as /run/shunt of a unit.
start() {
	observe "$1" host <<<"control: $scratch/run/shunt.sock"
	ids=$(sed -n 's/^\(prog\|link\|map\)_id:\t*\([0-9]*\)$/\1 \2/p' "/proc/${pid[$1]}"/fdinfo/* | sort -u)
}

# left: those of $ids that the kernel still has; it may take a moment to free them
left() {
	local kind id
	while read -r kind id; do
		bpftool -j "$kind" show id "$id" >"$scratch/bpftool" 2>&1 && echo "$kind $id"
	done <<<"$ids"
}
is_clean() {
	[ -z "$(left)" ]
}

start term
within "a daemon has programs, links and maps ($(wc -l <<<"$ids") in all)" 3 \
	"$(cut -d ' ' -f 1 <<<"$ids" | sort -u | wc -l)" 3
equal "…which the kernel knows" "$ids" "$(left)"
stop term
equal "SIGTERM: exit status 0" 0 $?
holds "…no program, link or map is left" eventually is_clean
# The lock beside it stays: to remove it would let two daemons hold a lock of that name.
equal "…nor the control socket" "" "$(find "$scratch/run" -type s)"

start int
stop int INT
equal "SIGINT: exit status 0" 0 $?
holds "…no program, link or map is left" eventually is_clean

start killed
{ stop killed KILL; } 2>"$scratch/said"
equal "SIGKILL: exit status 137" 137 $?
holds "…no program, link or map is left" eventually is_clean

start again
holds "the next daemon takes the socket that the killed one left" kill -0 "${pid[again]}"
holds "…and observes" now_is again shunt_signal_available 'signal="connections"' 1
