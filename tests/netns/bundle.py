# SPDX-License-Identifier: GPL-2.0
"""bundle.py ROOT VOLUMES CAPABILITIES SECCOMP [ARGUMENT...]: what an OCI runtime needs to run the DaemonSet's
container as a kubelet would have it run, as config.json on standard output.

ROOT is the image, unpacked; VOLUMES a folder with one for each volume that is not the host's own. What is not
said there (mounts, masked paths) is what containerd has. CAPABILITIES and ARGUMENTs stand for the manifest's
own; SECCOMP is a profile in the runtimes' common form, of which the rules for these capabilities hold.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../docs"))
import manifest  # noqa: E402

ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


def holds(condition, capabilities):
    """Whether one of a rule's conditions applies: all capabilities, any architecture."""
    caps, arches = condition.get("caps") or [], condition.get("arches") or []
    return (not caps or set(caps) <= capabilities) and (not arches or "amd64" in arches)


def excluded(condition, capabilities):
    caps, arches = condition.get("caps") or [], condition.get("arches") or []
    return bool(set(caps) & capabilities) or "amd64" in arches


def seccomp(path, capabilities):
    with open(path, encoding="utf-8") as file:
        profile = json.load(file)
    rules = [rule for rule in profile["syscalls"]
             if holds(rule.get("includes") or {}, capabilities)
             and not excluded(rule.get("excludes") or {}, capabilities) and rule.get("names")]
    keys = ("names", "action", "errnoRet", "args")
    result = {"defaultAction": profile["defaultAction"], "architectures": ARCHITECTURES,
              "syscalls": [{key: rule[key] for key in keys if rule.get(key)} for rule in rules]}
    if "defaultErrnoRet" in profile:
        result["defaultErrnoRet"] = profile["defaultErrnoRet"]
    return result


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def volumes(pod, container, folder):
    sources = {volume["name"]: volume for volume in pod["volumes"]}
    for item in container["volumeMounts"]:
        volume = sources[item["name"]]
        own = volume["name"] in os.listdir(folder)
        source = os.path.join(folder, volume["name"]) if own else volume["hostPath"]["path"]
        yield mount(item["mountPath"], "bind", source, "rbind", "rprivate", "ro" if item.get("readOnly") else "rw")


def main(root, folder, names, profile, *arguments):
    pod = next(item for item in manifest.objects("packaging/kubernetes/shunt.yaml")
               if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    security = container["securityContext"]
    assert security["capabilities"]["drop"] == ["ALL"]
    capabilities = ["CAP_" + name for name in names.split(",")]
    kinds = ["mount", "ipc", "uts"] + ["pid"] * (not pod.get("hostPID")) + ["network"] * (not pod.get("hostNetwork"))
    config = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": security["runAsUser"], "gid": security["runAsGroup"]},
            "args": ["/usr/sbin/shunt", *(arguments or container["args"])],
            "env": ["PATH=/usr/sbin:/usr/bin"],
            "cwd": "/",
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": not security["allowPrivilegeEscalation"],
        },
        "root": {"path": root, "readonly": security["readOnlyRootFilesystem"]},
        "hostname": "node",
        "mounts": [
            mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
            mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
            mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            *volumes(pod, container, folder),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "seccomp": seccomp(profile, set(capabilities)),
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    json.dump(config, sys.stdout, indent=1)


main(*sys.argv[1:])
