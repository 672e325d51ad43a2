"""Stable names for the nodes of a graph."""

from collections import deque
from collections.abc import Hashable, Iterator

from agent_runtime.flow.node import BaseNode

START = "start"


class Names:
    """The nodes that can be reached from `start`, and their names; the same graph gives the same names.

    A node is called by its `name`, else by the shortest path of actions from the start ("start" itself,
    "default", "default.retry"). When a name is taken already, the later node is called by its path; when that
    is taken too, "~2", "~3" and so on is added.
    """

    __slots__ = ("_by_id", "_by_name")

    def __init__(self, start: BaseNode | None) -> None:
        paths = list(_paths(start))
        self._by_name: dict[str, BaseNode] = {}
        # Nodes are told apart by identity: a class may define equality, and so lose its hash.
        self._by_id: dict[int, str] = {}
        for node, _ in paths:
            given = given_name(node)
            if given is not None and given not in self._by_name:
                self._enter(node, given)
        for node, path in paths:
            if id(node) not in self._by_id:
                self._enter(node, self._free(path))

    def of(self, node: BaseNode) -> str:
        """The node's name; one that no edge leads to is "~" and its own name or its class."""
        name = self._by_id.get(id(node))
        return name if name is not None else f"~{given_name(node) or type(node).__name__}"

    def find(self, name: str) -> BaseNode | None:
        """The node called `name`, if there is one."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def nodes(self) -> Iterator[BaseNode]:
        """The nodes, in no promised order."""
        return iter(self._by_name.values())

    def _enter(self, node: BaseNode, name: str) -> None:
        self._by_id[id(node)] = name
        self._by_name[name] = node

    def _free(self, path: str) -> str:
        name, number = path, 1
        while name in self._by_name:
            number += 1
            name = f"{path}~{number}"
        return name


def given_name(node: BaseNode) -> str | None:
    """The node's own name; users' classes may use the attribute for something that is none."""
    name: object = node.name
    return name if isinstance(name, str) and name else None


def _paths(start: BaseNode | None) -> Iterator[tuple[BaseNode, str]]:
    """Breadth first, so that a node's path is a shortest one; edges in the order they were written."""
    if start is None:
        return
    seen = {id(start)}
    waiting = deque([(start, "")])
    while waiting:
        node, path = waiting.popleft()
        yield node, path or START
        for action, successor in node.successors.items():
            if isinstance(successor, BaseNode) and id(successor) not in seen:
                seen.add(id(successor))
                waiting.append((successor, f"{path}.{_step(action)}" if path else _step(action)))


def _step(action: Hashable) -> str:
    return action if isinstance(action, str) else repr(action)
