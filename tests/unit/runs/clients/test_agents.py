"""Agents, asked over HTTP: on a real server, which is busy at first, or never there."""

from random import Random
from typing import Any

import pytest

from agent_runtime.config.models import AgentAccess
from agent_runtime.models.port import Usage
from agent_runtime.runs.clients.agents import HttpAgents
from agent_runtime.runs.errors import AgentFailed
from agent_runtime.runs.port import AgentAnswer
from tests.clocks import SteppingClock
from tests.noting_server import NotingServer, Says, noting_server

REPLY = {"reply": "hello", "output": {"n": 1}, "usage": {"inputTokens": 3, "outputTokens": 4}}


async def ask(server: NotingServer, **environ: str) -> AgentAnswer:
    access = AgentAccess(url=server.url, token_env="TOKEN" if environ else None)
    agents = HttpAgents({"ann": access}, environ, clock=SteppingClock(), random=Random(1))
    try:
        return await agents("ann", "hi", "run:ask:1")
    finally:
        await agents.close()


async def test_a_question_carries_its_token_and_the_same_key_each_time() -> None:
    with noting_server() as server:
        busy = [Says({"error": {"message": "busy"}}, 429), Says(None, 503), Says(REPLY)]
        server.answer = lambda asked: busy[len(server.asked) - 1]
        answer = await ask(server, TOKEN="t0ken")
    assert answer == AgentAnswer("hello", {"n": 1}, Usage(3, 4))
    assert [(asked.path, asked.body, asked.key) for asked in server.asked] == [
        ("/v1/chat", {"message": "hi"}, "run:ask:1")
    ] * 3
    assert server.asked[0].headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("says", "environ", "message"),
    [
        (Says({"error": {"message": "the model is away"}}, 502), {}, "did not take the question for 60s"),
        (Says({"error": {"message": "no such model"}}, 422), {}, "failed: no such model"),
        (Says(b"<html>", 200), {}, "failed: HTTP 200: '<html>'"),
        (Says(REPLY), {"TOKEN": ""}, 'no token for agent "ann": TOKEN is not set'),
    ],
)
async def test_a_question_that_gets_no_answer_says_why(
    says: Says, environ: dict[str, Any], message: str
) -> None:
    with noting_server(lambda asked: says) as server, pytest.raises(AgentFailed) as failed:
        await ask(server, **environ)
    assert message in str(failed.value)


async def test_a_failure_after_the_agents_own_retries_is_not_asked_again() -> None:
    failed = {"error": {"code": "model_rate_limited", "message": 'Model "m" is over its rate limit'}}
    with noting_server(lambda asked: Says(failed, 503)) as server:
        with pytest.raises(AgentFailed, match='failed: Model "m" is over its rate limit'):
            await ask(server)
        assert len(server.asked) == 1


async def test_the_attempts_of_a_node_share_one_budget() -> None:
    clock = SteppingClock()
    with noting_server(
        lambda asked: Says({"error": {"code": "agent_busy", "message": "busy"}}, 429)
    ) as server:
        agents = HttpAgents({"ann": AgentAccess(url=server.url)}, {}, clock=clock, random=Random(1))
        begin, first = clock.monotonic(), 0
        try:
            for _ in range(3):
                with pytest.raises(AgentFailed, match=r"did not take the question for 60s \(busy\)"):
                    await agents("ann", "hi", "run:ask:1")
                first = first or len(server.asked)
            assert clock.monotonic() - begin <= 60
            assert first > 10
            assert len(server.asked) == first + 2
            with pytest.raises(AgentFailed):  # another question has a budget of its own
                await agents("ann", "hi", "run:ask:2")
            assert len(server.asked) > first + 10
        finally:
            await agents.close()
