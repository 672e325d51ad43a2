"""OpenAI-compatible providers, proven on the wire against a server that speaks chat completions."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from agent_runtime.config.models import ModelConfig
from agent_runtime.models.build import build_model
from agent_runtime.models.errors import (
    ModelError,
    ModelGarbled,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnreachable,
)
from agent_runtime.models.port import (
    ModelClient,
    ModelMessage,
    ModelRequest,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from tests.unit.models.chat_server import KEY, ChatServer, running

HELLO = ModelRequest((UserMessage("hello"),))
WEATHER = ToolSpec(
    "weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)
KEY_ENV = "COVEY_MODEL_GPT_API_KEY"

Make = Callable[..., ModelClient]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with running() as chat:
        yield chat


@pytest.fixture
async def make(server: ChatServer) -> AsyncIterator[Make]:
    """Makes a Model of the server; a name such as `limited` makes the server misbehave."""
    server.requests.clear()
    clients: list[ModelClient] = []

    def client(model: str = "good", *, key: str = KEY, **config: Any) -> ModelClient:
        given = {"provider": "OpenAICompatible", "base_url": server.url, "api_key_env": KEY_ENV, **config}
        clients.append(build_model(ModelConfig(name="gpt", model=model, **given), {KEY_ENV: key}))
        return clients[-1]

    yield client
    for each in clients:
        await each.close()


@pytest.mark.parametrize("provider", ["OpenAI", "OpenAICompatible", "Ollama"])
async def test_an_answer_and_what_it_cost(make: Make, provider: str) -> None:
    response = await make(provider=provider).request(HELLO)
    assert response.text == "echo: hello"
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 3)


async def test_instructions_history_and_parameters_reach_the_provider(make: Make, server: ChatServer) -> None:
    request = ModelRequest(
        (UserMessage("and now?"),),
        history=(UserMessage("hello"), ModelMessage("hi")),
        instructions="Be brief.",
    )
    await make(parameters={"temperature": 0.5, "maxTokens": 9, "topP": 0.9, "seed": 4}).request(request)
    sent = server.requests[0]
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [
        ("system", "Be brief."),
        ("user", "hello"),
        ("assistant", "hi"),
        ("user", "and now?"),
    ]
    assert sent["temperature"] == 0.5
    assert sent["top_p"] == 0.9
    assert sent["seed"] == 4
    assert 9 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


async def test_tools_go_out_and_calls_and_results_come_and_go(make: Make, server: ChatServer) -> None:
    call = {"id": "c7", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Hull"}'}}
    server.replies.append({"tool_calls": [call]})
    model = make()
    response = await model.request(ModelRequest((UserMessage("rain?"),), tools=(WEATHER,)))
    assert response.tool_calls == (ToolCall("c7", "weather", {"city": "Hull"}),)

    answered = ToolMessage("c7", "weather", {"sky": "grey"})
    said = ModelMessage(response.text, response.tool_calls)
    await model.request(ModelRequest((UserMessage("rain?"), said, answered), tools=(WEATHER,)))
    first, second = server.requests
    assert first["tools"][0]["function"]["name"] == "weather"
    assert second["messages"][-1]["role"] == "tool"
    assert second["messages"][-1]["tool_call_id"] == "c7"
    assert "grey" in second["messages"][-1]["content"]


async def test_arguments_that_are_not_json_arrive_as_text(make: Make, server: ChatServer) -> None:
    call = {"id": "c8", "type": "function", "function": {"name": "weather", "arguments": "{city: Hull"}}
    server.replies.append({"tool_calls": [call]})
    response = await make().request(ModelRequest((UserMessage("rain?"),), tools=(WEATHER,)))
    assert response.tool_calls == (ToolCall("c8", "weather", "{city: Hull"),)


async def test_openai_is_asked_to_enforce_the_schema_of_the_answer(make: Make, server: ChatServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    request = ModelRequest((UserMessage("a number"),), output_schema=schema)
    await make(provider="OpenAI").request(request)
    await make(provider="OpenAICompatible").request(request)
    enforced, told = server.requests
    assert enforced["response_format"]["type"] == "json_schema"
    assert "response_format" not in told


@pytest.mark.parametrize(
    ("model", "error", "transient", "cure"),
    [
        ("limited", ModelRateLimited, True, "limits.maxConcurrency"),
        ("broke", ModelRefused, False, "top up the account"),
        ("down", ModelUnavailable, True, "try again"),
        ("crashing", ModelUnavailable, True, "try again"),
        ("unknown", ModelRefused, False, 'check its spec.model ("unknown") and spec.baseURL'),
        ("strict", ModelRefused, False, "spec.parameters"),
        ("moved", ModelRefused, False, "redirects to http://169.254.169.254/v1/chat/completions"),
        ("found", ModelRefused, False, "set spec.baseURL to where the provider is"),
        ("small", ModelRefused, False, "shorten the input"),
        ("garbage", ModelGarbled, True, "for example ending in /v1"),
        ("hollow", ModelGarbled, True, "spec.baseURL"),
    ],
)
async def test_errors_name_the_model_its_place_and_the_cure(
    make: Make, server: ChatServer, model: str, error: type[ModelError], transient: bool, cure: str
) -> None:
    with pytest.raises(error) as caught:
        await make(model).request(HELLO)
    assert str(caught.value).startswith(f'Model "gpt" at {server.url} ')
    assert cure in str(caught.value)
    assert caught.value.transient is transient
    assert len(server.requests) == 1, "the library must not retry by itself"


async def test_a_rate_limit_says_how_long_to_wait(make: Make) -> None:
    with pytest.raises(ModelRateLimited) as caught:
        await make("limited").request(HELLO)
    assert caught.value.retry_after == 7


async def test_a_wrong_key_is_named_by_its_variable_and_never_shown(make: Make) -> None:
    with pytest.raises(ModelUnauthorized, match=KEY_ENV) as caught:
        await make(key="sk-very-secret").request(HELLO)
    assert "sk-very-secret" not in str(caught.value)
    assert not caught.value.transient


async def test_a_missing_key_is_found_before_anything_is_sent(make: Make, server: ChatServer) -> None:
    with pytest.raises(ModelUnauthorized, match=f"the environment variable {KEY_ENV} is not set"):
        make(key="")
    assert server.requests == []


async def test_a_slow_model_is_a_timeout(make: Make) -> None:
    with pytest.raises(ModelTimeout, match=r"did not answer within 0\.3s: raise its spec\.timeout"):
        await make("slow", timeout_seconds=0.3).request(HELLO)


async def test_nobody_there(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(
            ModelUnreachable, match=rf'Model "gpt" at {url} cannot be reached .*spec\.baseURL'
        ):
            await make(base_url=url).request(HELLO)
