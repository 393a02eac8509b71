#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The man pages: one for each command, with the options that it takes, and examples that work.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"
SHUNT=$(realpath "$SHUNT")
pages=$PWD/docs/man
help=$("$SHUNT" --help)
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$help")

# section PAGE NAME: what stands in that section, as people read it
section() {
	awk -v name="$2" '/^\.SH / { inside = substr($0, 5) == name; next } inside' "$1" |
		sed 's/\\-/-/g; s/\\(dq/"/g; s/\\(aq/'"'"'/g; s/\\f[BIR]//g; s/\\&//g'
}

# options: those that a text names, by their short and long names
options() {
	grep -oE -- '(^|[ ,["])(-[a-z?]|--[a-z]+)\b' | grep -oE -- '-.*' | sort -u
}

# Those that lead the lines of a help text.
of_help() {
	sed -n '/^ *-/{s/^ *//;s/  .*//;p}' <<<"$1" | tr -d '?' | options
}
# Those that head the paragraphs of a page.
of_page() {
	section "$1" OPTIONS | sed -n '/^\.TP/{n;s/^\.BR\? //p}' | tr -d '?' | options
}

# ---- which there are ----------------------------------------------------------------------------

same "every command has a page, and every page of a command a command" "$commands" \
	"$(basename -s .8 "$pages"/shunt-*.8 | sed 's/^shunt-//')"
same "shunt(8) leads to each" "$commands" \
	"$(section "$pages/shunt.8" COMMANDS | sed -n 's/^\.BR shunt-\([a-z]*\) (8)$/\1/p')"
same "every page that is referred to is here, and every one is referred to" \
	"$(cd "$pages" && printf '%s\n' *.[1-8] | sed 's/\(.*\)\.\([1-8]\)/\1 \2/')" \
	"$(sed -n 's/\\-/-/g; s/^\.BR \(shunt[a-z.-]*\) (\([1-8]\)).*/\1 \2/p' "$pages"/*.[1-8])"

# ---- options ------------------------------------------------------------------------------------

same "shunt(8) has the options of all commands" \
	"$(of_help "$("$SHUNT" check --help)")" "$(of_page "$pages/shunt.8")"
same "the other ones are each some command's" \
	"$(of_help "$help")" "$(for command in $commands; do of_help "$("$SHUNT" "$command" --help)"; done)"

# taken COMMAND: the options that it lets pass, by their long names
taken() {
	local option value
	while read -r option value; do
		"$SHUNT" "$1" "$option" ${value:+"$value"} --help >/dev/null 2>&1 && echo "$option"
	done < <(sed -n '/^ *-/{s/^ *//;s/  .*//;p}' <<<"$help" | tr -d ',' | tr ' ' '\n' | grep '^--' | tr '=' ' ')
}

for command in $commands; do
	page=$pages/shunt-$command.8
	said=$("$SHUNT" "$command" --help)
	same "shunt $command --help is of that command alone" "Usage: shunt $command [OPTION...]" \
		"$(head -n 1 <<<"$said" | grep -o "^Usage: shunt $command \[OPTION\.\.\.\]")"
	same "shunt-$command(8) has every option that --help has, and no other" "$(of_help "$said")" "$(of_page "$page")"
	# A shell may always name a configuration.
	same "…which are those that are taken" "$(of_help "$said" | grep -- -- | grep -vx -- --config)" \
		"$(taken "$command" | grep -vx -- --config)"
	none "…and its synopsis has no others" \
		"$(section "$page" SYNOPSIS | tr -d '.' | options | grep -vxFf <(of_page "$page"))"
	same "…and begins with the command" ".B shunt $command" \
		"$(section "$page" SYNOPSIS | head -n 1 | grep -o "^\.B shunt $command")"
	same "…and it has every section" \
		"$(listed NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES "SEE ALSO")" \
		"$(sed -n 's/^\.SH //p' "$page" | grep -xE 'NAME|SYNOPSIS|DESCRIPTION|OPTIONS|EXIT STATUS|EXAMPLES|SEE ALSO')"
done

"$SHUNT" status --seed 1 >"$scratch/out" 2>&1
same "a command refuses what is another's: exit status 2" 2 $?
same "…and says so" "shunt: status: expected no --seed" "$(head -n 1 "$scratch/out")"
same "--help may stand before the command, too" "$("$SHUNT" trip --help)" "$("$SHUNT" --help trip)"
same "--usage is of the command" "Usage: shunt trip" "$("$SHUNT" trip --usage | grep -o '^Usage: shunt trip')"

# ---- examples -----------------------------------------------------------------------------------

# Nobody listens there, and there is no journal.
cat >"$scratch/desk.yaml" <<EOF
listen: 127.0.0.1:1
control: $scratch/nobody.sock
state_dir: $scratch/nothing
services:
  - name: checkout
    inbound: ["*:8080"]
    health_check: {model: haproxy, interval: 2s, timeout: 1s, fall: 3, rise: 2}
EOF
cp "$scratch/desk.yaml" "$scratch/new.yaml"
section "$pages/shunt-simulate.8" EXAMPLES | sed -n '/^\.EX/,/^\.EE/p' | grep -v '^\.E' >"$scratch/scenario.yaml"
cd "$scratch" || exit 1

# shunt ARGUMENT...: as somebody at a desk of his own would call it, where no daemon runs
shunt() {
	case $1 in
	run) "$SHUNT" "$@" --help ;;
	simulate) "$SHUNT" "$@" ;;
	*) "$SHUNT" -c desk.yaml "$@" ;;
	esac
}

for command in $commands; do
	page=$pages/shunt-$command.8
	examples=$(section "$page" EXAMPLES | sed -n 's/^\.B //p' | grep -oE "\bshunt $command( [^|&>]*)?")
	[ -n "$examples" ] || not_ok "shunt-$command(8) has examples"
	while read -r example; do
		(eval "$example") >out 2>&1 </dev/null
		got=$?
		case $command:$got in
		check:0 | version:0 | simulate:0 | run:0) ok "shunt-$command(8): $example" ;;
		check:* | version:* | simulate:* | run:* | *:2)
			not_ok "shunt-$command(8): $example" "exit status $got: $(tail -n 3 out)"
			;;
		*) same "shunt-$command(8): $example: ends as the page says" "$got" \
			"$(section "$page" "EXIT STATUS" | sed -n 's/^\.B //p' | grep -x "$got")" ;;
		esac
	done <<<"$examples"
done
cd - >/dev/null || exit 1

# ---- form ---------------------------------------------------------------------------------------

for page in "$pages"/*.[1-8]; do
	name=${page##*/}
	if command -v groff >/dev/null; then
		said=$(groff -man -Tutf8 -ww -wall "$page" 2>&1 >"$scratch/page")
		[ -s "$scratch/page" ] || said="nothing comes of it. $said"
		none "$name renders without a warning" "$said"
	fi
	# What lintian asks of a page.
	if command -v lexgrog >/dev/null; then
		none "$name: man has nothing to complain of" \
			"$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >"$scratch/page")"
		same "$name: whatis finds its name" "${name%.*}" "$(lexgrog "$page" | sed 's/.*: "\([^ ]*\) .*/\1/')"
	fi
done

# ---- what it costs ------------------------------------------------------------------------------

mkdir "$scratch/quoted"
if said=$(tests/bench/quote "$scratch/quoted" 2>&1); then
	for file in README.md docs/man/shunt.8; do
		none "$file quotes what docs/bench.md says (else: make quote)" \
			"$(diff -U 0 "$file" "$scratch/quoted/${file##*/}")"
	done
else
	not_ok "README.md and shunt(8) quote what docs/bench.md says" "$said"
fi
rows=$(sed -n '/^| figure/,/^$/p' README.md | grep -c '^| [^-]')
same "shunt(8) has each row that README.md has" "$((rows - 1))" \
	"$(section "$pages/shunt.8" OVERHEAD | grep -c '^\.TP')"

# A row that has changed is renewed in both, and one that is gone is no silent matter.
awk -F '|' -v OFS='|' '/^[|] resident memory/ { $4 = " 99.9 MiB " } { print }' docs/bench.md >"$scratch/bench.md"
BENCH=$scratch/bench.md tests/bench/quote "$scratch/quoted"
same "a new figure is put in place of the old one" "$(listed README.md shunt.8)" \
	"$(cd "$scratch/quoted" && grep -lF '99.9 MiB' README.md shunt.8)"
sed '/^| resident memory/d' docs/bench.md >"$scratch/bench.md"
if said=$(BENCH=$scratch/bench.md tests/bench/quote "$scratch/quoted" 2>&1); then
	not_ok "a row that is gone is missed"
else
	same "a row that is gone is missed" "resident memory" "$(grep -o 'resident memory' <<<"$said")"
fi
exit "$status"
