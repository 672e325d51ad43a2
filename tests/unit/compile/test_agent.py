"""An Agent with what it references, compiled."""

import pytest

from agent_runtime.compile import ClusterPlaces, Compiled, Problem, Ref, SecretEnv, compile_agent
from agent_runtime.config.models import AgentConfig
from tests.unit.compile.conftest import Namespace

EVERYTHING = """
description: Finds sources.
instructions: You are careful.
pattern: ReAct
model: {name: fast}
tools: [{builtin: quote}]
output: {type: Report}
limits: {maxSteps: 3}
blackboard:
  name: newsroom
  labels: [secret]
  tenant: acme
  consumes: [{types: [Idea], where: "payload.n > 1 && type == 'Idea' && 'new' in tags"}]
publishes: [{type: Report, fanOut: 2}]
"""


def compiled(news: Namespace, spec: str) -> Compiled[AgentConfig]:
    return compile_agent(news.add("Agent", "researcher", spec), news.lookup, ClusterPlaces())


def test_everything_in_one_config(news: Namespace) -> None:
    result = compiled(news, EVERYTHING)
    assert result.problems == ()
    assert result.refs == (Ref("Model", "fast"), Ref("Blackboard", "newsroom"))
    assert result.secrets == ()
    config = result.config
    assert config is not None
    assert (config.name, config.namespace, config.pattern) == ("researcher", "news", "ReAct")
    assert (config.description, config.instructions) == ("Finds sources.", "You are careful.")
    assert config.limits.max_steps == 3
    assert config.model.provider == "Scripted"
    assert config.token_env == "COVEY_AGENT_TOKEN"
    assert config.output is not None
    assert (config.output.version, config.output.schema_) == (2, {"type": "object", "required": ["text"]})
    board = config.blackboard
    assert board is not None
    assert board.url == "http://newsroom-blackboard.news.svc:8080"
    assert (board.labels, board.tenant, board.lease_seconds) == (["secret"], "acme", 45.0)
    assert AgentConfig.model_validate(config.manifest()) == config


def test_the_key_of_its_model_is_a_variable_and_its_secret_is_watched(news: Namespace) -> None:
    news.add("Secret", "openai", "{api-key: c2s=}")
    news.add(
        "Model",
        "gpt-5",
        "{provider: OpenAI, model: x, timeout: 2m, apiKeyFrom: {secretKeyRef: {name: openai, key: api-key}}}",
    )
    result = compiled(news, "{model: {name: gpt-5}}")
    assert result.config is not None
    assert result.config.model.api_key_env == "COVEY_MODEL_GPT_5_API_KEY"
    assert result.config.model.timeout_seconds == 120.0
    assert result.secrets == (SecretEnv("COVEY_MODEL_GPT_5_API_KEY", "openai", "api-key"),)
    assert result.refs == (Ref("Model", "gpt-5"), Ref("Secret", "openai"))


def test_instructions_from_a_config_map(news: Namespace) -> None:
    news.add("ConfigMap", "prompts", "{researcher: Be careful.}")
    result = compiled(
        news, "{model: {name: fast}, instructionsFrom: {configMapKeyRef: {name: prompts, key: researcher}}}"
    )
    assert result.config is not None
    assert result.config.instructions == "Be careful."
    assert Ref("ConfigMap", "prompts") in result.refs


def test_no_token_only_when_the_manifest_says_so(news: Namespace) -> None:
    result = compiled(news, "{model: {name: fast}, serving: {auth: {none: {}}}}")
    assert result.config is not None
    assert result.config.token_env is None
    assert AgentConfig.model_validate(result.config.manifest()).token_env is None, "nor on the wire"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            "{model: {name: slow}}",
            Problem(
                "ResolvedRefs",
                "ModelNotFound",
                'Model "slow" not found in namespace "news": create it, or name another in spec.model.name',
                "spec.model.name",
            ),
        ),
        (
            "{model: {name: keyless}}",
            Problem(
                "ResolvedRefs",
                "ModelNotReady",
                'Model "keyless" cannot be used: Secret "openai" not found in namespace "news": create it, '
                "or name another in spec.apiKeyFrom.secretKeyRef.name",
                "spec.model.name",
            ),
        ),
        (
            "{model: {name: outdated}}",
            Problem(
                "ResolvedRefs",
                "ModelNotReady",
                'Model "outdated" cannot be used: spec.provider: "Babbage" is not allowed, '
                "want one of OpenAI, OpenAICompatible, Ollama, Scripted",
                "spec.model.name",
            ),
        ),
        (
            "{model: {name: fast}, instructionsFrom: {configMapKeyRef: {name: prompts, key: a}}}",
            Problem(
                "ResolvedRefs",
                "ConfigMapNotFound",
                'ConfigMap "prompts" not found in namespace "news": create it, '
                "or name another in spec.instructionsFrom.configMapKeyRef.name",
                "spec.instructionsFrom.configMapKeyRef.name",
            ),
        ),
        (
            "{model: {name: fast}, instructionsFrom: {configMapKeyRef: {name: other, key: a}}}",
            Problem(
                "ResolvedRefs",
                "ConfigMapKeyNotFound",
                'ConfigMap "other" in namespace "news" has no key "a" (it has b, c): add it, '
                "or name another in spec.instructionsFrom.configMapKeyRef.key",
                "spec.instructionsFrom.configMapKeyRef.key",
            ),
        ),
        (
            "{model: {name: fast}, blackboard: {name: archive}}",
            Problem(
                "ResolvedRefs",
                "BlackboardNotFound",
                'Blackboard "archive" not found in namespace "news": create it, '
                "or name another in spec.blackboard.name",
                "spec.blackboard.name",
            ),
        ),
        (
            "{model: {name: fast}, blackboard: {name: broken}, output: {type: Idea}}",
            Problem(
                "ResolvedRefs",
                "BlackboardNotReady",
                'Blackboard "broken" cannot be used: spec.artifactTypes[0].schema: the schema of type '
                '"Idea" is not valid: type: "objekt" is no type, want one of array, boolean, integer, '
                "null, number, object, string",
                "spec.blackboard.name",
            ),
        ),
        (
            "{model: {name: fast}, blackboard: {name: newsroom, "
            "consumes: [{types: [Idea], where: 'tgas == 1'}]}}",
            Problem(
                "Accepted",
                "InvalidExpression",
                "spec.blackboard.consumes[0].where: expression 'tgas == 1' does not compile: undeclared "
                "reference to 'tgas', at character 1; it may use payload, tags, type, producer, "
                "correlation, partition",
                "spec.blackboard.consumes[0].where",
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(news: Namespace, spec: str, problem: Problem) -> None:
    news.add("ConfigMap", "other", "{c: x, b: x}")
    news.add(
        "Model",
        "keyless",
        "{provider: OpenAI, model: x, apiKeyFrom: {secretKeyRef: {name: openai, key: k}}}",
    )
    news.add("Model", "outdated", "{provider: OpenAI, model: x}")
    news.objects["Model", "outdated"]["spec"]["provider"] = "Babbage"
    news.add(
        "Blackboard", "broken", "{store: {memory: {}}, artifactTypes: [{name: Idea, schema: {type: objekt}}]}"
    )
    result = compiled(news, spec)
    assert result.config is None
    assert result.problems == (problem,)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "blackboard: {name: newsroom, consumes: [{types: [Idea, Report], "
            "join: {window: 1h, by: 'payload.x =='}}]}",
            "spec.blackboard.consumes[0].join.by: expression 'payload.x ==' does not compile",
        ),
        (
            "blackboard: {name: newsroom, consumes: [{types: [Idea, Report], join: {window: 0s}}]}",
            "spec.blackboard.consumes[0].join.window: '0s' is no time to wait: want more than 0s",
        ),
        (
            "blackboard: {name: newsroom, consumes: [{types: [Idea], similarTo: {text: cats}}]}",
            "spec.blackboard.consumes[0].similarTo: this board has no embedding (spec.embedding)",
        ),
        (
            "blackboard: {name: newsroom, consumes: [{types: [Idea], "
            "where: \"payload.text.split('a').size() > 1\"}]}",
            "spec.blackboard.consumes[0].where: expression \"payload.text.split('a').size() > 1\": ",
        ),
        (
            "blackboard: {name: newsroom}, publishes: [{type: Idea, visibility: {tenant: {}}}]",
            "spec.publishes[0].visibility.tenant: name a tenant: researcher itself belongs to none",
        ),
        (
            "blackboard: {name: fenced, tenant: acme}, "
            "publishes: [{type: Idea, visibility: {anyOf: [{tenant: {tenant: other}}]}}]",
            "spec.publishes[0].visibility.anyOf[0].tenant: researcher may show it to its own tenant only",
        ),
    ],
)
def test_what_its_board_would_refuse_is_refused(news: Namespace, spec: str, message: str) -> None:
    news.add(
        "Blackboard",
        "fenced",
        "{store: {memory: {}}, isolation: Strict, artifactTypes: [{name: Idea, schema: {type: object}}]}",
    )
    [problem] = compiled(news, f"{{model: {{name: fast}}, {spec}}}").problems
    assert problem.condition == "Accepted"
    assert problem.message.startswith(message)
    assert message.startswith(problem.field)


def test_all_problems_at_once_the_specs_own_first(news: Namespace) -> None:
    result = compiled(
        news,
        """
        model: {name: slow}
        output: {type: Film}
        publishes: [{type: Idea}, {type: Movie}]
        blackboard: {name: newsroom, consumes: [{types: [Idea, Draft]}, {types: [Idea], where: "1 +"}]}
        """,
    )
    assert [(problem.reason, problem.field) for problem in result.problems] == [
        ("InvalidExpression", "spec.blackboard.consumes[1].where"),
        ("UnknownType", "spec.output.type"),
        ("UnknownType", "spec.publishes[1].type"),
        ("UnknownType", "spec.blackboard.consumes[0].types[1]"),
        ("ModelNotFound", "spec.model.name"),
    ]
    assert result.problems[1].message == (
        'spec.output.type: Blackboard "newsroom" has no artifact type "Film": '
        "add it there, or take one of Idea, Report"
    )


def test_what_is_being_deleted_is_as_good_as_gone_and_still_watched(news: Namespace) -> None:
    news.objects["Model", "fast"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    result = compiled(news, "{model: {name: fast}}")
    assert [problem.reason for problem in result.problems] == ["ModelNotFound"]
    assert 'Model "fast" is being deleted from namespace "news"' in result.problems[0].message
    assert result.refs == (Ref("Model", "fast"),)
