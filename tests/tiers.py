"""The tiers of the tests, and what each needs of the machine."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from hack.cluster.choose import Way, look
from hack.cluster.fault import ClusterError
from hack.cluster.programs import HELM, KUBECTL
from hack.cluster.reachable import client
from hack.cluster.tools import missing_parts
from tests.servers import SERVERS, find


@dataclass(frozen=True)
class Tier:
    """A folder of tests. `missing` says what the machine lacks for it, in a few words; "" when nothing."""

    name: str
    proves: str
    missing: Callable[[], str]
    cure: str
    takes_tools: bool = False
    """Whether it runs on what `make cluster-tools` builds."""


def _nothing() -> str:
    return ""


def _no_server() -> str:
    gone = [name for name, server in SERVERS.items() if not server.optional and find(name) is None]
    return f"{', '.join(gone)} not found" if gone else ""


def _no_client() -> str:
    try:
        client(HELM), client(KUBECTL)
    except ClusterError as error:
        return str(error)
    return ""


def _no_api_server() -> str:
    missing = missing_parts(only_api=True)
    return f"there is no {', '.join(missing)}" if missing else ""


def _no_node() -> str:
    try:
        choice = look()
    except ClusterError as error:
        return str(error)
    if choice.way is not Way.TOOLS:
        return ""
    missing = missing_parts(only_api=False)
    if missing:
        return f"no kubeconfig is named, {choice.reason}, and the tools are not built"
    return "" if os.geteuid() == 0 else "a node of our own takes root"


_TOOLS = "make cluster-tools && make test"

TIERS = {
    tier.name: tier
    for tier in (
        Tier("unit", "pure functions, manifests, schemas", _nothing, "make test"),
        Tier(
            "contract", "stores and servers, on real ones", _no_server, "python -m tests.servers && make test"
        ),
        Tier("laptop", "covey up, the examples, the command line and other processes", _nothing, "make test"),
        Tier("charts", "what helm and kustomize make of the charts", _no_client, _TOOLS, True),
        Tier("controlplane", "the operator on a real API server", _no_api_server, _TOOLS, True),
        Tier("e2e", "images, pods and volumes on a real node", _no_node, _TOOLS, True),
    )
}
