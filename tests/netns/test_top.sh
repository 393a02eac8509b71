#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shunt top in a real terminal, tmux: at 80x24 and 200x50, resized, by its keys, without colour; killed,
# without its daemon, and without a terminal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"

namespace backend
cable crowd 10.212.0
backend steady backend 8001
backend killed backend 8002
observe shunt backend <<-CONFIG
	services:
	  - {name: steady, inbound: ["*:8001"]}
	  - {name: killed, inbound: ["*:8002"]}
	  - {name: another, outbound: ["10.212.0.9:1"]}
CONFIG
load steady_load crowd 10.212.0.2 8001 50
load killed_load crowd 10.212.0.2 8002 100

# A server of tmux's own, in the namespace: the terminal of a shell, which tells when top has ended.
terminal() {
	inside backend env -u TMUX LANG=C.UTF-8 tmux -S "$scratch/tmux" -f /dev/null "$@"
}
terminal new-session -d -x 80 -y 24 -s top "PS1='shell> ' bash --norc --noprofile" || give_up "no tmux"
pid[tmux]=$(terminal display -p '#{pid}')
terminal set -g status off
terminal set -g window-size manual
type_keys() {
	terminal send-keys -t top "$@"
}
run() {
	type_keys -l "$1"
	type_keys Enter
}
seen() {
	terminal capture-pane -p -t top
}
# sees REGEX: on the screen, by and by
sees() {
	seen | grep -qE "$1"
}
see() {
	if eventually sees "$2"; then
		ok "$1"
	else
		not_ok "$1" "$(seen)"
	fi
}
# sees_line N REGEX
sees_line() {
	seen | sed -n "$1p" | grep -qE "$2"
}
top="$SHUNT top -c $scratch/shunt.yaml"

eventually sees '^shell>$' || give_up "no shell"
# ---- 80x24 --------------------------------------------------------------------------------------

run "stty -a | md5sum >$scratch/stty.before; $top; echo \"ended with \$?\"; stty -a | md5sum >$scratch/stty.after"
see "it lists the services" '^> .* +[sc] +[a-z]+ +[0-9.]+ +[0-9.]+ +[0-9]+ '
see "…with their figures" '^  steady +s +healthy +(4[0-9]|5[0-9])\.[0-9] +0\.0 '
holds "…and its keys in the last row" sees_line 24 '^q quit .* Enter one service'
stop killed KILL
see "a service that fails is marked without colour" '^[> ] killed +s +!!failing '
holds "…and comes first" eventually sees_line 3 '^[> ] killed'
type_keys g
see "…with the reason of the chosen one" '^killed \(server\): failing: .* connections failed in the last'

type_keys /
type_keys -l stea
type_keys Enter
see "a filter leaves what matches" '^1 service by urgency, that match stea;'
type_keys Escape
see "…and Escape all" '^[2-9] services by urgency;'
type_keys s
see "the order can be another" 'services by name'
ordered() {
	[ "$(seen | grep -oE '^[> ] (another|killed|steady)' | cut -c 3- | xargs)" = "$1" ]
}
holds "…and is it" eventually ordered "another killed steady"
type_keys r
holds "…or the other way round" eventually ordered "steady killed another"
type_keys r S
see "…and back" 'services by urgency;'
type_keys '?'
see "? shows the keys" '^  q Esc +back, and out'
type_keys x g Enter
see "one in depth has its histograms" '^responses, since the start'
see "…drawn" '<= *[0-9.]+[mu]s #+ +[0-9]+'
see "…and its counts" '^handshakes +ok [0-9]+, refused [0-9]+'
# How many there are is the machine's; there is room for two or three.
terminal resize-window -t top -x 80 -y 16
see "…the slowest of them, where not all have room" '^responses, since the start; the slowest'
terminal resize-window -t top -x 80 -y 24
type_keys Tab
see "Tab shows the next of them" '^handshakes, since the start'
type_keys q

# ---- 200x50, and no size at all -----------------------------------------------------------------

terminal resize-window -t top -x 200 -y 50
see "wider it says why beside each" 'P99 +WHY'
holds "…and fills the screen" eventually sees_line 50 '^q quit'
type_keys Enter
see "…and has histograms side by side" 'handshakes, since the start.* round trips, .* connections, .* responses'
type_keys q
for size in 20x5 1x1 80x24; do
	terminal resize-window -t top -x "${size%x*}" -y "${size#*x}"
	sleep 0.5
done
see "it outlives a screen too small" '^[> ] steady +s +healthy'

# ---- the end, whatever it is --------------------------------------------------------------------

stop shunt KILL
see "a daemon that dies is missed" '^no daemon answers'
spawn shunt backend "$SHUNT" run -c "$scratch/shunt.yaml"
see "…and is there again" ' services by urgency; shunt'

# ended TEXT STATUS: the shell is back, and the terminal as it was
ended() {
	see "$1: it ends with $2" "^ended with $2"
	eventually [ -s "$scratch/stty.after" ]
	equal "$1: the terminal is as it was" "$(cat "$scratch/stty.before")" "$(cat "$scratch/stty.after")"
	equal "$1: …and shows what it showed" "" "$(seen | grep SERVICE)"
	rm -f "$scratch/stty.after"
	run clear
	eventually sees_line 1 '^shell>$'
}
type_keys q
ended "q" 0
for signal in TERM INT HUP SEGV; do
	run "$top; echo \"ended with \$?\"; stty -a | md5sum >$scratch/stty.after"
	eventually sees 'SERVICE' || not_ok "it starts again"
	kill "-$signal" "$(pgrep -P "$(terminal display -p -t top '#{pane_pid}')")"
	ended "SIG$signal" "$([ $signal = SEGV ] && echo 139 || echo 0)"
done

# ---- without a terminal, without a daemon -------------------------------------------------------

said=$(inside backend "$SHUNT" top -c "$scratch/shunt.yaml" 2>&1 </dev/null | cat)
equal "piped it says what to use instead" \
	"shunt: top: needs a terminal: try 'shunt status', or 'shunt status --json'" "$said"
inside backend "$SHUNT" top -c "$scratch/shunt.yaml" </dev/null >"$scratch/piped" 2>/dev/null
equal "…which is wrong usage, and prints nothing" "2 0" "$? $(wc -c <"$scratch/piped")"
stop shunt
run "$top; echo \"ended with \$?\""
see "without a daemon it ends with 3" '^ended with 3'
