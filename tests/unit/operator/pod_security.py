"""Pod Security `restricted` as a table.

After https://kubernetes.io/docs/concepts/security/pod-security-standards/, for pods without init or
ephemeral containers.
"""

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def _context(obj: Object) -> Object:
    found: Object = obj.get("securityContext") or {}
    return found


POD_RULES: dict[str, Callable[[Object], bool]] = {
    "no host namespaces": lambda pod: not any(pod.get(f"host{each}") for each in ("Network", "PID", "IPC")),
    "only harmless volumes": lambda pod: all(
        set(volume) - {"name"} <= _VOLUMES for volume in pod.get("volumes", ())
    ),
    "runs as non-root": lambda pod: _context(pod).get("runAsNonRoot") is True,
    "not user 0": lambda pod: _context(pod).get("runAsUser") != 0,
    "seccomp": lambda pod: (
        _context(pod).get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost")
    ),
    "no sysctls": lambda pod: not _context(pod).get("sysctls"),
}
CONTAINER_RULES: dict[str, Callable[[Object], bool]] = {
    "no privilege escalation": lambda each: _context(each).get("allowPrivilegeEscalation") is False,
    "not privileged": lambda each: not _context(each).get("privileged"),
    "drops all capabilities": lambda each: _context(each).get("capabilities", {}).get("drop") == ["ALL"],
    "adds no capability": lambda each: not _context(each).get("capabilities", {}).get("add"),
    "no host port": lambda each: not any("hostPort" in port for port in each.get("ports", ())),
    "not user 0": lambda each: _context(each).get("runAsUser") != 0,
}


def violations(pod_spec: Object) -> list[str]:
    """The rules that the pod breaks."""
    broken = [rule for rule, holds in POD_RULES.items() if not holds(pod_spec)]
    for container in pod_spec["containers"]:
        broken += [
            f"{container['name']}: {rule}" for rule, holds in CONTAINER_RULES.items() if not holds(container)
        ]
    return broken
