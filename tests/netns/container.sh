# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Containers as packaging/kubernetes has them, by an OCI runtime. Python is Debian's, which has Debian's modules. To be sourced after lib.sh. IMAGE is the root of
# an image; without one it is made of what was built and of this host's libraries.
manifest=packaging/kubernetes/shunt.yaml
enforce=packaging/kubernetes/enforce.yaml
# Whose control group it is in is no matter here.
runtime=(sh tests/netns/unified.sh crun --root "$scratch/crun" --cgroup-manager disabled)

# given KIND PATH [PATCH]: what the manifest says
given() {
	/usr/bin/python3 tests/docs/manifest.py $manifest ${3:+"$3"} | awk -v key="$1 $2 " \
		'index($0, key) == 1 { print substr($0, length(key) + 1) }'
}

# What a runtime's own profile allows. containerd's and Docker's have the rule for CAP_BPF; Debian 12's has it for
# CAP_SYS_ADMIN alone.
common=/usr/share/containers/seccomp.json
profile() {
	jq '(.syscalls[].names) -= ["bpf"] |
		.syscalls += [{names: ["bpf"], action: "SCMP_ACT_ALLOW", args: [], includes: {caps: ["CAP_BPF"]}}]' $common
}

# volumes NAME: as Kubernetes makes them: a configuration to read, a directory for all, a directory of root's
volumes() {
	mkdir -p "$scratch/$1.volumes"/{config,control,state}
	chmod 755 "$scratch/$1.volumes"/{.,config,state}
	chmod 777 "$scratch/$1.volumes/control"
}

# box NAME CAPABILITIES SECCOMP [ARGUMENT...]: leaves in $box what runs shunt in a container, in the foreground
box() {
	local bundle=$scratch/$1.bundle name=$1
	shift
	mkdir -p "$bundle"
	volumes "$name"
	/usr/bin/python3 tests/netns/bundle.py "${IMAGE:-$scratch/image}" "$scratch/$name.volumes" "$@" >"$bundle/config.json" ||
		give_up "no container can be made of $manifest"
	box=("${runtime[@]}" run --bundle "$bundle" "$name")
}
