"""Servers for the tests of this folder."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

import pytest
import pytest_asyncio

from tests.contract.server.serving import Place, Server, serving
from tests.contract.servers import RedisServer, shared_redis

__all__ = ["shared_redis"]

Start = Callable[..., AbstractAsyncContextManager[Server]]
"""`start(**changes)`: a server on the place, with changes to the board's manifest."""


class _Request(Protocol):
    param: str

    def getfixturevalue(self, name: str) -> RedisServer: ...


@pytest.fixture(params=["memory", "redis"])
def place(request: _Request) -> Place:
    """A store, without the data of others: each server's board has a name of its own."""
    if request.param == "memory":
        return Place()
    return Place("redis", request.getfixturevalue("shared_redis").url)


@pytest.fixture
def start(place: Place) -> Start:
    """Starts servers of the test's own."""
    return partial(serving, place)


@pytest_asyncio.fixture(loop_scope="module")
async def server(place: Place) -> AsyncIterator[Server]:
    """A server of the test's own."""
    async with serving(place) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server() -> AsyncIterator[Server]:
    """One for all tests of a file that change nothing."""
    async with serving(Place()) as running:
        yield running
