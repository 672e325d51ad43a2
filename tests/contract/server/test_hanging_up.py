"""Callers who hang up while the board looks for deliveries: nothing is handed out to nobody."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import Message

from agent_runtime.blackboard.stores.open import make_store
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.processes import blackboard as main
from agent_runtime.server.http.disconnects import cancel_on_disconnect
from tests.contract.boards import EDITOR, SCOUT, consumes, finding
from tests.contract.hesitant import Hesitant
from tests.contract.server.serving import Place, Server, serving

SOON = 60
"""Seconds until a test gives up waiting; a lease is twice as long."""


@pytest.fixture(params=["memory", "sqlite"])
async def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Server, Hesitant]]:
    """Whose store keeps to itself what it has handed out, until it is told to answer."""
    stores: list[Hesitant] = []

    def hesitant(config: BlackboardConfig, environ: Mapping[str, str]) -> Hesitant:
        stores.append(Hesitant(make_store(config, environ)))
        return stores[0]

    monkeypatch.setattr(main, "make_store", hesitant)
    place = Place(request.param, f"sqlite:///{tmp_path / 'board.sqlite'}")
    async with serving(place, lease={"ttl": "120s", "maxDeliveries": 2}) as running:
        async with running.board(EDITOR) as editor, running.board(SCOUT) as scout:
            await editor.subscribe([consumes()])
            await scout.publish([finding(id="1")])
        yield running, stores[0]


async def asks(server: Server) -> asyncio.StreamWriter:
    """The connection of an editor who has asked for deliveries."""
    _, writer = await asyncio.open_connection("127.0.0.1", httpx2.URL(server.url).port)
    body = b'{"wait": 60}'
    head = (
        f"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.token(EDITOR)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


def hang_up(writer: asyncio.StreamWriter, how: str) -> None:
    """As a program ends, or as a network breaks."""
    if how == "reset":
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.close()


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_what_the_store_has_handed_out_by_then_goes_to_the_next_at_once(
    server: tuple[Server, Hesitant], how: str
) -> None:
    """Three times, where two attempts are all that there are."""
    running, store = server
    async with running.board(EDITOR) as editor, asyncio.timeout(SOON):
        for _ in range(3):
            store.handed_out.clear()
            store.answers.clear()
            caller = await asks(running)
            await store.handed_out.wait()
            hang_up(caller, how)
            store.answers.set()
            [delivery] = await editor.lease(1, SOON)
            assert [artifact.id for artifact in delivery.artifacts] == ["1"]
            await editor.release(delivery.id)
        [delivery] = await editor.lease(1, SOON)
        await editor.acknowledge(delivery.id, [])


def request_that(*messages: Message) -> Request:
    """A request of which these messages come, and then no more."""
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return Request({"type": "http"}, receive)


async def taken() -> str:
    return "delivery"


async def test_what_comes_as_the_caller_hangs_up_is_undone() -> None:
    undone: list[str | None] = []
    gone = request_that({"type": "http.disconnect"})
    answer = await cancel_on_disconnect(gone, taken(), undone.append)
    assert answer is None
    assert undone == ["delivery"]


async def test_nor_is_it_kept_when_the_server_ends_before_it_answers() -> None:
    undone: list[str | None] = []
    working = asyncio.ensure_future(taken())
    answering = asyncio.create_task(cancel_on_disconnect(request_that(), working, undone.append))
    await asyncio.wait([working])
    answering.cancel()
    await asyncio.wait([answering])
    assert answering.cancelled()
    assert undone == ["delivery"]


async def test_who_is_still_there_gets_it() -> None:
    undone: list[str | None] = []
    assert await cancel_on_disconnect(request_that(), taken(), undone.append) == "delivery"
    assert undone == []
