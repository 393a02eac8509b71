#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The documentation says what there is: every metric, signal and key, and no other; links lead
# somewhere, and what is shown works.
. "$(dirname "$0")/lib.sh"

# section FILE HEADING: what stands below the heading that begins so, up to the next one
section() {
	awk -v heading="$2" '/^#/ { inside = index($0, heading) == 1; next } inside' "$1"
}

# first_cells: the words in backticks in the first cells of the tables on standard input
first_cells() {
	sed -n 's/^| *\([^|]*\)|.*/\1/p' | grep -o '`[^`]*`' | tr -d '`'
}

# ---- metrics ------------------------------------------------------------------------------------

# Each has a heading of its own, with its labels.
same "metrics: docs/signals.md has every one, and no other" \
	"$(grep -oE '^\s\{"(shunt|process)_[a-z_]+"' user/serve/metrics.c | tr -d '\t{"')" \
	"$(sed -n 's/^### `\([a-z_]*\).*/\1/p' docs/signals.md)"

same "metrics: shunt-metrics(7) has every one with its labels, and no other" \
	"$(sed -nE 's/^### `([a-z_]*)(\{[^}]*\})?`.*/\1 \2/p' docs/signals.md)" \
	"$(sed -nE 's/^\.BR ([a-z_]+) "(.*)"$/\1 \2/p' docs/man/shunt-metrics.7)"

# From samples that a unit test holds the encoder to.
same "metrics: docs/signals.md has the labels of each" \
	"$(sed -n 's/^\([a-z_]*\)\({[^}]*}\)\? .*/\1 \2/p' tests/golden/metrics/text.txt |
		sed -E 's/="([^"\\]|\\.)*"//g; s/,le\}/}/; s/_seconds_(bucket|sum|count)/_seconds/; s/ $//' | tr -d ' ')" \
	"$(sed -n 's/^### `\([^`]*\)`.*/\1/p' docs/signals.md |
		grep -Ff <(grep -oE '^# TYPE [a-z_]+' tests/golden/metrics/text.txt | cut -d ' ' -f 3))"

# error_types ARRAY: of user/serve/names.c
error_types() {
	sed -n "/ $1\[/,/^}/s/.*= \"\?\([A-Za-z_]*\)\"\?,/\1/p" user/serve/names.c |
		sed 's/^OTHER$/_OTHER/; s/^$/""/'
}
same "error types of handshakes: docs/signals.md has every one, and no other" "$(error_types handshakes)" \
	"$(section docs/signals.md '### `shunt_tcp_handshakes_total' | first_cells | grep -v error_type)"
same "error types of closes: docs/signals.md has every one, and no other" "$(error_types closes)" \
	"$(section docs/signals.md '### `shunt_tcp_connections_closed_total' | first_cells | grep -v error_type)"
same "sites of errors: docs/signals.md has every one, and no other" \
	"$(sed -n '/ site_names\[/,/^}/s/.*= "\([a-z_]*\)",/\1/p' user/kernel/observer.c)" \
	"$(section docs/signals.md '### `shunt_bpf_errors_total' | first_cells | grep -vx site)"

# ---- signals ------------------------------------------------------------------------------------

same "signals: docs/signals.md has every one with its hook, and no other" \
	"$(tr -d '\n' <user/kernel/signal.c | grep -oE '=\s*\{\s*"[a-z_]+",[^}]*"(tp_btf|iter)/[a-z_]+"' |
		sed -E 's/[^"]*"([a-z_]+)".*"([^"]*)"/\1 \2/')" \
	"$(section docs/signals.md '## The hooks' |
		sed -nE 's/^\| `([a-z_]+)` \| `([^`]+)` .*/\1 \2/p')"
same "signals: these are what shunt doctor knows" \
	"$("$SHUNT" doctor --json | jq -r '.findings[] | select(.kind == "signal").name')" \
	"$(section docs/signals.md '## The hooks' | sed -nE 's/^\| `([a-z_]+)` .*/\1/p')"

# ---- configuration ------------------------------------------------------------------------------

# The examples of README.md and docs/configuration.md, each a file; the last one has every key.
awk -v dir="$scratch" '
	/^```yaml/ { out = sprintf("%s/example-%02d.yaml", dir, ++count); next }
	/^```/ { out = "" }
	out { print >out }' README.md docs/configuration.md
for example in "$scratch"/example-*.yaml; do
	if said=$("$SHUNT" check -c "$example" 2>&1); then
		ok "configuration: example ${example##*-} of README.md and docs/configuration.md is right"
	else
		not_ok "configuration: example ${example##*-} of README.md and docs/configuration.md is right" "$said"
	fi
	last=$example
done

# keys FILE: PATH VALUE of all that shunt check prints but the parents; lists count as values
keys() {
	"$SHUNT" check --json -c "$1" | jq -r '.config as $config | [$config | paths] |
		map({path: ., value: (. as $path | $config | getpath($path))}) |
		map(select(.path[-1] | type == "string")) |
		map(select((.value | type) != "object" and (.value | type == "array" and
			(.[0] | type) == "object" | not))) | .[] |
		"\(.path | map(select(type == "string")) | join(".")) \(.value | if type == "string" then .
			else tojson end)"'
}
# Without what is null here and has keys there.
in_code=$(keys "$last" | cut -d ' ' -f 1 | sort -u | awk '
	{ keys[NR] = $1; parent = $1 }
	{ while (sub(/\.[^.]*$/, "", parent)) parents[parent] }
	END { for (i in keys) if (!(keys[i] in parents)) print keys[i] }')

# takes BEFORE AFTER: the keys that the schema has between the two, as it says where there is another one
takes() {
	echo "$1 nobodys: 1 $2" >"$scratch/unknown.yaml"
	"$SHUNT" check -c "$scratch/unknown.yaml" 2>&1 | sed -n "s/.*unknown key 'nobodys', expected one of //p"
}
# schema BEFORE AFTER PREFIX: those that have none below them
schema() {
	local key
	for key in $(takes "$1" "$2"); do
		if [ -n "$(takes "$1 $key: {" "} $2")" ]; then
			schema "$1 $key: {" "} $2" "$3$key."
		elif [ -n "$(takes "$1 $key: [{" "}] $2")" ]; then
			schema "$1 $key: [{" "}] $2" "$3$key."
		else
			echo "$3$key"
		fi
	done
}
same "configuration: shunt check prints every key of the schema, and no other" "$(schema "{" "}" "")" "$in_code"

# Headings of four levels and first cells of tables, each below the section that it belongs to.
in_page=$(awk '
	/^## / {
		prefix = "-"
		if ($2 == "Top") prefix = ""
		if ($2 == "services") prefix = "services."
		if ($2 == "health_check" || $2 == "breaker") prefix = "services." $2 "."
		if ($2 == "guards" || $2 == "alerts" || $2 == "journal") prefix = $2 "."
	}
	prefix == "-" { next }
	/^#### / { key = prefix $2; printf "%s%s", order++ ? "\n" : "", key }
	/^#### / { waiting = 1; next }
	waiting && match($0, /default `[^`]*`/) {
		printf " %s", substr($0, RSTART + 9, RLENGTH - 10)
		waiting = 0
	}
	/^\| `/ {
		split($0, cells, "|")
		match(cells[2], /`[^`]*`/)
		printf "%s%s%s", order++ ? "\n" : "", prefix, substr(cells[2], RSTART + 1, RLENGTH - 2)
		waiting = 0
		if (match(cells[4], /`[^`]*`/))
			printf " %s", substr(cells[4], RSTART + 1, RLENGTH - 2)
	}
	END { print "" }' docs/configuration.md)
# `slow` stands for those below it.
same "configuration: docs/configuration.md has every key, and no other" "$in_code" \
	"$(cut -d ' ' -f 1 <<<"$in_page" | grep -vx 'services.breaker.slow')"
same "configuration: shunt.yaml(5) has every key, and no other" "$in_code" \
	"$(sed -nE 's/^\.BR ([a-z_.]+) ": .*/\1/p' docs/man/shunt.yaml.5 | grep -vx services)"

# The defaults of all that has one.
echo 'services: [{name: x, inbound: ["*:80"]}]' >"$scratch/defaults.yaml"
documented=$(grep ' ' <<<"$in_page")
same "configuration: docs/configuration.md has the defaults" \
	"$(keys "$scratch/defaults.yaml" | grep -F -f <(sed 's/ .*/ /' <<<"$documented"))" "$documented"

# ---- links --------------------------------------------------------------------------------------

# anchors FILE: as GitHub makes them of headings
anchors() {
	sed -n 's/^#\{1,6\} //p' "$1" | tr '[:upper:]' '[:lower:]' | tr -d '`' |
		sed 's/[^[:alnum:] _-]//g; s/ /-/g'
}

broken=$(
	for page in *.md docs/*.md docs/*/*.md vmlinux/*/*.md; do
		# Not in blocks of code, where brackets and parentheses have other uses.
		sed '/^```/,/^```/d' "$page" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' |
			grep -vE '^[a-z]+:' | while read -r link; do
			target=${link%%#*}
			file=$page
			[ -z "$target" ] || file=$(dirname "$page")/$target
			if [ ! -e "$file" ]; then
				echo "$page: $link: no such file"
			elif [[ $link == *#* ]] && ! anchors "$file" | grep -qxF -- "${link#*#}"; then
				echo "$page: $link: no such heading"
			fi
		done
	done
)
if [ -z "$broken" ]; then
	ok "every relative link leads somewhere"
else
	not_ok "every relative link leads somewhere" "$broken"
fi

# ---- README.md ----------------------------------------------------------------------------------

# shown COMMAND: what README.md shows below `$ COMMAND`, up to the end of the block
shown() {
	awk -v command="\$ $1" '/^```/ { inside = 0 } inside { print } $0 == command { inside = 1 }' README.md
}

# Those that touch nothing.
safe=$(sed -nE 's/^\$ (sudo )?shunt ((check|doctor|version)( .*)?)$/\2/p' README.md)
[ -n "$safe" ] || not_ok "README.md shows commands"
while read -r command; do
	# shellcheck disable=SC2086
	said=$("$SHUNT" $command 2>&1 >"$scratch/out")
	got=$?
	# What doctor finds is no matter here.
	if [ -z "$said" ] && { [ $got -eq 0 ] || [ "${command%% *}" = doctor ]; }; then
		ok "README.md: shunt $command runs"
	else
		not_ok "README.md: shunt $command runs" "exit status $got
$said"
	fi
done <<<"$safe"

# Which of them this kernel has is no matter either.
findings() {
	sed -nE 's/^  (yes|no ) +//p'
}
findings_shown=$(shown 'sudo shunt doctor' | findings)
same "README.md: shunt doctor says what is shown" \
	"$("$SHUNT" doctor | findings | grep -xFf <(echo "$findings_shown"))" "$findings_shown"
same "README.md: the metrics that are shown exist" \
	"$(shown 'curl -s http://127.0.0.1:9909/metrics' | grep -oE '^shunt_[a-z_]+' |
		sed -E 's/_(bucket|sum|count)$//' | grep -xFf <(sed -n 's/^### `\([a-z_]*\).*/\1/p' docs/signals.md))" \
	"$(shown 'curl -s http://127.0.0.1:9909/metrics' | grep -oE '^shunt_[a-z_]+' |
		sed -E 's/_(bucket|sum|count)$//')"

targets=$(make --no-print-directory help | awk '{ print $1 }')
unknown=$(grep -ohE '`(sudo )?make [a-z-]+' README.md docs/*.md docs/man/*.[1-8] | sed 's/.*make //' |
	sort -u | grep -vxFf <(echo "$targets"))
if [ -z "$unknown" ]; then
	ok "every make target that is mentioned exists"
else
	not_ok "every make target that is mentioned exists" "$unknown"
fi
exit $status
