"""Who is subscribed and gone is forgotten by real boards; who is only broken, slow or new is not."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx2
import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.server.blackboard.app import create_app
from agent_runtime.server.blackboard.callers import signed_grant
from covey_operator.boards.subscription_gc import AGAIN, EVERY, SubscriptionGC
from covey_operator.informers.cache import Cache
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key, key_of
from covey_operator.kube.resources import ApiKind
from tests.clocks import ManualClock
from tests.unit.operator.worlds import FLOW, INSTALL, NEWSROOM, Object, resource

SCOUT = resource("Agent", "scout", {"blackboard": {"name": "newsroom"}, "model": {"name": "fast"}})
BROKEN = resource("Agent", "scout", {"blackboard": {"name": "newsroom", "consumes": "what?"}})
ELSEWHERE = resource("Agent", "scout", {"blackboard": {"name": "attic"}})
ON_IDEA = {"artifact": {"blackboard": "newsroom", "type": "Idea"}}
LISTENING: Object = {**FLOW, "spec": {**FLOW["spec"], "triggers": [ON_IDEA]}}
BOARD = key_of(NEWSROOM)


class ApiServer:
    """What it would say about single objects."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.away = False

    async def get(self, kind: ApiKind, namespace: str, name: str) -> Object | None:
        if self.away:
            raise ApiError(0, "Unreachable", "it is away")
        return self.objects.get(Key(kind.kind, namespace, name))


class World:
    """A blackboard's server, what the watches have shown, and what the API server knows."""

    def __init__(self) -> None:
        self.api = ApiServer()
        self.cache = Cache()
        self.clock = ManualClock()
        self.allowed = asyncio.Event()
        self.allowed.set()
        self._version = 0
        registry = TypeRegistry([ArtifactType(name="Idea", schema_={"type": "object"})])
        self.service = BlackboardService(MemoryStore(Limits()), registry)
        key = INSTALL.blackboard_key("news", "newsroom", NEWSROOM["metadata"]["uid"])
        self._app = create_app(self.service, signed_grant(key, grant_audience("news", "newsroom")))
        self.forgetting = self.operator()
        self.put(NEWSROOM)

    def operator(self) -> SubscriptionGC:
        """A process that has just started."""
        cluster = cast(KubeClient, self.api)
        return SubscriptionGC(
            cluster, self.cache, INSTALL, allowed=self.allowed, keep=self._keep, clock=self.clock
        )

    def _keep(self, namespace: str, name: str, token: str) -> BoardAdmin:
        assert (namespace, name) == ("news", "newsroom")
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self._app))
        return BoardAdmin("http://newsroom", token, patience=0, client=client)

    def put(self, body: Object) -> None:
        """It is there, and was seen."""
        self._version += 1
        self.api.objects[key_of(body)] = body
        self.cache.put({**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}})

    def delete(self, body: Object) -> None:
        """It is gone, and that was seen."""
        del self.api.objects[key_of(body)]
        self.cache.vanish(key_of(body))

    async def subscribe(self, name: str) -> None:
        """And something waits for it."""
        await self.service.board(Identity(name)).subscribe([Consumes(types=["Idea"])])
        await self.service.board(Identity("ann", "user")).publish([Draft(type="Idea", payload={})])

    async def subscribers(self) -> list[str]:
        return [one.identity.name for one in await self.service.subscriptions()]

    async def later(self, seconds: float) -> float:
        """So much later its turn comes; returns after how many seconds the next one does."""
        self.clock.advance(seconds)
        return await self.forgetting.look()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.service:
        yield world


@pytest.mark.parametrize(
    ("name", "there"), [("scout", SCOUT), ("flow.report", LISTENING)], ids=["agent", "flow"]
)
async def test_who_was_deleted_is_forgotten_at_the_second_look(
    world: World, name: str, there: Object
) -> None:
    world.put(there)
    await world.subscribe(name)
    assert await world.later(0) == EVERY
    world.delete(there)
    world.forgetting.gone(key_of(there))
    assert await world.later(1) == AGAIN
    assert await world.subscribers() == [name]
    assert await world.later(AGAIN) == EVERY
    assert await world.subscribers() == []
    assert (await world.service.stats()).pending.get(name, 0) == 0


async def test_what_waits_for_a_flow_that_has_unsubscribed_goes_too(world: World) -> None:
    """As the listeners of a deleted flow do it."""
    await world.subscribe("flow.report")
    await world.service.board(Identity("flow.report")).subscribe([])
    assert (await world.service.stats()).pending["flow.report"] == 1
    await world.later(0)
    await world.later(AGAIN)
    assert not any((await world.service.stats()).pending.values())


async def test_it_need_not_have_seen_the_deletion(world: World) -> None:
    await world.subscribe("scout")
    await world.later(0)
    world.forgetting = world.operator()
    assert await world.later(EVERY) == AGAIN, "what an earlier process saw does not count"
    await world.later(AGAIN)
    assert await world.subscribers() == []


@pytest.mark.parametrize("body", [BROKEN, {**SCOUT, "spec": {**SCOUT["spec"], "suspend": True}}])
async def test_who_exists_stays(world: World, body: Object) -> None:
    world.put(body)
    await world.subscribe("scout")
    for _ in range(3):
        assert await world.later(EVERY) == EVERY
    assert await world.subscribers() == ["scout"]


@pytest.mark.parametrize("body", [ELSEWHERE, FLOW], ids=["agent", "flow"])
async def test_who_has_left_the_board_is_forgotten(world: World, body: Object) -> None:
    world.put(body)
    await world.subscribe("scout" if body is ELSEWHERE else "flow.report")
    await world.later(0)
    await world.later(AGAIN)
    assert await world.subscribers() == []


async def test_who_was_made_anew_meanwhile_stays(world: World) -> None:
    await world.subscribe("scout")
    await world.later(0)
    world.put(SCOUT)
    assert await world.later(AGAIN) == EVERY
    assert await world.subscribers() == ["scout"]


async def test_a_watch_that_lags_behind_costs_nobody_its_inbox(world: World) -> None:
    world.put(SCOUT)
    world.cache.vanish(key_of(SCOUT))
    await world.subscribe("scout")
    await world.later(0)
    await world.later(AGAIN)
    assert await world.subscribers() == ["scout"]


async def test_an_api_server_that_is_away_costs_nobody_its_inbox(world: World) -> None:
    await world.subscribe("scout")
    await world.later(0)
    world.api.away = True
    assert await world.later(AGAIN) == AGAIN
    assert await world.subscribers() == ["scout"]
    world.api.away = False
    await world.later(AGAIN)
    assert await world.subscribers() == []


async def test_nobody_is_forgotten_while_another_operator_may_be_at_work(world: World) -> None:
    await world.subscribe("scout")
    await world.later(0)
    world.allowed.clear()
    assert await world.later(AGAIN) == AGAIN
    assert await world.subscribers() == ["scout"]


async def test_it_wakes_up_when_an_agent_is_deleted(world: World) -> None:
    world.put(SCOUT)
    await world.subscribe("scout")
    await world.later(0)
    looked = asyncio.Event()
    watched = world.forgetting.look

    async def look() -> float:
        pause = await watched()
        looked.set()
        return pause

    world.forgetting.look = look  # type: ignore[method-assign]  # to hear of it
    running = asyncio.create_task(world.forgetting.run())
    async with asyncio.timeout(30):
        await looked.wait()
        looked.clear()
        world.delete(SCOUT)
        world.forgetting.gone(key_of(SCOUT))
        await looked.wait()
    running.cancel()
    assert await world.later(AGAIN) == EVERY
    assert await world.subscribers() == []
