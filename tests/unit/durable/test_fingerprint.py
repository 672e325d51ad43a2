"""Graphs are told apart by names, classes and edges, and what differs is said."""

from collections.abc import Callable

import pytest

from agent_runtime.durable.fingerprint import describe, differences, fingerprint
from agent_runtime.flow import AsyncFlow, BatchFlow, Flow, Node


class Draft(Node):
    pass


class Review(Node):
    pass


def graph(change: Callable[[dict[str, Node]], object] = lambda nodes: None) -> Flow:
    """draft -> nested(check -> mend) -> review -again-> draft"""
    check, mend = Draft(name="check"), Draft(name="mend")
    check >> mend
    nodes: dict[str, Node] = {"draft": Draft(name="draft"), "review": Review(name="review"), "check": check}
    nested = Flow(check, name="nested")
    nodes["draft"] >> nested >> nodes["review"]
    nodes["review"] - "again" >> nodes["draft"]
    nodes["review"] - "end" >> None
    change(nodes)
    return Flow(nodes["draft"])


def test_the_same_graph_has_the_same_fingerprint() -> None:
    assert fingerprint(describe(graph())) == fingerprint(describe(graph()))
    assert differences(describe(graph()), describe(graph())) == []


def test_what_a_node_holds_does_not_count() -> None:
    mended = graph(lambda nodes: nodes["draft"].__dict__.update(max_retries=7, prompt="new"))
    assert fingerprint(describe(graph())) == fingerprint(describe(mended))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda n: n["review"] - "ok" >> Draft(name="publish"),
         ["node 'publish' is new", "node 'review' goes on after 'ok', did not"]),
        (lambda n: n["check"].successors.clear(),
         ["node 'nested/check' no longer goes on after 'default'", "node 'nested/mend' is gone"]),
        (lambda n: n["review"].successors.update(again=n["review"]),
         ["node 'review' leads to 'review' after 'again', did to 'draft'"]),
        (lambda n: n["review"].successors.pop("end"), ["node 'review' no longer goes on after 'end'"]),
        (lambda n: setattr(n["check"], "__class__", Review),
         ["node 'nested/check' is of class Review, was Draft"]),
        (lambda n: setattr(n["check"], "name", "look"),
         ["node 'nested' starts at 'look', did at 'check'", "node 'nested/check' is gone",
          "node 'nested/look' is new"]),
    ],
)  # fmt: skip
def test_what_differs_is_told(change: Callable[[dict[str, Node]], object], told: list[str]) -> None:
    before, after = describe(graph()), describe(graph(change))
    assert fingerprint(before) != fingerprint(after)
    assert differences(before, after) == told


def test_the_kind_of_flow_counts() -> None:
    start = Draft()
    assert differences(describe(Flow(start)), describe(BatchFlow(start))) == [
        "the flow is of class BatchFlow, was Flow"
    ]


def test_a_flow_inside_itself_has_an_end() -> None:
    inner = Flow(name="inner")
    step = Draft(name="step")
    step >> inner
    inner.start(step)
    assert list(describe(AsyncFlow(step))) == ["", "step", "inner", "inner/step", "inner/inner"]
