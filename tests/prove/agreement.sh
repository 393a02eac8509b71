# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Agreement: servers fall ill, flap, hang and recover at random under several HAProxys, and shunt's model
# of each must have gone through the same states, one for one. To be sourced after haproxy.sh and checks.sh.
#
# HAProxy logs each check that moves its counter, with the counter; what it does not log changes nothing.
# shunt is asked all the time, and says its counter and how each of the last checks ended. So after every
# check both counters are known, and no poll can fall between a change here and the same change there.

# NAME:PORT:CHECK:INTER:FALL:RISE:PROBERS:RATE, one HAProxy and one server each, with so many connections a
# second. PROBERS: the checker's address is configured, or found by its rhythm.
agreement_cases="tcp1:8001:tcp:500:3:2:found:200 tcp2:8002:tcp:300:2:3:configured:10
	http1:8003:http:500:3:2:configured:10 http2:8004:http:700:2:2:found:10
	http3:8005:http:400:4:1:found:10"
# What two changes that are the same may be apart: shunt knows of a check that was lost two ticks after its
# time was up, and an interval after that at the latest.
agreement_slack_ms=600

agreement_ground() {
	local case name port check inter fall rise probers rate
	namespace backend
	cable balancer 10.211.0
	cable clients 10.212.0
	crowd clients 10.212.0 10.213
	{
		echo services:
		for case in $agreement_cases; do
			IFS=: read -r name port check inter fall rise probers rate <<<"$case"
			[ "$probers" = found ] && probers="" || probers=", probers: [10.211.0.1/32]"
			echo "  - {name: $name, inbound: [\"*:$port\"], health_check: {model: haproxy," \
				"interval: ${inter}ms, fall: $fall, rise: $rise$probers}}"
		done
	} >"$scratch/services"
	for case in $agreement_cases; do
		IFS=: read -r name port _ <<<"$case"
		backend "$name" backend "$port"
	done
	observe_timed shunt backend <"$scratch/services"
	renice -n -10 -p "${pid[shunt]}" >"$scratch/nice"
	for case in $agreement_cases; do
		IFS=: read -r name port check inter fall rise probers rate <<<"$case"
		balance "${name}_lb" balancer $((port + 1000)) "inter ${inter}ms fall $fall rise $rise" \
			"$name=10.211.0.2:$port" < <([ "$check" = tcp ] || echo "	option httpchk GET /healthz")
		renice -n -10 -p "${pid[${name}_lb]}" >"$scratch/nice"
		load "${name}_load" clients 10.212.0.2 "$port" "$rate" --random "$port" --from 10.213.0.1 --spread 65000
	done
	for case in $agreement_cases; do
		eventually has_said shunt "${case%%:*}: checked by " || give_up "${case%%:*}: no checker found"
	done
	spawn models backend "$tools/models" 9909 20
}

# trouble_one CASE SECONDS: its server does at random what servers do, in the background; the times are
# from a quarter to three intervals, so that some are shorter than one check and some outlast all
trouble_one() {
	local name port check inter until=$((SECONDS + $2)) mode
	local -a modes=(good good good good good refuse refuse reset silent drop)
	IFS=: read -r name port check inter _ <<<"$1"
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

# compare_models NAME INTER FALL RISE: `CHECKS CHANGES DIFFER`, and a line for each difference
compare_models() {
	# shellcheck disable=SC2016
	awk -v name="$1" -v slack=$((agreement_slack_ms + $2)) -v fall="$3" -v rise="$4" '
		function differ(text) { differs[++bad] = name ": " text }
		# HAProxy: src/check.c, set_server_check_status()
		function check(passed) {
			if (passed) { if (++counter >= rise) counter = full }
			else if (--counter < rise) counter = 0
		}
		BEGIN { counter = theirs_now = full = rise + fall - 1 }
		NR == FNR { split($4, part, "/"); health = part[1] + ($5 == "UP" ? rise - 1 : 0)
			if (health != theirs_now) { theirs[++theirs_count] = health; their_at[theirs_count] = $1 }
			theirs_now = health; next }
		$2 != name { next }
		{ for (i = 4; i <= NF; i++) { split($i, part, "="); value[part[1]] = part[2] }
			new = value["checks"] - checks
			if (new < 0 || new > length(value["history"])) differ($1 ": " new " checks at once")
			if (!new && value["history"] != history) differ($1 ": a check was taken back")
			for (i = length(value["history"]) - new + 1; i <= length(value["history"]); i++) {
				was = counter
				check(substr(value["history"], i, 1) == ".")
				if (counter != was) { ours[++ours_count] = counter; our_at[ours_count] = $1 }
			}
			if (counter != value["health"]) differ($1 ": shunt says " value["health"] ", its checks make " counter)
			checks = value["checks"]; history = value["history"] }
		END {
			for (i = k = 1; i <= theirs_count || k <= ours_count; i++) {
				apart = our_at[k] - their_at[i]
				if (i <= theirs_count && k <= ours_count && theirs[i] == ours[k] && apart * apart <= slack * slack) { k++; continue }
				differ(sprintf("HAProxy %s at %.3f, shunt %s at %.3f", theirs[i], their_at[i], ours[k], our_at[k]))
				# Both are sure to be one again where both have come to be wholly up.
				while (i <= theirs_count && theirs[i] != full) i++
				while (k <= ours_count && (ours[k] != full || our_at[k] < their_at[i] - slack)) k++
				k++
			}
			print checks + 0, theirs_count + 0, bad + 0
			for (i = 1; i <= bad; i++) print differs[i]
		}' <(checks "$1_lb" "$1") "$scratch/models.out"
}

# others_found: how many are taken for checkers that are not HAProxy
others_found() {
	sed -nE 's/.* shunt: [a-z0-9]+: checked by ([^ ]+) .*/\1/p' "$scratch/shunt.log" | grep -vc '^10\.211\.0\.1$'
}

# agreement SECONDS: the comparison in $scratch/agreement, a line for each server and each difference, and
# `cron CONNECTIONS TAKEN` of a client that comes once a minute
agreement() {
	local case name inter fall rise
	local -a troublers=()
	agreement_ground
	load cron clients 10.212.0.2 8001 0.0166667
	for case in $agreement_cases; do
		trouble_one "$case" "$1" &
		troublers+=($!)
	done
	wait "${troublers[@]}"
	# What was lost last is known a little later.
	sleep 2
	for case in $agreement_cases; do
		IFS=: read -r name _ _ inter fall rise _ <<<"$case"
		echo "$name $(compare_models "$name" "$inter" "$fall" "$rise")"
	done >"$scratch/agreement"
	echo "cron $(wc -l <"$scratch/cron.out") $(others_found)" >>"$scratch/agreement"
}
