"""A FlowRun with its Flow, compiled."""

import pytest

from agent_runtime.compile import ClusterPlaces, Compiled, Ref, SecretEnv, compile_run
from agent_runtime.compile.config import RunConfig
from tests.unit.compile.conftest import Namespace

FLOW = """
params:
  topic: {type: string, default: bees}
  pages: {type: integer, minimum: 1}
  style: {type: object, properties: {words: {type: array, items: {type: string}}}, default: {}}
start: plan
nodes:
  - {name: plan, agent: planner, next: {default: write}}
  - {name: write, llm: {model: {name: keyed}, prompt: x}, next: {default: publish}}
  - {name: publish, agent: open-door}
"""


@pytest.fixture
def report(news: Namespace) -> Namespace:
    news.add("Secret", "openai", "{api-key: c2s=}")
    news.add(
        "Model",
        "keyed",
        "{provider: OpenAI, model: x, apiKeyFrom: {secretKeyRef: {name: openai, key: api-key}}}",
    )
    news.add("Agent", "planner", "{model: {name: fast}}")
    news.add("Agent", "open-door", "{model: {name: fast}, serving: {auth: {none: {}}}}")
    news.add("Flow", "report", FLOW)
    return news


def compiled(namespace: Namespace, params: str) -> Compiled[RunConfig]:
    run = namespace.add("FlowRun", "monday", f"{{flow: {{name: report}}, params: {params}}}")
    return compile_run(run, namespace.lookup, ClusterPlaces())


def test_everything_that_the_run_needs(report: Namespace) -> None:
    result = compiled(report, "{pages: 2}")
    assert result.problems == ()
    config = result.config
    assert config is not None
    assert (config.name, config.namespace, config.flow_name) == ("monday", "news", "report")
    assert config.params == {"topic": "bees", "pages": 2, "style": {}}
    assert list(config.models) == ["keyed"]
    assert {name: (access.url, access.token_env) for name, access in config.agents.items()} == {
        "planner": ("http://planner-agent.news.svc:8080", "COVEY_AGENT_PLANNER_TOKEN"),
        "open-door": ("http://open-door-agent.news.svc:8080", None),
    }
    assert set(result.secrets) == {
        SecretEnv("COVEY_MODEL_KEYED_API_KEY", "openai", "api-key"),
        SecretEnv("COVEY_AGENT_PLANNER_TOKEN", "planner-agent", "token"),
    }
    assert set(result.refs) == {
        Ref("Flow", "report"),
        Ref("Agent", "planner"),
        Ref("Agent", "open-door"),
        Ref("Model", "keyed"),
        Ref("Secret", "openai"),
    }
    assert RunConfig.model_validate(config.manifest()) == config


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("{}", "spec.params.pages: the parameter is missing and has no default: set it"),
        ("{pages: 0}", "spec.params.pages: 0 is less than the minimum of 1"),
        ("{pages: 1, topic: 7}", 'spec.params.topic: 7 is not of type "string"'),
        ("{pages: 1, style: {words: [a, 1]}}", 'spec.params.style.words[1]: 1 is not of type "string"'),
        (
            "{pages: 1, topik: x}",
            "spec.params.topik: the flow has no such parameter, it has topic, pages, style",
        ),
    ],
)
def test_parameters_that_do_not_fit(report: Namespace, params: str, message: str) -> None:
    result = compiled(report, params)
    (problem,) = result.problems
    assert (result.config, problem.condition, problem.reason) == (None, "Accepted", "InvalidParams")
    assert problem.message == message
    assert message.startswith(f"{problem.field}:")


def test_without_its_flow(report: Namespace) -> None:
    del report.objects["Flow", "report"]
    result = compiled(report, "{}")
    (problem,) = result.problems
    assert (problem.reason, problem.field) == ("FlowNotFound", "spec.flow.name")
    assert result.refs == (Ref("Flow", "report"),)


def test_with_a_flow_that_cannot_be_run_every_object_behind_it_is_watched(report: Namespace) -> None:
    del report.objects["Secret", "openai"]
    result = compiled(report, "{pages: 1}")
    (problem,) = result.problems
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "FlowNotReady")
    assert problem.message.startswith(
        'Flow "report" cannot be used: Model "keyed" cannot be used: Secret "openai" not found'
    )
    assert Ref("Secret", "openai") in result.refs
