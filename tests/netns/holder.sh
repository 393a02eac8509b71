# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of verdicts share: who holds one on $port, and connections that meet it. To be sourced
# after lib.sh.

# foreign NAMESPACE [MODE [INTERFACE]]: somebody else's program on its interface, which also makes the kernel
# poll there: what XDP sends to a peer that does not is lost
# The ip command makes folders in bpffs, which are to be nobody's but its own.
foreign() {
	inside "$1" unshare --mount sh -c 'mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh \
		ip link set dev "${3:-eth0}" "${2:-xdp}" obj "$BUILD/tests/netns/pass.bpf.o" sec xdp
}

# verdict_ground: near (clients), far (the host), and a cable between them, on which XDP can answer
verdict_ground() {
	namespace near far
	wire near far
	foreign near || give_up "no XDP on this kernel's veth"
}

# holder NAME OPTION...: attached in the namespace far or $holders, with no verdict yet
holder() {
	local name=$1
	shift
	spawn "$name" "${holders:-far}" "$tools/holder" --port "$port" "$@"
	eventually printed "$name" '^ready$' || give_up "holder $name does not start"
}

# says NAME SIGNAL WORD: tells a holder, and waits until it has done so
says() {
	local before
	before=$(grep -c "^$3$" "$scratch/$1.out")
	kill "-$2" "${pid[$1]}"
	eventually said_more "$1" "$3" "$before" || give_up "holder $1 does not say '$3'"
}
said_more() {
	[ "$(grep -c "^$2$" "$scratch/$1.out")" -gt "$3" ]
}

# counts NAME: ends a holder; what it has counted. In a subshell, which cannot wait for it.
counts() {
	kill -TERM "${pid[$1]}"
	eventually printed "$1" '='
	nonzero "$(grep '=' "$scratch/$1.out" | tail -n 1)"
}

# order WORD...: to the daemon shunt, which takes it, or the test ends
order() {
	"$SHUNT" -c "$scratch/shunt.yaml" "$@" >"$scratch/order" 2>&1 || give_up "$* is refused: $(<"$scratch/order")"
}

# echo_server NAME NAMESPACE LETTER ADDRESS PORT: says its letter, and echoes
echo_server() {
	spawn "$1" "$2" "$tools/transfer" --serve "$3" --address "$4" --port "$5"
	eventually printed "$1" '^ready$' || give_up "server $1 does not start"
}

# moves NAMESPACE ADDRESS OPTION...: moves data to $port; what came of it
moves() {
	local where=$1 address=$2
	shift 2
	nonzero "$(inside "$where" "$tools/transfer" --address "$address" --port "$port" "$@" | grep '=')"
}

# ---- a server at $port, over the cable between near and far --------------------------------------

both=(--to 10.203.0.2 --to fd00:203::2)

# sees NAMESPACE OPTION...: what 20 connections from there come to
sees() {
	local where=$1
	shift
	nonzero "$(inside "$where" "$tools/client" --port "$port" --count 20 --batch 20 --give-up 300 "$@")"
}

# passes: connections do, of both families
passes() {
	[ "$(sees near "${both[@]}")" = "ok=20 answered=20" ]
}

# begin_flows ROUNDS: four connections, in `flow`; each asks so many times, once in 10 ms
begin_flows() {
	spawn flow near "$tools/client" "${both[@]}" --port "$port" --count 4 --batch 4 --rounds "$1" --every 10
	eventually under_way || give_up "four flows do not begin"
}
under_way() {
	[ "$(inside near ss -Htn state established "dport = :$port" | wc -l)" = 4 ]
}
