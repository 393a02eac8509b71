#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What bash offers after `shunt`, asked for as bash does it.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"
SHUNT=$(realpath "$SHUNT")
. packaging/bash-completion/shunt

# offers WORD...: for the last of the words
offers() {
	COMP_WORDS=("$SHUNT" "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_shunt "$SHUNT"
	printf '%s\n' "${COMPREPLY[@]}"
}

same "the commands are those of --help" "$("$SHUNT" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" \
	"$(offers "")"
same "a beginning narrows them" "version" "$(offers ver)"
same "options come before a command and after it" "$(offers --)" "$(offers status --)"
same "…and are those of --help" "--json" "$(offers --js)"
same "the configuration is a file" "README.md" "$(offers -c READ)"
same "…and does not count as the command" "version" "$(offers -c README.md ver)"
none "nothing comes after a command that takes nothing" "$(offers version "")"
same "a mode is one of three" "$(printf '%s\n' off shadow enforce)" "$(offers mode web "")"

# A daemon's answer, as the status has it.
cat >"$scratch/shunt" <<-'EOF'
	#!/bin/sh
	printf '{\n  "services": [\n    {\n      "name": "web",\n      "role": "server"\n    },\n    {\n      "name": "api"\n    }\n  ]\n}\n'
EOF
chmod +x "$scratch/shunt"
SHUNT=$scratch/shunt
same "services come from the daemon" "$(printf '%s\n' web api)" "$(offers trip "")"
exit "$status"
