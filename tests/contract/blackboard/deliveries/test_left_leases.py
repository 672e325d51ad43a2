"""Who asks for deliveries and leaves before the answer takes nothing along, on every store.

The tests' clock stands still: no lease ends by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from agent_runtime.blackboard.board import Delivery
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import EDITOR, REGISTRY, SCOUT, Clock, consumes, finding, on_durable_stores
from tests.contract.conftest import TERMS, Connect
from tests.contract.hesitant import Hesitant

SOON = 60
"""Seconds until a test gives up waiting."""


@pytest.fixture
def store(place: Connect) -> Hesitant:
    return Hesitant(place())


@pytest.fixture
async def service(store: Hesitant, clock: Clock) -> AsyncIterator[BlackboardService]:
    """With a delivery for the editor."""
    async with BlackboardService(store, REGISTRY, clock=clock) as running:
        await running.board(EDITOR).subscribe([consumes()])
        await running.board(SCOUT).publish([finding(id="1")])
        yield running


async def leave(service: BlackboardService, when: Callable[[], Awaitable[object]]) -> None:
    """Ask for a delivery, and be cancelled."""
    asking = asyncio.create_task(service.board(EDITOR).lease(1, SOON))
    await when()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()


async def handed_out(service: BlackboardService) -> Delivery:
    [delivery] = await service.board(EDITOR).lease(1, SOON)
    return delivery


async def test_what_was_handed_out_to_who_has_left_goes_to_the_next(
    service: BlackboardService, store: Hesitant
) -> None:
    await leave(service, store.handed_out.wait)
    waits = asyncio.create_task(handed_out(service))
    store.answers.set()
    assert (await waits).artifacts[0].id == "1"


async def test_leaving_does_not_count_as_an_attempt(service: BlackboardService, store: Hesitant) -> None:
    for _ in range(2 * TERMS.max_deliveries):
        store.handed_out.clear()
        store.answers.clear()
        await leave(service, store.handed_out.wait)
        store.answers.set()
        delivery = await handed_out(service)
        await service.board(EDITOR).release(delivery.id)
    await service.board(EDITOR).fail((await handed_out(service)).id, "the only time that it fails")
    assert await service.dead_letters() == []


async def test_at_whatever_moment_it_leaves(service: BlackboardService, store: Hesitant) -> None:
    store.answers.set()
    for turns in range(12):
        asking = asyncio.create_task(service.board(EDITOR).lease(1, SOON))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        delivery = await handed_out(service) if asking.cancelled() else asking.result()[0]
        await service.board(EDITOR).release(delivery.id)


@on_durable_stores
async def test_nor_does_a_server_that_ends_meanwhile(place: Connect, clock: Clock) -> None:
    store = Hesitant(place())
    async with BlackboardService(store, REGISTRY, clock=clock) as ends:
        await ends.board(EDITOR).subscribe([consumes()])
        await ends.board(SCOUT).publish([finding(id="1")])
        await leave(ends, store.handed_out.wait)
        asyncio.get_running_loop().call_later(0.2, store.answers.set)
    async with BlackboardService(place(), REGISTRY, clock=clock) as next_one:
        assert (await handed_out(next_one)).attempt == 2


async def test_what_was_refused_to_who_has_left_is_nobodys_trouble(
    service: BlackboardService, store: Hesitant
) -> None:
    """The store goes away while nobody waits for its answer any more."""
    await leave(service, store.handed_out.wait)
    await service.forget("editor")
    store.answers.set()
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="2")])
    assert (await handed_out(service)).artifacts[0].id == "2"
