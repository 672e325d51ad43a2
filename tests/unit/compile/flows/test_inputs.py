"""What a node is given and is known before a run is checked against what takes it."""

import pytest

from agent_runtime.compile import check_flow
from tests.unit.compile.conftest import Namespace

SHIPPING = """
start: a
params:
  count: {type: integer, minimum: 1}
  where: {type: object, properties: {city: {type: string}}, default: {}}
nodes: [{name: a, tool: {builtin: clock}}]
"""


def one(node: str) -> str:
    return f"{{start: a, params: {{n: {{}}}}, nodes: [{{name: a, {node}}}]}}"


@pytest.mark.parametrize(
    ("node", "field", "says"),
    [
        ("flow: shipping, input: {count: three}", ".count", '"three" is not of type "integer"'),
        ("flow: shipping, input: {count: '${1 - 1}'}", ".count", "0 is less than the minimum of 1"),
        ("flow: shipping, input: {count: 1, where: {city: 5}}", ".where.city", "5 is not of type"),
        ("map: {over: '${[1]}'}, flow: shipping, input: {count: x}", ".count", "is not of type"),
        ("flow: shipping, input: 5", "", "takes an object of its parameters, got 5"),
        ("flow: shipping, input: [1]", "", "takes an object of its parameters, got the list [1]"),
        ("tool: {builtin: calculator}, input: {expresion: '1'}", ".expresion", 'mean "expression"?'),
        ("tool: {builtin: calculator}", ".expression", "calculator needs this argument: set it"),
        ("tool: {builtin: calculator}, input: {expression: 5}", ".expression", "5 is not of type"),
        ("tool: {builtin: calculator}, input: '1 + 1'", "", "got the text '1 + 1'"),
        (
            "agent: polly",
            "",
            "there is nothing to ask the agent: set it to the message, such as ${params.topic}",
        ),
        ("agent: polly, input: ''", "", "there is nothing to ask the agent"),
        ("agent: polly, input: '${\"\"}'", "", "there is nothing to ask the agent"),
        ("agent: polly, map: {over: '${[1]}', as: n}", "", "set it to the message, such as ${n}"),
        ("python: {function: 'm:f'}, input: hello", "", "the function's keyword arguments, got the text"),
        ("python: {function: 'm:f'}, input: '${[1]}'", "", "got the list [1]: write {NAME: VALUE}"),
    ],
)
def test_what_cannot_fit_is_refused(news: Namespace, node: str, field: str, says: str) -> None:
    news.add("Flow", "shipping", SHIPPING)
    problems = check_flow(news.add("Flow", "orders", one(node)), news.lookup).problems
    found = [problem for problem in problems if problem.field == f"spec.nodes[0].input{field}"]
    assert found, problems
    assert says in found[0].message


@pytest.mark.parametrize(
    ("http", "field", "says"),
    [
        ("{url: 'https://'}", "url", "is no URL"),
        ("{url: 'https://x:99999/'}", "url", "is no URL"),
        ("{url: 'https://x', headers: {'X Y': z}}", "headers.X Y", "no header has this name"),
        ('{url: "https://x", headers: {X: "a\\nb"}}', "headers.X", "characters that no header may have"),
    ],
)
def test_a_request_that_nobody_could_send(news: Namespace, http: str, field: str, says: str) -> None:
    (problem,) = check_flow(news.add("Flow", "orders", one(f"http: {http}")), news.lookup).problems
    assert problem.field == f"spec.nodes[0].http.{field}"
    assert says in problem.message


@pytest.mark.parametrize(
    "node",
    [
        "flow: shipping, input: {count: '${params.n}'}",
        "flow: shipping, input: '${params.n}'",
        "flow: shipping, input: {count: 3, where: {city: '${params.n}'}}",
        "map: {over: '${[1]}'}, flow: shipping, input: '${item}'",
        "tool: {builtin: calculator}, input: {expression: '${params.n}'}",
        "tool: {builtin: clock}",
        "python: {function: 'm:f'}",
        "http: {url: 'https://x/${params.n}', headers: {X: '${params.n}'}}, input: [1, two]",
    ],
)
def test_what_may_fit_is_let_through(news: Namespace, node: str) -> None:
    news.add("Flow", "shipping", SHIPPING)
    assert check_flow(news.add("Flow", "orders", one(node)), news.lookup).problems == ()
