#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is given to a container, in Kubernetes and elsewhere: exactly what docs/containers.md says, and one
# file agrees with the other. tests/netns/test_container.sh runs it so.
# shellcheck disable=SC2016,SC2154
. "$(dirname "$0")/lib.sh"
here=packaging/kubernetes
container='spec.template.spec.containers[shunt]'

if said=$(/usr/bin/python3 "$(dirname "$0")/manifest.py" $here/shunt.yaml 2>&1 >"$scratch/base") &&
	said=$(/usr/bin/python3 "$(dirname "$0")/manifest.py" $here/shunt.yaml $here/enforce.yaml 2>&1 >"$scratch/enforce") &&
	said=$(/usr/bin/python3 "$(dirname "$0")/manifest.py" $here/podmonitor.yaml 2>&1 >"$scratch/monitor"); then
	ok "the manifests are YAML, without a key that is there twice"
else
	not_ok "the manifests are YAML, without a key that is there twice" "$said"
	exit 1
fi

# of KIND PATH [FILE]: the value; nothing where there is none
of() {
	awk -v key="$1 $2 " 'index($0, key) == 1 { print substr($0, length(key) + 1) }' "$scratch/${3:-base}"
}

# is TEXT KIND PATH VALUE
is() {
	same "$1" "$4" "$(of "$2" "$3")"
}

# ---- what it is given ---------------------------------------------------------------------------

# All that gives a pod something of its node, or takes something from it: no line more, none less.
same "the pod is given this of its node, and no more" "$(
	cat <<-LINES
		spec.template.spec.automountServiceAccountToken false
		spec.template.spec.enableServiceLinks false
		spec.template.spec.hostNetwork true
		spec.template.spec.hostPID true
		spec.template.spec.securityContext.seccompProfile.type RuntimeDefault
		spec.template.spec.serviceAccountName shunt
		spec.template.spec.volumes[cgroups].hostPath.path /sys/fs/cgroup
		spec.template.spec.volumes[cgroups].hostPath.type Directory
		spec.template.spec.volumes[config].configMap.defaultMode 292
		spec.template.spec.volumes[config].configMap.name shunt
		spec.template.spec.volumes[control].emptyDir.medium Memory
		spec.template.spec.volumes[control].emptyDir.sizeLimit 1Mi
		spec.template.spec.volumes[state].hostPath.path /var/lib/shunt-daemonset
		spec.template.spec.volumes[state].hostPath.type DirectoryOrCreate
		$container.ports[metrics].hostPort 9909
		$container.securityContext.allowPrivilegeEscalation false
		$container.securityContext.capabilities.add BPF,PERFMON,CHOWN,SETUID,SETGID,SETPCAP
		$container.securityContext.capabilities.drop ALL
		$container.securityContext.privileged false
		$container.securityContext.readOnlyRootFilesystem true
		$container.securityContext.runAsGroup 0
		$container.securityContext.runAsUser 0
		$container.volumeMounts[cgroups].mountPath /sys/fs/cgroup
		$container.volumeMounts[cgroups].readOnly true
		$container.volumeMounts[config].mountPath /etc/shunt
		$container.volumeMounts[config].readOnly true
		$container.volumeMounts[control].mountPath /run
		$container.volumeMounts[state].mountPath /var/lib/shunt
	LINES
)" "$(sed -n 's/^DaemonSet //p' "$scratch/base" |
	grep -E 'securityContext|\.host|olume|ervice[A-Z]|evice|ifecycle|nitContainers|\.env')"
none "to enforce it is given CAP_NET_ADMIN besides, and no more" "$(
	diff "$scratch/base" "$scratch/enforce" | sed -n 's/^[<>] //p' |
		grep -vxF -e "DaemonSet $container.securityContext.capabilities.add BPF,PERFMON,CHOWN,SETUID,SETGID,SETPCAP" \
			-e "DaemonSet $container.securityContext.capabilities.add BPF,PERFMON,NET_ADMIN,CHOWN,SETUID,SETGID,SETPCAP"
)"
same "to enforce it takes what the unit has" \
	"$(sed -n 's/^CapabilityBoundingSet=//p' packaging/systemd/shunt.service | tr ' ' '\n' | sed 's/^CAP_//')" \
	"$(of DaemonSet "$container.securityContext.capabilities.add" enforce | tr ',' '\n')"
same "docs/containers.md has a reason for each capability" \
	"$(of DaemonSet "$container.securityContext.capabilities.add" enforce | tr ',' '\n')" \
	"$(sed -nE 's/^\| `CAP_([A-Z_]+)` \|.*/\1/p' docs/containers.md)"
is "the service account has no token" ServiceAccount automountServiceAccountToken false
is "it runs on every node, whatever keeps others away" DaemonSet "spec.template.spec.tolerations[0].operator" Exists
is "it pushes nobody out" PriorityClass preemptionPolicy Never
is "…and the pod has that priority" DaemonSet spec.template.spec.priorityClassName "$(of PriorityClass metadata.name)"

# ---- what belongs together ----------------------------------------------------------------------

for kind in ServiceAccount ConfigMap DaemonSet; do
	is "$kind: is in the namespace" $kind metadata.namespace "$(of Namespace metadata.name)"
done
is "the selector is the pods' label" DaemonSet spec.selector.matchLabels.app.kubernetes.io/name \
	"$(of DaemonSet spec.template.metadata.labels.app.kubernetes.io/name)"
same "the PodMonitor selects them" "$(of DaemonSet spec.template.metadata.labels.app.kubernetes.io/name)" \
	"$(of PodMonitor spec.selector.matchLabels.app.kubernetes.io/name monitor)"
same "…and names their port" "$(sed -nE 's/^DaemonSet .*\.ports\[([a-z]+)\]\.containerPort.*/\1/p' "$scratch/base")" \
	"$(of PodMonitor 'spec.podMetricsEndpoints[0].port' monitor)"

# The configuration, as it is mounted.
of ConfigMap data.shunt.yaml | sed 's/\\n/\n/g' >"$scratch/shunt.yaml"
if said=$("$SHUNT" check --json -c "$scratch/shunt.yaml" 2>&1); then
	ok "the configuration is right"
else
	not_ok "the configuration is right" "$said"
fi
config=$said
# configured KEY
configured() {
	jq -r ".config.$1" <<<"$config"
}
port=$(configured listen | sed 's/.*://')
same "who asks can reach it: not only this node" "0.0.0.0:$port" "$(configured listen)"
is "the port is the one that it listens on" DaemonSet "$container.ports[metrics].containerPort" "$port"
is "…for Prometheus, too" DaemonSet spec.template.metadata.annotations.prometheus.io/port "$port"
for probe in startupProbe livenessProbe readinessProbe; do
	is "$probe: asks that port" DaemonSet "$container.$probe.httpGet.port" metrics
	is "…what the loop answers" DaemonSet "$container.$probe.httpGet.path" /healthz
done
same "the state is on a volume, in a directory that the daemon makes" \
	"$(of DaemonSet "$container.volumeMounts[state].mountPath")/state" "$(configured state_dir)"
same "the control socket is on a volume" \
	"$(of DaemonSet "$container.volumeMounts[control].mountPath")" "$(dirname "$(configured control)")"

# ---- resources ----------------------------------------------------------------------------------

# mebibytes QUANTITY
mebibytes() {
	[[ $1 == *Mi ]] && echo "${1%Mi}"
}
resident=$(awk -F '|' '/^\| resident memory at 256 services/ { print $4 + 0; exit }' docs/bench.md)
kernel=$(sed -nE 's/^# kernel memory: ([0-9.]+) MiB.*/\1/p' README.md)
request=$(mebibytes "$(of DaemonSet "$container.resources.requests.memory")")
limit=$(mebibytes "$(of DaemonSet "$container.resources.limits.memory")")
if awk "BEGIN { exit !($resident > 0 && $kernel > 0 && 2 * ($resident + $kernel) <= $request && 4 * $request <= $limit) }"; then
	ok "twice what it takes on two CPUs is asked for, and four times that allowed"
else
	not_ok "twice what it takes on two CPUs is asked for, and four times that allowed" \
		"resident $resident, kernel $kernel, requests $request, limits $limit"
fi
none "it is never throttled" "$(of DaemonSet "$container.resources.limits.cpu")"

# ---- the image ----------------------------------------------------------------------------------

file=packaging/container/Containerfile
same "the last stage begins with nothing" scratch "$(sed -n 's/^FROM //p' $file | tail -n 1)"
same "…and is given one folder of the first" "--from=build /image /" \
	"$(sed -n '/^FROM scratch/,$s/^COPY //p' $file)"
none "nothing is fetched but packages" "$(grep -nE '^ADD|https?://|curl|wget' $file)"
none "nothing is secret" "$(grep -niE 'secret|token|password|--mount' $file)"
same "what is started is what the manifest gives arguments to" '["/usr/sbin/shunt"] ["run"]' \
	"$(sed -n 's/^ENTRYPOINT //p' $file) $(sed -n 's/^CMD //p' $file)"
is "…and are the same" DaemonSet "$container.args" run
same "the image is of this release" "shunt:$(sed -n 's/^RELEASE := //p' Makefile)" "$(of DaemonSet "$container.image")"
same "what was built here stays out of it" "$(grep -E '^/(build|\.git)$' .containerignore)" $'/build\n/.git'
exit "$status"
