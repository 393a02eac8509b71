# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Lead: servers are killed under 100 connections/s; how long after the first failed connection, by the
# load's log, shunt says so, and how long before HAProxy acts. To be sourced after farm.sh.

# kill_once SERVER: at a moment of its own in HAProxy's rhythm
kill_once() {
	pause 1000 4000
	become "$1" refuse
	# DOWN comes within 6 s, later where the machine is busy.
	sleep 9
}

# first_failure SERVER SINCE: when its load's first connection failed
first_failure() {
	awk -v since="$2" '$3 != "good" && NF == 3 && $2 + 0 >= since + 0 { print $2; exit }' \
		"$scratch/$1_load.out"
}

# killed SERVER: ms from the first failed connection to at_risk and to failing, and s from failing to
# DOWN; `-` for what did not come, or came too late
killed() {
	local at
	at=$(sed -n 's/ refuse$//p' "$scratch/$1.out")
	echo "$(first_failure "$1" "$at") $(became shunt "$1" at_risk "$at")" \
		"$(became shunt "$1" failing "$at") $(first_down "$1" "$at")" |
		awk 'NF < 4 || $2 > $3 || $3 > $4 { print "- - -"; next }
			{ printf "%.0f %.0f %.3f\n", $2 - $1, $3 - $1, ($4 - $3) / 1000 }'
}

# lead RUNS: each with a server of its own, a line for each in $scratch/lead
lead() {
	local i
	farm "$1" 100
	for_each 1 "$1" kill_once
	for ((i = 1; i <= $1; i++)); do
		killed "s$i"
	done >"$scratch/lead"
}
