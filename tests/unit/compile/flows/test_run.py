"""A FlowRun with its Flow, compiled."""

import pytest

from agent_runtime.api import FlowResource
from agent_runtime.compile import (
    ClusterPlaces,
    Compiled,
    Ref,
    RunConfig,
    SecretEnv,
    compile_run,
    compile_worker,
)
from tests.unit.compile.conftest import Namespace

FLOW = """
params:
  topic: {type: string, default: bees}
  pages: {type: integer, minimum: 1}
  style: {type: object, properties: {words: {type: array, items: {type: string}}}, default: {}}
start: plan
nodes:
  - {name: plan, agent: planner, input: go, next: {default: write}}
  - {name: write, llm: {model: {name: keyed}, prompt: x}, next: {default: publish}}
  - {name: publish, agent: open-door, input: go}
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
    return compiled_spec(namespace, f"{{flow: {{name: report}}, params: {params}}}")


def compiled_spec(namespace: Namespace, spec: str) -> Compiled[RunConfig]:
    run = namespace.add("FlowRun", "monday", spec, uid="1-2-3")
    return compile_run(run, namespace.lookup, ClusterPlaces("covey-system"))


def test_a_run_goes_on_with_the_trace_of_what_set_it_off(report: Namespace) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    run = report.add("FlowRun", "monday", "{flow: {name: report}, params: {pages: 2}}", uid="1-2-3")
    told = run.model_copy(
        update={"metadata": run.metadata.model_copy(update={"annotations": {"covey.dev/traceparent": trace}})}
    )
    for resource, expected in ((run, None), (told, trace)):
        config = compile_run(resource, report.lookup, ClusterPlaces("covey-system")).config
        assert config is not None
        assert config.traceparent == expected


def test_everything_that_the_run_needs(report: Namespace) -> None:
    result = compiled(report, "{pages: 2}")
    assert result.problems == ()
    config = result.config
    assert config is not None
    assert (config.name, config.namespace, config.flow_name) == ("monday", "news", "report")
    assert config.run_id == "news/monday/1-2-3"
    assert config.store is not None
    assert config.store.url == "http://covey-runs.covey-system.svc:8080"
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
    assert {SecretEnv(each.env, each.secret, each.key) for each in config.secrets} == set(result.secrets)
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


def test_the_config_holds_the_flows_within_the_flow(report: Namespace) -> None:
    report.add("Flow", "outer", "{start: a, nodes: [{name: a, flow: inner, input: {pages: '${params.n}'}}], "
                                "params: {n: {}}}")  # fmt: skip
    report.add("Flow", "inner", FLOW)
    result = compiled_spec(report, "{flow: {name: outer}, params: {n: 3}}")
    assert result.problems == ()
    assert result.config is not None
    assert list(result.config.flows) == ["inner"]
    assert list(result.config.models) == ["keyed"]
    assert sorted(result.config.agents) == ["open-door", "planner"]


def test_a_graph_of_its_own(report: Namespace) -> None:
    inline = "{start: a, nodes: [{name: a, agent: planner, input: hi}]}"
    result = compiled_spec(report, f"{{flowSpec: {inline}}}")
    assert result.config is not None
    assert (result.config.flow_name, result.config.flow.start) == ("monday", "a")
    (problem,) = compiled_spec(
        report, "{flowSpec: {start: z, nodes: [{name: a, agent: planner, input: go}]}}"
    ).problems
    assert problem.field == "spec.flowSpec.start"


def test_one_question_to_an_agent(report: Namespace) -> None:
    result = compiled_spec(
        report, "{agent: {name: planner, input: '${params.topic}'}, params: {topic: bees}}"
    )
    assert result.config is not None
    (node,) = result.config.flow.nodes
    assert (node.agent, node.input, result.config.params) == ("planner", "${params.topic}", {"topic": "bees"})
    (problem,) = compiled_spec(report, "{agent: {name: nobody, input: go}}").problems
    assert problem.reason == "AgentNotFound"


def test_a_fork_names_the_other_run_by_its_id(report: Namespace) -> None:
    report.add("FlowRun", "sunday", "{flow: {name: report}}", uid="4-5-6")
    spec = "{flow: {name: report}, params: {pages: 1}, forkOf: {run: sunday, at: 7}}"
    config = compiled_spec(report, spec).config
    assert config is not None
    assert config.fork_of is not None
    assert (config.fork_of.run, config.fork_of.at) == ("news/sunday/4-5-6", 7)
    del report.objects["FlowRun", "sunday"]
    (problem,) = compiled_spec(report, spec).problems
    assert (problem.reason, problem.field) == ("FlowRunNotFound", "spec.forkOf.run")


def test_secret_headers_are_environment(news: Namespace) -> None:
    news.add("Secret", "crm", "{token: c2s=}")
    header = "{name: Authorization, secretKeyRef: {name: crm, key: token}}"
    work = f"http: {{url: 'https://crm', headersFrom: [{header}]}}"
    news.add("Flow", "report", f"{{start: a, nodes: [{{name: a, {work}}}]}}")
    result = compiled(news, "{}")
    ((env, secret, key),) = {(each.env, each.secret, each.key) for each in result.secrets}
    assert (secret, key) == ("crm", "token")
    assert env.startswith("COVEY_HEADER_")


def test_a_worker_gets_what_any_run_of_its_flow_may_need(report: Namespace) -> None:
    flow = report.add(
        "Flow", "report", FLOW + "serve: {replicas: 2, concurrency: 3}\nrun: {backend: Queue}\n"
    )
    assert isinstance(flow, FlowResource)
    result = compile_worker(flow, report.lookup, ClusterPlaces("covey-system"))
    assert result.config is not None
    assert (result.config.queue, result.config.concurrency) == ("news/report", 3)
    assert {each.env for each in result.secrets} == {
        "COVEY_MODEL_KEYED_API_KEY",
        "COVEY_AGENT_PLANNER_TOKEN",
    }
