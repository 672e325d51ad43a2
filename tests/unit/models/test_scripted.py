"""The scripted model: the first step whose `when` holds speaks, the same each time."""

from typing import Any

import pytest

from agent_runtime.config.models import ModelConfig
from agent_runtime.models.errors import ModelTimeout, ScriptFailed, ScriptFault
from agent_runtime.models.port import (
    Message,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agent_runtime.models.scripted import ScriptedModel
from tests.clocks import SteppingClock

LISTED = {"files": [{"name": "a.txt"}, {"name": "b.txt"}]}
AFTER_A_TOOL: tuple[Message, ...] = (
    UserMessage('{"payload": {"topic": "bees"}}'),
    ModelMessage("", (ToolCall("1", "list_files", {}),)),
    ToolMessage("1", "list_files", LISTED),
)


def model(*script: dict[str, Any], clock: SteppingClock | None = None, timeout: float = 60) -> ScriptedModel:
    config = ModelConfig.model_validate(
        {"name": "actor", "provider": "Scripted", "script": list(script), "timeoutSeconds": timeout}
    )
    return ScriptedModel(config, clock=clock or SteppingClock())


async def say(scripted: ScriptedModel, *messages: Message) -> ModelResponse:
    return await scripted.request(ModelRequest(messages or (UserMessage("hello"),)))


@pytest.mark.parametrize(
    ("expression", "messages", "says"),
    [
        ("input", (UserMessage("hello"),), "hello"),
        ("input", (UserMessage("42"),), "42"),
        ("input.payload.topic", AFTER_A_TOOL, "bees"),
        ("message", (UserMessage("hello"),), "hello"),
        ("message", AFTER_A_TOOL, '{"files":[{"name":"a.txt"},{"name":"b.txt"}]}'),
        ("turn", (UserMessage("hello"),), "0"),
        ("turn", AFTER_A_TOOL, "1"),
        ("results.list_files[0].files.map(f, f.name)", AFTER_A_TOOL, '["a.txt","b.txt"]'),
        ("size(results)", (UserMessage("hello"),), "0"),
    ],
)
async def test_a_reply_sees_the_work_so_far(
    expression: str, messages: tuple[Message, ...], says: str
) -> None:
    assert (await say(model({"reply": f"${{{expression}}}"}), *messages)).text == says


async def test_what_was_said_before_in_the_session_is_not_this_piece_of_work() -> None:
    history = (UserMessage("earlier"), ModelMessage("answered"))
    request = ModelRequest((UserMessage("now"),), history=history)
    response = await model({"reply": "${turn} ${input}"}).request(request)
    assert response.text == "0 now"


async def test_the_first_step_that_holds_speaks() -> None:
    scripted = model(
        {"when": "turn == 7", "reply": "seven"},
        {"when": "message.contains('hell')", "reply": "found"},
        {"reply": "else"},
    )
    assert (await say(scripted)).text == "found"
    assert (await say(scripted, UserMessage("good bye"))).text == "else"


async def test_tool_calls_have_rendered_arguments_and_stable_ids() -> None:
    scripted = model({"toolCalls": [{"tool": "quote", "arguments": {"query": "${input}", "limit": 2}}]})
    first, second = await say(scripted), await say(scripted)
    assert first == second
    assert first.tool_calls == (ToolCall("call-0-0", "quote", {"query": "hello", "limit": 2}),)


async def test_for_each_calls_a_tool_once_for_each_item() -> None:
    step = {
        "tool": "read_file",
        "forEach": "results.list_files[0].files",
        "arguments": {"file": "${item.name}"},
    }
    response = await say(model({"toolCalls": [step]}), *AFTER_A_TOOL)
    assert [call.arguments for call in response.tool_calls] == [{"file": "a.txt"}, {"file": "b.txt"}]
    assert len({call.id for call in response.tool_calls}) == 2


async def test_words_stand_for_tokens() -> None:
    request = ModelRequest((UserMessage("one two three"),), instructions="be brief")
    usage = (await model({"reply": "so be it"}).request(request)).usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 3)


async def test_a_delay_takes_the_clocks_time() -> None:
    clock = SteppingClock()
    assert (await say(model({"reply": "ok", "delay": "1500ms"}, clock=clock))).text == "ok"
    assert clock.sleeps == [1.5]


async def test_a_delay_beyond_the_models_timeout_is_a_timeout() -> None:
    clock = SteppingClock()
    with pytest.raises(
        ModelTimeout, match=r'Model "actor" did not answer within 2s: raise its spec\.timeout'
    ):
        await say(model({"reply": "late", "delay": "1h"}, clock=clock, timeout=2))
    assert clock.sleeps == [2]


async def test_a_step_may_fail() -> None:
    with pytest.raises(ScriptFailed, match="out of ink") as caught:
        await say(model({"error": "out of ink"}))
    assert caught.value.transient


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            [{"when": "turn > 5", "reply": "never"}],
            r'Model "actor" has no step for turn 0: none of the `when` of its 1 steps holds; they saw '
            r"input: a str, turn: 0, results: none\. Add a step without `when` at the end",
        ),
        (
            [{"reply": "a"} | {"when": "false"}, {"reply": "${results.quote[0].text}"}],
            r'Model "actor" has a fault in script\[1\]: .*results\.quote\[0\]\.text',
        ),
        (
            [{"when": "results.quote[0].text == ''", "reply": "a"}],
            r'Model "actor" has a fault in script\[0\]: ',
        ),
        (
            [{"toolCalls": [{"tool": "quote", "forEach": "turn"}]}],
            r"script\[0\]: forEach 'turn' must yield a list, got int",
        ),
    ],
)
async def test_a_script_at_fault_says_where(script: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ScriptFault, match=message) as caught:
        await say(model(*script))
    assert not caught.value.transient


@pytest.mark.parametrize(
    "step",
    [
        {"reply": "${nobody.knows}"},
        {"when": "turn ==", "reply": "a"},
        {"reply": "${item}"},
        {"toolCalls": [{"tool": "quote", "arguments": {"query": "${unknown}"}}]},
    ],
)
def test_a_script_that_does_not_compile_is_refused_when_the_model_is_made(step: dict[str, Any]) -> None:
    with pytest.raises(ScriptFault, match='Model "actor" has a script that does not compile: '):
        model(step)
