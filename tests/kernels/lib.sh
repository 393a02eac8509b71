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
# Enough for a machine that has other things to do; the guest takes a part of it.
limit=${KERNEL_TIMEOUT:-240}

# What the scripts call and busybox has not, or has with fewer options.
programs=(bash curl diff ip nsenter setpriv)
modules=(veth)

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
	local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
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
	download >"$log" 2>&1 || download_from_debian >>"$log" 2>&1 ||
		skip_all "its package cannot be had: $(grep -E '^(E|Err|apt-cache):' "$log" | tail -n 1)"
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

# put_module NAME: uncompressed, for it is busybox that loads it
put_module() {
	local file
	file=$(find "$kernel/lib/modules" -name "$1.ko" -o -name "$1.ko.xz")
	mkdir -p "$root/modules"
	case $file in
	*.ko) cp "$file" "$root/modules/" ;;
	*.ko.xz) busybox unxz -c "$file" >"$root/modules/$1.ko" ;;
	*) fail "it has no module $1" ;;
	esac
}

# The guest's files, as a kernel takes them at its start: $root.cpio.gz
pack() {
	local name
	root=$kernels/root-$version
	rm -rf "$root"
	mkdir -p "$root"/{dev,etc,proc,root,run,sys,tmp}
	chmod 1777 "$root/tmp"
	echo 'root:x:0:0::/root:/bin/bash' >"$root/etc/passwd"
	echo 'nobody:x:65534:65534::/:/bin/false' >>"$root/etc/passwd"
	put / "$here/init"
	put /bin "$(command -v busybox)"
	for name in "${programs[@]}"; do
		put /usr/bin "$(command -v "$name")"
	done
	for name in "${modules[@]}"; do
		put_module "$name"
	done
	put /shunt/build "$SHUNT"
	put /shunt/build/tests/netns "$BUILD"/tests/netns/{client,server}
	put /shunt/tests/netns "$here"/../netns/*.sh
	put /shunt/tests/kernels "$here"/*.sh
	(cd "$root" && find . | busybox cpio -o -H newc -R 0:0 2>/dev/null) | gzip -1 >"$root.cpio.gz"
}

# ---- the run ------------------------------------------------------------------------------------

# The guest's first serial line is the kernel's, the second the tests'.
boot() {
	timeout -k 10 "$limit" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 1G -no-reboot \
		-nodefaults -display none -serial "file:$root.console" -serial stdio \
		-kernel "$kernel"/boot/vmlinuz-* -initrd "$root.cpio.gz" \
		-append "console=ttyS0 quiet panic=-1 tsc=reliable"
}

# run_kernel VERSION: such as 6.1
run_kernel() {
	version=$1
	[ "$(uname -m)" = x86_64 ] || skip_all "this is no x86_64 machine"
	command -v qemu-system-x86_64 >/dev/null || skip_all "there is no qemu-system-x86_64"
	command -v busybox >/dev/null || skip_all "there is no busybox"
	command -v apt-get >/dev/null || skip_all "there is no apt-get"
	get_kernel
	pack
	boot | tr -d '\r' | tee "$root.out"
	[ "${PIPESTATUS[0]}" -eq 0 ] || fail "qemu ended with ${PIPESTATUS[0]}" "$root.qemu"
	grep -q '^the guest is done$' "$root.out" || fail "it did not get to the end" "$root.console"
	! grep -q '^not ok - ' "$root.out"
}
