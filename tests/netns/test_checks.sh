#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What shunt finds out about a real HAProxy and its servers, with nothing configured but the services:
# who checks them, and whether a service or its checker is ill. Orders and counts, no times.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/checks.sh"

inter=500
rule="inter ${inter}ms fall 3 rise 2"
killed_rule="inter 2s fall 3 rise 2"
namespace backend
cable balancer 10.211.0
cable clients 10.212.0
crowd clients 10.212.0 10.213
for server in plain:8001 http:8002 shared:8003 killed:8004; do
	backend ${server%:*} backend ${server#*:}
done

observe_timed shunt backend <<-CONFIG
	services:
	  - {name: plain, inbound: ["*:8001"]}
	  - {name: http, inbound: ["*:8002"], health_check: {model: haproxy}}
	  - {name: shared, inbound: ["*:8003"]}
	  - {name: killed, inbound: ["*:8004"]}
CONFIG

capture capture backend -tt -i any 'src host 10.211.0.1 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn'

# ---- among others, by their rhythm --------------------------------------------------------------

# A crowd of as many addresses as there are, and one client that comes now and then.
load crowd1 clients 10.212.0.2 8001 100 --from 10.213.0.1 --spread 65000
load crowd2 clients 10.212.0.2 8002 100 --from 10.213.0.1 --spread 65000 --random 1
load seldom clients 10.212.0.2 8001 0.3 --random 5
load traffic clients 10.212.0.2 8004 100 --random 2 --from 10.213.0.1 --spread 65000
healthz="	option httpchk GET /healthz"
balance plain_lb balancer 9001 "$rule" plain=10.211.0.2:8001 </dev/null
balance http_lb balancer 9002 "$rule" http=10.211.0.2:8002 <<<"$healthz"
balance killed_lb balancer 9004 "$killed_rule" killed=10.211.0.2:8004 <<<"$healthz"
balance left_lb balancer 9003 "$rule" shared=10.211.0.2:8003 <<<"$healthz"
# first_check BALANCER SERVER: when its first check was over
first_check() {
	checks "$1" "$2" | sed -n '1s/ .*//p'
}
has_checked() {
	[ -n "$(first_check "$1" "$2")" ]
}
# apart: whether the checks of the two neither meet nor fall amid two of the other's, which would look
# like one that is twice as fast
apart() {
	eventually has_checked right_lb shared || return 1
	awk -v left="$(first_check left_lb shared)" -v right="$(first_check right_lb shared)" -v inter=$inter \
		'BEGIN { at = (right - left) % inter / inter; exit !(at > .1 && at < .4 || at > .6 && at < .9) }'
}
found_apart=no
for pause in 0.02 0.1 0.17 0.23 0.31 0.05 0.13 0.2 0.27 0.35; do
	sleep $pause
	balance right_lb balancer 9005 "$rule" shared=10.211.0.2:8003 <<<"$healthz"
	apart && found_apart=yes && break
	stop right_lb.states
	stop right_lb
done
[ $found_apart = yes ] || give_up "two balancers do not check apart from each other"

# checks_by PORT MS: how many in a row had come by then at their interval, which a busy host's HAProxy does
# not keep; without the last 100 ms, for whoever reads a line dates it
checks_by() {
	awk -v port="[.]$1:" -v by="$2" -v inter=$inter '
		$0 !~ port { next }
		$1 * 1000 > by - 100 { exit }
		count && $1 * 1000 - last > inter * 1.04 { count = 0 }
		{ count++; last = $1 * 1000 }
		END { print count + 0 }' "$scratch/capture.out"
}
for check in plain:8001 http:8002; do
	service=${check%:*}
	holds "$service: its checker is found" eventually has_said shunt "$service: checked by 10.211.0.1 "
	within "$service: by its fifth check" 1 \
		"$(checks_by ${check#*:} "$(said shunt "$service: checked by 10.211.0.1 ")")" 5
done
stop capture >"$scratch/captured"
holds "two behind one address are found" eventually has_said shunt "shared: checked by 10.211.0.1#2 "
holds "slow checks are found" eventually has_said shunt "killed: checked by 10.211.0.1 "

# ---- packets of the checker are lost ------------------------------------------------------------

cut_at=$(now_ms)
cut_cable balancer 10.211.0
for service in plain http; do
	holds "$service: lost checks are the checker's fault" eventually \
		has_become shunt $service checker_fault "$cut_at"
	holds "$service: which HAProxy takes for the service's" eventually marked_down ${service}_lb $service
	equal "$service: never thought to fail" "" \
		"$(became shunt $service '(failing|wedged|flapping)' "$cut_at")"
done
mend_cable balancer 10.211.0
for service in plain http killed; do
	holds "$service: HAProxy has it back" eventually marked_up ${service}_lb $service
	holds "$service: healthy again" eventually is_in shunt $service healthy
done

# ---- stopped, answered 503, killed --------------------------------------------------------------

stopped_at=$(freeze plain)
holds "a stopped process: wedged" eventually has_become shunt plain wedged "$stopped_at"
equal "a stopped process: HAProxy's TCP check sees nothing" 2 "$(thinks plain_lb plain op)"
thaw plain >"$scratch/thawed"

ill_at=$(turn http 503)
holds "503 to checks alone: failing" eventually has_become shunt http failing "$ill_at"
holds "503 to checks alone: with the status" has_said shunt 'http \(server\): failing,.*status 503' "$ill_at"
turn http good >"$scratch/healed"

killed_at=$(turn killed refuse)
holds "killed: down" eventually marked_down killed_lb killed
ordered "killed: a connection fails, at risk, failing, and then HAProxy acts" \
	"$killed_at" "$(became shunt killed at_risk "$killed_at")" \
	"$(became shunt killed failing "$killed_at")" "$(verdicts killed_lb | tail -n 1 | sed 's/ .*//')"

equal "nobody else is taken for a checker" "http 10.211.0.1
killed 10.211.0.1
plain 10.211.0.1
shared 10.211.0.1
shared 10.211.0.1#2" "$(sed -nE 's/.* shunt: ([a-z]+): checked by ([^ ]+) .*/\1 \2/p' "$scratch/shunt.log" | sort -u)"
