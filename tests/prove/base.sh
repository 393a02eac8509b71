# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# A bare Debian 12, from the mirror that this host's apt has. To be sourced after lib.sh.

# mirror: where this host has its packages of Debian from
mirror() {
	apt-cache policy bash | sed -nE 's,.* (https?://[^ ]+) bookworm/main .*,\1,p' | head -n 1 | grep . ||
		echo http://deb.debian.org/debian
}

# bare FOLDER [PACKAGE,...]: as small as debootstrap makes it, with these packages and what they need
bare() {
	local log=$scratch/debootstrap.log
	debootstrap --variant=minbase ${2:+--include="$2"} bookworm "$1" "$(mirror)" >"$log" 2>&1 || {
		tail -n 5 "$log"
		return 1
	}
	rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
}
