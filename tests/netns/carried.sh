# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# The ground on which connections are carried to another host: near (clients) - far (the host) - mid (a
# router, whose way to back is narrow) - back (the standby). To be sourced after holder.sh.

readonly narrow=1300
standby4=10.207.0.2 standby6=fd00:207::2

# What is left to a card that is not there is never done, so that the ends of the cables that XDP reads
# from must sum up and cut by themselves.
ends_alone() {
	inside "$1" ethtool -K "$2" tx off >"$scratch/ethtool" 2>&1 || give_up "ethtool -K $2 tx off in $1"
}

carried_ground() {
	namespace near far mid back
	wire near far
	leg far eth1 mid eth0 206
	leg mid eth1 back eth0 207
	inside mid sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "shunt-$$-mid" route add $standby4/32 dev eth1 mtu lock $narrow
	ip -n "shunt-$$-mid" -6 route add $standby6/128 dev eth1 mtu lock $narrow
	ip -n "shunt-$$-far" route add 10.207.0.0/24 via 10.206.0.2
	ip -n "shunt-$$-far" -6 route add fd00:207::/64 via fd00:206::2
	ip -n "shunt-$$-back" route add default via 10.207.0.1
	ip -n "shunt-$$-back" -6 route add default via fd00:207::1
	ends_alone near eth0
	ends_alone mid eth0
	ends_alone mid eth1
	ends_alone back eth0
	foreign near || give_up "no XDP on this kernel's veth"
	foreign mid || give_up "no XDP on this kernel's veth"
	eventually inside far ping -q -c 1 -W 1 $standby4 >/dev/null || give_up "no way to the standby"
	eventually inside far ping -q -c 1 -W 1 $standby6 >/dev/null || give_up "no way to the standby"
}
