"""Words that nothing knows: each is named where it stands, with the nearest that there is."""

import pytest
import yaml

from agent_runtime.api.flow import Graph
from agent_runtime.compile import check_flow
from agent_runtime.compile.flows.actions import warnings
from tests.unit.compile.conftest import Namespace

B = "{name: b, tool: {builtin: clock}}"
TOOL = "tool: {builtin: clock}"


def one(node: str, more: str = "", others: str = B) -> str:
    return f"{{start: a, params: {{topic: {{default: x}}}}, nodes: [{{name: a, {node}}}, {others}]{more}}}"


NEXT = "next: {default: b}"


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        *(
            (one(f"{work}, next: {{default: b, defaut: b}}"), "spec.nodes[0].next.defaut", 'mean "default"?')
            for work in (
                "llm: {model: {name: fast}, prompt: hello}",
                "agent: writer, input: x",
                TOOL,
                "http: {url: 'https://x'}",
                "python: {function: 'm:f'}",
                "wait: {duration: 1s}",
                "branch: [{when: 'true', action: default}]",
                "approve: {prompt: x, actions: [default]}",
                "map: {over: '${[1]}'}, " + TOOL,
            )
        ),
        (
            one("approve: {prompt: x}, next: {approve: b, timeout: b}"),
            "spec.nodes[0].next.timeout",
            "timeout needs approve.timeout",
        ),
        (
            one("branch: [{when: 'true', action: aggain}], next: {again: b, default: b}"),
            "spec.nodes[0].branch[0].action",
            'the action "aggain" leads nowhere: did you mean "again"?',
        ),
        (one(f"{TOOL}, {NEXT}, input: {{x: '${{params.topc}}'}}"), "spec.nodes[0].input", 'mean "topic"?'),
        (one(f"{TOOL}, {NEXT}, input: '${{params[\"m\"]}}'"), "spec.nodes[0].input", "there is no params.m"),
        (one(f"{TOOL}, {NEXT}, input: '${{has(params.m)}}'"), "spec.nodes[0].input", "params has topic"),
        (
            one(f"{TOOL}, {NEXT}", ", result: '${shared.c}'"),
            "spec.result",
            "there is no shared.c; shared has a, b",
        ),
        (one(f"map: {{over: '${{shared.bb}}'}}, {TOOL}, {NEXT}"), "spec.nodes[0].map.over", 'mean "b"?'),
        (one(f"map: {{over: topics}}, {TOOL}, {NEXT}"), "spec.nodes[0].map.over", "is a text, not a list"),
        (
            one(f"map: {{over: '${{5}}'}}, {TOOL}, {NEXT}"),
            "spec.nodes[0].map.over",
            "is always 5, not a list",
        ),
        (one(f"wait: {{until: tomorrow}}, {NEXT}"), "spec.nodes[0].wait.until", "'tomorrow' is no time"),
        (one(f"wait: {{until: '${{params.m}}'}}, {NEXT}"), "spec.nodes[0].wait.until", "no params.m"),
        (
            one("approve: {prompt: '${shared.c}'}, next: {approve: b}"),
            "spec.nodes[0].approve.prompt",
            "no shared.c",
        ),
        (one(f"http: {{url: 'https://x/${{params.m}}'}}, {NEXT}"), "spec.nodes[0].http.url", "no params.m"),
        *(
            (
                one(f"branch: [{{when: {when}, action: go}}], next: {{go: b}}"),
                "spec.nodes[0].branch[0].when",
                says,
            )
            for when, says in (
                ("\"'yes'\"", "is always the text 'yes', which is neither true nor false"),
                ("'1'", "is always 1, which"),
                ("'null'", "is always null, which"),
                ("'params.m == 1'", "there is no params.m"),
            )
        ),
        (
            one(
                f"{TOOL}, {NEXT}",
                ", triggers: [{cron: {schedule: '@daily'}, params: {topic: '${schedule.tiem}'}}]",
            ),
            "spec.triggers[0].params.topic",
            'there is no schedule.tiem: did you mean "time"?',
        ),
        (
            one(f"{TOOL}, {NEXT}", ", triggers: [{cron: {schedule: '@daily'}, params: {topc: x}}]"),
            "spec.triggers[0].params.topc",
            'did you mean "topic"?',
        ),
        (one(f"{TOOL}, next: {{default: bb}}"), "spec.nodes[0].next.default", 'did you mean "b"?'),
    ],
)
def test_a_word_that_nothing_knows_is_refused(news: Namespace, spec: str, field: str, says: str) -> None:
    problems = check_flow(news.add("Flow", "typo", spec), news.lookup).problems
    found = [problem for problem in problems if problem.field == field]
    assert found, problems
    assert says in found[0].message
    assert found[0].condition == "Accepted"


@pytest.mark.parametrize(
    "spec",
    [
        one(f"http: {{url: 'https://x'}}, {NEXT}, input: \"${{'params.m shared.c'}}\""),
        one(f"{TOOL}, {NEXT}, input: '${{params.topic.shared.c}}'"),
        one(f"http: {{url: 'https://x'}}, {NEXT}, input: '${{[1].map(params, params)}}'"),
        one(f"{TOOL}, next: {{default: b, failed: b}}", ", result: '${shared.a.error}'"),
        one("branch: [{when: 'true', action: default}], next: {default: b}"),
        one("wait: {until: '2026-01-31T12:00:00Z'}, next: {default: b}"),
    ],
)
def test_what_only_looks_like_one_is_let_through(news: Namespace, spec: str) -> None:
    assert check_flow(news.add("Flow", "fine", spec), news.lookup).problems == ()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("approve: {prompt: x}, next: {approve: b}", ['node "a": the action "reject" has no next']),
        (
            "branch: [{when: 'true', action: go}], next: {go: b}",
            ['node "a": the action "default" has no next'],
        ),
        (
            "branch: [{when: 'true', action: go}, {when: 'false', action: stay}]",
            [
                'node "a": the action "go" has no next, so that the run ends there; its next has no act',
                'node "a": the action "stay" has no next',
            ],
        ),
        ("approve: {prompt: x}, next: {approve: b, reject: b}", []),
        (f"{TOOL}, {NEXT}", []),
    ],
)
def test_an_end_that_may_not_be_meant_is_a_warning(node: str, expected: list[str]) -> None:
    told = list(warnings(Graph.model_validate(yaml.safe_load(one(node)))))
    assert len(told) == len(expected)
    assert all(line.startswith(begin) for line, begin in zip(told, expected, strict=True))
