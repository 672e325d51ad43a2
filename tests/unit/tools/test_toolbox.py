"""Whatever goes wrong with a call, the model gets to read why."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.models.port import ToolCall
from agent_runtime.telemetry import metrics
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import Run, Tool, ToolContext, ToolError, parameters
from agent_runtime.tools.toolbox import Observation, Toolbox

SCHEMA = parameters(("n",), n={"type": "integer"}, unit={"type": "string"})


def toolbox(run: Run, timeout: float = 30) -> Toolbox:
    return Toolbox([Tool("twice", "Doubles.", SCHEMA, run)], ToolContext(Path("/nowhere")), timeout=timeout)


def double(arguments: Mapping[str, Any], context: ToolContext) -> Any:
    return {"n": arguments["n"] * 2}


def refuse(arguments: Mapping[str, Any], context: ToolContext) -> Any:
    raise ToolError("only even numbers")


def break_down(arguments: Mapping[str, Any], context: ToolContext) -> Any:
    return arguments["nothing"]


async def test_a_call_that_works() -> None:
    assert await toolbox(double).call(ToolCall("1", "twice", {"n": 4})) == Observation({"n": 8})


async def test_the_tool_is_given_the_callers_idempotency_key() -> None:
    tools = toolbox(lambda arguments, context: context.idempotency_key)
    call = ToolCall("1", "twice", {"n": 4})
    assert await tools.call(call, idempotency_key="run:node:1") == Observation("run:node:1")
    assert await tools.call(call) == Observation(None)


@pytest.mark.parametrize(
    ("run", "tool", "arguments", "outcome", "message"),
    [
        (double, "thrice", {}, None, "there is no tool 'thrice'; there are: twice"),
        (double, "twice", "{n: 1", "refused", "arguments of twice are not a JSON object: '{n: 1'"),
        (
            double,
            "twice",
            {"n": "x"},
            "refused",
            'wrong arguments for twice: .n: "x" is not of type "integer"',
        ),
        (double, "twice", {"n": 1, "m": 2}, "refused", "'m' was unexpected). It takes: n, unit"),
        (double, "twice", {}, "refused", '"n" is a required property'),
        (refuse, "twice", {"n": 1}, "failed", "only even numbers"),
        (break_down, "twice", {"n": 1}, "broken", "twice is broken (KeyError): go on without it"),
    ],
)
async def test_a_failure_is_an_observation_and_is_counted(
    run: Run, tool: str, arguments: dict[str, Any] | str, outcome: str | None, message: str
) -> None:
    counter = metrics.TOOL_CALLS.labels(*(("twice", outcome) if outcome else ("unknown", "refused")))
    before = counter._value.get()
    observation = await toolbox(run).call(ToolCall("1", tool, arguments))
    assert observation.failed
    assert message in observation.content["error"]
    assert counter._value.get() == before + 1


async def test_a_call_that_takes_too_long() -> None:
    released = threading.Event()

    def hang(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        released.wait(60)

    observation = await toolbox(hang, timeout=0.05).call(ToolCall("1", "twice", {"n": 1}))
    released.set()
    assert observation.content == {"error": "twice took longer than 0.05s: ask for less at once"}


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_tools_describe_themselves(name: str) -> None:
    spec = BUILTIN[name].spec
    assert spec.name == name
    assert spec.description.endswith(".")
    assert spec.parameters["additionalProperties"] is False


def test_the_input_folder_comes_from_the_environment() -> None:
    assert ToolContext.from_environ({}).input_dir == Path("/input")
    assert ToolContext.from_environ({"COVEY_INPUT_DIR": "/data"}).input_dir == Path("/data")
