# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Agreement: servers fall ill, flap and recover at random under several HAProxys, and shunt's model of
# each is compared with what HAProxy's stats socket says. To be sourced after haproxy.sh and checks.sh.

# NAME:PORT:CHECK:INTER:FALL:RISE, one HAProxy and one server each
agreement_cases="tcp1:8001:tcp:500:3:2 tcp2:8002:tcp:300:2:3 http1:8003:http:500:3:2 http2:8004:http:700:2:2
	http3:8005:http:400:4:1"
# A poll this soon after HAProxy's change may show what was before it.
settle_ms=250

agreement_ground() {
	local case name port check inter fall rise
	namespace backend
	cable balancer 10.211.0
	cable clients 10.212.0
	crowd clients 10.212.0 10.213
	{
		echo services:
		for case in $agreement_cases; do
			IFS=: read -r name port check inter fall rise <<<"$case"
			echo "  - {name: $name, inbound: [\"*:$port\"], health_check: {model: haproxy," \
				"interval: ${inter}ms, fall: $fall, rise: $rise}}"
		done
	} >"$scratch/services"
	for case in $agreement_cases; do
		IFS=: read -r name port _ <<<"$case"
		backend "$name" backend "$port"
	done
	observe_timed shunt backend <"$scratch/services"
	for case in $agreement_cases; do
		IFS=: read -r name port check inter fall rise <<<"$case"
		balance "${name}_lb" balancer $((port + 1000)) "inter ${inter}ms fall $fall rise $rise" \
			"$name=10.211.0.2:$port" < <([ "$check" = tcp ] || echo "	option httpchk GET /healthz")
		load "${name}_load" clients 10.212.0.2 "$port" 10 --random "$port" --from 10.213.0.1 --spread 65000
	done
	for case in $agreement_cases; do
		eventually has_said shunt "${case%%:*}: checked by " || give_up "${case%%:*}: no checker found"
	done
}

# trouble_one CASE SECONDS: its server does at random what servers do, in the background; the times are
# from a quarter to three intervals, so that some are shorter than one check and some outlast all
trouble_one() {
	local name port check inter fall rise until=$((SECONDS + $2)) mode
	local -a modes=(good good good good good refuse refuse reset silent drop)
	IFS=: read -r name port check inter fall rise <<<"$1"
	RANDOM=$port
	[ "$check" = tcp ] || modes+=(503 503 503 error)
	while [ $SECONDS -lt $until ]; do
		mode=${modes[RANDOM % ${#modes[@]}]}
		echo "$mode" >"$scratch/$name.control"
		sleep "$(awk -v inter="$inter" -v of="$((RANDOM % 1000))" \
			'BEGIN { print inter / 1000 * (0.25 + of / 1000 * 2.75 * (of % 3 ? 1 : 2)) }')"
	done
	echo good >"$scratch/$name.control"
}

# poll_status SECONDS: lines `MS NAME HEALTH CERTAIN MS`, from the time before the question to the one
# after the answer
poll_status() {
	local until=$((SECONDS + $1)) asked answered
	while [ $SECONDS -lt $until ]; do
		asked=$(now_ms)
		fetch shunt /api/v1/status -o "$scratch/status"
		answered=$(now_ms)
		jq -r --arg asked "$asked" --arg answered "$answered" '.services[] | . as $service | .probers[]? |
			"\($asked) \($service.name) \(.health) \(.certain) \($answered)"' "$scratch/status"
		sleep 0.06
	done
}

# compare_health NAME POLLS: `COMPARED EQUAL LEFT_OUT`, and each that differs
compare_health() {
	awk -v name="$1" -v settle=$settle_ms '
		NR == FNR { if (match($0, /health=[0-9]+/)) {
				health = substr($0, RSTART + 7, RLENGTH - 7)
				if (!count || health != to[count]) { at[++count] = $1; to[count] = health }
			} next }
		$2 != name { next }
		{ while (now < count && at[now + 1] <= $1) now++ }
		!now || $1 - at[now] < settle { out++; next }
		# Between question and answer HAProxy may change; shunt may know before HAProxy is asked.
		now < count && at[now + 1] - $5 < settle / 2 { out++; next }
		{ compared++ }
		$3 == to[now] { equal++; next }
		{ differs[++bad] = sprintf("%s %s: shunt %s, HAProxy %s since %d ms", name, $1, $3, to[now], $1 - at[now]) }
		END { print compared + 0, equal + 0, out + 0, count - 1; for (i = 1; i <= bad; i++) print differs[i] }
	' <(states "$1_lb" "$1") "$2"
}

# agreement SECONDS: the comparison in $scratch/agreement, a line for each server and each difference
agreement() {
	local case seconds=$1
	local -a troublers=()
	agreement_ground
	for case in $agreement_cases; do
		trouble_one "$case" "$seconds" &
		troublers+=($!)
	done
	poll_status "$seconds" >"$scratch/polls"
	wait "${troublers[@]}"
	for case in $agreement_cases; do
		echo "${case%%:*} $(compare_health "${case%%:*}" "$scratch/polls")"
	done >"$scratch/agreement"
}
