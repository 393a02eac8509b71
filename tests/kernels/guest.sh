#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In the guest: what this kernel can give is what doctor and the metrics say, the programs load, and
# every count is exact, over both families and at both ends. The environment's `lacks` has the signals
# that the kernel cannot give, with commas.
#
# Loading alone takes an emulated CPU some seconds, and many where the host has more to do.
export SHUNT=build/shunt BUILD=build PATIENCE=60
. tests/netns/lib.sh

# documented: every signal, as `NAME 1`, or `NAME 0` where this kernel lacks it
documented() {
	sed -n '/^## The hooks/,/^## [^T]/s/^| `\([a-z_]*\)`.*/\1/p' docs/signals.md |
		awk -v lacks=",${lacks:-}," '{ print $1, !index(lacks, "," $1 ",") }'
}

# doctor_says: the same, and what it cannot give has its reason on the next line
doctor_says() {
	awk '
		/^[a-z]/ { section = $1 }
		section == "signal" && $1 == "yes" { print $2, 1 }
		section == "signal" && $1 == "no" { name = $2 }
		section == "signal" && /why not: [^ ]/ { print name, 0 }' "$scratch/doctor"
}

metrics_say() {
	sed -n 's/^shunt_signal_available{signal="\([a-z_]*\)"}/\1/p' "$scratch/shunt.metrics"
}

# exchanges SERVICE ROLE
exchanges() {
	value shunt shunt_tcp_response_duration_seconds_count "service=\"$1\",role=\"$2\""
}

# The guest has one network namespace, and needs no other.
ip netns attach "shunt-$$-host" $$
namespaces+=(host)
$SHUNT doctor >"$scratch/doctor"
sed 's/^/# /' "$scratch/doctor"
# With what its unit leaves it, and not all that root has.
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' packaging/systemd/shunt.service)
capabilities=${capabilities,,}
capabilities=${capabilities// /,}
observe shunt host setpriv --bounding-set "-all,${capabilities//cap_/+}" --no-new-privs <<'CONFIG'
services:
  - {name: ipv4, inbound: ["127.0.0.1:8041", "127.0.0.1:8042", "127.0.0.1:8043"]}
  - {name: ipv6, inbound: ["[::1]:8041", "[::1]:8042", "[::1]:8043"]}
  - {name: to-ipv4, outbound: ["127.0.0.0/8:8041", "127.0.0.1:8042", "127.0.0.1:8043"]}
  - {name: to-ipv6, outbound: ["[::1]:8041", "[::1]:8042", "[::1]:8043"]}
CONFIG
scrape shunt
equal "doctor says which signals this kernel gives, of all, and why it lacks ${lacks:-none}" \
	"$(documented)" "$(doctor_says)"
equal "the metrics say the same" "$(doctor_says)" "$(metrics_say)"

server echo4 host --listen 127.0.0.1 --port 8041
server reset4 host --listen 127.0.0.1 --port 8042 --behaviour reset
server echo6 host --listen ::1 --port 8041
server reset6 host --listen ::1 --port 8042 --behaviour reset
for address in 127.0.0.1 ::1; do
	client host "ok=200 answered=200 closed=200" --to $address --port 8041 --count 200 --batch 10 --end shutdown
	client host "refused=50" --to $address --port 8043 --count 50 --batch 10
	client host "ok=20 cut=20" --to $address --port 8042 --count 20 --batch 10
	client host "ok=20 answered=20" --to $address --port 8041 --count 20 --batch 10 --end reset
done

# Of what it refuses for want of a listener, a kernel that does not tell counts nothing.
refused="handshakes_refused=50 "
[[ ,${lacks:-}, != *,refused_inbound,* ]] || refused=""
for family in ipv4 ipv6; do
	expect "$family: the client counts exactly what was" shunt to-$family \
		"handshakes=240 handshakes_refused=50 closed=200 closed_reset_by_peer=20 closed_reset_by_local=20"
	expect "$family: the server counts exactly what was${refused:+, its refusals too}" shunt $family \
		"handshakes=240 ${refused}closed=200 closed_reset_by_peer=20 closed_reset_by_local=20"
	equal "$family: the exchanges of both ends" "220 220" \
		"$(exchanges $family server) $(exchanges to-$family client)"
done

# An emulated CPU makes about 1,000 of them a second. With this many a kernel takes half a minute, and
# less than two minutes where the host has more to do and gives it a third of a CPU.
client host "ok=10000 answered=10000 closed=10000" --to 127.0.0.1 --port 8041 --count 10000 --batch 64 --end shutdown
expect "10,000 connections: the client has lost nothing" shunt to-ipv4 \
	"handshakes=10240 handshakes_refused=50 closed=10200 closed_reset_by_peer=20 closed_reset_by_local=20"
expect "10,000 connections: the server has lost nothing" shunt ipv4 \
	"handshakes=10240 ${refused}closed=10200 closed_reset_by_peer=20 closed_reset_by_local=20"
equal "10,000 connections: the exchanges of both ends" "10220 10220" \
	"$(exchanges ipv4 server) $(exchanges to-ipv4 client)"
holds "the listeners' backlogs add up" \
	eventually now_is shunt shunt_accept_queue_limit 'service="ipv4",role="server"' 8192
expect_sound shunt

# ---- verdicts -----------------------------------------------------------------------------------

# calls: what 20 connections to both families come to, made by a process of the cgroup
mkdir /sys/fs/cgroup/callers
calls() {
	# shellcheck disable=SC2016 # the inner shell's
	nonzero "$(bash -c 'echo $$ >/sys/fs/cgroup/callers/cgroup.procs && exec "$@"' bash \
		"$tools/client" --to 127.0.0.1 --to ::1 --port 8041 --count 20 --batch 20)"
}
readonly port=8041 holders=host
. tests/netns/holder.sh
holder local --local
says local USR1 tripped
equal "who serves here is cut off" "refused=20" "$(calls)"
says local USR2 reset
equal "…and comes back" "ok=20 answered=20" "$(calls)"
equal "…counted" "reject=20" "$(counts local)"
holder standby --local --verdict redirect --target 127.0.0.1 --target-port 8042
says standby USR1 tripped
equal "who comes by IPv4 is carried to a standby, which resets them" "ok=20 answered=10 cut=10" "$(calls)"
says standby USR2 reset
equal "…and comes back" "ok=20 answered=20" "$(calls)"
# A SYN that is sent again counts again, which a slow guest may do.
counts standby >/dev/null
holder outbound --cgroup /sys/fs/cgroup/callers
says outbound USR1 tripped
equal "who is called is cut off at connect(2)" "refused=20" "$(calls)"
says outbound USR2 reset
equal "…and comes back" "ok=20 answered=20" "$(calls)"
equal "…counted" "reject=20" "$(counts outbound)"
# A host that stops for long looks like a lockup to its guest.
equal "the kernel complains of nothing" "" \
	"$(dmesg | grep -E 'BUG: |WARNING: |Oops: |general protection' | grep -v 'soft lockup')"
echo "# up for $(cut -d ' ' -f 1 /proc/uptime) s"
