"""The nodes of a run as its status shows them: as many as fit, what needs a look first."""

from collections.abc import Iterable

import orjson

from agent_runtime.api.flowrun import NodeState
from covey_operator.kube.resources import Object

_ROOM = 5 * 1024
"""Bytes of JSON: with a result, a message and the rest a status stays under 10 KiB."""
_MOST = 200


def merged(before: Iterable[NodeState], now: Iterable[NodeState]) -> list[Object]:
    """By name, in the order of the first visit; what is said `now` replaces what was said `before`."""
    nodes = {node.name: node for node in before}
    for node in now:
        nodes[node.name] = _newer(nodes.get(node.name), node)
    return _fitting([node.manifest() for node in nodes.values()])


def _newer(old: NodeState | None, new: NodeState) -> NodeState:
    """The run store lags behind what was told last."""
    return old if old is not None and old.visits > new.visits else new


def _fitting(nodes: list[Object]) -> list[Object]:
    """The ones that failed, wait or run; then the latest."""
    room, chosen = _ROOM, set[str]()
    newest = nodes[::-1]
    by_weight = sorted(newest, key=lambda node: node["state"] == "Succeeded")
    for node in by_weight[:_MOST]:
        room -= len(orjson.dumps(node)) + 1
        if room < 0:
            break
        chosen.add(node["name"])
    return [node for node in nodes if node["name"] in chosen]
