# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What the breaker's XDP program costs a packet, beside the packaged xdp-filter's for TCP, which is
# attached to a veth of this namespace that nothing comes by. To be sourced after lib.sh.

# The program that the interface has, by id. xdp-filter pins its maps, and libxdp's dispatcher wants hooks
# that not every kernel allows: so in a bpffs of its own, and without.
measure_xdp() {
	local round=1 state ns
	say "cost of a packet in XDP"
	ip -n "shunt-$$-host" link add xdp0 type veth peer name xdp1 || give_up "veth pair"
	# shellcheck disable=SC2016
	inside host unshare --mount sh -c '
		mount -t bpf bpf /sys/fs/bpf && export LIBXDP_SKIP_DISPATCHER=1 &&
		xdp-filter load -m skb -f tcp xdp0 && xdp-filter port 80 -p tcp -m dst &&
		exec "$1" "$(ip -o link show xdp0 | sed -n "s/.*prog.xdp id \([0-9]*\).*/\1/p")"' sh \
		"$bench/xdp" >"$scratch/xdp" || give_up "XDP programs cannot be measured"
	while read -r state ns; do
		sample xdp ns "$state" - $round "$ns"
		[ "$state" != many ] || round=$((round + 1))
	done <"$scratch/xdp"
	ip -n "shunt-$$-host" link del xdp0
}
