"""Agents, asked over HTTP: on a real server, which is busy at first, or never there."""

from random import Random
from typing import Any

import pytest

from agent_runtime.compile.config import AgentAccess
from agent_runtime.models.port import Usage
from agent_runtime.runs.agents_http import HttpAgents
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
