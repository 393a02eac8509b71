# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# A real HAProxy, servers that fall ill on command, and load: what shunt's model of a load balancer is
# compared with. To be sourced after lib.sh. Every time is in ms of the realtime clock, so that times
# from HAProxy, from its servers and from the load can be compared.
#
#	namespace backend
#	cable balancer 10.211.0			# balancer is 10.211.0.1, and reaches backend as 10.211.0.2
#	cable crowd 10.212.0
#	backend one backend 8001		# a server
#	balance lb balancer 8000 "inter 200ms fall 3 rise 2" one=10.211.0.2:8001 <<<"option httpchk GET /healthz"
#	load traffic crowd 10.212.0.2 8001 100	# 100 connections a second
#	turn one 503				# prints the moment before which the server was not ill
#	eventually marked_down lb one
#	verdicts lb; checks lb; states lb	# what HAProxy decided, saw, and thought
#
# docs/probes.md says what each of its checks looks like from the server's kernel.

# ---- the ground ---------------------------------------------------------------------------------

# cable NAME SUBNET: a new namespace NAME with the address SUBNET.1, and a cable from it to the
# namespace `backend`, which has SUBNET.2 there
cables=0
cable() {
	local name=$1 subnet=$2 far=shunt-$$-backend near=shunt-$$-$1
	cables=$((cables + 1))
	namespace "$name"
	ip -n "$near" link add eth0 type veth peer name "eth$cables" netns "$far" || give_up "veth pair"
	ip -n "$near" addr add "$subnet.1/24" dev eth0
	ip -n "$far" addr add "$subnet.2/24" dev "eth$cables"
	ip -n "$near" link set eth0 up
	ip -n "$far" link set "eth$cables" up
	eventually inside "$name" ping -q -c 1 -W 1 "$subnet.2" >/dev/null || give_up "no way from $name"
}

# crowd NAME SUBNET PREFIX: PREFIX.0.1 to PREFIX.255.254 are addresses of the namespace as well
crowd() {
	ip -n "shunt-$$-$1" route add local "$3.0.0/16" dev lo
	ip -n "shunt-$$-backend" route add "$3.0.0/16" via "$2.1"
}

# cut_cable NAME SUBNET: from now on nothing that it sends arrives, and nobody tells it so: a frame for
# another station is thrown away at the far end
cut_cable() {
	ip -n "shunt-$$-$1" neigh replace "$2.2" lladdr 02:00:00:00:00:66 dev eth0 nud permanent
}
mend_cable() {
	ip -n "shunt-$$-$1" neigh del "$2.2" dev eth0
}

# now_ms: the time
now_ms() {
	local micros=${EPOCHREALTIME/./}
	echo "${micros:0:-3}.${micros: -3}"
}

# ---- servers ------------------------------------------------------------------------------------

# backend NAME NAMESPACE PORT: a server that is well; see backend.c for what may befall it
backend() {
	mkfifo "$scratch/$1.control"
	spawn "$1" "$2" "$tools/backend" "$3" "$scratch/$1.control"
	eventually printed "$1" ' good$' || give_up "backend $1 does not start"
}

turns() {
	wc -l <"$scratch/$1.out"
}
has_turned() {
	[ "$(turns "$1")" -gt "$2" ]
}
# turn NAME MODE [MS]: prints the time before which nothing of it can have been met. When the backend comes
# to print that it holds is the scheduler's: a peer may have met it by then.
turn() {
	local name=$1 before
	shift
	before=$(turns "$name")
	now_ms
	echo "$*" >"$scratch/$name.control"
	eventually has_turned "$name" "$before" || give_up "backend $name does not turn $*"
}
# turned NAME: the time after which nothing else than its last turn can be met
turned() {
	tail -n 1 "$scratch/$1.out" | cut -d ' ' -f 1
}

# freeze NAME, thaw NAME: a process that hangs; its kernel goes on accepting. Print the time.
freeze() {
	now_ms
	kill -STOP "${pid[$1]}"
}
thaw() {
	kill -CONT "${pid[$1]}"
	now_ms
}

# ---- load ---------------------------------------------------------------------------------------

# load NAME NAMESPACE OPTION...: in the background; see load.c
load() {
	local name=$1 where=$2
	shift 2
	spawn "$name" "$where" "$tools/load" "$@"
}

# first NAME OUTCOME SINCE: when the first connection that has ended so since then ended
first() {
	awk -v outcome="$2" -v since="$3" '$3 == outcome && $2 + 0 >= since + 0 { print $2; exit }' \
		"$scratch/$1.out"
}

# ---- HAProxy ------------------------------------------------------------------------------------

# balance NAME NAMESPACE PORT CHECK SERVER=ADDRESS:PORT...: listens there, and checks its servers as
# the keywords of CHECK and the lines of standard input, of the backend's section, say
balance() {
	local name=$1 where=$2 port=$3 check=$4 server config=$scratch/$1.cfg
	shift 4
	cat >"$config" <<-CONFIG
		global
			log stdout format iso local0
			stats socket $scratch/$name.stats mode 600 level admin
		defaults
			log global
			timeout connect 2s
			timeout client 10s
			timeout server 10s
		listen $name
			bind :$port
			option log-health-checks
			$(cat)
	CONFIG
	for server in "$@"; do
		echo "	server ${server%%=*} ${server#*=} check $check" >>"$config"
	done
	# The times in its log are local ones.
	spawn "$name" "$where" env TZ=UTC haproxy -db -f "$config"
	spawn "$name.states" "$where" "$tools/states" "$scratch/$name.stats" 10
	eventually printed "$name.states" . || give_up "HAProxy does not start"
}

# states NAME [SERVER]: how its state changed, as lines `MS SERVER op=N health=N …`; see states.c
states() {
	awk -v server="${2:-}" 'server == "" || $2 == server' "$scratch/$1.states.out"
}

# thinks NAME SERVER FIELD: its value now, to within some milliseconds
thinks() {
	states "$1" "$2" | tail -n 1 | tr ' ' '\n' | sed -n "s/^$3=//p"
}
marked_up() {
	[ "$(thinks "$1" "$2" op)" = 2 ]
}
marked_down() {
	[ "$(thinks "$1" "$2" op)" = 0 ]
}

# logged NAME: its log, as lines `MS TEXT`
logged() {
	sed -nE 's/^([0-9]+)-(..)-(..)T(..):(..):(..)\.(......)\+00:00 /\1 \2 \3 \4 \5 \6 \7 /p' "$scratch/$1.out" |
		TZ=UTC awk '{
			ms = mktime($1 " " $2 " " $3 " " $4 " " $5 " " $6) * 1000 + $7 / 1000
			for (i = 0; i < 7; i++)
				sub(/^[^ ]+ /, "")
			printf "%.3f %s\n", ms, $0
		}'
}

# verdicts NAME [SERVER]: lines `MS SERVER UP` and `… DOWN`
verdicts() {
	logged "$1" | sed -nE 's,^([^ ]+) Server [^/]+/([^ ]+) is (UP|DOWN).*,\1 \2 \3,p' |
		awk -v server="${2:-}" 'server == "" || $2 == server'
}

# checks NAME [SERVER]: those that changed something, a check that passes while all is well does not:
# lines `MS SERVER failed 2/3 UP Layer4 connection problem, …`, or `… passed 3/3 UP …`; the fraction
# is of `fall` while it is UP, and of `rise` while it is DOWN
checks() {
	logged "$1" | sed -nE -e 's/ Health check for server//' -e 's/succeeded, /passed, /' \
		-e 's,^([^ ]+) [^/]+/([^ ]+) (passed|failed)\, reason: (.*)\, status: (.*)\.$,\1 \2 \3 \5 \4,p' |
		awk -v server="${2:-}" 'server == "" || $2 == server'
}
