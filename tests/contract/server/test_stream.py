"""The stream of events: what is there, what comes, to those who may see it, from where one was."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from agent_runtime.api.agent import TenantVisibility, Visibility
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.server.blackboard.stream import with_heartbeat
from tests.contract.boards import ADMIN, SCOUT, WRITER, finding, report
from tests.contract.server.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = Visibility(tenant=TenantVisibility())


async def stream_of(response: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    """(id, title) of each event."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        fields[name] = value
        if not line and "data" in fields:
            yield fields["id"], json.loads(fields["data"])["payload"]["title"]
            fields = {}


async def test_it_shows_what_is_there_and_what_comes_to_who_may_see_it(server: Server) -> None:
    headers = {"authorization": f"Bearer {server.token(SCOUT)}"}
    async with server.board(WRITER) as writer, httpx2.AsyncClient(timeout=60) as client:
        await writer.publish([finding("secret", visibility=SECRET), finding("before")])
        async with client.stream("GET", f"{server.url}/v1/events", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = stream_of(stream)
            first, title = await anext(events)
            assert title == "before"
            await writer.publish([finding("later", visibility=SECRET), finding("after")])
            assert (await anext(events))[1] == "after"
        resumed = headers | {"last-event-id": first}
        async with client.stream("GET", f"{server.url}/v1/events", headers=resumed) as stream:
            assert (await anext(stream_of(stream)))[1] == "after"


async def test_it_has_the_filters_of_a_query(server: Server) -> None:
    async with server.board(WRITER) as writer:
        wanted, _, second = await writer.publish(
            [finding("a", tags=("hot",)), report(tags=("hot",)), finding("b", tags=("hot",))]
        )
        following = writer.follow(Query(type="Finding", tag="hot", since=wanted.created_at))
        found = [await anext(following), await anext(following)]
        assert [artifact for _, artifact in found] == [wanted, second]
        rest = writer.follow(Query(type="Finding", cursor=found[0][0]))
        assert (await anext(rest))[1] == second


async def test_who_hangs_up_is_forgotten(server: Server) -> None:
    async with server.board(ADMIN) as reader, server.board(WRITER) as writer:
        await writer.publish([finding("a")])
        following = reader.follow(Query())
        assert (await anext(following))[1].payload == {"title": "a"}
        waiting = asyncio.ensure_future(anext(following))
        await writer.query(Query())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(60):
            while 'route="/v1/events",status="200"' not in (await server.call("GET", "/metrics")).text:
                await writer.query(Query())


async def test_a_silent_stream_shows_that_it_is_alive() -> None:
    come = asyncio.Event()

    async def items() -> AsyncIterator[tuple[str, Artifact]]:
        await come.wait()
        none: list[tuple[str, Artifact]] = []
        for one in none:
            yield one

    beats = with_heartbeat(items(), 0.01)
    assert [await anext(beats), await anext(beats)] == [None, None]
    come.set()
    async with asyncio.timeout(60):
        assert [beat async for beat in beats if beat is not None] == []
