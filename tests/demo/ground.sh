# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What the demonstration stands on: hosts, each a network namespace with a real nginx, a real HAProxy before
# them with its clients, and a voice that tells what is said. To be sourced after
# checks.sh and holder.sh.

# ---- the end ------------------------------------------------------------------------------------

window=sh$$

leave() {
	local status=$?
	ip link del "$window" 2>/dev/null
	(exit "$status")
	finish
}
trap leave EXIT

# give_up WHY: what the logs say follows
give_up() {
	failures=1
	echo "shunt: demo: $1" >&2
	exit 1
}

# ---- hosts --------------------------------------------------------------------------------------

# host NAME N: with a cable to the load balancer, which is 10.77.N.1 there; it is 10.77.N.2 itself
host() {
	local lb=shunt-$$-lb host=shunt-$$-$1
	namespace "$1"
	ip -n "$lb" link add "$1" type veth peer name eth0 netns "$host" || give_up "no cable to $1"
	ip -n "$lb" addr add "10.77.$2.1/24" dev "$1"
	ip -n "$host" addr add "10.77.$2.2/24" dev eth0
	ip -n "$lb" link set "$1" up
	ip -n "$host" link set eth0 up
	# What XDP sends arrives only where the other end polls, as network cards do; cables do for XDP.
	foreign lb xdp "$1" || give_up "no XDP on this kernel's veth"
}

# open_window HOST: a cable from here to the host, so that a browser can see the page there. Its addresses
# (RFC 5737) are nobody's; where they are in use nevertheless, there is no window.
open_window() {
	local host=shunt-$$-$1
	[ -z "$(ip -4 route show root 198.51.100.0/24)" ] || return 1
	ip link add "$window" type veth peer name window netns "$host" || return 1
	ip link set "$window" addrgenmode none
	ip addr add 198.51.100.1/30 dev "$window"
	ip -n "$host" addr add 198.51.100.2/30 dev window
	ip link set "$window" up
	ip -n "$host" link set window up
}

# site NAME: an nginx on the host of that name. At port 80 it answers everything with 503, checks as well,
# while it is ill; port 8080 is something else on the same host.
site() {
	local dir=$scratch/$1.nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		worker_processes 1;
		pid $dir/pid;
		error_log stderr error;
		events { worker_connections 1024; }
		http {
			access_log off;
			$(nginx_paths "$dir")
			server {
				listen 80;
				if (-f $scratch/$1.ill) { return 503; }
				location / { return 200 "$1\n"; }
			}
			server {
				listen 8080;
				location / { return 200 "neighbour\n"; }
			}
		}
	CONFIG
	spawn "$1" "$1" nginx -e stderr -c "$dir/nginx.conf"
	eventually listens "$1" 8080 || give_up "nginx does not start"
}

ill() {
	touch "$scratch/$1.ill"
}
well() {
	rm -f "$scratch/$1.ill"
}

# ---- what the load balancer and its clients see -------------------------------------------------

# counter_is VALUE: HAProxy's of web1: 4 all is well, 2 the next failed check takes it out, 0 out
counter_is() {
	[ "$(thinks lb web1 health)" = "$1" ]
}

# first_down: when HAProxy first took web1 out
first_down() {
	verdicts lb web1 | awk '$3 == "DOWN" { print $1; exit }'
}

# clients_so_far: how many requests of HAProxy's clients have ended
clients_so_far() {
	wc -l <"$scratch/clients.out"
}
# clients_since COUNT: what has become of those after
clients_since() {
	awk -v from="$1" 'NR > from && NF == 3 { all++; bad += $3 != "good" }
		END { printf "%d requests, %d of them not answered well\n", all, bad }' "$scratch/clients.out"
}

# answer_of ADDRESS[:PORT]: asked directly by the load balancer's host
answer_of() {
	local code
	code=$(inside lb curl -s -m 1 -o "$scratch/answer" -w '%{http_code}' "http://$1/")
	case $? in
	0) echo "answers $code" ;;
	7) echo "refuses the connection" ;;
	28) echo "is silent, for a second at least" ;;
	*) echo "fails" ;;
	esac
}

# ---- telling ------------------------------------------------------------------------------------

began=$(now_ms)
told=$scratch/told
# Nobody has said anything yet.
touch "$told" "$scratch/lb.out" "$scratch/shunt.log"

# printed_at: lines `MS TEXT`, with the time since the beginning, broken where a screen ends
printed_at() {
	awk -v began="$began" '{
		line = sprintf("[%5.1f s]", ($1 - began) / 1000)
		for (i = 2; i <= NF; i++) {
			if (length(line) + length($i) >= 100) {
				print line
				line = "         "
			}
			line = line " " $i
		}
		print line
	}'
}

# events: what HAProxy and shunt have said of web1
events() {
	{
		checks lb web1 | sed -E 's/^([^ ]+) web1 (failed|passed) (.*)/\1 haproxy: check \2, \3/
			s/, (info|check duration): .*//'
		verdicts lb web1 | awk '{ print $1 " haproxy: web1 is " $3 }'
		sed -nE 's/^([0-9.]+) (shunt: (breaker, [a-z]+: )?web1\b.*)/\1 \2/p' "$scratch/shunt.log"
	} | sort -s -n -k 1,1
}

# tell: what they have said since it was told last
tell() {
	events | grep -vxFf "$told" | tee -a "$told" | printed_at
}

# say TEXT: what has been said before it comes before it
say() {
	tell
	echo
	printed_at <<<"$(now_ms) $*"
}

# follow COMMAND...: tells what they say until it succeeds
follow() {
	local deadline=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $deadline ] || give_up "this does not come: $*"
		tell
		sleep 0.05
	done
	tell
}

# shunt WORD...: of web1's host; a replay with its configuration would be one by another configuration
shunt() {
	if [ "$1" = replay ]; then
		"$SHUNT" "$@"
	else
		inside web1 "$SHUNT" -c "$scratch/shunt.yaml" "$@"
	fi
}

# show COMMAND WORD...: types it, and what it prints; connections to whatever else is on this host are no
# service's here
show() {
	local word line='$'
	for word in "$@"; do
		[[ $word != *\ * ]] || word="\"$word\""
		line+=" $word"
	done
	printf '\n    %s\n' "$line"
	"$@" 2>&1 | sed '/^_unknown /d; s/^/    /'
}

# pause SECONDS: to read by
pause() {
	[ "$PACE" -eq 0 ] || sleep $(($1 * PACE))
}
