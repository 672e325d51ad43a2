"""What a graph looks like, so that a checkpoint is never resumed by another one.

Names, classes and edges count, of nested flows too. What a node does inside may change between two legs of a
run: that is how a fault is mended.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson

from agent_runtime.flow import AsyncFlow, BaseNode, Flow, Names

Description = dict[str, dict[str, Any]]
"""For each node's path ("" is the flow itself): its "class", and under "next" action to name, or None."""


class OtherGraph(ValueError):
    """The checkpoint was written by another graph; the message names what differs."""


def describe(flow: Flow) -> Description:
    """The graph beneath `flow`, in the order in which it is reached."""
    description: Description = {"": {"class": _class(flow), "start": _start(flow)}}
    for path, node, names in nodes_of(flow):
        description[path] = {
            "class": _class(node),
            "next": {
                action if isinstance(action, str) else repr(action): None if to is None else names.of(to)
                for action, to in node.successors.items()
            },
            **({"start": _start(node)} if isinstance(node, Flow) else {}),
        }
    return description


def nodes_of(
    flow: Flow, path: str = "", around: tuple[Flow, ...] = ()
) -> Iterator[tuple[str, BaseNode, Names]]:
    """All nodes with their paths, and the names beside them; a flow inside itself is entered once."""
    names = Names(flow.start_node)
    for name in names:
        node = names.find(name)
        assert node is not None
        yield f"{path}{name}", node, names
        if isinstance(node, Flow) and node is not flow and node not in around:
            yield from nodes_of(node, f"{path}{name}/", (*around, flow))


def fingerprint(description: Description) -> str:
    """Equal for equal graphs."""
    return hashlib.sha256(orjson.dumps(description, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def differences(then: Description, now: Description) -> list[str]:
    """What changed, a sentence each."""
    told = [f"{_place(path)} is gone" for path in then if path not in now]
    told += [f"{_place(path)} is new" for path in now if path not in then]
    for path in then.keys() & now.keys():
        old, new = then[path], now[path]
        if old["class"] != new["class"]:
            told.append(f"{_place(path)} is of class {new['class']}, was {old['class']}")
        if old.get("start") != new.get("start"):
            told.append(f"{_place(path)} starts at {new.get('start')!r}, did at {old.get('start')!r}")
        told += [f"{_place(path)} {edge}" for edge in _edges(old.get("next", {}), new.get("next", {}))]
    return sorted(told)


def sync_flows(flow: Flow) -> list[str]:
    """Paths of the flows inside that cannot await a commit."""
    return [
        path for path, node, _ in nodes_of(flow) if isinstance(node, Flow) and not isinstance(node, AsyncFlow)
    ]


def _edges(old: dict[str, str | None], new: dict[str, str | None]) -> Iterator[str]:
    for action in old.keys() | new.keys():
        if action not in new:
            yield f"no longer goes on after {action!r}"
        elif action not in old:
            yield f"goes on after {action!r}, did not"
        elif old[action] != new[action]:
            yield f"leads to {new[action]!r} after {action!r}, did to {old[action]!r}"


def _place(path: str) -> str:
    return f"node {path!r}" if path else "the flow"


def _class(node: BaseNode) -> str:
    # Without the module: a script that is imported, or a file that is moved, is still the same graph.
    return type(node).__qualname__


def _start(flow: Flow) -> str | None:
    return None if flow.start_node is None else Names(flow.start_node).of(flow.start_node)
