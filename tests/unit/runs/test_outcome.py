"""An outcome always fits into a termination message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.models.port import Usage
from agent_runtime.runs.outcome import NodeOutcome, Outcome, RunError, Waiting
from agent_runtime.runs.termination import MAX_BYTES, encode, progress

NODE = NodeOutcome("a", "Succeeded", "default", 1)


def test_a_small_outcome_is_whole() -> None:
    outcome = Outcome({"answer": "ü"}, (NODE,), Usage(3, 4))
    assert json.loads(encode(outcome)) == {
        "result": {"answer": "ü"},
        "nodes": [{"name": "a", "state": "Succeeded", "action": "default", "visits": 1}],
        "usage": {"inputTokens": 3, "outputTokens": 4},
    }


def test_a_failure_says_where_and_why() -> None:
    outcome = Outcome(None, (NodeOutcome("a", "Failed", None, 1),), error=RunError("a", "no ink"))
    body = json.loads(encode(outcome))
    assert body["error"] == {"node": "a", "message": "no ink"}
    assert body["nodes"] == [{"name": "a", "state": "Failed", "visits": 1}]


@pytest.mark.parametrize("result", ["x" * 10_000, "ü" * 10_000, '"' * 10_000, {"text": "x" * 10_000}])
def test_a_large_result_is_cut_and_says_so(result: Any) -> None:
    body = json.loads(encode(Outcome(result), "r1"))
    assert isinstance(body["result"], str)
    size = len(json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())
    assert body["result"].endswith(
        f"… [cut: the result is {size} bytes of JSON; the whole: covey run show r1]"
    )
    assert len(json.dumps(body["result"], ensure_ascii=False).encode()) > 3050, "as much as fits is kept"


def test_of_many_nodes_the_last_and_the_failed_are_kept_in_order() -> None:
    nodes = [NodeOutcome(f"node-{n}", "Succeeded", "default", 1) for n in range(200)]
    nodes[3] = NodeOutcome("node-3", "Failed", None, 1)
    body = json.loads(encode(Outcome("x" * 10_000, tuple(nodes))))
    names = [node["name"] for node in body["nodes"]]
    assert names[0] == "node-3"
    assert names[-1] == "node-199"
    assert names[1:] == [f"node-{n}" for n in range(200 - len(names) + 1, 200)]
    assert body["result"].startswith("xxx")


WAITING = Waiting("Approval", "a/b", 2, "Print?", ("yes", "no"), "2026-01-05T12:00:00Z")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome({"answer": 1}, (NODE,), Usage(3, 4), resumed_from="a"),
        Outcome(
            None, (NodeOutcome("a", "Failed", None, 2, 3, "then", "now"),), error=RunError("a", "no ink")
        ),
        Outcome(waiting=WAITING),
        Outcome(waiting=Waiting("Map", "each", count=3, parallelism=2, generation=7)),
    ],
)
def test_an_outcome_comes_back_as_it_went(outcome: Outcome) -> None:
    assert Outcome.from_wire(json.loads(encode(outcome))) == outcome


def test_what_a_run_waits_for_fits_too() -> None:
    nodes = tuple(NodeOutcome(f"node-{n}", "Succeeded", "default", 1) for n in range(200))
    long = Waiting("Approval", "n" * 512, 1, "ü" * 10_000, tuple(f"{n}{'x' * 60}" for n in range(16)))
    body = json.loads(encode(Outcome(None, nodes, waiting=long)))
    assert body["waiting"]["actions"] == list(long.actions or ())
    assert body["waiting"]["prompt"].endswith("ü…")
    many = Waiting("Approval", "n" * 512, 1, "p" * 10_000, tuple("\U0001f41d" * 63 for _ in range(16)))
    body = encode(Outcome(None, nodes, waiting=many))
    assert len(body) <= MAX_BYTES
    assert "actions" not in json.loads(body)["waiting"]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_progress_fits_and_keeps_the_latest(count: int) -> None:
    nodes = tuple(NodeOutcome(f"node-{n}", "Succeeded", "default", 1) for n in range(count))
    body = progress(nodes)
    assert len(body) <= MAX_BYTES
    told = [node["name"] for node in json.loads(body)["nodes"]]
    assert told == [node.name for node in nodes][count - len(told) :]
    assert bool(told) == bool(count)


@given(
    result=st.recursive(
        st.none() | st.text() | st.integers(-1000, 1000), lambda x: st.lists(x), max_leaves=50
    ),
    factor=st.integers(1, 400),
    nodes=st.integers(0, 200),
    error=st.text(max_size=50),
)
def test_whatever_happens_it_fits(result: Any, factor: int, nodes: int, error: str) -> None:
    visited = tuple(NodeOutcome(f"{'n' * 50}-{n}", "Failed", "a" * 63, n) for n in range(nodes))
    outcome = Outcome([result] * factor, visited, Usage(1, 1), RunError("n", error * factor))
    body = encode(outcome)
    assert len(body) <= MAX_BYTES
    assert json.loads(body)["error"]["node"] == "n"


def test_a_node_that_has_not_ended_is_cancelled_with_its_run() -> None:
    at = "2026-03-02T09:00:00Z"
    running, waiting = NodeOutcome("a", "Running", visits=2), NodeOutcome("b", "Waiting")
    assert running.at_end(at) == NodeOutcome("a", "Cancelled", visits=2, finished_at=at)
    assert waiting.at_end(at) == NodeOutcome("b", "Cancelled", finished_at=at)
    for state in ("Succeeded", "Failed", "Cancelled"):
        ended = NodeOutcome("c", state, "default", finished_at="2026-03-02T08:00:00Z")
        assert ended.at_end(at) == ended
