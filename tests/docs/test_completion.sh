#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What bash offers after `shunt`, asked for as bash does it.
# shellcheck disable=SC2034,SC2154
. "$(dirname "$0")/lib.sh"
SHUNT=$(realpath "$SHUNT")
. packaging/bash-completion/shunt

# offers WORD...: for the last of the words, which readline breaks in pieces
offers() {
	local word piece
	COMP_WORDS=("$SHUNT")
	for word; do
		[ -n "$word" ] || COMP_WORDS+=("")
		while read -r piece; do
			COMP_WORDS+=("$piece")
		done < <(grep -oE '[:=@]+|[^:=@]+' <<<"$word")
	done
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_LINE="$SHUNT $*"
	COMP_POINT=${#COMP_LINE}
	COMPREPLY=()
	_shunt "$SHUNT"
	printf '%s\n' "${COMPREPLY[@]}"
}

same "the commands are those of --help" "$("$SHUNT" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" \
	"$(offers "")"
same "a beginning narrows them" "version" "$(offers ver)"
same "…to top" "$(listed top)" "$(offers to)"
same "without a command, options are those of --help" \
	"$(listed --config --json --why --for --action --all --seed --from --since --to --service --format --help --usage)" \
	"$(offers --)"
same "after a command, its own" "$(listed --config --json --why --for --action --help --usage)" "$(offers trip --)"
same "…after what it is about, too" "$(listed --config --json --why --for --all --help --usage)" \
	"$(offers mode web off --)"
same "…and no other" "$(listed --config --help --usage)" "$(offers top --)"
same "a beginning narrows them, too" "--json" "$(offers status --js)"
for option in -c --config; do
	same "the configuration is a file: $option" "README.md" "$(offers $option READ)"
	same "…and does not count as the command" "version" "$(offers $option README.md ver)"
done
same "…after an equals sign" "README.md" "$(offers --config=READ)"
for command in simulate replay timeline; do
	same "what $command reads is a file" "README.md" "$(offers $command READ)"
done
none "nothing comes after a command that takes nothing" "$(offers version "")"
for option in --why --for -w; do
	none "nothing is proposed for $option, which is anybody's choice" "$(offers trip $option "")"
done
same "a mode is one of three" "$(listed off shadow enforce)" "$(offers mode web "")"
same "…also of all services" "$(listed off shadow enforce)" "$(offers mode --all "")"
same "…and what an option is given does not count" "$(listed off shadow enforce)" \
	"$(offers mode --why because web -f 5m "")"
same "an action is one of four" "$(listed drop reject redirect drain)" "$(offers trip web --action "")"
same "a format is one of three" "markdown" "$(offers timeline --format ma)"
same "…after an equals sign" "markdown" "$(offers timeline --format=ma)"

# A daemon's answer, as the status has it; one process has a name that is not for a shell.
cat >"$scratch/shunt" <<EOF
#!/bin/sh
[ "\$1" = status ] || exec "$SHUNT" "\$@"
printf '{\n  "services": [\n    {\n      "name": "web",\n      "role": "server"\n    },\n    {\n      "name": "api"\n    },\n'
printf '    {\n      "name": "nginx:80@web.service"\n    },\n    {\n      "name": "\$(touch here):80"\n    }\n  ]\n}\n'
EOF
chmod +x "$scratch/shunt"
SHUNT=$scratch/shunt
same "services come from the daemon" "$(listed web api nginx:80@web.service)" "$(offers trip "")"
same "…for a mode" "api" "$(offers mode a)"
same "…for a timeline" "web" "$(offers timeline --service we)"
same "a name goes on behind a colon" "80@web.service" "$(offers trip nginx:8)"
same "…that is the last there is" "80@web.service" "$(offers trip nginx:)"
# There readline has another idea of a word than what it tells.
for name in nginx:80@ nginx:80@we; do
	same "…and with an at sign: $name" "@web.service" "$(offers reset --why because $name)"
done
same "…and behind an equals sign" "nginx:80@web.service" "$(offers timeline --service=ng)"
exit "$status"
