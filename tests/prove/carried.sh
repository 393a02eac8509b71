# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Verdicts under load: what is redirected arrives whole and where it belongs, what was there lives on, and
# a refusal takes no time. To be sourced after lib.sh.
. tests/netns/holder.sh
. tests/netns/carried.sh

port=7000

# one_redirection NAME ADDRESS TARGET: transfers in four columns: those begun before the trip, and those
# begun during it, of which the last end when verdict and lease are over
one_redirection() {
	local name=$1 to=$2 target=$3
	holder "$name" --interface eth0 --interface eth1 --local --target "$target" --target-port 7001 --verdict redirect
	spawn "$name-before" near "$tools/transfer" --address "$to" --port $port --count "$older" --bytes 65536 \
		--chunk 512 --every 200 --stall 60000
	eventually printed "$name-before" begun || give_up "no flows"
	says "$name" USR1 tripped
	spawn "$name-during" near "$tools/transfer" --address "$to" --port $port --count "$transfers" --bytes "$bytes" \
		--stall 60000
	PATIENCE=120 eventually printed "$name-during" begun || give_up "no transfers"
	says "$name" USR2 reset
	finished "$name-during"
	finished "$name-before"
	stop "$name" >"$scratch/said"
	echo "redirect $name before $(nonzero "$(grep '=' "$scratch/$name-before.out")")"
	echo "redirect $name during $(nonzero "$(grep '=' "$scratch/$name-during.out")")"
}

# through_verdicts: many flows that move data through trips, half-open rulings and resets of every kind
through_verdicts() {
	local verdict share
	spawn many near "$tools/transfer" --address 10.203.0.2 --port $port --count "$flows" --bytes 6000 --chunk 100 \
		--every 1000 --stall 60000
	PATIENCE=120 eventually printed many begun || give_up "no flows"
	for verdict in reject drop redirect drain; do
		for share in 0 50; do
			holder $verdict --interface eth0 --interface eth1 --local --verdict $verdict --share $share \
				--target $standby4 --target-port 7001
			says $verdict USR1 tripped
			sleep 2
			says $verdict USR2 reset
			sleep 1
			stop $verdict >"$scratch/said"
		done
	done
	finished many
	echo "flows $(nonzero "$(grep '=' "$scratch/many.out")")"
}

refusals() {
	holder refusal --interface eth0
	says refusal USR1 tripped
	echo "refusal $(inside near "$tools/knock" 10.203.0.2 $port 10000)"
	stop refusal >"$scratch/said"
}

# carried RUNS: less where few runs are asked for
carried() {
	flows=10000 transfers=1000 older=500 bytes=524288
	[ "$1" -ge 50 ] || flows=1000 transfers=100 older=50
	carried_ground
	echo_server primary far p :: $port
	echo_server here far s :: 7001
	echo_server there back s :: 7001
	{
		one_redirection here4 10.203.0.2 10.203.0.2
		one_redirection here6 fd00:203::2 fd00:203::2
		one_redirection there4 10.203.0.2 $standby4
		one_redirection there6 fd00:203::2 $standby6
		through_verdicts
		refusals
	} >"$scratch/carried"
}
