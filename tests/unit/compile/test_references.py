"""What resources reference directly."""

import pytest

from agent_runtime.compile import Ref, references
from tests.unit.compile.conftest import Namespace

TYPES = "artifactTypes: [{name: Idea, schema: {}}]"


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Agent", "{model: {name: fast}}", [("Model", "fast")]),
        (
            "Agent",
            "{model: {name: a}, blackboard: {name: b}, "
            "instructionsFrom: {configMapKeyRef: {name: c, key: k}}}",
            [("Model", "a"), ("ConfigMap", "c"), ("Blackboard", "b")],
        ),
        ("Blackboard", f"{{store: {{memory: {{}}}}, {TYPES}}}", []),
        ("Blackboard", f"{{store: {{redis: {{managed: {{}}}}}}, {TYPES}}}", []),
        (
            "Blackboard",
            "{store: {redis: {external: {urlFrom: {secretKeyRef: {name: s, key: k}}}}}, " + TYPES + "}",
            [("Secret", "s")],
        ),
        (
            "Blackboard",
            "{store: {postgres: {external: {urlFrom: {secretKeyRef: {name: s, key: k}}}}}, " + TYPES + "}",
            [("Secret", "s")],
        ),
        (
            "Flow",
            "{start: a, nodes: [{name: a, agent: x}, {name: b, llm: {model: {name: m}, prompt: p}}, "
            "{name: c, agent: x}, {name: d, tool: {builtin: clock}}]}",
            [("Agent", "x"), ("Model", "m")],
        ),
        (
            "Flow",
            "{start: a, nodes: [{name: a, flow: g}, {name: b, http: {url: 'http://x', headersFrom: "
            "[{name: A, secretKeyRef: {name: s, key: k}}]}}], "
            "triggers: [{artifact: {blackboard: b, type: T}}]}",
            [("Flow", "g"), ("Secret", "s"), ("Blackboard", "b")],
        ),
        ("FlowRun", "{flow: {name: f}}", [("Flow", "f")]),
        ("FlowRun", "{agent: {name: a}, forkOf: {run: r}}", [("Agent", "a"), ("FlowRun", "r")]),
        (
            "FlowRun",
            "{flowSpec: {start: a, nodes: [{name: a, llm: {model: {name: m}, prompt: p}}]}}",
            [("Model", "m")],
        ),
        ("Model", "{provider: OpenAI, model: m}", []),
        (
            "Model",
            "{provider: OpenAI, model: m, apiKeyFrom: {secretKeyRef: {name: s, key: k}}}",
            [("Secret", "s")],
        ),
    ],
)
def test_each_once_in_the_order_of_the_spec(
    news: Namespace, kind: str, spec: str, expected: list[tuple[str, str]]
) -> None:
    assert references(news.add(kind, "x", spec)) == tuple(Ref(*each) for each in expected)
