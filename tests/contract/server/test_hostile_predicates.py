"""Predicates that would stop the server for everybody, were they let."""

import pytest

from tests.contract.boards import EDITOR, WRITER, consumes, finding
from tests.contract.server.serving import GOOD, Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNAWAY = "payload.n.all(a, payload.n.all(b, payload.n.all(c, payload.n.all(d, a >= 0 && d >= 0))))"


@pytest.mark.parametrize(
    "where",
    [
        "payload.title.replace('a', payload.title).replace('a', payload.title) == ''",
        "[payload.title].map(a, a + a).map(b, b + b).map(c, c + c).size() > 0",
        "'%s%s'.format([payload.title, payload.title]) == ''",
    ],
)
async def test_what_could_fill_the_memory_is_not_registered(shared_server: Server, where: str) -> None:
    body = {"consumes": [{"types": ["Finding"], "where": where}]}
    answer = await shared_server.call("PUT", "/v1/subscriptions", EDITOR, json=body)
    assert error_of(answer) == (422, "invalid_subscription")
    [detail] = answer.json()["error"]["details"]
    assert detail["pointer"] == "/consumes/0/where"


async def test_what_runs_away_is_stopped_and_others_get_theirs(server: Server) -> None:
    async with server.board(EDITOR) as editor, server.board(WRITER) as writer:
        await editor.subscribe([consumes(where=RUNAWAY)])
        await writer.subscribe([consumes()])
        body = GOOD | {"payload": {"title": "a", "n": list(range(200))}}
        assert (await server.call("POST", "/v1/artifacts", json=body)).status_code == 201
        assert len(await writer.lease(1, 30)) == 1
        assert await editor.lease(1, 0) == []
        metrics = (await server.call("GET", "/metrics")).text
        assert 'covey_blackboard_predicate_failures_total{agent="editor"} 1.0' in metrics
        await writer.publish([finding("the server goes on")])
