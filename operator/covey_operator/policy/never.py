"""What is never passed on to a pod, whatever the policy says. Pure.

Host namespaces, privileges, capabilities, users, host ports and init containers have no field in Covey's
kinds: the API server refuses or drops them, and the pods' own security context is fixed. What is left are
parts of a pod that are passed through.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

VARIABLES = re.compile(
    r"PYTHON(PATH|HOME|STARTUP|INSPECT|BREAKPOINT|USERBASE|PLATLIBDIR|WARNINGS|EXECUTABLE|CASEOK|PYCACHEPREFIX"
    r"|SAFEPATH|NOUSERSITE|_PRESITE)|LD_.*|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|OPENSSL_(CONF.*|MODULES|ENGINES)"
    r"|BASH_ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|PERL(LIB|5LIB|5OPT|5DB)|RUBY(LIB|OPT)|NODE_(OPTIONS|PATH)"
    r"|(_JAVA|JDK_JAVA|JAVA_TOOL)_OPTIONS"
)
"""Variables that decide which code a process loads."""
FOLDERS = (
    *("/opt/covey", "/etc/covey", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/proc", "/sys", "/dev"),
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec"),
    *("/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/libexec", "/usr/share/postgresql"),
    *(
        "/etc/ld.so.preload",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/ssl/openssl.cnf",
    ),
    *(
        "/etc/ssl/openssl.cnf",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/nsswitch.conf",
        "/etc/host.conf",
        "/etc/gai.conf",
    ),
    *("/tmp/agent_runtime", "/tmp/.local"),
)
"""Folders and files of the image's code, its config, and the system, and what says which host has a name:
nothing is mounted over them or into them.
"""
HARMLESS = ("/dev/shm",)
WHOLE = ("/", "/opt", "/etc", "/etc/ssl", "/var", "/usr", "/usr/local", "/usr/share")
"""Folders over which nothing is mounted; into them it may be."""
ANNOTATIONS = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")


def never(field: str, pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and sentence of everything in the settings of a pod that no installation passes on."""
    for index, volume in enumerate(pod.get("volumes") or ()):
        if "hostPath" in volume:
            yield (
                f"{field}.volumes[{index}].hostPath",
                "files of the node are never given to a pod: use a persistentVolumeClaim",
            )
    for index, mount in enumerate(pod.get("volumeMounts") or ()):
        written = str(mount.get("mountPath") or "")
        path = _normal(written)
        if not written:
            pass  # it is said where the pod is made
        elif path in WHOLE or (_is_below(path, FOLDERS) and not _is_below(path, HARMLESS)):
            yield (
                f"{field}.volumeMounts[{index}].mountPath",
                f"{path} holds the program, its config or the system: mount it elsewhere, such as /data",
            )
        elif ":" in path or path != (written.rstrip("/") or "/") or written.endswith("//"):
            yield (
                f"{field}.volumeMounts[{index}].mountPath",
                f"{written} is no plain path: begin it with a slash, without dots, colons and double slashes",
            )
        if mount.get("mountPropagation") not in (None, "None"):
            yield f"{field}.volumeMounts[{index}].mountPropagation", "mounts are not shared with the node"
    for index, variable in enumerate(pod.get("env") or ()):
        if VARIABLES.fullmatch(str(variable.get("name") or "")):
            yield (
                f"{field}.env[{index}].name",
                f"{variable['name']} decides which code is loaded: set it in the image",
            )
    for name in pod.get("annotations") or {}:
        if name.startswith(ANNOTATIONS):
            yield f"{field}.annotations", f"{name} would change how the pod is confined: leave it out"


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in folders)


def _normal(path: str) -> str:
    """As the kernel reads it: without double slashes, dots, and a slash at the end."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
