"""Nodes that publish: what the Blackboard would refuse is refused before the run, with the place."""

from typing import Any

import pytest

from agent_runtime.compile import check_flow, compile_run, references
from agent_runtime.compile.flows.run import compile_worker, grant_env
from agent_runtime.compile.flows.templated import certain_faults
from agent_runtime.compile.places import ClusterPlaces
from agent_runtime.compile.result import Ref
from tests.unit.compile.conftest import Namespace

DESK = """
store: {memory: {}}
isolation: Strict
artifactTypes:
  - {name: Idea, schema: {type: object, required: [title], properties: {title: {type: string}}}}
  - {name: Report, version: 2, schema: {type: object, required: [text]}}
  - {name: Report, version: 1, schema: {type: object}}
"""


@pytest.fixture
def desk(news: Namespace) -> Namespace:
    news.add("Blackboard", "desk", DESK)
    return news


def one(publish: str, more: str = "") -> str:
    node = f"{{name: a, publish: {{blackboard: desk, {publish}}}{more}}}"
    return f"{{params: {{x: {{}}}}, start: a, nodes: [{node}]}}"


@pytest.mark.parametrize(
    "publish",
    [
        "type: Idea, payload: {title: Bees}",
        "type: Idea, payload: '${params.x}'",
        "type: Idea, payload: {title: '${params.x}', more: 1}",
        "type: Idea, payload: {title: '$${not a hole}'}",
        "type: Report, version: 1, payload: {}",
        "type: Idea, payload: {title: a}, tags: ['${params.x}', b], correlation: '${params.x}', partition: p",
        "type: Idea, payload: {title: a}, tenant: north, visibility: {tenant: {tenant: north}}",
        "type: Idea, payload: {title: a}, visibility: {after: {ttl: 1h}}",
    ],
)
def test_what_is_right(desk: Namespace, publish: str) -> None:
    assert check_flow(desk.add("Flow", "f", one(publish)), desk.lookup).problems == ()


@pytest.mark.parametrize(
    ("publish", "reason", "field", "says"),
    [
        ("type: Idea, payload: {}", "InvalidPayload", ".payload", '"title" is a required property'),
        (
            "type: Idea, payload: {title: 7}",
            "InvalidPayload",
            ".payload.title",
            'does not fit type "Idea" of Blackboard "desk": 7 is not of type "string"',
        ),
        (
            "type: Idea, payload: {titel: '${params.x}'}",
            "InvalidPayload",
            ".payload",
            '"title" is a required',
        ),
        ("type: Report, payload: {}", "InvalidPayload", ".payload", '"text" is a required property'),
        (
            "type: Ideas, payload: {}",
            "UnknownType",
            ".type",
            'has no artifact type "Ideas": did you mean "Idea"?: add it there, or take one of Idea, Report',
        ),
        ("type: Report, version: 3, payload: {}", "UnknownType", ".version", "has no version 3, it has 1, 2"),
        ("type: Idea, payload: [a]", "InvalidSpec", ".payload", "is no object"),
        ("type: Idea, payload: 'a ${params.x}'", "InvalidSpec", ".payload", "is no object"),
        ("type: Idea, payload: '${1 + 1}'", "InvalidSpec", ".payload", "is no object"),
        (
            "type: Idea, payload: {title: '${y}'}",
            "InvalidExpression",
            ".payload",
            "undeclared reference to 'y'",
        ),
        ("type: Idea, payload: {title: '${params.y}'}", "InvalidExpression", ".payload", "no params.y"),
        ("type: Idea, payload: {title: a}, tags: ['${y}']", "InvalidExpression", ".tags[0]", "'y'"),
        ("type: Idea, payload: {title: a}, correlation: '${y}'", "InvalidExpression", ".correlation", "'y'"),
        ("type: Idea, payload: {title: a}, partition: '${y}'", "InvalidExpression", ".partition", "'y'"),
        (
            "type: Idea, payload: {title: a}, tenant: '${params.x}'",
            "InvalidSpec",
            ".tenant",
            "takes no ${...}",
        ),
        (
            "type: Idea, payload: {title: a}, tenant: north, visibility: {tenant: {tenant: south}}",
            "InvalidSpec",
            ".visibility",
            "the flow may show it to its own tenant only",
        ),
        (
            "type: Idea, payload: {title: a}, visibility: {tenant: {}}",
            "InvalidSpec",
            ".visibility",
            "the flow itself belongs to none",
        ),
    ],
)
def test_what_is_wrong(desk: Namespace, publish: str, reason: str, field: str, says: str) -> None:
    problems = check_flow(desk.add("Flow", "f", one(publish)), desk.lookup).problems
    assert [(p.condition, p.reason, p.field) for p in problems[:1]] == [
        ("Accepted", reason, f"spec.nodes[0].publish{field}")
    ]
    assert says in problems[0].message


SHIP = {
    "type": "object",
    "required": ["name", "port"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "port": {"type": "string"},
        "crew": {"type": "array", "items": {"type": "object", "required": ["age"]}},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("payload", "paths"),
    [
        ({"name": "${x}", "port": "${y}"}, []),
        ({"name": "Ada ${x}", "port": "${y}", "crew": "${z}"}, []),
        ({"name": "${x}", "port": "a", "crew": [{"age": "${y}"}, "${z}"]}, []),
        ({"name": "${x}"}, [""]),
        ({"name": "${x}", "prot": "a"}, ["", ""]),
        ({"name": "${x}", "port": 7}, [".port"]),
        ({"name": "${x}", "port": "a", "crew": [{}, "${y}", {"a": 1}]}, [".crew[0]", ".crew[2]"]),
        ({"name": "", "port": "$${y}"}, [".name"]),
    ],
)
def test_what_no_value_of_an_expression_could_mend(payload: dict[str, Any], paths: list[str]) -> None:
    assert sorted(path for path, _ in certain_faults(payload, SHIP)) == paths


@pytest.mark.parametrize(
    "more",
    [
        {"if": {"properties": {"name": {"not": {"const": "Ada"}}}}, "then": {"required": ["port"]}},
        {"anyOf": [{"properties": {"name": {"const": "Ada"}}}, {"required": ["port"]}]},
        {"properties": {"name": {}, "twins": {"uniqueItems": True}}},
        {"properties": {"twins": {"enum": [["a", "a" * 500]]}}},
    ],
)
def test_what_depends_on_an_expression_is_left_to_the_run(more: dict[str, Any]) -> None:
    payload = {"name": "${x}", "twins": ["${x}", "${y}"]}
    assert certain_faults(payload, {"type": "object", **more}) == []


def test_it_takes_no_input(desk: Namespace) -> None:
    spec = one("type: Idea, payload: {title: a}", ", input: {title: b}")
    [problem] = check_flow(desk.add("Flow", "f", spec), desk.lookup).problems
    assert (problem.reason, problem.field) == ("InvalidSpec", "spec.nodes[0].input")
    assert "put it into publish.payload" in problem.message


def test_a_blackboard_that_is_not_there(news: Namespace) -> None:
    flow = news.add("Flow", "f", one("type: Idea, payload: {title: a}"))
    checked = check_flow(flow, news.lookup)
    [problem] = checked.problems
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "BlackboardNotFound")
    assert problem.field == "spec.nodes[0].publish.blackboard"
    assert Ref("Blackboard", "desk") in checked.refs
    assert references(flow) == (Ref("Blackboard", "desk"),)


def test_a_run_knows_where_it_publishes_and_as_whom(desk: Namespace) -> None:
    inner = "{start: a, nodes: [{name: a, publish: {blackboard: newsroom, type: Idea, payload: {}}}]}"
    desk.add("Flow", "inner", inner)
    outer = """
    start: a
    nodes:
      - {name: a, publish: {blackboard: desk, type: Idea, payload: {title: a}}, next: {default: b}}
      - {name: b, publish: {blackboard: desk, tenant: north, type: Idea, payload: {title: b}},
         next: {default: c}}
      - {name: c, publish: {blackboard: desk, type: Report, payload: {text: c}}, next: {default: d}}
      - {name: d, flow: inner}
    serve: {replicas: 1}
    run: {backend: Queue}
    """
    flow = desk.add("Flow", "outer", outer)
    places = ClusterPlaces("covey-system")
    config = compile_run(desk.add("FlowRun", "r", "{flow: {name: outer}}"), desk.lookup, places).config
    assert config is not None
    assert config.publisher == "flow.outer"
    assert [(each.blackboard, each.tenant) for each in config.boards or ()] == [
        ("desk", None),
        ("desk", "north"),
        ("newsroom", None),
    ]
    first = (config.boards or [])[0]
    assert first.url == "http://desk-blackboard.news.svc:8080"
    assert first.token_env == grant_env("desk", None) != grant_env("desk", "north")
    assert first.token_file == "/var/run/secrets/covey.dev/blackboards/desk"
    worker = compile_worker(flow, desk.lookup, places).config
    assert worker is not None
    assert worker.boards == config.boards


def test_a_run_of_a_graph_of_its_own_publishes_under_its_own_name(desk: Namespace) -> None:
    spec = f"{{flowSpec: {one('type: Idea, payload: {title: a}')}, params: {{x: 1}}}}"
    config = compile_run(desk.add("FlowRun", "r", spec), desk.lookup, ClusterPlaces()).config
    assert config is not None
    assert config.publisher == "run.r"


def test_a_run_that_publishes_nothing_has_the_config_it_had(desk: Namespace) -> None:
    spec = "{flowSpec: {start: a, nodes: [{name: a, tool: {builtin: clock}}]}}"
    config = compile_run(desk.add("FlowRun", "r", spec), desk.lookup, ClusterPlaces()).config
    assert config is not None
    assert not {"publisher", "boards"} & config.manifest().keys()
