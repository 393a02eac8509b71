# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Flapping: servers that go down for a check or two and come back, again and again, until one time they do
# not; beside as many that are steady, under the same load. Whether shunt calls those and only those
# flapping, and whether before HAProxy's first DOWN. To be sourced after farm.sh.

# flap SERVER: down for 1 to 4 s, up for 2 to 4 s, four to six times; then it stays down until HAProxy
# notices. A third of them answer their checks with 503 meanwhile instead, or hang.
flap() {
	local -a ways=(refuse refuse 503 silent)
	local way=${ways[${1#s} % ${#ways[@]}]} times=$((4 + RANDOM % 3))
	pause 0 2000
	for (( ; times > 0; times--)); do
		become "$1" "$way"
		pause 1000 4000
		become "$1" good
		pause 2000 4000
	done
	become "$1" "$way"
	# HAProxy's checks of one that hangs take as long as the pauses between them.
	sleep 8
	[ "$way" != silent ] || sleep 6
}

# after BEGAN MS: in seconds; `-` for what did not come
after() {
	awk -v began="$1" -v at="${2:-}" 'BEGIN { if (at == "") print "-"; else printf "%.1f\n", (at - began) / 1000 }'
}

# flaps SERVER: `WAY SAID DOWN`, in s since it first fell ill
flaps() {
	local began way
	read -r began way < <(grep -v ' good$' "$scratch/$1.out")
	echo "$way $(after "$began" "$(became shunt "$1" flapping)") $(after "$began" "$(first_down "$1")")"
}

# steadies SERVER: `FLAPPING OTHERS`, how often it was called that, and anything else but healthy
steadies() {
	awk -v name="$1" '$2 == "shunt:" && $3 == name && $4 == "(server):" { state[$5]++ }
		END { others = state["at_risk,"] + state["failing,"] + state["wedged,"] + state["checker_fault,"]
			print state["flapping,"] + 0, others + 0 }' "$scratch/shunt.log"
}

# flapping RUNS: in $scratch/flapping a line `flapping WAY SAID DOWN` for each server that flapped, and
# `steady FLAPPING OTHERS` for each that did not
flapping() {
	local i
	farm $((2 * $1)) 100
	for_each 1 "$1" flap
	for ((i = 1; i <= $1; i++)); do
		echo "flapping $(flaps "s$i")"
		echo "steady $(steadies "s$(($1 + i))")"
	done >"$scratch/flapping"
}
