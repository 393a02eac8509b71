# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the network tests share: namespaces, peers, daemons, scrapes, assertions. To be sourced.
#
# Everything is named after this process and removed when it ends, so that several tests may run at
# once on one host. A case prints `ok - TEXT`, `not ok - TEXT` or `skip - TEXT: REASON`.
set -u
BUILD=$(realpath "${BUILD:-build}") || exit 1
SHUNT=$(realpath "${SHUNT:-$BUILD/shunt}") || exit 1
tools=$BUILD/tests/netns
scratch=$(mktemp -d) || exit 1
# The daemon reads its configuration again as the user that it became.
chmod 755 "$scratch"
failures=0
namespaces=()
declare -A pid=()

# ---- the end ------------------------------------------------------------------------------------

finish() {
	local status=$? name
	trap - EXIT
	end_all
	[ "$failures" -eq 0 ] || show_logs
	for name in "${namespaces[@]}"; do
		ip netns del "shunt-$$-$name"
	done
	rm -rf "$scratch"
	[ "$failures" -eq 0 ] || exit 1
	exit "$status"
}

# TERM first, so that an nginx ends its workers, too.
end_all() {
	local deadline=$((SECONDS + 5)) name
	for name in "${!pid[@]}"; do
		kill -TERM "${pid[$name]}" 2>/dev/null
		kill -CONT "${pid[$name]}" 2>/dev/null
	done
	for name in "${!pid[@]}"; do
		while kill -0 "${pid[$name]}" 2>/dev/null && [ $SECONDS -lt $deadline ]; do
			sleep 0.02
		done
		kill -KILL "${pid[$name]}" 2>/dev/null
		wait "${pid[$name]}" 2>/dev/null
	done
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

show_logs() {
	local log
	for log in "$scratch"/*.log; do
		[ ! -s "$log" ] || sed "s/^/  ${log##*/}: /" "$log" | tail -n 40
	done
}

# ---- cases --------------------------------------------------------------------------------------

ok() {
	echo "ok - $1"
}

# not_ok TEXT [DETAIL]: the detail may have several lines
not_ok() {
	failures=$((failures + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || sed 's/^/    /' <<<"$2"
}

skip() {
	echo "skip - $1: $2"
}

# equal TEXT WANT GOT
equal() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff --label expected --label got -u <(echo "$2") <(echo "$3") | tail -n +3)"
	fi
}

# holds TEXT COMMAND...: the command succeeds
holds() {
	local text=$1
	shift
	if "$@"; then
		ok "$text"
	else
		not_ok "$text" "$*"
	fi
}

# within TEXT LOW VALUE HIGH: decimal fractions are allowed
within() {
	if awk -v low="$2" -v value="$3" -v high="$4" \
		'BEGIN { exit !(value != "" && low + 0 <= value + 0 && value + 0 <= high + 0) }'; then
		ok "$1"
	else
		not_ok "$1" "expected $2 <= $3 <= $4"
	fi
}

# eventually COMMAND...: asks again until it succeeds; the deadline, of PATIENCE seconds, is for what
# never comes
eventually() {
	local deadline=$((SECONDS + ${PATIENCE:-20}))
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.05
	done
}

# give_up WHY: the ground of the test is not there, the rest would say nothing
give_up() {
	not_ok "$1"
	exit 1
}

# ---- namespaces ---------------------------------------------------------------------------------

# namespace NAME...: with their loopback up
namespace() {
	local name
	for name in "$@"; do
		ip netns add "shunt-$$-$name" || give_up "network namespace $name"
		namespaces+=("$name")
		ip -n "shunt-$$-$name" link set lo up
	done
}

# inside NAME COMMAND...: not `ip netns exec`, which hides what is mounted below /sys
inside() {
	local name=$1
	shift
	nsenter --net="/run/netns/shunt-$$-$name" -- "$@"
}

# leg A INTERFACE B INTERFACE N: a cable, 10.N.0.1 and fd00:N::1 at its end A, .2 and ::2 at B
leg() {
	local a=shunt-$$-$1 b=shunt-$$-$3 n=$5
	ip -n "$a" link add "$2" type veth peer name "$4" netns "$b" || give_up "veth pair"
	ip -n "$a" addr add "10.$n.0.1/24" dev "$2"
	ip -n "$b" addr add "10.$n.0.2/24" dev "$4"
	ip -n "$a" addr add "fd00:$n::1/64" dev "$2" nodad
	ip -n "$b" addr add "fd00:$n::2/64" dev "$4" nodad
	ip -n "$a" link set "$2" up
	ip -n "$b" link set "$4" up
}

# wire A B: a cable between two namespaces. A has 10.203.0.1 and fd00:203::1, B 10.203.0.2 and
# fd00:203::2; nobody is at 10.203.0.66 and fd00:203::66, and nobody says so: a black hole.
wire() {
	local a=shunt-$$-$1
	leg "$1" eth0 "$2" eth0 203
	ip -n "$a" neigh add 10.203.0.66 lladdr 02:00:00:00:00:66 dev eth0 nud permanent
	ip -n "$a" neigh add fd00:203::66 lladdr 02:00:00:00:00:66 dev eth0 nud permanent
	eventually inside "$1" ping -q -c 1 -W 1 10.203.0.2 >/dev/null || give_up "no way from $1 to $2"
	eventually inside "$1" ping -q -c 1 -W 1 fd00:203::2 >/dev/null || give_up "no way from $1 to $2"
}

# delayed_wire A B [COMMAND...]: A is 10.204.0.1, and every address of 10.204.1.0/24 is B's, as many
# milliseconds away as its last byte says; see delay.c, which COMMAND runs
delayed_wire() {
	local a=shunt-$$-$1 b=shunt-$$-$2 name=$1
	shift 2
	spawn delay "$name" "$@" "$tools/delay" "/run/netns/$a" tun0 "/run/netns/$b" tun0
	eventually printed delay '^ready$' || give_up "no TUN device"
	ip -n "$a" addr add 10.204.0.1/32 dev tun0
	ip -n "$a" link set tun0 up
	ip -n "$a" route add 10.204.1.0/24 dev tun0 src 10.204.0.1
	ip -n "$b" link set tun0 up
	ip -n "$b" route add local 10.204.1.0/24 dev lo
	ip -n "$b" route add 10.204.0.1/32 dev tun0
}

# ---- peers --------------------------------------------------------------------------------------

# spawn NAME NAMESPACE COMMAND...: in the background; what it prints goes to NAME.out and NAME.log
spawn() {
	local name=$1 where=$2
	shift 2
	# What an earlier one of that name has printed must not be taken for this one's word: the shell
	# empties the files in the background, and may take its time.
	rm -f "$scratch/$name.out" "$scratch/$name.log"
	nsenter --net="/run/netns/shunt-$$-$where" -- "$@" \
		>"$scratch/$name.out" 2>"$scratch/$name.log" </dev/null &
	pid[$name]=$!
}

# capture NAME NAMESPACE OPTION...: what tcpdump sees from now on, a line each in $scratch/NAME.out
capture() {
	spawn "$1" "$2" tcpdump -Unl "${@:3}"
	eventually listens_in "$1" || give_up "tcpdump does not start"
}
listens_in() {
	grep -qs 'listening on' "$scratch/$1.log"
}

# printed NAME TEXT: what was spawned has printed it
printed() {
	grep -qs "$2" "$scratch/$1.out"
}

# has_logged NAME REGEX: what was spawned has said it on its standard error
has_logged() {
	grep -qsE "$2" "$scratch/$1.log"
}

# finished NAME: waits for it; its exit status
finished() {
	local status
	wait "${pid[$1]}"
	status=$?
	unset "pid[$1]"
	return $status
}

# stop NAME [SIGNAL]: ends it and waits; its exit status
stop() {
	kill "-${2:-TERM}" "${pid[$1]}"
	finished "$1"
}

# server NAME NAMESPACE OPTION...: of the server of these tests, which listens when this returns
server() {
	local name=$1 where=$2
	shift 2
	spawn "$name" "$where" "$tools/server" "$@"
	eventually printed "$name" '^ready$' || give_up "server $name does not start"
}

# nonzero LINE: the NAME=COUNT in it that are not 0
nonzero() {
	xargs -n 1 <<<"$1" | grep -v '=0$' | xargs
}

# client NAMESPACE WANT OPTION...: runs it; what its connections saw is asserted, for all that is
# counted afterwards stands on it
client() {
	local where=$1 want=$2 got
	shift 2
	got=$(nonzero "$(inside "$where" "$tools/client" "$@")")
	[ "$got" = "$want" ] || not_ok "the client sees '$want'" "got '$got': client $*"
}

# ---- daemons ------------------------------------------------------------------------------------

# configure NAME: the configuration on standard input, completed so that several get along
configure() {
	local yaml=$scratch/$1.yaml
	cat >"$yaml"
	grep -q '^listen:' "$yaml" || echo "listen: 127.0.0.1:9909" >>"$yaml"
	grep -q '^control:' "$yaml" || echo "control: $scratch/$1.sock" >>"$yaml"
	grep -q '^state_dir:' "$yaml" || echo "state_dir: $scratch/$1.state" >>"$yaml"
	grep -q '^discover:' "$yaml" || echo "discover: false" >>"$yaml"
}

is_up() {
	inside "$where_is" curl -sf -m 5 -o "$scratch/health" "http://127.0.0.1:9909/healthz" ||
		! kill -0 "${pid[$1]}" 2>/dev/null
}

# observe NAME NAMESPACE [COMMAND...]: starts a daemon there, with the configuration on standard input,
# by way of a command that executes it
declare -A home=()
observe() {
	local name=$1 where_is=$2
	shift 2
	configure "$name"
	home[$name]=$where_is
	spawn "$name" "$where_is" "$@" "$SHUNT" run -c "$scratch/$name.yaml"
	eventually is_up "$name" && kill -0 "${pid[$name]}" 2>/dev/null || give_up "shunt does not start"
}

# fetch NAME PATH [OPTION...]: of curl
fetch() {
	local where=${home[$1]} path=$2
	shift 2
	inside "$where" curl -sf -m 10 "$@" "http://127.0.0.1:9909$path"
}

# scrape NAME: the metrics as they are now, for value() and counters()
scrape() {
	fetch "$1" /metrics -o "$scratch/$1.metrics" || give_up "no answer from $1 on /metrics"
}

# value NAME METRIC [LABELS]: as of the last scrape; nothing where there is no such sample
value() {
	local key=$2${3:+"{$3}"}
	awk -v key="$key " 'index($0, key) == 1 { print $NF }' "$scratch/$1.metrics"
}

# now_is NAME METRIC LABELS VALUE: as of a scrape of its own
now_is() {
	scrape "$1"
	[ "$(value "$1" "$2" "$3")" = "$4" ]
}

# counters NAME SERVICE: scrapes; how the handshakes and the connections of a service ended, and how
# many are open, as words without the zeros: `handshakes=9 handshakes_refused=2 closed=8 active=1`
counters() {
	scrape "$1"
	awk -v service="{service=\"$2\",role=" '
		index($0, service) == 0 || $NF == 0 { next }
		/^shunt_tcp_handshakes_total/ { name = "handshakes" }
		/^shunt_tcp_connections_closed_total/ { name = "closed" }
		/^shunt_tcp_connections_active/ { words = words " active=" $NF; next }
		!/^shunt_tcp_(handshakes|connections_closed)_total/ { next }
		match($0, /error_type="[^"]+"/) {
			name = name "_" substr($0, RSTART + 12, RLENGTH - 13)
		}
		{ words = words " " name "=" $NF }
		END { print substr(words, 2) }' "$scratch/$1.metrics"
}

counters_are() {
	[ "$(counters "$1" "$2")" = "$3" ]
}

# expect TEXT NAME SERVICE WORDS: these counters and no others, once the last packets are through
expect() {
	if eventually counters_are "$2" "$3" "$4"; then
		ok "$1"
	else
		not_ok "$1" "$3: expected $4
$3: got      $(counters "$2" "$3")"
	fi
}

# unseen: closes that the kernel has told to no program, by the witness of tests/run if there is one
unseen() {
	cat "${WITNESSED:-/dev/null}" 2>/dev/null | grep . || echo 0
}
unseen_before=$(unseen)

# troubles NAME: what the daemon says of itself that should be 0 and is not; they concern the whole
# host, and what ran beside the test. A socket whose close the kernel did not tell of (conn_stale) is
# a trouble only where no run was left out: else it is how that was made up for. And only what is more of
# them than the witness, which shares no code with shunt, has found since this test began.
troubles() {
	scrape "$1"
	# The witness tells what it has found within 50 ms.
	sleep 0.1
	awk -v missed="$(value "$1" shunt_bpf_runs_missed_total)" -v unseen=$(($(unseen) - unseen_before)) '
		!/^shunt_(bpf_errors|events_lost)_total/ || $2 == 0 { next }
		!(/site="conn_stale"/ && (missed != 0 || $2 <= unseen))' "$scratch/$1.metrics"
}

# comes_again NAME: what it has recorded so far replays to the decisions that it made
comes_again() {
	"$SHUNT" replay "$scratch/$1.state" >"$scratch/$1.replay" 2>&1
}

# expect_sound NAME: no helper failed, no event was lost, and its journal says all that it decided by.
# Runs that the kernel left out are made up for, as exact counts show; test_missed has the rest.
expect_sound() {
	equal "$1: no helper failed, no event was lost" "" "$(troubles "$1")"
	# Whoever looks for why a close was not seen wants to know.
	echo "# $1: $(value "$1" shunt_bpf_runs_missed_total) runs left out"
	[ ! -e "$scratch/$1.state/journal.db" ] ||
		holds "$1: what it recorded comes again byte for byte" eventually comes_again "$1"
}

# kernel_memory NAME: what the kernel has given to its maps, in bytes
kernel_memory() {
	awk 'FNR == 1 { if (id) sizes[id] = size; id = size = 0 }
		/^memlock:/ { size = $2 }
		/^map_id:/ { id = $2 }
		END {
			if (id) sizes[id] = size
			for (id in sizes) sum += sizes[id]
			print sum
		}' "/proc/${pid[$1]}"/fdinfo/*
}

# ---- cgroups ------------------------------------------------------------------------------------

# own_cgroup TEXT: one that ends with the test, in $cgroup; without cgroups TEXT is skipped, and no more done
own_cgroup() {
	local mount
	mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	if [ -z "$mount" ]; then
		skip "$1" "no cgroup2 is mounted"
		exit 0
	fi
	cgroup=$mount/shunt-test-$$
	mkdir "$cgroup" || give_up "no cgroup can be made"
	trap leave_cgroup EXIT
}

# Whoever is left in it goes first.
leave_cgroup() {
	end_all
	PATIENCE=5 eventually rmdir "$cgroup" 2>"$scratch/said" || echo "# $cgroup stays"
	finish
}

# ---- real peers ---------------------------------------------------------------------------------

# listens NAMESPACE PORT
listens() {
	[ -n "$(inside "$1" ss -Hltn "sport = :$2")" ]
}

# nginx_paths DIRECTORY: nginx's words for what it would keep elsewhere
nginx_paths() {
	printf '%s_temp_path %s;\n' client_body "$1/body" proxy "$1/proxy" fastcgi "$1/fastcgi" \
		uwsgi "$1/uwsgi" scgi "$1/scgi"
}

# web NAME NAMESPACE PORT: an nginx that answers everything, and counts at /status
web() {
	local dir=$scratch/$1.nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		worker_processes 2;
		pid $dir/pid;
		error_log stderr error;
		events { worker_connections 4096; }
		http {
			access_log off;
			$(nginx_paths $dir)
			keepalive_requests 1000000;
			server {
				listen $3 backlog=4096;
				location / { return 200 "hello\n"; }
				location /status { stub_status; }
			}
		}
	CONFIG
	spawn "$1" "$2" nginx -e stderr -c "$dir/nginx.conf"
	# A question before it listens would be refused, which counts.
	eventually listens "$2" "$3" &&
		eventually inside "$2" curl -sf -o "$dir/answer" "http://127.0.0.1:$3/status" ||
		give_up "nginx does not start"
}

# accepted NAMESPACE PORT: the connections that nginx has accepted, this question's included
accepted() {
	inside "$1" curl -sf -m 10 "http://127.0.0.1:$2/status" | awk '/^ *[0-9]+ +[0-9]+ +[0-9]+/ { print $1 }'
}
