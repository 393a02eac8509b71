#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Operators' orders: who may give them, what they are answered, what is written down; and a daemon that
# is asked by those who mean it ill.
. "$(dirname "$0")/lib.sh"

namespace host
observe shunt host <<'CONFIG'
interfaces: [lo]
services:
  - {name: checkout, inbound: ["*:8080"]}
  - {name: canary, inbound: ["*:8081"]}
  - {name: ssh, inbound: ["*:22"]}
  - {name: payments, outbound: ["10.0.0.0/8:443"]}
CONFIG

# orders WORD...: what shunt prints, its exit status last
orders() {
	"$SHUNT" -c "$scratch/shunt.yaml" "$@" 2>&1 | sed -E 's/by [^:]*\(pid [0-9]+\)/by WHO/'
	echo "${PIPESTATUS[0]}"
}

equal "trip: done, and says what was against it" \
	"checkout: open, was closed: trip by WHO: INC-7; for 120.0 s
0" "$(orders trip checkout --for 2m --why INC-7 | sed 's/; against .*; for/; for/; s/; also against.*//')"
equal "reset: done" "checkout: closed, was open: reset by WHO: well again
0" "$(orders reset checkout --why 'well again')"
equal "mode: done" "all services: mode off by WHO: calm; for 3600.0 s
0" "$(orders mode --all off --why calm)"
equal "a trip while all are off: refused, with the guard" \
	"shunt: trip: checkout: stays closed: trip by WHO: x; refused by operator: an operator's order stands against it
1" "$(orders trip checkout --why x)"
equal "mode: back" 0 "$(orders mode --all enforce --why on | tail -n 1)"
equal "a protected service: refused, with the guard" \
	"shunt: trip: ssh: stays closed: trip by WHO: x; refused by protect: guards.protect names an endpoint of it
1" "$(orders trip ssh --why x)"
equal "a name that nobody has: refused, with one that is near" \
	"shunt: trip: no service is called 'chekout', there is checkout
1" "$(orders trip chekout --why x)"
equal "an action that it cannot have: refused" \
	"shunt: trip: payments: cannot be drained, for a dependency has no probers, expected another --action
1" "$(orders trip payments --action drain --why x)"
equal "no reason: wrong usage" "shunt: reset: why: missing, expected a reason
2" "$(orders reset checkout)"
equal "no daemon: said so" "shunt: reset: no daemon answers at $scratch/nobody.sock
3" "$(echo "control: $scratch/nobody.sock" >"$scratch/nobody.yaml" &&
	"$SHUNT" -c "$scratch/nobody.yaml" reset checkout --why x 2>&1; echo $?)"
equal "--json has the decision" "moved trip INC-8" \
	"$("$SHUNT" -c "$scratch/shunt.yaml" --json trip checkout --why INC-8 |
		jq -r '.decision | "\(.decision) \(.order) \(.why)"')"
holds "the log says who and why" grep -qE 'checkout: open, was closed: trip by .*\(pid [0-9]+\): INC-7' "$scratch/shunt.log"

# ---- who may ------------------------------------------------------------------------------------

equal "the socket is for its owner and its group" "660" "$(stat -c %a "$scratch/shunt.sock")"
equal "another user is not permitted" "shunt: reset: $scratch/shunt.sock: not permitted, expected root or a member of the group shunt
1" "$(cp "$SHUNT" "$scratch/shunt.bin" && setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$scratch/shunt.bin" -c "$scratch/shunt.yaml" reset checkout --why x 2>&1; echo $?)"

# ---- ill will -----------------------------------------------------------------------------------

# By the dozen: silent ones, noise, half an order, orders without end.
spawn crowd host /usr/bin/python3 -c '
import socket, sys, time
held = []
for i in range(60):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.setblocking(False)
    try:
        client.send([b"", b"\0\xff[[[{{", b"{\"order\":", b"x" * 4096][i % 4])
    except OSError:
        pass
    held.append(client)
print("ready", flush=True)
time.sleep(60)
' "$scratch/shunt.sock"
eventually printed crowd '^ready$' || give_up "no crowd gathers"
equal "amid a crowd an order is carried out" "checkout: reset by WHO: x
0" "$(orders reset checkout --why y >/dev/null; orders reset checkout --why x)"
holds "…and metrics are served" fetch shunt /metrics -o "$scratch/metrics"
{ stop crowd KILL; } 2>"$scratch/said"
holds "the daemon is there" kill -0 "${pid[shunt]}"
stop shunt
equal "it ends in order" 0 $?
