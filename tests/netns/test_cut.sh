#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Servers fall ill behind a real HAProxy whose TCP checks see nothing of it: an nginx that fails, one that is
# slow, one that comes and goes, one that hangs. What shunt, on their host, says of each and does; and what
# HAProxy's clients get from then on, where its checks are exempt from a verdict and where they are coupled
# to it. At last a server is drained by hand. Counts and states, no times.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/holder.sh"

namespace backend
cable balancer 10.211.0
cable clients 10.212.0
foreign balancer && foreign clients || give_up "no XDP on this kernel's veth"

# ---- the servers --------------------------------------------------------------------------------

# web_app NAME PORT: an nginx in one process, so that it can be stopped. It closes without a word while
# there is a file of its name; behind it is an application at PORT + 1000, which may be slow.
web_app() {
	local dir=$scratch/$1.nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		master_process off;
		pid $dir/pid;
		error_log stderr error;
		events { worker_connections 4096; }
		http {
			access_log off;
			$(nginx_paths $dir)
			server {
				listen $2 backlog=4096;
				location / {
					if (-f $scratch/$1.broken) { return 444; }
					proxy_pass http://127.0.0.1:$(($2 + 1000));
				}
			}
		}
	CONFIG
	backend "$1.app" backend $(($2 + 1000))
	spawn "$1" backend nginx -e stderr -c "$dir/nginx.conf"
	eventually listens backend "$2" || give_up "nginx $1 does not start"
}
declare -A port_of=([exempt]=8001 [coupled]=8002 [slow]=8003 [flapping]=8004 [wedged]=8005 [drained]=8006)
for server in exempt coupled slow flapping wedged; do
	web_app $server "${port_of[$server]}"
done
backend drained backend 8006
backend other backend 8007

# before SERVER [LINE...]: an HAProxy before it and the other one, and load: through that, and at the server
before() {
	local server=$1 port=${port_of[$1]}
	shift
	balance "$server.lb" balancer $((port + 2000)) "inter 200ms fall 3 rise 2" "$server=10.211.0.2:$port" \
		other=10.211.0.2:8007 < <(printf '%s\n' "retries 3" "option redispatch 1" "$@")
	eventually marked_up "$server.lb" "$server" || give_up "$server is not up"
	load "$server.through" balancer 127.0.0.1 $((port + 2000)) 60
	load "$server.direct" clients 10.212.0.2 "$port" 60
}
# away SERVER: ends the load. HAProxy goes on, since one that falls silent is a sign of its own.
away() {
	stop "$1.through" >/dev/null
	stop "$1.direct" >/dev/null
	stop "$1.lb.states"
}

# ---- what they get ------------------------------------------------------------------------------

# lately LOAD: what its last 50 connections came to
lately() {
	awk 'NF == 3 { print $3 }' "$scratch/$1.out" | tail -n 50 | sort -u | xargs
}
well() {
	[ "$(lately "$1")" = good ] && [ "$(grep -c ' good$' "$scratch/$1.out")" -ge 50 ]
}
# meets LOAD OUTCOME COUNT SINCE: at least so many connections that began since then came to that
meets() {
	[ "$(awk -v at="$4" -v outcome="$2" '$3 == outcome && $1 > at' "$scratch/$1.out" | wc -l)" -ge "$3" ]
}
# quick LOAD: none of its last 50 can have been answered by the slow application
slowness=400
quick() {
	well "$1" && [ -z "$(awk 'NF == 3' "$scratch/$1.out" | tail -n 50 | awk '$2 - $1 >= '$slowness)" ]
}

# ---- what shunt says ----------------------------------------------------------------------------

said() {
	grep -qsE "shunt: $1" "$scratch/shunt.log"
}
# is SERVER QUERY VALUE: of the status, with jq
is() {
	[ "$(fetch shunt /api/v1/status | jq -r ".services[] | select(.name == \"$1\") | $2")" = "$3" ]
}
# tripped SERVER KEY: by that rule of it
tripped() {
	said "breaker, enforce: $1: open, was closed: .*\(services.$1.breaker.$2\)"
}

# service SERVER PROBES [OPTION]: of the configuration
service() {
	cat <<-LINES
		  - name: $1
		    inbound: ["*:${port_of[$1]}"]
		    health_check: {model: haproxy, interval: 200ms, fall: 3, rise: 2, probers: [10.211.0.1/32]}
		    breaker:
		      mode: enforce
		      probes: $2
		      window: 2s
		      open_for: 1s
		      open_for_max: 2s
		      half_open: {share: 0.5, connections: 6}
		      ${3:-}
	LINES
}
# start: a daemon that knows nothing of what was before: three trips a minute are all that it makes
start() {
	rm -rf "$scratch/shunt.state"
	observe shunt backend <<-CONFIG
		interfaces: [eth1, eth2]
		services:
		$(service exempt exempt)
		$(service coupled coupled)
		$(service slow coupled "slow: {signal: response, over: 100ms, rate: 0.5, for: 500ms}")
		$(service flapping coupled "$(printf 'failure_rate: 1.0\n      on_flapping: true')")
		$(service wedged coupled)
		$(service drained exempt "action: drain")
		  - {name: other, inbound: ["*:8007"]}
		guards: {max_open: 3, max_open_share: 0.5}
	CONFIG
}

# ---- failing, slow ------------------------------------------------------------------------------

start
for server in exempt coupled slow; do
	before $server "mode http"
done
for server in exempt coupled slow; do
	eventually well $server.through && eventually well $server.direct || give_up "$server is not served"
done

touch "$scratch/exempt.broken" "$scratch/coupled.broken"
turn slow.app slow $slowness >"$scratch/slow.at"
for server in exempt coupled; do
	holds "$server: failing, which the checks do not see" \
		eventually said "$server \(server\): failing, .*; the checks of haproxy still pass"
	holds "$server: cut for its failures" eventually tripped $server failure_rate
done
holds "slow: cut for its slowness" eventually tripped slow slow
cut_at=$(now_ms)
for server in exempt coupled slow; do
	holds "$server: who comes directly is refused" eventually meets $server.direct refused 20 "$cut_at"
done

# By the address that they come from: connections of the clients of that HAProxy are exempt as well.
holds "exempt: HAProxy's clients go on meeting its failures" eventually meets exempt.through http_error 20 "$cut_at"
equal "…and HAProxy does not take it out" "" "$(verdicts exempt.lb exempt)"
for server in coupled slow; do
	holds "$server: HAProxy takes it out" eventually marked_down $server.lb $server
done
holds "coupled: HAProxy's clients are served, by the other" eventually well coupled.through
holds "slow: HAProxy's clients are served quickly, by the other" eventually quick slow.through

rm "$scratch/exempt.broken" "$scratch/coupled.broken"
turn slow.app good >"$scratch/slow.at"
for server in exempt coupled slow; do
	holds "$server: well again, and let back" eventually is $server .breaker.state closed
	holds "…HAProxy has it" eventually marked_up $server.lb $server
	holds "…and everybody is served" eventually well $server.through
	holds "…also directly" eventually well $server.direct
	away $server
done
scrape shunt
for server in exempt:failure_rate coupled:failure_rate slow:slow; do
	equal "${server%:*}: has tripped once, by ${server#*:}" 1 "$(value shunt shunt_breaker_transitions_total \
		"service=\"${server%:*}\",role=\"server\",to=\"open\",reason=\"${server#*:}\",mode=\"enforce\"")"
done
equal "nobody else was cut" "" "$(grep -E 'breaker, enforce: (flapping|wedged|drained|other):' "$scratch/shunt.log")"
expect_sound shunt
stop shunt

# ---- flapping -----------------------------------------------------------------------------------

start
for server in flapping wedged; do
	before $server "mode http"
done
before drained "mode tcp"
for server in flapping wedged drained; do
	eventually well $server.through && eventually well $server.direct || give_up "$server is not served"
done

# either STATE: it is that, or cut
either() {
	is flapping .state "$1" || tripped flapping on_flapping
}
for _ in {1..6}; do
	touch "$scratch/flapping.broken"
	eventually either failing
	rm "$scratch/flapping.broken"
	eventually either healthy
	! tripped flapping on_flapping || break
done
holds "flapping: said to be" said 'flapping \(server\): flapping, '
holds "flapping: cut for that" tripped flapping on_flapping
holds "flapping: HAProxy takes it out, where its checks saw nothing before" eventually marked_down flapping.lb flapping
holds "…and its clients are served" eventually well flapping.through
holds "flapping: steady now, and let back" eventually is flapping .breaker.state closed
holds "…HAProxy has it" eventually marked_up flapping.lb flapping
away flapping

# ---- wedged -------------------------------------------------------------------------------------

freeze wedged >"$scratch/wedged.at"
holds "wedged: said to be, which the checks do not see" \
	eventually said 'wedged \(server\): wedged, .*; the checks of haproxy still pass'
holds "…HAProxy's clients wait in vain" eventually meets wedged.through timed_out 10 "$(cat "$scratch/wedged.at")"
equal "…HAProxy's check sees nothing" 2 "$(thinks wedged.lb wedged op)"
# What nobody has answered yet has not failed yet.
fetch shunt /api/v1/status |
	jq -r '.services[] | select(.name == "wedged") | "# wedged: by rule it is \(.breaker.state)"'
order trip wedged --why "hangs" --for 3s
holds "wedged: cut by hand, HAProxy takes it out" eventually marked_down wedged.lb wedged
holds "…and its clients are served" eventually well wedged.through
thaw wedged >"$scratch/wedged.at"
holds "wedged: goes on, and is let back" eventually is wedged .breaker.state closed
holds "…HAProxy has it" eventually marked_up wedged.lb wedged
holds "…and everybody is served" eventually well wedged.through
away wedged

# ---- drained ------------------------------------------------------------------------------------

# 800 questions, one every 10 ms, by way of HAProxy
spawn flows balancer "$tools/client" --to 127.0.0.1 --port $((port_of[drained] + 2000)) --count 4 --batch 4 \
	--rounds 800 --every 10
flows() {
	inside balancer ss -Htn state established "( dport = :$1 )" "dst $2" | wc -l
}
under_way() {
	[ "$(flows $((port_of[drained] + 2000)) 127.0.0.1)" -ge 4 ]
}
eventually under_way || give_up "four flows do not begin"
drained_at=$(now_ms)
order trip drained --action drain --why "to be replaced" --for 3s
holds "drained: HAProxy takes it out" eventually marked_down drained.lb drained
holds "…since it is refused" grep -q 'failed 0/2 DOWN Layer4 connection problem' <(checks drained.lb drained)
holds "…its clients are served, by the other" eventually well drained.through
holds "drained: checks alone let it back when that is over" eventually is drained .breaker.state closed
holds "…HAProxy has it" eventually marked_up drained.lb drained
equal "…which took it out once" "DOWN UP" "$(verdicts drained.lb drained | awk '{ print $3 }' | xargs)"
finished flows
equal "flows that were there have moved all their data" "ok=4 answered=4" "$(nonzero "$(cat "$scratch/flows.out")")"
holds "who comes directly was served all the while" meets drained.direct good 60 "$drained_at"
equal "…and met nothing else" "good" "$(awk 'NF == 3 { print $3 }' "$scratch/drained.direct.out" | sort -u | xargs)"
equal "nobody found it ill" "" "$(grep -E 'drained \(server\): (failing|wedged|flapping)' "$scratch/shunt.log")"
scrape shunt
within "what was refused is counted" 3 "$(value shunt shunt_verdict_connections_total \
	'service="drained",role="server",verdict="drain"')" 100000
away drained
expect_sound shunt
stop shunt
