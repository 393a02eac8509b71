#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tree is clean for clang-format, cppcheck and clang-tidy, and keeps the house's rules for files.

status=0

# case_of TEXT COMMAND...: one case, with what the command said when it failed
case_of() {
	local text=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "ok - $text"
	else
		echo "not ok - $text"
		printf '%s\n' "$said"
		status=1
	fi
}

lint() {
	make --no-print-directory -k -j"$(nproc)" CC="${CC:-gcc}" BUILD="${BUILD:-build}" "$1"
}

# Every source, header and script names its licence in its first lines.
licences() {
	local file bad=0
	while read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			{ echo "$file: no SPDX line" && bad=1; }
	done < <(find Makefile .ci packaging/deps packaging/debian packaging/container packaging/kubernetes include user \
		bpf tests -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name run -o -name Makefile -o -name deps \
		-o -path 'packaging/debian/[bp]*[dtm]' -o -path 'packaging/container/*' -o -path 'packaging/kubernetes/*' \
		-o -path 'tests/prove/*' \))
	return "$bad"
}

case_of "clang-format has nothing to change" lint lint-format
case_of "cppcheck finds nothing" lint lint-cppcheck
case_of "clang-tidy finds nothing" lint lint-tidy
case_of "every file names its licence" licences
exit $status
