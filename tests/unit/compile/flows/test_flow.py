"""A Flow, checked: everything that is wrong, at once."""

import pytest

from agent_runtime.compile import Ref, check_flow
from tests.unit.compile.conftest import Namespace

GOOD = """
params: {topic: {type: string, default: bees}}
start: plan
nodes:
  - {name: plan, agent: planner, input: {q: "${params.topic}"}, next: {default: write}}
  - {name: write, llm: {model: {name: fast}, prompt: "${shared.plan}", instructions: "About ${params.topic}"},
     next: {default: check}}
  - {name: check, branch: [{when: "size(shared.write) < 10", action: again}],
     next: {again: write, default: say}}
  - {name: say, tool: {builtin: count_words}, input: {file: "${shared.write}"}}
result: "${shared.write}"
"""


def test_a_flow_that_can_be_run(news: Namespace) -> None:
    news.add("Agent", "planner", "{model: {name: fast}}")
    result = check_flow(news.add("Flow", "report", GOOD), news.lookup)
    assert result.problems == ()
    assert result.config is not None
    assert [node.name for node in result.config.nodes] == ["plan", "write", "check", "say"]
    assert result.refs == (Ref("Agent", "planner"), Ref("Model", "fast"))


A = "{name: a, tool: {builtin: clock}}"


@pytest.mark.parametrize(
    ("spec", "reason", "field", "says"),
    [
        (
            f"{{start: z, nodes: [{A}]}}",
            "UnknownNode",
            "spec.start",
            'spec.start: there is no node "z", want one of a',
        ),
        (
            "{start: a, nodes: [{name: a, tool: {builtin: clock}, next: {default: z}}]}",
            "UnknownNode",
            "spec.nodes[0].next.default",
            'there is no node "z", want one of a',
        ),
        (
            f"{{start: a, nodes: [{A}, {A}]}}",
            "DuplicateNode",
            "spec.nodes[1].name",
            'node "a" is there already, as spec.nodes[0]: rename one of them',
        ),
        (
            f"{{start: a, nodes: [{A}, {{name: b, tool: {{builtin: clock}}, next: {{default: a}}}}]}}",
            "UnreachableNode",
            "spec.nodes[1]",
            'node "b" is never reached from "a": name it in the next of a node that is reached, or remove it',
        ),
        (
            "{start: a, nodes: [{name: a, branch: [{when: 'true', action: again}], "
            "next: {agian: b, again: b}}, {name: b, tool: {builtin: clock}}]}",
            "UnknownAction",
            "spec.nodes[0].next.agian",
            'node "a" never takes the action "agian": did you mean "again"?; it takes again, default, failed',
        ),
        (
            "{start: a, nodes: [{name: a, python: {function: 'm:f'}, input: {x: ['${parms.x}']}}]}",
            "InvalidExpression",
            "spec.nodes[0].input",
            "undeclared reference to 'parms.x', at character 6; it may use params, shared",
        ),
        (
            "{start: a, nodes: [{name: a, llm: {model: {name: fast}, prompt: '${'}}]}",
            "InvalidExpression",
            "spec.nodes[0].llm.prompt",
            "is never closed",
        ),
        (
            "{start: a, nodes: [{name: a, llm: {model: {name: fast}, prompt: x, instructions: '${1 +}'}}]}",
            "InvalidExpression",
            "spec.nodes[0].llm.instructions",
            "does not compile",
        ),
        (
            "{start: a, nodes: [{name: a, branch: [{when: 'true', action: x}, {when: '==', action: x}], "
            "next: {x: a}}]}",
            "InvalidExpression",
            "spec.nodes[0].branch[1].when",
            "does not compile",
        ),
        (
            f"{{start: a, nodes: [{A}], result: '${{x}}'}}",
            "InvalidExpression",
            "spec.result",
            "undeclared reference to 'x'",
        ),
        (
            f"{{start: a, nodes: [{A}], params: {{n: {{type: intger}}}}}}",
            "InvalidSchema",
            "spec.params.n",
            "not a valid JSON Schema",
        ),
        (
            f"{{start: a, nodes: [{A}], params: {{n: {{type: object, properties: {{x: {{type: string}}}}, "
            "default: {x: 1}}}}",
            "InvalidSchema",
            "spec.params.n.default.x",
            '1 is not of type "string"',
        ),
        (
            "{start: a, nodes: [{name: a, agent: nobody, input: go}]}",
            "AgentNotFound",
            "spec.nodes[0].agent",
            'Agent "nobody" not found in namespace "news": create it',
        ),
        (
            "{start: a, nodes: [{name: a, llm: {model: {name: none}, prompt: x}}]}",
            "ModelNotFound",
            "spec.nodes[0].llm.model.name",
            'Model "none" not found in namespace "news": create it',
        ),
    ],
)
def test_what_is_wrong_is_named(news: Namespace, spec: str, reason: str, field: str, says: str) -> None:
    result = check_flow(news.add("Flow", "report", spec), news.lookup)
    assert result.config is None
    (problem,) = result.problems
    assert (problem.reason, problem.field) == (reason, field)
    assert says in problem.message


def test_a_loop_is_no_fault(news: Namespace) -> None:
    spec = "{start: a, nodes: [{name: a, tool: {builtin: clock}, next: {default: a}}]}"
    assert check_flow(news.add("Flow", "loop", spec), news.lookup).problems == ()


def test_several_problems_at_once(news: Namespace) -> None:
    spec = """
    start: z
    nodes:
      - {name: a, agent: nobody, input: go, next: {default: y}}
      - {name: a, tool: {builtin: clock}, input: "${nothing}"}
    """
    result = check_flow(news.add("Flow", "report", spec), news.lookup)
    assert [problem.reason for problem in result.problems] == [
        "DuplicateNode",
        "UnknownNode",
        "UnknownNode",
        "InvalidExpression",
        "AgentNotFound",
    ]
