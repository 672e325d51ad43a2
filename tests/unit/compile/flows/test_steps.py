"""The kinds of work of a Flow's nodes, its sub-flows and its triggers: what is wrong is named."""

import pytest

from agent_runtime.compile import check_flow
from tests.unit.compile.conftest import Namespace

GOOD = """
params: {topics: {type: array, default: []}}
start: fetch
nodes:
  - {name: fetch, http: {url: "https://crm/${params.topics[0]}", headers: {X-Topic: "${params.topics[0]}"}},
     cache: {ttl: 1h}, next: {default: sift}}
  - {name: sift, python: {function: "shop.orders:sift"}, input: {orders: "${shared.fetch}"},
     next: {default: each}}
  - {name: each, map: {over: "${shared.sift}", as: order, parallelism: 3}, tool: {builtin: count_words},
     input: {file: "${order.text} ${index}"}, next: {default: total}}
  - {name: total, reduce: {from: each, with: "${items.map(i, i.words)}"}, next: {default: rest}}
  - {name: rest, wait: {duration: 1h}, next: {default: ask}}
  - {name: ask, approve: {prompt: "Ship ${shared.total}?", timeout: 1d}, next: {approve: ship, timeout: ship}}
  - {name: ship, flow: shipping, input: {orders: "${shared.each}"}}
"""
SHIPPING = "{start: a, nodes: [{name: a, tool: {builtin: clock}}], params: {orders: {}}}"


@pytest.fixture
def shop(news: Namespace) -> Namespace:
    news.add("Flow", "shipping", SHIPPING)
    return news


def test_every_kind_of_work(shop: Namespace) -> None:
    assert check_flow(shop.add("Flow", "orders", GOOD), shop.lookup).problems == ()


def one(node: str, others: str = "", more: str = "") -> str:
    return f"{{start: a, nodes: [{{name: a, {node}}}{others}]{more}}}"


B = "{name: b, tool: {builtin: clock}}"
MAPPED = "{name: m, map: {over: '${[1]}'}, tool: {builtin: clock}, next: {default: a}}"


@pytest.mark.parametrize(
    ("spec", "reason", "field", "says"),
    [
        (
            one("map: {over: '${item}'}, tool: {builtin: clock}"),
            "InvalidExpression",
            "spec.nodes[0].map.over",
            "undeclared reference to 'item'",
        ),
        (
            one("map: {over: '${[1]}', as: shared}, tool: {builtin: clock}"),
            "InvalidSpec",
            "spec.nodes[0].map.as",
            "shared has a meaning already (params, shared, index): take another",
        ),
        (
            one("tool: {builtin: clock}, input: '${item}'"),
            "InvalidExpression",
            "spec.nodes[0].input",
            "it may use params, shared",
        ),
        (
            one("http: {url: 'ftp://x'}"),
            "InvalidSpec",
            "spec.nodes[0].http.url",
            "want http://... or https://..., got 'ftp://x'",
        ),
        (
            one("http: {url: 'http://x', headers: {A: '${b}'}}"),
            "InvalidExpression",
            "spec.nodes[0].http.headers.A",
            "undeclared reference to 'b'",
        ),
        (
            one("http: {url: 'http://x', headersFrom: [{name: A, secretKeyRef: {name: s, key: k}}]}"),
            "SecretNotFound",
            "spec.nodes[0].http.headersFrom[0].secretKeyRef.name",
            'Secret "s" not found',
        ),
        (
            one("reduce: {from: z, with: '${items}'}"),
            "UnknownNode",
            "spec.nodes[0].reduce.from",
            'there is no mapped node "z", and the flow has no mapped node',
        ),
        (
            f"{{start: m, nodes: [{MAPPED}, {{name: a, reduce: {{from: a, with: x}}}}]}}",
            "UnknownNode",
            "spec.nodes[1].reduce.from",
            'there is no mapped node "a", want one of m',
        ),
        (
            one("wait: {until: '${x}'}"),
            "InvalidExpression",
            "spec.nodes[0].wait.until",
            "undeclared reference to 'x'",
        ),
        (
            one("approve: {prompt: '${x}'}"),
            "InvalidExpression",
            "spec.nodes[0].approve.prompt",
            "undeclared reference to 'x'",
        ),
        (
            one("approve: {prompt: x}, next: {agree: b}", f", {B}"),
            "UnknownAction",
            "spec.nodes[0].next.agree",
            'node "a" never takes the action "agree"; it takes approve, reject, failed',
        ),
        (one("flow: gone"), "FlowNotFound", "spec.nodes[0].flow", 'Flow "gone" not found'),
        (
            one("flow: orders"),
            "FlowCycle",
            "spec.nodes[0].flow",
            "flows run each other without end: orders -> orders: break the circle",
        ),
        (
            one("flow: shipping, input: {order: 1, orders: 2}"),
            "InvalidParams",
            "spec.nodes[0].input.order",
            'Flow "shipping" has no such parameter, it has orders',
        ),
        (
            one("flow: shipping"),
            "InvalidParams",
            "spec.nodes[0].input.orders",
            'Flow "shipping" needs this parameter: set it',
        ),
    ],
)
def test_what_is_wrong_is_named(shop: Namespace, spec: str, reason: str, field: str, says: str) -> None:
    result = check_flow(shop.add("Flow", "orders", spec), shop.lookup)
    assert result.config is None
    (problem,) = result.problems
    assert (problem.reason, problem.field) == (reason, field)
    assert says in problem.message


def test_a_circle_of_three_flows(shop: Namespace) -> None:
    shop.add("Flow", "b", one("flow: c"))
    shop.add("Flow", "c", one("flow: a"))
    (problem,) = check_flow(shop.add("Flow", "a", one("flow: b")), shop.lookup).problems
    assert problem.reason == "FlowCycle"
    assert "a -> b -> c -> a" in problem.message


def test_a_flow_within_that_is_wrong_is_named_with_its_fault(shop: Namespace) -> None:
    shop.add("Flow", "wrong", "{start: z, nodes: [{name: a, tool: {builtin: clock}}]}")
    (problem,) = check_flow(shop.add("Flow", "orders", one("flow: wrong")), shop.lookup).problems
    assert (problem.reason, problem.field) == ("FlowNotReady", "spec.nodes[0].flow")
    assert 'Flow "wrong" cannot be used: spec.start: there is no node "z"' in problem.message


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ("approve: {prompt: x}", "asks a person"),
        ("map: {over: '${[1]}', isolation: Job}, tool: {builtin: clock}", "is mapped in Jobs"),
    ],
)
def test_a_mapped_flow_cannot_end_the_process(shop: Namespace, node: str, why: str) -> None:
    shop.add("Flow", "asking", one(node))
    spec = one("map: {over: '${[1]}'}, flow: asking")
    (problem,) = check_flow(shop.add("Flow", "orders", spec), shop.lookup).problems
    assert f'node "a" of Flow "asking" {why}, which a flow that is mapped cannot do' in problem.message


@pytest.mark.parametrize(
    ("trigger", "reason", "field", "says"),
    [
        ("cron: {schedule: '0 25 * * *'}", "InvalidTrigger", "spec.triggers[0].cron", "hour"),
        (
            "cron: {schedule: '0 6 * * *', timeZone: Europe/Berln}",
            "InvalidTrigger",
            "spec.triggers[0].cron",
            "Europe/Berlin",
        ),
        (
            "artifact: {blackboard: gone, type: Idea}",
            "BlackboardNotFound",
            "spec.triggers[0].artifact.blackboard",
            'Blackboard "gone" not found',
        ),
        (
            "artifact: {blackboard: newsroom, type: Ideas}",
            "UnknownType",
            "spec.triggers[0].artifact.type",
            'has no artifact type "Ideas": add it there, or take one of Idea, Report',
        ),
        (
            "artifact: {blackboard: newsroom, type: Idea, where: 'payloads.x'}",
            "InvalidExpression",
            "spec.triggers[0].artifact.where",
            "undeclared reference to 'payloads.x'",
        ),
        (
            'artifact: {blackboard: newsroom, type: Idea, where: \'payload.x.replace("a", "b") == "b"\'}',
            "InvalidExpression",
            "spec.triggers[0].artifact.where",
            "replace",
        ),
        (
            "cron: {schedule: '0 6 * * *'}, params: {n: '${artifact.id}'}",
            "InvalidExpression",
            "spec.triggers[0].params.n",
            "it may use schedule",
        ),
        (
            "cron: {schedule: '0 6 * * *'}, params: {m: x}",
            "InvalidTrigger",
            "spec.triggers[0].params.m",
            "the flow has no such parameter, it has n",
        ),
    ],
)
def test_what_is_wrong_with_a_trigger(
    news: Namespace, trigger: str, reason: str, field: str, says: str
) -> None:
    spec = one("tool: {builtin: clock}", more=f", params: {{n: {{default: 1}}}}, triggers: [{{{trigger}}}]")
    (problem,) = check_flow(news.add("Flow", "nightly", spec), news.lookup).problems
    assert (problem.reason, problem.field) == (reason, field)
    assert says in problem.message


def test_a_trigger_must_give_what_the_flow_needs(news: Namespace) -> None:
    spec = one(
        "tool: {builtin: clock}",
        more=", params: {n: {}}, triggers: [{artifact: {blackboard: newsroom, type: Idea}}]",
    )
    (problem,) = check_flow(news.add("Flow", "nightly", spec), news.lookup).problems
    assert "spec.triggers[0].params: the flow's parameter n has no default: give it here" in problem.message
