"""Which server a command speaks to: it says so, and it never takes a laptop's for a cluster's.

`covey` means a `covey up` on this machine. `kubectl covey` means the cluster of the kubeconfig: it speaks to
a laptop only when `--state` or COVEY_STATE says so, and otherwise refuses, with the command that does it.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from agent_runtime.cli.output.printing import tell
from agent_runtime.local.address import Address, find
from agent_runtime.local.errors import UserError

PLUGIN = "kubectl-covey"
_PORT_FORWARD = "kubectl port-forward service/NAME-{part} 8080"
_PATCH = "kubectl patch flowrun RUN --type merge -p '{{\"spec\":{{{change}}}}}'"
_BOARD = (
    _PORT_FORWARD.format(part="blackboard")
    + "\n  kubectl covey {command} ... --url http://127.0.0.1:8080 --token TOKEN"
)
_INSTEAD = {
    "get": "kubectl get covey",
    "apply": "kubectl apply -f PATH",
    "delete": "kubectl delete KIND NAME",
    "logs": "kubectl logs deployment/NAME-agent -f, or kubectl logs job/RUN-run -f",
    "chat": _PORT_FORWARD.format(part="agent")
    + "\n  curl -s localhost:8080/v1/chat -H 'content-type: application/json' -d '{\"message\": \"Hello\"}'",
    "publish": _BOARD.format(command="board publish"),
    "board": _BOARD.format(command="board"),
    "run start": "kubectl create -f FILE, with a FlowRun that names the Flow",
    "run follow": "kubectl get flowrun RUN --watch",
    "run show": "kubectl describe flowrun RUN, or kubectl covey run show NAMESPACE/RUN --store URL",
    "run answer": "kubectl describe flowrun RUN: its condition shows the command that answers",
    "run suspend": _PATCH.format(change='"suspend":true'),
    "run resume": _PATCH.format(change='"suspend":false'),
    "run cancel": _PATCH.format(change='"cancel":true'),
    "run fork": "kubectl create -f FILE, with a FlowRun whose spec.forkOf names the run",
    "flow": "kubectl covey flow ... with a file or folder of manifests",
}
"""What does it in a cluster, by command."""


def runtime(state: Path | None) -> Address:
    """The `covey up` that a command means; says which one it is. Raises UserError when there is none.

    As a plugin of kubectl it has to be named.
    """
    if is_plugin(sys.argv) and state is None and not os.environ.get("COVEY_STATE"):
        raise _cannot(command_of(sys.argv), os.environ)
    address = find(state, os.environ, Path.cwd())
    announce(f"covey up of {address.folder} at {address.url}")
    return address


def announce(target: str) -> None:
    """On standard error: standard output is for results."""
    tell(f"target: {target}")


def without_password(url: str) -> str:
    """A store's or server's URL, fit to be shown."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else url


def is_plugin(argv: Sequence[str]) -> bool:
    """Whether kubectl called."""
    return Path(argv[0]).stem == PLUGIN


def command_of(argv: Sequence[str]) -> str:
    """The command as `_INSTEAD` names it: `run FLOW` is `run start FLOW`."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    first, second = (*words, "", "")[:2]
    if f"{first} {second}" in _INSTEAD:
        return f"{first} {second}"
    return "run start" if first == "run" else first


def _cannot(command: str, environ: Mapping[str, str]) -> UserError:
    instead = _INSTEAD.get(command)
    cure = f"In the cluster this does it:\n  {instead}\n" if instead else ""
    return UserError(
        f'kubectl covey means the cluster{_context(environ)}, and "{command}" works on a covey up only',
        f"{cure}For a covey up on this machine: covey {command}, or name it with --state DIR/.covey",
        code=2,
    )


def _context(environ: Mapping[str, str]) -> str:
    """The kubeconfig's current context, for people; nothing where there is none."""
    files = [Path(file) for file in environ.get("KUBECONFIG", "").split(os.pathsep) if file]
    for file in files or [Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"]:
        try:
            context = (yaml.safe_load(file.read_text()) or {}).get("current-context")
        except (OSError, ValueError, AttributeError, yaml.YAMLError):
            continue
        if context:
            return f" of context {context}"
    return ""
