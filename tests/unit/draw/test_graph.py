"""What there is to draw of a Flow, and how far a run has come on it."""

import pytest

from agent_runtime.api.flowrun import NodeState
from agent_runtime.api.nodes import WORKS
from agent_runtime.draw import graph_of, progress_of
from agent_runtime.draw.graph import MOST_NODES, Edge
from agent_runtime.draw.states import told
from tests.unit.draw.cases import CASES, KINDS, OUTER, REVIEW, node, spec


def test_each_kind_of_work_is_known_by_its_name_and_says_with_whom() -> None:
    nodes = {node.kind: node.label for node in graph_of(spec(KINDS)).nodes}
    assert nodes == {
        "branch": "ask: params.a; think: params.b; count: params.c; call: params.d; sleep: params.e",
        "agent": "polly",
        "llm": "parrot",
        "tool": "count_words",
        "http": "GET https://example.org",
        "wait": "2h",
        "flow": "report",
        "python": "m:f",
        "publish": "Note on desk",
        "reduce": "ask",
        "approve": "Well?",
    }
    assert set(nodes) == set(WORKS)


EDGES = {
    "the only way": ("agent: a, next: {default: b}", {"b": ("default",)}),
    "no way on is the end": ("agent: a", {None: ("default",)}),
    "several actions to one place are one edge": (
        "agent: a, next: {default: b, failed: b}",
        {"b": ("default", "failed")},
    ),
    "a branch without default may end": (
        "branch: [{when: 'true', action: x}], next: {x: b}",
        {"b": ("x",), None: ("default",)},
    ),
    "an answer that leads nowhere ends": (
        "approve: {prompt: p, actions: [yes, no, later]}, next: {yes: b, later: a}",
        {"b": ("yes",), None: ("no",), "a": ("later",)},
    ),
    "a node that is not there": ("agent: a, next: {default: b, failed: nowhere}", {"b": ("default",)}),
}


@pytest.mark.parametrize("case", EDGES)
def test_edges(case: str) -> None:
    work, wanted = EDGES[case]
    work = work.replace("yes", '"yes"').replace("no,", '"no",')
    graph = graph_of(spec(f"start: a\nnodes: [{{name: a, {work}}}, {{name: b, agent: b}}]"))
    assert {edge.target: edge.actions for edge in graph.edges if edge.source == "a"} == wanted


def test_only_what_must_be_said_is_written_on_an_edge() -> None:
    labels = {(edge.source, edge.target): edge.label for edge in graph_of(spec(REVIEW)).edges}
    assert labels["research", "merge"] == ""
    assert labels["draft", "review"] == "default"
    assert labels["review", "escalate"] == "escalate, timeout"
    assert labels["publish", None] == ""


def test_an_inner_flow_is_shown_when_it_is_at_hand() -> None:
    outer, inner = spec(OUTER), spec(REVIEW)
    assert [node.inside for node in graph_of(outer).nodes] == [None] * 4
    paths = [path for path, _, _ in graph_of(outer, {"review": inner}).walk()]
    assert paths[:4] == ["gather", "report", "report/research", "report/merge"]
    assert paths[-2:] == ["tell", "apologize"]


def test_a_flow_within_itself_is_drawn_once() -> None:
    flow = spec("start: a\nnodes: [{name: a, flow: self}]")
    assert [path for path, _, _ in graph_of(flow, {"self": flow}).walk()] == ["a", "a/a"]


def test_flows_that_multiply_within_each_other_stay_a_drawing() -> None:
    flows = {
        f"f{level}": spec(
            "start: n0\nnodes: [" + ", ".join(f"{{name: n{n}, flow: f{level + 1}}}" for n in range(20)) + "]"
        )
        for level in range(20)
    }
    count = len(list(graph_of(flows["f0"], flows).walk()))
    assert 20 < count <= MOST_NODES


def test_a_node_leaves_by_the_edge_of_its_last_action() -> None:
    case = CASES["review-failed"]
    assert case.progress is not None
    taken = [edge for edge in case.graph.edges if case.progress.took(edge.source, edge)]
    assert [(edge.source, edge.target) for edge in taken] == [
        ("research", "merge"),
        ("merge", "draft"),
        ("draft", "review"),
        ("review", "publish"),
    ]


TAKEN = {
    "ended without a word": (node("a", "Succeeded"), True),
    "ended by this action": (node("a", "Succeeded", "default"), True),
    "ended by another": (node("a", "Succeeded", "other"), False),
    "failed, and the flow went on": (node("a", "Failed", "default"), True),
    "failed for good": (node("a", "Failed"), False),
    "under way": (node("a", "Running"), False),
    "another node": (node("b", "Succeeded"), False),
}


@pytest.mark.parametrize("case", TAKEN)
def test_whether_an_edge_was_taken(case: str) -> None:
    state, wanted = TAKEN[case]
    progress = progress_of([NodeState.model_validate(state)])
    assert progress.took("a", Edge("a", "b", ("default",))) is wanted


def test_the_state_in_words() -> None:
    state = NodeState.model_validate(node("a", "Failed", "failed", 3, attempts=2))
    assert told(state) == "failed, 3 visits, 2 attempts, action failed"
    assert told(NodeState.model_validate(node("a", "Succeeded", "default"))) == "succeeded"
