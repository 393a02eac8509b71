#!/bin/bash
# shellcheck disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# Every block of the documents says what it is in, and every command in a shell block works: against a daemon
# that has seen a service fail, or else it is on a list here, with the reason.
. "$(dirname "$0")/lib.sh"
documents=(README.md CONTRIBUTING.md docs/*.md docs/runbooks/*.md)

# What is run here, of what begins so; nothing else, lest a test gives orders to somebody's cluster.
runs='^(sudo )?(shunt|curl) '
# What is not, by patterns, and why.
declare -A not_here=(
	["sudo make run"]="installs packages and does not end; other tests start the same daemon"
	["sudo make check"]="runs this test"
	["sudo make demo"]="installs packages; test_demo.sh runs the same script"
	["journalctl *"]="wants systemd"
	["podman *"]="wants an image and its base from a registry"
	["kubectl *"]="wants a cluster"
	["jq * /usr/share/containers/seccomp.json *"]="is of a host with podman"
)

# ---- what there is ------------------------------------------------------------------------------

# `BLOCK PLACE LANGUAGE`, and below it a line `PLACE<TAB>COMMAND` for each of a shell block: in `console` behind a
# prompt, elsewhere all lines; broken ones are joined, as are those of one quotation, comments left out
awk '
	function command(text) {
		if (part == "") place = FILENAME ":" FNR
		part = part text
		if (sub(/\\$/, "", part) || gsub(/\047/, "&", part) % 2) return
		sub(/(^|[ \t]+)#.*/, "", part)
		if (part != "") print place "\t" part
		part = ""
	}
	FNR == 1 && inside != "" { print "BLOCK " opened " unclosed"; inside = "" }
	/^ *```/ && inside == "" {
		opened = FILENAME ":" FNR
		inside = $0
		gsub(/[` ]/, "", inside)
		if (inside == "") inside = "nothing"
		print "BLOCK " opened " " inside
		next
	}
	/^ *```/ { inside = ""; next }
	inside == "console" && (part != "" || sub(/^ *\$ /, "")) { command($0) }
	inside ~ /^(sh|bash)$/ { command($0) }
	END { if (inside != "") print "BLOCK " opened " unclosed" }
	' "${documents[@]}" >"$scratch/blocks"
grep -v '^BLOCK ' "$scratch/blocks" >"$scratch/commands"
within "commands are found" 10 "$(wc -l <"$scratch/commands")" 1000
equal "every block says what it is in" "" \
	"$(grep '^BLOCK ' "$scratch/blocks" | grep -vE ' (sh|bash|console|yaml|json|text)$')"

# reason COMMAND: why it is not run
reason() {
	local pattern
	for pattern in "${!not_here[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 != $pattern ]] || echo "${not_here[$pattern]}"
	done
}
for pattern in "${!not_here[@]}"; do
	# shellcheck disable=SC2053
	while read -r command; do
		[[ $command != $pattern ]] || continue 2
	done < <(cut -f 2 "$scratch/commands")
	not_ok "what is not run here is in a document" "$pattern"
done
# What those name of this repository is there nevertheless.
equal "what is not run names files that there are" "" "$(while IFS=$'\t' read -r place command; do
	[ -z "$(reason "$command")" ] || grep -oE '\b(packaging|tests|docs)/[^ ]+' <<<"$command" |
		while read -r file; do [ -e "$file" ] || echo "$place: $file"; done
done <"$scratch/commands")"

# ---- a host that has seen something -------------------------------------------------------------

namespace host
server checkout host --port 8080
server other host --port 8081
observe shunt host <<'CONFIG'
interfaces: [lo]
services:
  - {name: checkout, inbound: ["*:8080"], breaker: {min_connections: 10, window: 2s}}
  - {name: other, inbound: ["*:8081"]}
CONFIG
client host "ok=100 answered=100" --to 127.0.0.1 --port 8080 --count 100
stop checkout
for _ in {1..10}; do
	client host "refused=10" --to 127.0.0.1 --port 8080 --count 10
	sleep 0.1
done
has_failed() {
	grep -qs 'checkout (server): failing' "$scratch/shunt.log"
}
eventually has_failed || give_up "checkout is not seen to fail"
server checkout host --port 8080

# A shell as a reader has it: root, and shunt with its configuration in the place where it looks for it.
mkdir "$scratch/bin"
cat >"$scratch/bin/shunt" <<-WRAPPER
	#!/bin/sh
	# With a configuration these two would judge by that one instead of by their own.
	case \$1 in
	replay) exec "$SHUNT" "\$@" "$scratch/shunt.state" ;;
	simulate) exec "$SHUNT" "\$@" ;;
	*) exec "$SHUNT" -c "$scratch/shunt.yaml" "\$@" ;;
	esac
WRAPPER
cat >"$scratch/bin/sudo" <<-'WRAPPER'
	#!/bin/sh
	exec "$@"
WRAPPER
chmod +x "$scratch/bin/shunt" "$scratch/bin/sudo"
# What some commands read.
cp "$scratch/shunt.yaml" "$scratch/other.yaml"
ln -s "$PWD/tests" "$PWD/packaging" "$scratch/"

# ---- all of them --------------------------------------------------------------------------------

while IFS=$'\t' read -r place command; do
	[ -z "$(reason "$command")" ] || continue
	if ! [[ $command =~ $runs ]]; then
		not_ok "$place: $command" "is neither run here nor on the list of what is not"
	elif (cd "$scratch" && PATH=$scratch/bin:$PATH inside host timeout 20 bash -e -o pipefail -c "$command") \
		>"$scratch/said" 2>&1 </dev/null; then
		ok "$place: $command"
	else
		not_ok "$place: $command" "it fails
$(cat "$scratch/said")"
	fi
done <"$scratch/commands"
