"""A watch on the store that ends is begun again, and told once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.service.store_watch import keep_watching
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Wake
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.core.tasks import end

Watch = Callable[[Wake], Awaitable[None]]


async def breaks(wake: Wake) -> None:
    raise RuntimeError("a bug")


async def returns(wake: Wake) -> None:
    return


async def hears_and_breaks(wake: Wake) -> None:
    wake(["editor"])
    raise RuntimeError("a bug")


class FailingStore(MemoryStore):
    """Its watch goes wrong in each of these ways, one after the other; then it is a good one."""

    def __init__(self, *ways: Watch) -> None:
        super().__init__(Limits())
        self._ways = list(ways)
        self.begun = asyncio.Event()
        """The good one."""

    async def watch(self, wake: Wake) -> None:
        if self._ways:
            await self._ways.pop(0)(wake)
            return
        self.begun.set()
        await super().watch(wake)


@asynccontextmanager
async def watched(store: FailingStore) -> AsyncIterator[list[object]]:
    """What was woken until the store's watch is a good one."""
    woken: list[object] = []
    watching = asyncio.create_task(keep_watching(store, woken.append, sleep=lambda pause: asyncio.sleep(0)))
    async with asyncio.timeout(30):
        await store.begun.wait()
    yield woken
    await end(watching)


@pytest.mark.parametrize("way", [breaks, returns])
async def test_it_is_begun_again_and_everybody_looks(way: Watch) -> None:
    async with watched(FailingStore(way)) as woken:
        assert woken == [None]


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        ((breaks,), 1),
        ((breaks, returns, breaks), 1),
        ((breaks, hears_and_breaks, breaks), 2),
    ],
    ids=["once", "again and again: once", "heard in between: twice"],
)
async def test_it_is_told_once(ways: tuple[Watch, ...], told: int) -> None:
    with capture_logs() as logs:
        async with watched(FailingStore(*ways)):
            pass
    assert [log["log_level"] for log in logs] == ["error"] * told


async def test_an_agent_of_a_running_board_is_not_forgotten() -> None:
    """Its watch has ended; what another server publishes is found when the watch is begun again."""
    store = FailingStore(breaks)
    registry = TypeRegistry([ArtifactType(name="Finding", schema_={"type": "object"})])
    async with BlackboardService(store, registry) as service, asyncio.timeout(60):
        await store.begun.wait()
        editor = service.board(Identity("editor"))
        await editor.subscribe([Consumes(types=["Finding"])])
        await service.board(Identity("scout")).publish([Draft(type="Finding", payload={})])
        assert len(await editor.lease(1, 30)) == 1


async def test_who_waits_while_the_store_is_lost_is_let_go_and_can_say_again_what_it_wants() -> None:
    lost = asyncio.Event()

    async def is_lost(wake: Wake) -> None:
        wake(None)  # connected: nobody has lost anything
        await lost.wait()
        wake(None)  # connected anew: whatever was missed before

    store = FailingStore(is_lost)
    async with BlackboardService(store, TypeRegistry([])) as service, asyncio.timeout(60):
        waiting = asyncio.create_task(service.board(Identity("editor")).lease(1, 3600))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        lost.set()
        assert await waiting == []
