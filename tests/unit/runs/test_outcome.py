"""An outcome always fits into a termination message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.models.port import Usage
from agent_runtime.runs.outcome import MAX_BYTES, NodeOutcome, Outcome, RunError, encode

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
    body = json.loads(encode(Outcome(result)))
    assert isinstance(body["result"], str)
    size = len(json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())
    assert body["result"].endswith(f"… [cut: the result is {size} bytes of JSON, 3072 are kept]")
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
