#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A dependency dies, and real clients meet the verdict on it at connect(2): redis-cli, curl and Python
# on a Redis whose host no longer answers. Only processes in a cgroup that the test made meet it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"

readonly port=6379

own_cgroup "verdicts on dependencies"

namespace near far
wire near far
# Where the far end is stays known when nobody is there any more: what is sent there vanishes.
hardware=$(ip -n "shunt-$$-far" -o link show eth0 | sed 's,.*link/ether \([^ ]*\) .*,\1,')
for address in 10.203.0.2 fd00:203::2; do
	ip -n "shunt-$$-near" neigh replace "$address" dev eth0 nud permanent lladdr "$hardware"
done

# redis NAME NAMESPACE ADDRESS...: a Redis there, which says its name when asked for it
redis() {
	local name=$1 where=$2
	shift 2
	spawn "$name" "$where" redis-server --port $port --bind "$@" --save '' --appendonly no \
		--protected-mode no --daemonize no --dir "$scratch"
	eventually redis_is_up "$where" "$1" || give_up "Redis $name does not start"
	inside "$where" redis-cli -h "$1" -p $port set name "$name" >/dev/null
}
redis_is_up() {
	[ "$(inside "$1" redis-cli -h "$2" -p $port ping 2>/dev/null)" = PONG ]
}
redis database far 10.203.0.2 fd00:203::2
redis fallback near 127.0.0.1 ::1

# watched COMMAND...: run at the near end by a process of the cgroup; three seconds are "it hangs"
watched() {
	local status
	# shellcheck disable=SC2016 # the inner shell's
	inside near sh -c 'echo 0 >"$0/cgroup.procs" && exec timeout 3 "$@"' "$cgroup" "$@" 2>&1
	status=$?
	[ $status -ne 124 ] || echo hangs
	return $status
}

# asks ADDRESS: what redis-cli says there
asks() {
	watched redis-cli -h "$1" -p $port get name
}
# in_curl ADDRESS: its exit status; 7 is "could not connect", 28 its own deadline
in_curl() {
	watched curl -s -g -m 2 -o "$scratch/answer" "http://$1:$port/" >/dev/null
	echo $?
}
# in_python ADDRESS: what the interpreter makes of a waiting and of a waitless connect
readonly script='
import errno, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
where = (sys.argv[1], int(sys.argv[2]))
try:
    with socket.socket(family) as waiting:
        waiting.settimeout(None)
        waiting.connect(where)
        print("connected", end=" ")
except OSError as error:
    print(type(error).__name__, end=" ")
with socket.socket(family) as waitless:
    waitless.setblocking(False)
    print(errno.errorcode.get(waitless.connect_ex(where), "connected"))
'
in_python() {
	watched "$python" -c "$script" "$1" $port
}
# Not one that a shell's settings put before it.
readonly python=/usr/bin/python3

# From here on, a holder has a verdict on what is called from the near end.
readonly holders=near
readonly refused4="Could not connect to Redis at 10.203.0.2:6379: Connection refused"
readonly refused6="Could not connect to Redis at fd00:203::2:6379: Connection refused"

# ---- it lives -----------------------------------------------------------------------------------

equal "the database answers" "database" "$(asks 10.203.0.2)"
holder reject --cgroup "$cgroup" --verdict reject
equal "no verdict: it answers" "database database" "$(asks 10.203.0.2) $(asks fd00:203::2)"

# A connection that is there before the verdict, and asks again after it.
mkfifo "$scratch/questions"
spawn session near sh -c "echo 0 >'$cgroup/cgroup.procs' && exec redis-cli -h 10.203.0.2 -p $port <'$scratch/questions'"
exec 7>"$scratch/questions"
echo "get name" >&7
eventually printed session '^database$' || give_up "no session begins"
says reject USR1 tripped
equal "a healthy one that is cut off is refused" "$refused4" "$(asks 10.203.0.2)"
echo "echo still-there" >&7
holds "…and a session that was there goes on" eventually printed session '^still-there$'
exec 7>&-
finished session
equal "who is not in the cgroup is not refused" "database" "$(inside near redis-cli -h 10.203.0.2 -p $port get name)"
says reject USR2 reset
equal "reset: it answers" "database" "$(asks 10.203.0.2)"

# ---- it dies ------------------------------------------------------------------------------------

{ stop database KILL; } 2>"$scratch/said"
ip -n "shunt-$$-far" addr del 10.203.0.2/24 dev eth0
ip -n "shunt-$$-far" addr del fd00:203::2/64 dev eth0
equal "its host is dead: redis-cli hangs" "hangs" "$(asks 10.203.0.2)"
says reject USR1 tripped
equal "cut off: redis-cli is refused at once" "$refused4" "$(asks 10.203.0.2)"
equal "…IPv6" "$refused6" "$(asks fd00:203::2)"
equal "…curl" "7" "$(in_curl 10.203.0.2)"
equal "…Python, whether or not it waits" "ConnectionRefusedError ECONNREFUSED" "$(in_python 10.203.0.2)"
equal "…IPv6" "ConnectionRefusedError ECONNREFUSED" "$(in_python fd00:203::2)"
equal "…IPv4 by an IPv6 socket" "ConnectionRefusedError ECONNREFUSED" "$(in_python ::ffff:10.203.0.2)"
# redis-cli tries twice.
equal "each refusal was counted" "reject=13" "$(counts reject)"

holder shadow --cgroup "$cgroup" --shadow
says shadow USR1 tripped
equal "shadow: nothing is touched, it hangs" "hangs" "$(asks 10.203.0.2)"
equal "…and is counted" "shadow_reject=1" "$(counts shadow)"

# ---- its fallback -------------------------------------------------------------------------------

holder redirect --cgroup "$cgroup" --verdict redirect --target 127.0.0.1 --target-port $port
says redirect USR1 tripped
equal "redirect: the fallback answers" "fallback" "$(asks 10.203.0.2)"
equal "…IPv4 by an IPv6 socket" "fallback" "$(asks ::ffff:10.203.0.2)"
equal "…Python is connected" "connected EINPROGRESS" "$(in_python 10.203.0.2)"
equal "…counted as such" "redirect=4" "$(counts redirect)"
holder redirect6 --cgroup "$cgroup" --verdict redirect --target ::1 --target-port $port
says redirect6 USR1 tripped
equal "redirect: IPv6" "fallback" "$(asks fd00:203::2)"
equal "…an IPv4 socket cannot go there, and is refused" "$refused4" "$(asks 10.203.0.2)"
stop redirect6 >/dev/null

# ---- the end of the holder ----------------------------------------------------------------------

hangs() {
	[ "$(asks 10.203.0.2)" = hangs ]
}
holder stuck --cgroup "$cgroup" --lease 400
says stuck USR1 tripped
equal "refused while the lease is renewed" "$refused4" "$(asks 10.203.0.2)"
kill -STOP "${pid[stuck]}"
holds "the holder is stopped: once its lease is over, connections go their way" eventually hangs
kill -CONT "${pid[stuck]}"
stop stuck >/dev/null
# A lease that no test outlives.
holder killed --cgroup "$cgroup" --lease 3600000
says killed USR1 tripped
equal "refused on a long lease" "$refused4" "$(asks 10.203.0.2)"
{ stop killed KILL; } 2>"$scratch/said"
holds "the holder is killed: connections go their way" eventually hangs
