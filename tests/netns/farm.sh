# shellcheck shell=bash disable=SC2030,SC2031,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Many servers behind one HAProxy, each under its own load, so that many runs of one kind take place at
# once. To be sourced after haproxy.sh and checks.sh. Nothing here asks again and again: what happened
# when is read from the logs of all, afterwards.

farm_inter=2

# farm COUNT RATE: servers s1, s2, … under so many connections a second each, and who checks them is known
farm() {
	local i
	local -a at=()
	namespace backend
	cable balancer 10.211.0
	cable clients 10.212.0
	crowd clients 10.212.0 10.213
	{
		echo services:
		for ((i = 1; i <= $1; i++)); do
			echo "  - {name: s$i, inbound: [\"*:$((8000 + i))\"], health_check: {model: haproxy," \
				"interval: ${farm_inter}s, fall: 3, rise: 2, probers: [10.211.0.1/32]}}"
		done
	} >"$scratch/services"
	for ((i = 1; i <= $1; i++)); do
		backend "s$i" backend $((8000 + i))
		at+=("s$i=10.211.0.2:$((8000 + i))")
	done
	observe_timed shunt backend <"$scratch/services"
	balance lb balancer 9001 "inter ${farm_inter}s fall 3 rise 2" "${at[@]}" \
		<<<"	option httpchk GET /healthz"
	renice -n -10 -p "${pid[shunt]}" "${pid[lb]}" >"$scratch/nice"
	# Among thousands of new addresses a second it would take its time.
	for ((i = 1; i <= $1; i++)); do
		eventually has_said shunt "s$i: checked by " || give_up "s$i: no checker found"
	done
	for ((i = 1; i <= $1; i++)); do
		load "s${i}_load" clients 10.212.0.2 $((8000 + i)) "$2" --random "$i" --from 10.213.0.1 --spread 65000
	done
	# What is usual takes a while to learn.
	sleep 4
}

# for_each FIRST LAST COMMAND...: with the name of each server, all at once; waits for them
for_each() {
	local i first=$1 last=$2
	local -a all=()
	shift 2
	for ((i = first; i <= last; i++)); do
		(RANDOM=$i && "$@" "s$i") &
		all+=($!)
	done
	wait "${all[@]}"
}

# pause LEAST MOST: ms, at random
pause() {
	local ms=$(($1 + RANDOM % ($2 - $1 + 1)))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# become SERVER MODE: from about now on
become() {
	echo "$2" >"$scratch/$1.control"
}

# first_down SERVER [SINCE]: when HAProxy first said so
first_down() {
	verdicts lb "$1" | awk -v since="${2:-0}" '$3 == "DOWN" && $1 + 0 >= since + 0 { print $1; exit }'
}
