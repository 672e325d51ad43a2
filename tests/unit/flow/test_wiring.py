"""Edges are checked where they are written."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime.flow import Flow, Node


class End(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return "end"


a, b, c = Node(), Node(), Node()

REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "an edge after >>": (lambda: a >> b - "x" >> c, "Write two edges"),  # type: ignore[type-var]
    "an edge after an edge": (lambda: a - "x" >> b - "y", r"The edge `Node - 'y'`"),  # type: ignore[type-var]
    "a list": (lambda: a >> [b, c], "an action leads to one node"),  # type: ignore[type-var]
    "a tuple": (lambda: a - "x" >> (b, c), "an action leads to one node"),  # type: ignore[type-var]
    "a class": (lambda: a >> Node, r"create a node of it: `Node\(\)`"),  # type: ignore[type-var]
    "another thing": (lambda: a >> "b", r"'b' \(str\) cannot be a successor"),  # type: ignore[type-var]
    "a list on the left": (lambda: [a, b] >> c, "has no successors"),
    "something after an end": (lambda: a >> None >> b, "None has no successors"),
    "an action that is no string": (lambda: a - 5, "Action must be a string, not 5"),  # type: ignore[operator]
    "a start that is no node": (lambda: Flow(start=Node), "The class Node cannot be a start"),  # type: ignore[arg-type]
    "a start that is a list": (lambda: Flow().start([a]), "cannot be a start"),  # type: ignore[type-var]
    "an edge of two": (lambda: Flow().add_edges([(a, b)]), r"Edge 0 must be \(source, action, succ"),  # type: ignore[list-item]
    "an edge's action": (lambda: Flow().add_edges([(a, None, b)]), "Edge 0: Action must be"),  # type: ignore[list-item]
    "an edge's source": (lambda: Flow().add_edges([(None, "x", b)]), "Edge 0: None cannot be a"),  # type: ignore[list-item]
    "an edge's end": (lambda: Flow().add_edges([(a, "x", b), (a, "y", Node)]), "Edge 1: The class"),  # type: ignore[list-item]
}


@pytest.mark.parametrize(("wire", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_at_wiring(wire: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wire()


def test_a_faulty_list_of_edges_wires_nothing() -> None:
    first = Node()
    with pytest.raises(TypeError):
        Flow(first).add_edges([(first, "default", Node()), (first, "x", "oops")])  # type: ignore[list-item]
    assert first.successors == {}


def test_deliberate_ends_are_silent() -> None:
    first, named = Node(), End()
    first >> None
    named - "end" >> None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Flow(first).run({}) is None
        assert Flow(named).run({}) == "end"
        assert first.run({}) is None


def test_add_edges_wires_triples() -> None:
    first, second = End(), End()
    flow = Flow(first)
    flow.add_edges([(first, "end", second), (second, "end", None)])
    assert first.successors == {"end": second}
    assert second.successors == {"end": None}
    assert flow.run({}) == "end"


def test_edges_that_leave_another_object_of_the_class_are_reported() -> None:
    flow = Flow(start=End())
    with pytest.warns(UserWarning, match="does not lead to the source of every edge: End"):
        flow.add_edges([(End(), "end", None)])


def test_warnings_point_at_the_line_that_caused_them() -> None:
    first = End()
    first >> Node()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first >> Node()  # overwrites
        first - "default" >> Node()  # overwrites
        Flow().add_edges([(first, "default", Node())])  # overwrites
        Flow(first).run({})  # has no successor for "end"
        first.run({})  # runs no successors
    assert {warning.filename for warning in caught} == {__file__}
    lines = [warning.lineno for warning in caught]
    assert lines == list(range(lines[0], lines[0] + 5))
