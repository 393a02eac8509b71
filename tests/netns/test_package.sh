#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Debian package, in a copy of this host that nobody else sees: it installs, its daemon starts with
# what the unit leaves it, an upgrade keeps the state, a purge leaves nothing.
# shellcheck disable=SC2034
. "$(dirname "$0")/lib.sh"
unit=packaging/systemd/shunt.service
export PATH=$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive

# ---- the package --------------------------------------------------------------------------------

mkdir "$scratch/deb"
for version in 1.0 1.1; do
	packaging/debian/build $version "$scratch/deb" >"$scratch/build.$version.log" 2>&1 ||
		give_up "make deb"
done
old=$(echo "$scratch"/deb/shunt_1.0_*.deb)
new=$(echo "$scratch"/deb/shunt_1.1_*.deb)
ok "it is built"
if command -v lintian >/dev/null; then
	equal "lintian has nothing to complain of" "" \
		"$(lintian --allow-root --fail-on none --tag-display-limit 0 "$new" 2>&1 | grep -v '^N:')"
else
	skip "lintian has nothing to complain of" "no lintian"
fi

# ---- the unit -----------------------------------------------------------------------------------

# words KEY: what the unit says under it
words() {
	sed -n "s/^$1=//p" $unit | xargs
}
if systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
	score=$(systemd-analyze security --offline=yes $unit 2>/dev/null | sed -nE 's/.*Overall exposure level.*: ([0-9.]+) .*/\1/p')
	within "its exposure, as systemd-analyze security counts it" 0.1 "$score" 2.5
	equal "…is what README.md states" "$score" "$(sed -nE 's/.*exposure level of ([0-9.]+).*/\1/p' README.md)"
else
	skip "its exposure, as systemd-analyze security counts it" "this systemd-analyze cannot"
fi

# ---- a copy of this host ------------------------------------------------------------------------

# A mount namespace of its own, which a process holds; an overlay over / whose changes are in memory.
namespace host
mkdir "$scratch/copy"
cat >"$scratch/copy.sh" <<-'EOF'
	set -e
	mount -t tmpfs copy "$1"
	mkdir "$1/upper" "$1/work" "$1/root"
	mount -t overlay copy -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
	for mount in proc sys dev; do
		mount --rbind "/$mount" "$1/root/$mount"
	done
	mount -t tmpfs run "$1/root/run"
	mkdir -p "$1/root/run/lock"
	# What this host has itself of shunt.
	rm -rf "$1/root/usr/sbin/policy-rc.d" "$1/root/var/lib/shunt" "$1/root/etc/shunt"
	echo ready
	exec sleep 600
EOF
spawn copy host unshare --mount --propagation private bash "$scratch/copy.sh" "$scratch/copy"
eventually printed copy ready || give_up "no copy of this host"
enter=(nsenter --mount="/proc/${pid[copy]}/ns/mnt" --net="/run/netns/shunt-$$-host" --)

# there COMMAND...: in the copy
there() {
	"${enter[@]}" chroot "$scratch/copy/root" "$@"
}
quietly() {
	"$@" >"$scratch/quiet.out"
}
package() {
	# Manual pages are not looked through for the sake of one.
	there dpkg --force-unsafe-io --no-triggers "$@" >"$scratch/dpkg.log" 2>&1
}
# The packages are outside of the overlay, whose /tmp is this one's all the same.
"${enter[@]}" cp "$old" "$new" "$scratch/copy/root/root/"
old=/root/${old##*/} new=/root/${new##*/}

# ---- install ------------------------------------------------------------------------------------

holds "it installs" package --install "$old"
equal "the user is there, and cannot log in" "/usr/sbin/nologin" "$(there getent passwd shunt | cut -d : -f 7)"
equal "the configuration is for the daemon to read, and for no other" "root shunt 640" \
	"$(there stat -c '%U %G %a' /etc/shunt/shunt.yaml)"
holds "…and is right" quietly there shunt check
holds "the unit is enabled" there test -L /etc/systemd/system/multi-user.target.wants/shunt.service
said=$(there systemd-analyze verify /lib/systemd/system/shunt.service 2>&1)
equal "systemd understands the unit" "" "$(grep shunt <<<"$said")"

# ---- start --------------------------------------------------------------------------------------

capabilities=$(words CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')

# started NAME: as the unit starts it: root with these capabilities, on directories that systemd made
started() {
	there install -d -o "$(words User)" -g "$(words Group)" -m 750 /var/lib/shunt
	"${enter[@]}" chroot "$scratch/copy/root" setpriv --bounding-set "-all,$capabilities" --no-new-privs \
		/usr/sbin/shunt run >"$scratch/$1.out" 2>"$scratch/$1.log" </dev/null &
	pid[$1]=$!
	home[$1]=host
	where_is=host
	eventually is_up "$1" && kill -0 "${pid[$1]}" 2>/dev/null
}
# What others do on this machine is no matter here.
there sh -c 'echo "discover: false" >>/etc/shunt/shunt.yaml'
holds "the daemon starts with the unit's capabilities" started first
holds "…as the user shunt" grep -q 'as shunt without' "$scratch/first.log"
equal "…which owns the process" "$(there id -u shunt)" "$(stat -c %u "/proc/${pid[first]}")"
equal "…and has nothing to complain of" "" "$(grep -v 'observing\|metrics at' "$scratch/first.log")"
eventually there test -s /var/lib/shunt/journal.db
equal "the journal is its own" "shunt shunt" "$(there stat -c '%U %G' /var/lib/shunt/journal.db)"
equal "the control socket is the group's" "root shunt 660" "$(there stat -c '%U %G %a' /run/shunt.sock)"
holds "status asks it" quietly there shunt status

# ---- upgrade ------------------------------------------------------------------------------------

there sh -c 'echo kept >/var/lib/shunt/kept; echo "max_services: 12" >>/etc/shunt/shunt.yaml'
stop first
holds "it upgrades" package --install "$new"
equal "…to the new version" 1.1 "$(there dpkg-query -W -f '${Version}' shunt)"
equal "…and keeps the state" kept "$(there cat /var/lib/shunt/kept)"
holds "…and the configuration" there grep -q '^max_services: 12$' /etc/shunt/shunt.yaml
equal "…as it was" "root shunt 640" "$(there stat -c '%U %G %a' /etc/shunt/shunt.yaml)"
holds "the daemon starts again" started second
stop second

# ---- remove, purge ------------------------------------------------------------------------------

# What has come and not gone; files that the host had itself are no matter, nor is man's own cache.
left_behind() {
	# shellcheck disable=SC2016
	"${enter[@]}" sh -c 'cd "$1" && find upper root/run -name "*shunt*" ! -name "shunt_1.*.deb" ! -type c \
		! -path "upper/tmp/*" ! -path "upper/var/cache/man/*"' find "$scratch/copy"
}
within "there is much of it" 10 "$(left_behind | wc -l)" 100

holds "it can be removed" package --remove shunt
holds "…and leaves configuration and state" there test -e /etc/shunt/shunt.yaml -a -e /var/lib/shunt/kept
holds "it can be purged" package --purge shunt
equal "…and leaves nothing" "" "$(left_behind)"
