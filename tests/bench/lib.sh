# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What the parts of the benchmark share: a namespace with a server, observers that come and go, loads
# that are measured, and the file of samples. To be sourced, after the network tests' own lib.sh.

bench=$BUILD/tests/bench
samples=$scratch/samples
first_port=10000
idle_port=9000

# The two CPUs of clients and servers, where there are two.
cpus=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- '{
	for (cpu = $1; cpu <= (NF > 1 ? $2 : $1); cpu++) print cpu }' | head -n 2 | paste -sd,)

# Full runs, and with QUICK=1 a look that only shows that everything works. What the programs take of
# a request is known after tens of thousands of them, in $cost_seconds; how many there are takes longer.
if [ -n "${QUICK:-}" ]; then
	seconds=1 cost_seconds=1 rounds=1 growth_rounds=1 pairs=2 idle_seconds=3 scrapes=9
	idle_connections="1 1000 20000"
else
	seconds=2 cost_seconds=1 rounds=5 growth_rounds=3 pairs=${PAIRS:-8} idle_seconds=6 scrapes=31
	idle_connections="1 1000 100000"
fi
# wrk knows whole seconds only.
warm_up=1s
service_counts="1 16 256 4096"

say() {
	echo "bench: $*" >&2
}

# sample SECTION FIGURE VARIANT MODE ROUND VALUE
sample() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$samples"
}

# note TEXT: for the page
note() {
	sample note - - - - "$1"
}

# ---- places -------------------------------------------------------------------------------------

# What a segment costs depends on whether its two ends run on one core, and the scheduler moves them
# about. So each measurement has its place:
# - one: servers and clients all on one core;
# - across: servers on one core, clients on another;
# - free: both on two cores, as the scheduler likes.
# With one and free all cores are busy, so that throughput is what a request costs, on every machine.
# Each has a server of its own, at its $port.
place() {
	case $1 in
	one) port=$first_port server_cpus=${cpus#*,} client_cpus=${cpus#*,} ;;
	across) port=$((first_port + 1)) server_cpus=${cpus%,*} client_cpus=${cpus#*,} ;;
	free) port=$((first_port + 2)) server_cpus=$cpus client_cpus=$cpus ;;
	esac
}

# find_places: the fixed ones that this machine has, in $places
find_places() {
	places=(one)
	if [ "${cpus%,*}" != "${cpus#*,}" ]; then
		places+=(across)
	else
		note "only one CPU: nothing is measured across two"
	fi
}

# serve_in PLACE...: a server in each, of that name
serve_in() {
	local where
	for where in "$@"; do
		place "$where"
		serve "$where" "$port" 1
	done
}

# ---- servers ------------------------------------------------------------------------------------

# listens FIRST COUNT: nginx's words for a range of ports
listens() {
	seq -f 'listen %.0f;' "$1" $(($1 + $2 - 1))
}

# serve NAME FIRST-PORT PORTS: an nginx of two processes in the present place
serve() {
	local dir=$scratch/$1.nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		worker_processes 2;
		worker_rlimit_nofile $(ulimit -Hn);
		pid $dir/pid;
		error_log stderr error;
		events { worker_connections 8192; }
		http {
			access_log off;
			$(nginx_paths $dir)
			keepalive_requests 100000000;
			server {
				$(listens "$2" "$3")
				location / { return 200 "hello\n"; }
			}
		}
	CONFIG
	spawn "$1" host taskset -c "$server_cpus" nginx -e stderr -c "$dir/nginx.conf"
	eventually inside host curl -sf -o "$dir/answer" "http://127.0.0.1:$2/" ||
		give_up "nginx does not start"
}

# processes NAME: measure's options for the CPU time of a server's processes
processes() {
	local child
	for child in ${pid[$1]} $(pgrep -P "${pid[$1]}"); do
		printf -- '--cpu\n%s:%s\n' "$1" "$child"
	done
}

# ---- observers ----------------------------------------------------------------------------------

# What runs by the names of the tracepoints that shunt hangs on; found once.
find_hooks() {
	begin shunt
	mapfile -t hooks < <(sed -n 's/^tp_name:\t*//p' "/proc/${pid[observer]}"/fdinfo/* | sort -u)
	end shunt
	[ ${#hooks[@]} -gt 0 ] || give_up "no link of shunt names its tracepoint"
}

has_links() {
	grep -qs '^link_type' "/proc/${pid[observer]}"/fdinfo/* || ! kill -0 "${pid[observer]}" 2>/dev/null
}

# Their tracepoints have numbers in tracefs, which they look for in one place; it is mounted for them alone.
# shellcheck disable=SC2016
begin_peer() {
	spawn observer host unshare --mount --propagation private sh -c '
		mount -t tracefs tracefs /sys/kernel/tracing && exec "$1" >/dev/null' sh "$1"
	eventually has_links
	kill -0 "${pid[observer]}" 2>/dev/null
}

# begin VARIANT: what observes from now on; fails where a peer cannot run
begin() {
	case $1 in
	none) ;;
	floor | clock | look)
		spawn observer host "$bench/floor" $([ "$1" = floor ] || echo "--$1 tcp_probe") "${hooks[@]}"
		eventually printed observer '^ready$' || give_up "floor does not start"
		;;
	shunt) observe observer host <<<"discover: true" ;;
	*) begin_peer "$1" ;;
	esac
}

end() {
	[ "$1" = none ] || stop observer
}

# try_peers: those that run here, in $peers
try_peers() {
	local peer
	peers=()
	for peer in tcplife tcpstates; do
		if begin "$peer"; then
			peers+=("$peer")
			end "$peer"
		else
			note "$peer cannot run here: $(tail -n 1 "$scratch/observer.log")"
			unset "pid[observer]"
		fi
	done
}

# in_order ROUND WORD...: every second round backwards, so that a drift falls on all alike
in_order() {
	local round=$1
	shift
	if [ $((round % 2)) -eq 0 ]; then
		printf '%s\n' "$@"
	else
		printf '%s\n' "$@" | tac
	fi
}

# ---- loads --------------------------------------------------------------------------------------

# load MODE DURATION [PORT]: sets the command; `close` has a connection a request, `alive` has 64 in all
load() {
	command=(wrk -t 2 -c 64 -d "$2")
	[ "$1" = alive ] || command+=(-H "Connection: close")
	command+=("http://127.0.0.1:${3:-$port}/")
}

# answered FILE: sets $requests to what wrk or spread says there
answered() {
	requests=$(awk '/requests in/ { print $1 }' "$1")
	[ "${requests:-0}" -gt 0 ]
}

warm() {
	load "$1" "$warm_up" "${2:-}"
	inside host taskset -c "$client_cpus" "${command[@]}" >"$scratch/wrk" &&
		answered "$scratch/wrk" || give_up "no request was answered: ${command[*]}"
}

# gauge OPTION... COMMAND...: of measure; sets $requests and leaves the rest in $scratch/gauge
gauge() {
	inside host taskset -c "$client_cpus" "$bench/measure" --output "$scratch/done" "$@" \
		>"$scratch/gauge" || give_up "no measurement: $*"
	answered "$scratch/done" || give_up "no request was answered: $*"
	! grep -q 'Socket errors\|Non-2xx' "$scratch/done" ||
		say "$(grep 'Socket errors\|Non-2xx' "$scratch/done")"
}

# per_request PATTERN: the sum of a column of what gauge() left, by request
per_request() {
	awk -v requests="$requests" -v "column=$2" "$1"' { sum += $column }
		END { printf "%.3f\n", sum / requests }' "$scratch/gauge"
}

# The programs that run when packets do; an iterator runs when the daemon reads.
# shellcheck disable=SC2016
in_path='$1 == "program" && $4 != "iter"'

# kernel_cost SECTION VARIANT MODE ROUND COMMAND...: what the observer's programs take of a request
kernel_cost() {
	local section=$1 variant=$2 mode=$3 round=$4
	shift 4
	gauge --programs "${pid[observer]}" "$@"
	sample "$section" ns "$variant" "$mode" "$round" "$(per_request "$in_path" 5)"
	sample "$section" runs "$variant" "$mode" "$round" "$(per_request "$in_path" 6)"
}
