# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Decision: a real nginx fails under load and its breaker opens by its rule; how long after the tick that
# decided a client that asks all the time is first refused. To be sourced after haproxy.sh.
. tests/netns/holder.sh
. tests/netns/faulty.sh

port=8000
# Who keeps the time must not wait for a CPU.
ahead=(chrt -f 10)
"${ahead[@]}" true 2>/dev/null || ahead=()

decision_ground() {
	verdict_ground
	faulty_nginx far $port 8001
	load busy near 10.203.0.2 $port 500
	spawn neighbour near "$tools/load" 10.203.0.2 8001 20
}

# begin_observer: one that knows of no trip yet; more than three a minute the velocity guard refuses
begin_observer() {
	rm -rf "$scratch/observer.state"
	observe observer far <<-CONFIG
		interfaces: [eth0]
		services:
		  # Who asks all the time says nothing, and is served: of all, few are not.
		  - {name: web, inbound: ["*:$port"], breaker: {mode: enforce, window: 1s, open_for: 9s, failure_rate: 0.02}}
		  - {name: other, inbound: ["*:8001"]}
		guards: {max_open_share: 0.5}
	CONFIG
}

# one_decision: us from the tick that decided to when the first that was refused began to ask, and to
# when it knew
one_decision() {
	local began knew state since decided
	begin_observer
	renice -n -10 -p "${pid[observer]}" >"$scratch/nice"
	spawn knocker near "${ahead[@]}" "$tools/knock" 10.203.0.2 $port until
	# A moment of its own in the rhythm of the ticks.
	sleep "1.$((RANDOM % 1000 + 1000))"
	touch "$broken"
	finished knocker || give_up "nobody is refused"
	read -r state since < <(fetch observer /api/v1/status |
		jq -r '[.changes[] | select(.kind == "breaker" and .service == "web")][0] | "\(.is) \(.time)"')
	rm "$broken"
	[ "$state" = open ] || give_up "somebody is refused while the breaker is $state"
	read -r began knew < <(sed 's/[a-z]*=//g' "$scratch/knocker.out")
	decided=$(date -d "$since" +%s%6N)
	echo "$((began - decided)) $((knew - decided))"
	stop observer
}

# decision RUNS: a line for each in $scratch/decision
decision() {
	local run
	decision_ground
	RANDOM=5
	for ((run = 0; run < $1; run++)); do
		one_decision
	done >"$scratch/decision"
}
