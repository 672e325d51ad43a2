"""Whatever a provider answers is a whole answer or a ModelError, never another exception."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.config.models import ModelConfig
from agent_runtime.models.build import build_model
from agent_runtime.models.errors import (
    ModelEmpty,
    ModelError,
    ModelFiltered,
    ModelGarbled,
    ModelRefused,
    ModelTruncated,
)
from agent_runtime.models.port import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from tests.unit.models.chat_server import KEY, ChatServer, completion, running

TOOL = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {}})
ASKED = ModelRequest((UserMessage("rain?"),), tools=(TOOL,))


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with running() as chat:
        yield chat


async def ask(server: ChatServer, body: bytes, request: ModelRequest = ASKED, **config: Any) -> ModelResponse:
    """What a Model makes of this body."""
    server.bodies[:] = [body]
    given = {"provider": "OpenAICompatible", "base_url": server.url, "api_key_env": "KEY", "name": "gpt"}
    model = build_model(ModelConfig.model_validate({"model": "good", **given, **config}), {"KEY": KEY})
    try:
        return await model.request(request)
    finally:
        await model.close()


def call(arguments: str, **more: Any) -> dict[str, Any]:
    """A message that calls the tool."""
    function = {"name": "weather", "arguments": arguments}
    return {"tool_calls": [{"id": "c1", "type": "function", "function": function, **more}]}


FINE = completion("good", {"content": "fine"})
MORE = "raise spec.parameters.maxTokens"
NAMELESS = {"tool_calls": [{"id": "c", "type": "function", "function": {}}]}
_CUSTOM = {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}]}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({**FINE, "choices": []}, "it holds no choices"),
        ({**FINE, "choices": None}, "no choices"),
        ({**FINE, "choices": [None]}, ""),
        ({**FINE, "choices": {"0": 1}}, ""),
        ({**FINE, "choices": [], "error": {"message": "overloaded", "code": 502}}, "overloaded"),
        ({**FINE, "error": "cut"}, "it holds an error: cut"),
        ({**FINE, "choices": [{**FINE["choices"][0], "error": {"message": "gone"}}]}, "gone"),
        ({**FINE, "created": 10**18}, "cannot be read"),
        ({**FINE, "created": -(10**30)}, "cannot be read"),
        (completion("good", _CUSTOM), "a tool of type 'custom'"),
        (completion("good", call('{"a":' * 3000 + "1" + "}" * 3000)), "nested more than 200 deep"),
        (
            completion("good", {"tool_calls": [{"id": "c", "type": "function", "function": {}}]}),
            "without a name",
        ),
        (completion("good", {"content": "half"}, "error"), "finish_reason error"),
        ([], ""),
        ("a string", ""),
        (None, ""),
    ],
)
async def test_what_is_no_answer_is_garbled_and_may_pass(server: ChatServer, answer: Any, says: str) -> None:
    with pytest.raises(ModelGarbled) as caught:
        await ask(server, json.dumps(answer).encode())
    assert says in str(caught.value)
    assert caught.value.transient


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>",
        b"\xff\xfe{}",
        b'{"choices": NaN}',
        b"[" * 100_000,
        b'{"choices":' * 5000,
        b"\x00",
    ],
)
async def test_what_is_no_json_is_garbled(server: ChatServer, body: bytes) -> None:
    with pytest.raises(ModelGarbled):
        await ask(server, body)


async def test_an_answer_that_does_not_end_is_garbled(server: ChatServer) -> None:
    endless = json.dumps(completion("good", {"content": "x" * (33 * 1024 * 1024)})).encode()
    with pytest.raises(ModelGarbled, match="more than 32 MiB"):
        await ask(server, endless)


@pytest.mark.parametrize(
    ("message", "finish", "error", "transient", "cure"),
    [
        (
            {"content": "cut off in the mid"},
            "length",
            ModelTruncated,
            False,
            MORE,
        ),
        (call('{"ci'), "length", ModelTruncated, False, MORE),
        ({"content": "x"}, "MAX_TOKENS", ModelTruncated, False, MORE),
        ({"content": ""}, "content_filter", ModelFiltered, False, "rephrase"),
        ({"content": "I can tell you"}, "content_filter", ModelFiltered, False, "rephrase"),
        ({"content": None, "refusal": "I will not."}, "stop", ModelRefused, False, "I will not."),
        ({"content": None}, "stop", ModelEmpty, True, "asked again"),
        ({"content": " \n"}, "stop", ModelEmpty, True, "asked again"),
        ({"content": None, "tool_calls": []}, "tool_calls", ModelEmpty, True, "asked again"),
        ({"content": None, "reasoning_content": "Hm."}, "stop", ModelEmpty, True, "maxTokens"),
    ],
)
async def test_an_answer_that_is_not_whole_names_the_cure(
    server: ChatServer,
    message: dict[str, Any],
    finish: str,
    error: type[ModelError],
    transient: bool,
    cure: str,
) -> None:
    with pytest.raises(error) as caught:
        await ask(server, json.dumps(completion("good", message, finish)).encode())
    assert cure in str(caught.value)
    assert caught.value.transient is transient


@pytest.mark.parametrize("finish", ["eos", "end_turn", "STOP", "stop_sequence", "tool_calls"])
async def test_other_words_for_the_end_are_fine(server: ChatServer, finish: str) -> None:
    body = json.dumps(completion("good", {"content": "fine"}, finish)).encode()
    assert (await ask(server, body)).text == "fine"


async def test_half_a_surrogate_pair_is_replaced(server: ChatServer) -> None:
    half = json.dumps(completion("good", {"content": "half \ud83d"}))
    assert "\\ud83d" in half
    assert (await ask(server, half.encode())).text == "half \ufffd"
    arguments = r'{"city": "\ud83d", "whole": "\ud83d\ude00", "text": "\\ud83d"}'
    called = await ask(server, json.dumps(completion("good", call(arguments))).encode())
    expected = {"city": "\ufffd", "whole": "\U0001f600", "text": r"\ud83d"}
    assert called.tool_calls[0].arguments == expected


@pytest.mark.parametrize(
    "arguments", ['{"a": NaN}', '{"a": 1e999}', '{"a": 18446744073709551616}', '{"a"', "[1]", "null", "7"]
)
async def test_arguments_that_are_no_json_object_stay_text(server: ChatServer, arguments: str) -> None:
    said = await ask(server, json.dumps(completion("good", call(arguments))).encode())
    assert said.tool_calls == (ToolCall("c1", "weather", arguments),)
    server.requests.clear()
    history = (UserMessage("rain?"), ModelMessage("", said.tool_calls), ToolMessage("c1", "weather", "no"))
    await ask(server, json.dumps(FINE).encode(), ModelRequest(history, tools=(TOOL,)))
    sent = server.requests[0]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"INVALID_JSON": arguments}, "servers refuse what they cannot parse"


@pytest.mark.parametrize(
    "reasoning",
    [
        {"reasoning_content": "I should look."},
        {"reasoning": "I should look."},
        {"reasoning": "A", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "id": "r1"}]},
        {"reasoning_content": "A", "reasoning": "B"},
    ],
)
async def test_reasoning_goes_back_with_the_results_of_tools(
    server: ChatServer, reasoning: dict[str, Any]
) -> None:
    message = {"content": "", **reasoning, **call("{}", extra_content={"google": {"thought_signature": "s"}})}
    said = await ask(server, json.dumps(completion("good", message)).encode())
    server.requests.clear()
    told = ModelMessage(said.text, said.tool_calls, said.echo)
    history = (UserMessage("rain?"), told, ToolMessage("c1", "weather", "grey"))
    await ask(server, json.dumps(FINE).encode(), ModelRequest(history, tools=(TOOL,)))
    sent = server.requests[0]["messages"][1]
    assert {name: sent[name] for name in reasoning} == reasoning
    assert sent["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}


async def test_reasoning_does_not_go_back_with_a_plain_answer(server: ChatServer) -> None:
    """Some servers refuse it there."""
    said = await ask(
        server, json.dumps(completion("good", {"content": "A", "reasoning_content": "B"})).encode()
    )
    assert (said.text, said.echo) == ("A", None)


@pytest.mark.parametrize("tokens", [-1, 10**30, 1.5, "many", None, {}])
async def test_odd_counts_of_tokens_lose_no_answer(server: ChatServer, tokens: Any) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": 4}
    try:
        said = await ask(server, json.dumps({**FINE, "usage": usage}).encode())
    except ModelGarbled:
        return
    assert 0 <= said.usage.input_tokens <= 2**31


async def test_calls_of_one_id_get_ids_of_their_own(server: ChatServer) -> None:
    """Two results of one id answer neither call, and providers refuse them."""
    calls = [call(f'{{"number": {number}}}')["tool_calls"][0] for number in range(3)]
    said = await ask(server, json.dumps(completion("good", {"tool_calls": calls})).encode())
    assert [each.id for each in said.tool_calls] == ["c1", "c1-2", "c1-3"]
    assert [each.arguments for each in said.tool_calls] == [{"number": number} for number in range(3)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FULL = completion(
    "good", {"content": "fine", "refusal": None, "reasoning_content": "hm", **call('{"a": 1}')}
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*path, key))


def _with(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], put)
    return copy


MUTATED = st.builds(
    lambda path, put: json.dumps(_with(_FULL, path, put)).encode(), st.sampled_from([*_paths(_FULL)]), JSON
)
BODIES = MUTATED | st.binary() | JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_any_body_is_a_whole_answer_or_a_model_error(server: ChatServer, body: bytes) -> None:
    try:
        said = await ask(server, body)
    except ModelError as error:
        str(error).encode()
        return
    assert said.text.strip() or said.tool_calls
    orjson.dumps([said.text, [[each.id, each.tool, each.arguments] for each in said.tool_calls]])


@pytest.mark.parametrize("body", [{"error": {"message": "half \ud83d"}}, {"error": "\ud83d"}])
async def test_what_an_error_quotes_can_be_written(server: ChatServer, body: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as refused:
        await ask(server, json.dumps(body).encode())
    assert "\ufffd" in str(refused.value)
    str(refused.value).encode()
