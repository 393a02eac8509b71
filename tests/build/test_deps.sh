#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packaging/deps on a host of its own making: dpkg-query, apt-get, systemctl and id are stand-ins that
# keep their state in files, so nothing is installed here and no network is needed.

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
status=0
real_path=$PATH

ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1"
	sed 's/^/    /' "$scratch/out" "$scratch/err" "$scratch/calls"
	status=1
}

# check TEXT CONDITION...: a case that is ok when the condition holds
check() {
	local text=$1
	shift
	if "$@"; then ok "$text"; else not_ok "$text"; fi
}

stand_in() {
	cat >"$scratch/bin/$1"
	chmod +x "$scratch/bin/$1"
}

# A host with the given packages installed.
new_host() {
	rm -rf "${scratch:?}"/*
	mkdir "$scratch/bin"
	printf '%s\n' "$@" >"$scratch/installed"
	echo ssh.service >"$scratch/enabled"
	touch "$scratch/calls"
	cat >"$scratch/list" <<-'EOF'
		# a comment
		alpha      build   # why
		beta-dev   build   # why
		gamma      run     # why
		delta      test,bench   # why
	EOF
	stand_in id <<<'echo "${FAKE_UID:-0}"'
	stand_in dpkg-query <<-EOF
		shift 3
		for name; do
			if grep -qx "\$name" $scratch/installed; then
				echo "installed \$name:amd64"
			elif [ "\$name" = beta-dev ]; then
				echo "config-files \$name"
			fi
		done
	EOF
	stand_in systemctl <<-EOF
		echo "systemctl \$*" >>$scratch/calls
		case "\$*" in
		*--state=enabled*) sed 's/\$/ enabled enabled/' $scratch/enabled ;;
		*--state=active*) echo "ssh.service loaded active running" ;;
		esac
	EOF
	stand_in apt-get <<-EOF
		echo "apt-get \$*" >>$scratch/calls
		[ "\${FAKE_APT:-}" != fail ] || exit 100
		case "\$*" in
		*" install "*)
			sh $scratch/policy ssh start; echo "ssh \$?" >>$scratch/policy-said
			sh $scratch/policy nginx.service start; echo "nginx \$?" >>$scratch/policy-said
			echo nginx.service >>$scratch/enabled
			[ "\${FAKE_APT:-}" = nothing ] && exit 0
			printf '%s\n' \${*##* install } >>$scratch/installed ;;
		esac
	EOF
}

deps() {
	PATH=$scratch/bin:$real_path DEBIAN_PACKAGES=$scratch/list POLICY_RC_D=$scratch/policy \
		packaging/deps "$@" >"$scratch/out" 2>"$scratch/err"
}

called() {
	grep -qe "$1" "$scratch/calls"
}

new_host alpha beta-dev gamma
deps build run
check "nothing missing: success" test $? -eq 0
check "nothing missing: nothing is called and nothing said" \
	test ! -s "$scratch/calls" -a ! -s "$scratch/out" -a ! -s "$scratch/err"

new_host alpha
deps build run
check "something missing: success" test $? -eq 0
check "only the missing packages of these purposes are installed" called ' install beta-dev gamma$'
check "the lists are refreshed first" \
	test "$(grep -oE ' (update$|install )' "$scratch/calls" | tr -d '\n')" = " update install "
check "no question, no recommendation, no removal" called ' -y .*--no-install-recommends --no-remove'
check "a service that ran may be restarted" grep -qx 'ssh 0' "$scratch/policy-said"
check "a new service is not started" grep -qx 'nginx 101' "$scratch/policy-said"
check "a new service is not enabled" called 'disable nginx.service$'
check "the policy is gone afterwards" test ! -e "$scratch/policy"
: >"$scratch/calls"
deps build run
check "the second time does nothing" test $? -eq 0 -a ! -s "$scratch/calls"

new_host alpha
echo 'exit 7' >"$scratch/policy"
deps build
check "a policy that the host has is left alone" grep -qx 'exit 7' "$scratch/policy"

new_host alpha beta-dev gamma
deps build run test
check "test packages are installed when asked for" called ' install delta$'

new_host alpha beta-dev gamma
deps build bench
check "a package may serve two purposes" called ' install delta$'

new_host alpha
FAKE_UID=1000 deps build
check "not root: failure" test $? -eq 1
check "not root: the packages are named, apt-get is not called" \
	test "$(grep -c beta-dev "$scratch/err")" -eq 1 -a ! -s "$scratch/calls"
new_host alpha beta-dev
FAKE_UID=1000 deps build
check "not root, nothing missing: success" test $? -eq 0

new_host alpha
FAKE_APT=fail deps build
check "apt-get fails: failure" test $? -eq 1
check "apt-get fails: one line says so" grep -qx 'shunt: deps: apt-get update failed.*beta-dev' "$scratch/err"
check "apt-get fails: the policy is gone" test ! -e "$scratch/policy"
new_host alpha
FAKE_APT=nothing deps build
check "apt-get lies: failure" test $? -eq 1

deps bogus
check "an unknown purpose: failure" test $? -eq 1

# The real list: three fields, a reason, no package twice.
bad=$(awk '/^#/ || !NF { next } !/^[a-z0-9.+-]+ +(build|run|test|bench)(,bench)?(,demo)? +# .+/ || seen[$1]++' \
	packaging/debian-packages.txt)
printf '%s\n' "$bad" >"$scratch/out"
check "each line of the list has a purpose and a reason" test -z "$bad"
exit $status
