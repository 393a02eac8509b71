#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The model of HAProxy against HAProxy, which checks servers that come, go, freeze and fall ill at
# random. What it logs of its checks is what the model is told; its counter and its states, in that log
# and on its socket, are the truth.
. "$(dirname "$0")/lib.sh"

export TZ=UTC
namespace host

# fall, rise and more of each server; there is one of each for both kinds of check and both nodes
declare -A limits=([a]="3 2" [b]="1 1" [c]="5 4" [d]="2 3 fastinter 40ms downinter 70ms")

# servers PORT...
servers() {
	local name port fall rise more
	for name in "${!limits[@]}"; do
		read -r fall rise more <<<"${limits[$name]}"
		for port in "$@"; do
			echo "	server $name$port 127.0.0.1:$port check inter 100ms fall $fall rise $rise $more"
		done
	done
}

cat >"$scratch/haproxy.cfg" <<CONFIG
global
	nbthread 1
	stats socket ipv4@127.0.0.1:9999 level user
	log stdout format iso local0
defaults
	log global
	mode http
	option log-health-checks
	timeout connect 1s
	timeout client 1s
	timeout server 1s
backend tcp
	mode tcp
$(servers 9000 9100)
backend http
	option httpchk GET /
	timeout check 60ms
$(servers 9000 9100)
CONFIG

# node PORT: a server in one process, so that it can be frozen; ill while there is a file. Its backlog
# is short, so that a frozen one ceases to accept.
node() {
	local dir=$scratch/$1
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		master_process off;
		pid $dir/pid;
		error_log stderr crit;
		events {}
		http {
			access_log off;
			$(nginx_paths $dir)
			server {
				listen $1 backlog=4;
				root $dir;
				location / {
					if (-f $dir/ill) { return 503; }
					return 200;
				}
			}
		}
	CONFIG
	spawn "$1" host nginx -e stderr -c "$dir/nginx.conf"
	eventually listens host "$1" || give_up "nginx does not start"
}

# become PORT well|ill|frozen|dead
become() {
	local dir=$scratch/$1
	rm -f "$dir/ill"
	[ -z "${pid[$1]:-}" ] || kill -CONT "${pid[$1]}"
	case $2 in
	dead) [ -z "${pid[$1]:-}" ] || stop "$1" KILL 2>>"$scratch/killed" ;;
	*) [ -n "${pid[$1]:-}" ] || node "$1" ;;
	esac
	case $2 in
	ill) : >"$dir/ill" ;;
	frozen) kill -STOP "${pid[$1]}" ;;
	esac
}

# What HAProxy says at any moment: from when, until when, backend/server, state (0 is down, 2 up), counter
cat >"$scratch/poll" <<'POLL'
while sleep 0.01; do
	from=$EPOCHREALTIME
	exec 3<>/dev/tcp/127.0.0.1/9999 || continue
	echo "show servers state" >&3
	mapfile -t rows <&3
	exec 3>&-
	until=$EPOCHREALTIME
	printf -v from '%(%FT%T)T.%s' "${from%.*}" "${from#*.}"
	printf -v until '%(%FT%T)T.%s' "${until%.*}" "${until#*.}"
	printf '%s\n' "${rows[@]}" | awk -v from="$from" -v until="$until" \
		'/^[0-9]+ / && NF > 12 { print from, until, $2 "/" $4, $6, $13 }'
done
POLL

# ---- what happens -------------------------------------------------------------------------------

# One is there from the beginning, the other is not: a new HAProxy takes it down at its first check.
become 9000 well
spawn haproxy host haproxy -db -f "$scratch/haproxy.cfg"
spawn poll host bash "$scratch/poll"
eventually printed poll 'http/d9100' || give_up "haproxy does not start"
sleep 0.5

RANDOM=1
fates=(well well ill ill frozen frozen dead)
for _ in {1..40}; do
	become $((9000 + RANDOM % 2 * 100)) "${fates[RANDOM % ${#fates[@]}]}"
	sleep "0.$((RANDOM % 4 + 1))"
done
become 9000 well
become 9100 well
sleep 1
stop poll
stop haproxy

# ---- the same in the model ----------------------------------------------------------------------

# What HAProxy does not log (passes while it is wholly up, failures while it is wholly down) changes
# nothing. A line for each check: when, backend/server, outcome, counter and state afterwards ("2/3 UP")
awk '
	/Health check for server / {
		outcome = "reset"
		if (/ succeeded, /) outcome = "pass"
		else if (/Layer4 connection problem/) outcome = "refused"
		else if (/Layer4 timeout/) outcome = "timed_out"
		else if (/Layer7 timeout/) outcome = "no_response"
		else if (/Layer7 wrong status/) outcome = "http_error"
		when = substr($1, 1, 26)
		server = $6
		sub(/.* status: /, "")
		sub(/\.$/, "")
		print when, server, outcome, $0
	}' "$scratch/haproxy.out" >"$scratch/checks"

# shadows SERVER FALL RISE: what the model makes of its checks, in the words of HAProxy's log and of its
# socket: when, backend/server, outcome, what HAProxy says, what the model says, state, counter
shadows() {
	awk -v server="$1" 'BEGIN { print "0", server, "look new" } $2 == server' "$scratch/checks" \
		>"$scratch/story"
	awk '{ print NR, $3 }' "$scratch/story" | "$tools/shadow" haproxy 100 "$2" "$3" |
		awk -v fall="$2" -v rise="$3" '
			/up|going_down/ && !/going_up/ { print $2 - rise + 1 "/" fall, "UP", 2, $2; next }
			{ print $2 "/" rise, "DOWN", 0, $2 }' |
		paste -d ' ' "$scratch/story" -
}

for backend in tcp http; do
	for name in a b c d; do
		read -r fall rise _ <<<"${limits[$name]}"
		for port in 9000 9100; do
			shadows "$backend/$name$port" "$fall" "$rise"
		done
	done
done >"$scratch/shadows"

equal "after every check HAProxy logs the model's counter and state" "" \
	"$(awk '$3 != "look" && ($4 != $6 || $5 != $7) && ++wrong <= 10' "$scratch/shadows")"

# A moment within which something was logged may be before or after that.
equal "between checks HAProxy's socket says the model's counter and state" "" "$(awk -v moments_in="$scratch/moments" '
	FNR == NR {
		if ($3 == "look") { states[$2, 0] = $(NF - 1) " " $NF; next }
		times[$2, ++last[$2]] = $1
		states[$2, last[$2]] = $(NF - 1) " " $NF
		next
	}
	{
		while (at[$3] < last[$3] && times[$3, at[$3] + 1] < $1)
			at[$3]++
		if (at[$3] < last[$3] && times[$3, at[$3] + 1] <= $2)
			next
		moments++
		if (states[$3, at[$3] + 0] != $4 " " $5 && ++wrong <= 10)
			print $0 ", model: " states[$3, at[$3] + 0]
	}
	END { print moments >moments_in }' "$scratch/shadows" "$scratch/poll.out")"

# ---- was it enough? -----------------------------------------------------------------------------

checks=$(wc -l <"$scratch/checks")
within "checks compared" 200 "$checks" 100000
within "…and moments between them" $((checks * 4)) "$(cat "$scratch/moments")" 1000000
for outcome in pass refused timed_out no_response http_error; do
	within "checks that end in $outcome" 5 "$(grep -c " $outcome " "$scratch/checks")" 100000
done
for name in a b c d; do
	within "servers of kind $name go down" 8 \
		"$(grep -cE "Server (tcp|http)/$name.* is DOWN" "$scratch/haproxy.out")" 100000
done
