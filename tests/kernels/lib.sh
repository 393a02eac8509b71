# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots another kernel of Debian's under qemu, and runs tests there. To be sourced, for run_kernel.
#
# Its package is downloaded and unpacked below build/, never installed: what this machine boots is
# its own affair. What is there once serves without a network.
set -u
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
BUILD=${BUILD:-build}
SHUNT=${SHUNT:-$BUILD/shunt}
here=$(dirname "${BASH_SOURCE[0]}")
# Whole, for apt-get wants it so.
kernels=$(realpath -m "$BUILD/kernels")
# Against a guest that hangs: a calm machine needs an eighth of it.
limit=${KERNEL_TIMEOUT:-240}

# What the guest's scripts call.
programs=(awk bash cat chmod curl cut diff dirname dmesg echo grep ip ln mkdir mktemp mount nsenter realpath rm sed
	setpriv sleep sort tail uname xargs)

# skip_all REASON: nothing can be said of this kernel here
skip_all() {
	echo "skip - Linux $version: $1"
	exit 0
}

# fail TEXT [FILE]: with the end of a log
fail() {
	echo "not ok - Linux $version: $1"
	[ ! -s "${2:-}" ] || tail -n 40 "$2" | sed 's/^/    /'
	exit 1
}

# ---- the kernel ---------------------------------------------------------------------------------

# Where there is no network, the answer should not take minutes.
patience=(-o Acquire::Retries=1 -o Acquire::http::Timeout=20)

# newest APT-OPTION...: the name of the newest package with this kernel that apt knows
newest() {
	apt-cache "$@" --names-only search "^linux-image-${version//./\\.}\.[^ ]+-cloud-amd64\$" |
		awk '{ print $1 }' | sort -V | tail -n 1
}

# download APT-OPTION...
download() {
	local package
	package=$(newest "$@")
	[ -n "$package" ] || {
		echo "apt-cache: no linux-image-$version.*-cloud-amd64"
		return 1
	}
	(cd "$new" && apt-get "$@" -q -o APT::Sandbox::User=root download "$package")
}

# Where this machine's apt knows no such kernel, or knows one that is gone: by lists of our own.
download_from_debian() {
	local apt=$kernels/apt
	local options=("${patience[@]}" -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root
		-o Acquire::Languages=none -o APT::Update::Error-Mode=any)
	mkdir -p "$apt/lists/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian-security bookworm-security main" >"$apt/sources.list"
	apt-get "${options[@]}" -q update && download "${options[@]}"
}

# Leaves the unpacked package in $kernel.
get_kernel() {
	local log=$kernels/$version.log
	kernel=$kernels/$version new=$kernels/$version.new
	[ -d "$kernel" ] && return
	rm -rf "$new"
	mkdir -p "$new" || exit 1
	download "${patience[@]}" >"$log" 2>&1 || download_from_debian >>"$log" 2>&1 ||
		skip_all "its package cannot be had: $(grep -E '^(E: [^S]|apt-cache:)' "$log" | tail -n 1)"
	dpkg-deb -x "$new"/*.deb "$new" >>"$log" 2>&1 || fail "its package cannot be unpacked" "$log"
	rm "$new"/*.deb
	mv "$new" "$kernel"
}

# ---- what the guest is given --------------------------------------------------------------------

# put DIRECTORY FILE...: with the libraries that a program is linked to, at their places
put() {
	local library
	mkdir -p "$root$1"
	cp -rL "${@:2}" "$root$1/" || fail "cannot copy ${*:2}"
	while read -r library; do
		[ -e "$root$library" ] || install -D "$library" "$root$library"
	done < <(ldd "${@:2}" 2>/dev/null | grep -oE '/[^ :]+ \(' | tr -d ' (' | sort -u)
}

# The guest's files, as a kernel takes them at its start: $root.cpio.gz
pack() {
	local name
	root=$kernels/root-$version
	rm -rf "$root"
	mkdir -p "$root"/{dev,etc,proc,root,run,sys,tmp,usr/{bin,lib,lib64}}
	ln -s usr/{bin,lib,lib64} "$root/"
	chmod 1777 "$root/tmp"
	echo 'root:x:0:0::/root:/bin/bash' >"$root/etc/passwd"
	echo 'nobody:x:65534:65534::/:/bin/false' >>"$root/etc/passwd"
	put / "$here/init"
	for name in "${programs[@]}"; do
		put /usr/bin "$(type -P "$name" || echo "$name")"
	done
	put /shunt/build "$SHUNT"
	put /shunt/build/tests/netns "$BUILD"/tests/netns/{client,holder,server}
	put /shunt/docs "$here"/../../docs/signals.md
	put /shunt/packaging/systemd "$here"/../../packaging/systemd/shunt.service
	put /shunt/tests/netns "$here"/../netns/*.sh
	put /shunt/tests/kernels "$here"/*.sh
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$root.cpio.gz"
}

# ---- the run ------------------------------------------------------------------------------------

# Both CPUs of the guest take turns in one thread (thread=single). With a thread for each, one spins
# for as long as the host does not run the other, which has the lock or owes an answer: a connection
# took three to six times the CPU time on a busy host, and half as much again on a calm one.
#
# The guest's first serial line is the kernel's, the second the tests'. A variable among the kernel's
# parameters is in the environment of its first process.
boot() {
	timeout --foreground -k 10 "$limit" qemu-system-x86_64 -accel tcg,thread=single -smp 2 -m 1G \
		-no-reboot -nodefaults -display none -serial "file:$root.console" -serial stdio \
		-kernel "$kernel"/boot/vmlinuz-* -initrd "$root.cpio.gz" \
		-append "console=ttyS0 quiet panic=-1 tsc=reliable lacks=$lacks"
}

# run_kernel VERSION [SIGNAL,...]: such as 6.1, and the signals that it cannot give
run_kernel() {
	local status
	version=$1 lacks=${2:-}
	[ "$(uname -m)" = x86_64 ] || skip_all "this is no x86_64 machine"
	for name in qemu-system-x86_64 cpio apt-get dpkg-deb; do
		command -v "$name" >/dev/null || skip_all "there is no $name"
	done
	get_kernel
	pack
	boot </dev/null | sed -u 's,\r$,,' | tee "$root.out"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || fail "qemu ended with $status" "$root.console"
	grep -q '^the guest ended with ' "$root.out" || fail "it did not get to the end" "$root.console"
	grep -q '^the guest ended with 0$' "$root.out"
}
