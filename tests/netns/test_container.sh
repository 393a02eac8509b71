#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In a container, with what packaging/kubernetes gives it and no more: it finds what the host has, counts it,
# keeps its journal, and cuts off what it may. Each capability is needed, and which one is missing is said.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"
. "$(dirname "$0")/container.sh"

for name in crun /usr/bin/python3 jq "$common"; do
	command -v "$name" >/dev/null || [ -r "$name" ] && continue
	skip "shunt in a container" "no $name"
	exit 0
done
[ -n "${IMAGE:-}" ] || packaging/container/collect "$SHUNT" "$scratch/image" || give_up "a container's root"
profile >"$scratch/seccomp.json"
capabilities='spec.template.spec.containers[shunt].securityContext.capabilities.add'
observing=$(given DaemonSet "$capabilities")
enforcing=$(given DaemonSet "$capabilities" $enforce)

# The end of who runs it is not always the end of a container.
leave_containers() {
	local name
	end_all
	for name in observer enforcer probe; do
		"${runtime[@]}" delete --force "$name" 2>/dev/null
	done
	finish
}
trap leave_containers EXIT

namespace host peer
wire host peer
# What XDP sends back over this cable is lost where the other end has no XDP of its own.
foreign peer || give_up "no XDP on this kernel's veth"
# Older than shunt is. No other test has these ports, so that the name is its own.
server older host --port 8471

# ---- what it is made of -------------------------------------------------------------------------

if [ -z "${IMAGE:-}" ]; then
	# Nothing of it is of use to who breaks in.
	equal "it has no program but its own" "/usr/sbin/shunt" "$(cd "$scratch/image" &&
		find . -type f -perm -u+x ! -name '*.so*' -printf '/%P\n')"
	equal "…which has all that it is linked to" "$("$SHUNT" version)" "$(chroot "$scratch/image" /usr/sbin/shunt version)"
fi

# ---- observe ------------------------------------------------------------------------------------

# start NAME CAPABILITIES: with the configuration on standard input beside that of the ConfigMap, and room for
# what others serve on this host meanwhile
start() {
	box "$1" "$2" "$scratch/seccomp.json"
	{
		given ConfigMap data.shunt.yaml | sed 's/\\n/\n/g' | sed 's/^max_services: .*/max_services: 4096/'
		cat
	} >"$scratch/$1.volumes/config/shunt.yaml"
	where_is=host home[$1]=host
	spawn "$1" host "${box[@]}"
	if ! eventually is_up "$1" || ! kill -0 "${pid[$1]}" 2>/dev/null; then
		give_up "$1: shunt does not start"
	fi
	daemon=$("${runtime[@]}" state "$1" | jq .pid)
}
# in_it NAME ARGUMENT...: another shunt in that container
in_it() {
	local name=$1
	shift
	"${runtime[@]}" exec "$name" /usr/sbin/shunt "$@"
}

quietly() {
	"$@" >"$scratch/said"
}

# of_process FIELD: of the daemon's /proc/PID/status
of_process() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$daemon/status" | tr '\t' ' '
}

start observer "$observing" </dev/null
ok "it starts with ${observing//,/ }"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	equal "…of which nothing is left in $set" 0000000000000000 "$(of_process $set)"
done
equal "it is a user of its own" "9909 9909 9909 9909" "$(of_process Uid)"
equal "…which gains nothing" "1 2" "$(of_process NoNewPrivs) $(of_process Seccomp)"
client peer "ok=20 answered=20" --to 10.203.0.1 --port 8471 --count 20
expect "what is older than itself has its name and is counted" observer server:8471 "handshakes=20 closed=20"
server there peer --port 8472
calls() {
	client host "ok=20 answered=20" --to 10.203.0.2 --port 8472 --count 20
	now_is observer shunt_tcp_connections_active 'service="_out:10.203.0.2:8472",role="client"' 0
}
holds "who is called becomes a dependency" eventually calls
equal "every signal of this kernel is there" \
	"$("$SHUNT" doctor --json | jq -r '.findings[] | select(.kind == "signal" and .available).name' | sort)" \
	"$(sed -n 's/^shunt_signal_available{signal="\([a-z_]*\)"} 1/\1/p' "$scratch/observer.metrics" | sort)"
eventually test -s "$scratch/observer.volumes/state/state/journal.db"
equal "the journal is its own" "9909 9909" "$(stat -c '%u %g' "$scratch/observer.volumes/state/state/journal.db")"
equal "status asks it, from within" "server:8471" \
	"$(in_it observer status --json | jq -r '.services[] | select(.name == "server:8471").name')"
holds "an order is taken" quietly in_it observer trip server:8471 --why test
client peer "ok=5 answered=5" --to 10.203.0.1 --port 8471 --count 5
ok "…and cuts nothing off, for it may not"
holds "…which it has been told" grep -q 'not carried out' "$scratch/observer.log"
stop observer
equal "SIGTERM ends it in order" 0 $?

# What is configured for more than it may do is said, and no more.
start observer "$observing" <<<'
services:
  - {name: one, inbound: ["*:8472"], health_check: {model: haproxy}}
  - {name: two, outbound: ["10.203.0.2:8472"]}'
holds "what an operator said outlives it" grep -q '"open"' <(in_it observer status --json)
for what in 'verdicts: ' 'the status of HTTP checks cannot be read: '; do
	holds "it says: ${what}missing: CAP_NET_ADMIN" grep -q "$what*missing: CAP_NET_ADMIN" "$scratch/observer.log"
done
stop observer

# ---- enforce ------------------------------------------------------------------------------------

start enforcer "$enforcing" <<<'
interfaces: [eth0]
services: [{name: one, inbound: ["*:8471"]}, {name: two, outbound: ["10.203.0.2:8472"]}]'
client peer "ok=5 answered=5" --to 10.203.0.1 --port 8471 --count 5
holds "with CAP_NET_ADMIN an order is taken" quietly in_it enforcer trip one --why test
client peer "refused=5" --to 10.203.0.1 --port 8471 --count 5
client host "refused=5" --to 10.203.0.1 --port 8471 --count 5
ok "…and cuts off who comes by the cable, and who comes from this host"
holds "it is taken back" quietly in_it enforcer reset one --why test
client peer "ok=5 answered=5" --to 10.203.0.1 --port 8471 --count 5
stop enforcer
client peer "ok=5 answered=5" --to 10.203.0.1 --port 8471 --count 5
ok "where it is gone, all pass"

# ---- each is needed -----------------------------------------------------------------------------

# once CAPABILITIES SECCOMP ARGUMENT...: what it says, and as its last line its status
once() {
	box probe "$@"
	inside host "${box[@]}" 2>&1
	echo $?
}
# without CAPABILITY: the others of those that enforcing takes
without() {
	tr ',' '\n' <<<"$enforcing" | grep -vx "$1" | paste -sd ,
}
for capability in ${enforcing//,/ }; do
	[ "$capability" != NET_ADMIN ] || continue
	said=$(once "$(without "$capability")" "$scratch/seccomp.json" run)
	equal "without CAP_$capability it does not start, and says so" \
		"shunt: run: not permitted, missing: CAP_$capability
1" "$said"
done
said=$(once "$(without NET_ADMIN)" "$scratch/seccomp.json" doctor --json)
equal "without CAP_NET_ADMIN no action is there, for want of it" "not permitted, missing: CAP_NET_ADMIN" \
	"$(sed '$d' <<<"$said" | jq -r '.findings[] | select(.kind == "action").why' | sort -u)"
equal "…and every signal" 0 "$(tail -n 1 <<<"$said")"
said=$(once "$enforcing" $common doctor)
if grep -q 'yes  privileges' <<<"$said"; then
	skip "a profile that refuses bpf(2)" "this runtime's does not"
else
	holds "a profile that refuses bpf(2) is what doctor says" grep -q 'why not: bpf(2) is refused .* seccomp' <<<"$said"
	holds "…and run" grep -q '^shunt: run: .*bpf(2) is refused' <<<"$(once "$enforcing" $common run)"
fi
