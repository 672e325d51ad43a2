"""A Model, checked."""

import pytest

from agent_runtime.compile import Ref, SecretEnv, check_model
from tests.unit.compile.conftest import Namespace

KEYED = "{provider: OpenAI, model: gpt-5, apiKeyFrom: {secretKeyRef: {name: openai, key: api-key}}}"


def test_a_provider_with_its_key(news: Namespace) -> None:
    news.add("Secret", "openai", "{api-key: c2s=}")
    result = check_model(news.add("Model", "gpt-5", KEYED), news.lookup)
    assert result.config is not None
    assert (result.config.provider, result.config.model) == ("OpenAI", "gpt-5")
    assert result.secrets == (SecretEnv("COVEY_MODEL_GPT_5_API_KEY", "openai", "api-key"),)


def test_a_key_given_as_plain_text_counts_too(news: Namespace) -> None:
    news.add("Secret", "openai")
    news.objects["Secret", "openai"]["stringData"] = {"api-key": "sk"}
    assert check_model(news.add("Model", "gpt-5", KEYED), news.lookup).problems == ()


@pytest.mark.parametrize(
    ("secret", "reason", "says"),
    [
        (None, "SecretNotFound", 'Secret "openai" not found in namespace "news": create it'),
        ("{}", "SecretKeyNotFound", 'has no key "api-key" (it has no key at all): add it'),
        ("{token: c2s=}", "SecretKeyNotFound", 'has no key "api-key" (it has token): add it'),
    ],
)
def test_without_its_key(news: Namespace, secret: str | None, reason: str, says: str) -> None:
    if secret is not None:
        news.add("Secret", "openai", secret)
    result = check_model(news.add("Model", "gpt-5", KEYED), news.lookup)
    (problem,) = result.problems
    assert (result.config, problem.condition, problem.reason) == (None, "ResolvedRefs", reason)
    assert says in problem.message
    assert result.refs == (Ref("Secret", "openai"),)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ("{when: 'trun == 0', reply: a}", "spec.script[0].when"),
        ("{reply: '${mesage}'}", "spec.script[0].reply"),
        (
            "{toolCalls: [{tool: a}, {tool: b, forEach: 'inptu.files'}]}",
            "spec.script[0].toolCalls[1].forEach",
        ),
        ("{toolCalls: [{tool: a, arguments: {x: ['${item}']}}]}", "spec.script[0].toolCalls[0].arguments"),
    ],
)
def test_a_script_with_an_expression_that_does_not_compile(news: Namespace, step: str, field: str) -> None:
    model = news.add("Model", "m", f"{{provider: Scripted, script: [{step}]}}")
    (problem,) = check_model(model, news.lookup).problems
    assert (problem.condition, problem.reason, problem.field) == ("Accepted", "InvalidExpression", field)
    assert "it may use input, message, turn, results" in problem.message


def test_item_is_there_within_for_each(news: Namespace) -> None:
    step = "{toolCalls: [{tool: a, forEach: results.list_files, arguments: {path: '${item} of ${turn}'}}]}"
    model = news.add("Model", "m", f"{{provider: Scripted, script: [{step}]}}")
    assert check_model(model, news.lookup).problems == ()
