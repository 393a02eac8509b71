# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# Workload cost: requests a second, and CPU time a request, of nginx under wrk beside each observer.

# everything SERVER: the CPU time of all that a request needs. What is done in an interrupt counts for
# who it met.
everything() {
	local thread
	processes "$1"
	for thread in $(pgrep '^ksoftirqd'); do
		printf -- '--cpu\nsoftirq:%s\n' "$thread"
	done
	[ -z "${pid[observer]:-}" ] || printf -- '--cpu\nobserver:%s\n' "${pid[observer]}"
}

# try_load MODE PLACE: measures what is there now; sets last[FIGURE,MODE PLACE]
try_load() {
	local options
	place "$2"
	load "$1" "${seconds}s"
	mapfile -t options < <(everything "$2")
	gauge "${options[@]}" "${command[@]}"
	last[rps,$1 $2]=$(awk -v requests="$requests" \
		'$1 == "elapsed" { printf "%.1f", requests * 1e9 / $2 }' "$scratch/gauge")
	last[cpu,$1 $2]=$(per_request '$1 == "cpu"' 3)
}

# On one core nothing depends on the scheduler, nor on how nginx's workers have shared the connections;
# on two it is as in real life. Across them the programs take longer than anywhere: is it added to a
# request, or moved?
try_workload() {
	local where
	for where in one free; do
		place "$where"
		warm close
		try_load close "$where"
		try_load alive "$where"
	done
	[ ${#places[@]} -lt 2 ] || try_load alive across
}

# keep_workload VARIANT ROUND: what was tried last
keep_workload() {
	local key
	for key in "${!last[@]}"; do
		sample workload "${key%,*}" "$1" "${key#*,}" "$2" "${last[$key]}"
	done
}

# beside VARIANT ROUND: tries it, and nobody afterwards; nobody was tried before. What it is compared
# with is the mean of before and after, so that a drift of the machine's speed is none of the variant's.
beside() {
	local key mean
	local -A before
	for key in "${!last[@]}"; do
		before[$key]=${last[$key]}
	done
	begin "$1"
	try_workload
	keep_workload "$1" "$2"
	end "$1"
	try_workload
	keep_workload none "$2"
	for key in "${!last[@]}"; do
		mean=$(awk "BEGIN { print (${before[$key]} + ${last[$key]}) / 2 }")
		sample workload "${key%,*}" "around $1" "${key#*,}" "$2" "$mean"
		sample workload "${key%,*}" before "${key#*,}" "$2" "${before[$key]}"
		sample workload "${key%,*}" after "${key#*,}" "$2" "${last[$key]}"
	done
}

measure_workload() {
	local round peer where
	local -A last
	serve_in free "${places[@]}"
	try_workload
	for round in $(seq "$pairs"); do
		say "workload cost, round $round of $pairs"
		beside shunt "$round"
		# What no program on these hooks can do without, and none that measures how long answers took.
		if [ $((round % 2)) -eq 1 ]; then
			beside floor "$round"
			beside look "$round"
		fi
		# The peers' cost is far above the noise, and needs fewer rounds.
		[ $((round % 4)) -eq 2 ] || continue
		for peer in "${peers[@]}"; do
			beside "$peer" "$round"
		done
	done
	for where in free "${places[@]}"; do
		stop "$where"
	done
}
