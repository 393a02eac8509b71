#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gcc and clang both build all of user space without a warning, and the program says who it is.

BUILD=${BUILD:-build}
status=0

for compiler in gcc clang; do
	# The one that built $BUILD has nothing left to do; the other gets a folder of its own.
	folder=$BUILD
	[ "$compiler" = "${CC:-gcc}" ] || folder=$BUILD/$compiler
	if said=$(make --no-print-directory -j"$(nproc)" CC="$compiler" BUILD="$folder" all 2>&1); then
		echo "ok - $compiler builds user space"
	else
		echo "not ok - $compiler builds user space"
		printf '%s\n' "$said"
		status=1
	fi
done

# A second make compiles nothing.
said=$(make --no-print-directory CC="${CC:-gcc}" BUILD="$BUILD" all 2>&1)
if [ -z "$said" ]; then
	echo "ok - a second make has nothing to do"
else
	echo "not ok - a second make has nothing to do"
	printf '%s\n' "$said"
	status=1
fi
exit $status
