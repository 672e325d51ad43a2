"""An agent that is asked: sessions, patterns, bounds."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.agents.errors import (
    AnswerUnfit,
    Busy,
    SessionBusy,
    StepsExhausted,
    ToolsNotOffered,
    WorkTimeout,
)
from agent_runtime.agents.worker import Reply
from agent_runtime.models.errors import ScriptFailed
from agent_runtime.telemetry import metrics
from tests.clocks import ManualClock, SteppingClock, eventually
from tests.unit.agents.builders import NOTE, Bench, agent_config, bench

ECHO = [{"reply": "you said ${input}"}]


async def test_an_answer_its_session_and_its_cost() -> None:
    ann = bench(ECHO, instructions="Be brief.")
    reply = await ann.worker.chat("hello")
    assert reply.text == "you said hello"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (3, 3)
    assert reply.output is None
    assert ann.kinds == ["agent.started", "agent.finished"]
    assert ann.events[-1].subject == "ann"


async def test_a_session_is_remembered() -> None:
    ann = bench(ECHO)
    session = (await ann.worker.chat("one")).session
    reply = await ann.worker.chat("two", session)
    assert reply.session == session
    assert reply.usage.input_tokens == 1 + 3 + 1, "the model was shown: one, you said one, two"
    assert (await ann.worker.chat("three")).session != session


async def test_react_reasons_with_tools_until_it_answers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The Port of Hull lost 3 ferries.")
    config = agent_config(
        [
            {"when": "turn == 0", "toolCalls": [{"tool": "count_words"}, {"tool": "clock"}]},
            {
                "when": "turn == 1",
                "toolCalls": [
                    {
                        "tool": "quote",
                        "forEach": "results.count_words[0].names",
                        "arguments": {"query": "${item.name}"},
                    }
                ],
            },
            {"reply": "${results.quote[0].quotes[0].text} (${results.clock[0].weekday})"},
        ],
        pattern="ReAct",
        tools=[{"builtin": name} for name in ("count_words", "quote", "clock")],
    )
    ann = Bench(config, folder=tmp_path)
    reply = await ann.worker.chat("what of the port?")
    assert reply.text == "The Port of Hull lost 3 ferries. (Monday)"
    assert [step.tool for step in reply.steps] == ["count_words", "clock", "quote"]
    assert ann.kinds.count("agent.tool") == 3


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    script: list[dict[str, Any]] = [
        {"when": "turn == 0", "toolCalls": [{"tool": "calculator", "arguments": {"expression": "1/0"}}]},
        {"reply": "${results.calculator[0].error}"},
    ]
    reply = await bench(script, pattern="ReAct", tools=[{"builtin": "calculator"}]).worker.chat("divide")
    assert reply.text == "'1/0' divides by zero"
    assert reply.steps[0].failed


async def test_an_agent_that_never_answers_is_stopped() -> None:
    ann = bench(
        [{"toolCalls": [{"tool": "clock"}]}],
        pattern="ReAct",
        tools=[{"builtin": "clock"}],
        limits={"maxSteps": 3},
    )
    with pytest.raises(
        StepsExhausted, match=r"used its 3 model calls \(limits\.maxSteps\).*clock, clock, clock"
    ):
        await ann.worker.chat("what time is it?")
    assert ann.kinds[-1] == "agent.failed"
    assert ann.events[-1].data["code"] == "steps_exhausted"


async def test_pattern_chat_has_no_tools() -> None:
    ann = bench([{"toolCalls": [{"tool": "clock"}]}], tools=[{"builtin": "clock"}])
    with pytest.raises(ToolsNotOffered, match="use pattern ReAct"):
        await ann.worker.chat("what time is it?")


async def test_the_output_has_the_shape_of_its_type() -> None:
    reply = await bench([{"reply": '{"text": "fine"}'}], output=NOTE).worker.chat("note it")
    assert reply.output == {"text": "fine"}


async def test_an_answer_that_does_not_fit_is_sent_back_with_its_faults() -> None:
    script = [
        {"when": "turn == 0", "reply": 'Here you are: {"text": "x", "m": 1}'},
        {
            "when": "message.contains('/text') && message.contains(\"'m' was unexpected\")",
            "reply": '```json\n{"text": "better"}\n```',
        },
    ]
    reply = await bench(script, output=NOTE).worker.chat("note it")
    assert reply.output == {"text": "better"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("I would rather not.", r"the answer: it is not JSON \(it begins with 'I would rather not\.'\)"),
        ('{"text": "unclosed', r"the answer: it is not JSON"),
        ('{"text": 5}', r"/text: 5 is not of type"),
        ("null", r"the answer: null is not of type"),
    ],
)
async def test_an_answer_that_never_fits_is_a_clear_failure(answer: str, fault: str) -> None:
    with pytest.raises(AnswerUnfit, match=fault):
        await bench([{"reply": answer}], output=NOTE).worker.chat("note it")


async def test_failures_that_may_pass_are_tried_again_with_growing_waits() -> None:
    ann = bench([{"error": "out of ink"}], retry={"maxAttempts": 4, "initialDelay": "1s", "jitter": False})
    with pytest.raises(ScriptFailed, match="out of ink"):
        await ann.worker.chat("hello")
    assert isinstance(ann.clock, SteppingClock)
    assert ann.clock.sleeps == [1, 2, 4]
    assert ann.kinds == ["agent.started", "agent.failed"]


async def test_failures_that_stay_are_not_tried_again() -> None:
    ann = bench([{"when": "false", "reply": "never"}], retry={"maxAttempts": 4})
    with pytest.raises(Exception, match="has no step for turn 0"):
        await ann.worker.chat("hello")
    assert isinstance(ann.clock, SteppingClock)
    assert ann.clock.sleeps == []


async def test_work_beyond_its_time_is_given_up() -> None:
    config = agent_config([{"reply": "late", "delay": "50s"}], limits={"timeout": "20ms"})
    ann = Bench(config, clock=ManualClock())
    with pytest.raises(WorkTimeout, match=r"did not finish within its limits\.timeout of 0\.02s"):
        await ann.worker.chat("hello")


async def blocked(
    ann: Bench, clock: ManualClock, *messages: tuple[str, str | None]
) -> list[asyncio.Task[Reply]]:
    """Chats that wait for the clock."""
    before = len(clock.sleeps)
    tasks = [asyncio.create_task(ann.worker.chat(*message)) for message in messages]
    await eventually(lambda: len(clock.sleeps) == before + len(messages))
    return tasks


async def test_more_than_it_may_do_at_once_is_refused() -> None:
    clock = ManualClock()
    config = agent_config([{"reply": "ok", "delay": "5s"}], limits={"maxConcurrency": 2}, name="busy-ann")
    ann = Bench(config, clock=clock)
    under_way = metrics.WORK_IN_PROGRESS.labels("busy-ann")
    tasks = await blocked(ann, clock, ("one", None), ("two", None))
    assert under_way._value.get() == 2
    with pytest.raises(Busy, match="has 2 pieces of work under way"):
        await ann.worker.chat("three")
    assert metrics.WORK_REFUSED.labels("busy-ann")._value.get() == 1
    clock.advance(5)
    assert [(await task).text for task in tasks] == ["ok", "ok"]
    assert under_way._value.get() == 0
    (again,) = await blocked(ann, clock, ("four", None))
    clock.advance(5)
    assert (await again).text == "ok", "slots come back"


async def test_a_session_answers_one_message_at_a_time() -> None:
    clock = ManualClock()
    ann = Bench(agent_config([{"reply": "ok", "delay": "5s"}]), clock=clock)
    ann.worker.sessions.begin("s1")
    (first,) = await blocked(ann, clock, ("one", "s1"))
    with pytest.raises(SessionBusy, match="'s1' is answering another message"):
        await ann.worker.chat("two", "s1")
    clock.advance(5)
    assert (await first).text == "ok"
