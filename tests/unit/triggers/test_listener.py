"""Artifacts of a real board, in memory, made into runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.triggers.listener import ApiUnavailable
from agent_runtime.triggers.listeners import Listeners, Place
from agent_runtime.triggers.runs import artifact_run
from agent_runtime.triggers.subscription import identity
from tests.clocks import SteppingClock, eventually
from tests.unit.triggers.builders import cron, flow, on

TILL = Identity("till", "user")
SOON = 30
"""Seconds until a test gives up waiting."""


class Shop:
    """A board for orders and invoices, and the runs that were made of them."""

    def __init__(self, clock: SteppingClock | None = None) -> None:
        """On the machine's clock, or one that passes by itself."""
        self.sleeps = clock.sleeps if clock else []
        time: Clock = clock or SYSTEM_CLOCK
        self.events: list[BoardEvent] = []
        self._ahead = timedelta(0)
        self._news = asyncio.Event()
        self.service = BlackboardService(
            MemoryStore(Limits(lease=timedelta(seconds=30), max_deliveries=3)),
            TypeRegistry(
                [ArtifactType(name=name, schema_={"type": "object"}) for name in ("Order", "Invoice")]
            ),
            clock=lambda: time.now() + self._ahead,
            observer=self._note,
        )
        self.runs: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []
        """Names of all runs whose creation was asked for."""
        self.troubles_with_runs: list[Exception] = []
        """Raised by the next creations."""
        self.troubles_with_board: list[Exception] = []
        """Raised by the next connections."""
        self.connected = 0
        self.told: list[Place] = []
        self.listeners = Listeners(
            self._connect, self._create, tell=self.told.append, clock=time, random=Random(3)
        )

    def _connect(self, place: Place) -> AbstractAsyncContextManager[Board]:
        if self.troubles_with_board:
            raise self.troubles_with_board.pop(0)
        self.connected += 1
        assert (place.namespace, place.blackboard) == ("news", "shop")
        return nullcontext(self.service.board(identity(place.flow)))

    async def _create(self, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self.asked.append(name)
        await asyncio.sleep(0)
        if self.troubles_with_runs:
            raise self.troubles_with_runs.pop(0)
        self.runs.setdefault(name, manifest)

    def _note(self, event: BoardEvent) -> None:
        self.events.append(event)
        self._news.set()
        self._news = asyncio.Event()

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)

    async def until(self, kind: str, count: int = 1) -> None:
        """Wait for events of that kind."""
        async with asyncio.timeout(SOON):
            while self.count(kind) < count:
                await self._news.wait()

    async def publish(self, *payloads: dict[str, Any], type: str = "Order", **fields: Any) -> list[Artifact]:
        drafts = [Draft(type=type, payload=payload, **fields) for payload in payloads]
        return await self.service.board(TILL).publish(drafts)

    async def pass_time(self) -> None:
        """An hour, at once: what waits to be tried again is due."""
        self._ahead += timedelta(hours=1)
        await self.service.sweep()

    async def subscribers(self) -> list[str]:
        return [member.identity.name for member in (await self.service.store.subscribers()).members]

    @property
    def told_orders(self) -> list[Any]:
        return [run["spec"]["params"].get("order") for run in self.runs.values()]


@pytest.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    here = Shop(getattr(request, "param", None))
    async with here.service:
        yield here
        async with asyncio.timeout(SOON):
            await here.listeners.close()


TELL = {"order": "${artifact.payload.n}"}


async def test_every_artifact_that_matches_makes_a_run(shop: Shop) -> None:
    await shop.listeners.follow([flow(cron(), on(where="payload.n > 1", params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 1}, {"n": 2}, {"n": 3})
    await shop.publish({"n": 4}, type="Invoice")
    await shop.until("acknowledged", 2)
    assert sorted(shop.told_orders) == [2, 3]
    assert len(shop.asked) == 2


async def test_two_triggers_that_want_one_artifact_make_two_runs(shop: Shop) -> None:
    both = flow(on(params={"case": "any"}), on(tags=["big"], params={"case": "big"}), on("Invoice"))
    await shop.listeners.follow([both])
    await shop.until("subscribed")
    await shop.publish({}, tags=("big",))
    await shop.publish({})
    await shop.until("acknowledged", 2)
    assert sorted(run["spec"]["params"]["case"] for run in shop.runs.values()) == ["any", "any", "big"]


async def test_two_flows_each_get_their_own(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(), name="one"), flow(on(), name="other"), flow(cron(), name="none")])
    await shop.until("subscribed", 2)
    await shop.publish({})
    await shop.until("acknowledged", 2)
    assert sorted(name.partition("-")[0] for name in shop.runs) == ["one", "other"]
    assert await shop.subscribers() == ["flow.one", "flow.other"]


async def test_what_came_while_nobody_listened_is_not_lost(shop: Shop) -> None:
    report = flow(on(params=TELL))
    await shop.listeners.follow([report])
    await shop.until("subscribed")
    await shop.listeners.close()
    await shop.publish({"n": 7})
    assert await shop.subscribers() == ["flow.report"]
    await shop.listeners.follow([report])
    await shop.until("acknowledged")
    assert shop.told_orders == [7]


async def test_a_trigger_that_is_gone_takes_its_subscription_back(shop: Shop) -> None:
    await shop.listeners.follow([flow(on()), flow(on(), name="other")])
    await shop.until("subscribed", 2)
    await shop.listeners.follow([flow(cron()), flow(on(), name="other")])
    await shop.until("subscribed", 3)
    assert await shop.subscribers() == ["flow.other"]


async def test_an_edited_trigger_decides_on_what_waits_already(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await shop.listeners.close()
    await shop.publish({"n": 1}, {"n": 2})
    await shop.listeners.follow([flow(cron(), on(where="payload.n == 2", params=TELL))])
    await shop.until("acknowledged", 2)
    assert shop.told_orders == [2]


async def test_only_what_changed_is_started_anew(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(params=TELL)), flow(on(params=TELL), name="other")])
    await shop.until("subscribed", 2)
    before = {task for task in asyncio.all_tasks() if task.get_name().startswith("listen")}
    changed = flow(on(params={"order": "changed"}))
    await shop.listeners.follow([changed, flow(on(params=TELL), name="other")])
    after = {task for task in asyncio.all_tasks() if task.get_name().startswith("listen")}
    assert len(before) == len(after) == 2
    [same] = before & after
    assert "other" in same.get_name()
    await shop.publish({"n": 5})
    await shop.until("acknowledged", 2)
    assert {str(order) for order in shop.told_orders} == {"5", "changed"}


async def test_a_flow_made_anew_runs_anew(shop: Shop) -> None:
    await shop.listeners.follow([flow(on())])
    await shop.until("subscribed")
    await shop.listeners.follow([flow(on(), uid="u2")])
    [order] = await shop.publish({})
    await shop.until("acknowledged")
    assert [*shop.runs] == [artifact_run(flow(on(), uid="u2"), 0, order)["metadata"]["name"]]


async def test_a_poisoned_expression_fails_its_artifact_and_no_other(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(params={"order": "${1 / artifact.payload.n}"}))])
    await shop.until("subscribed")
    await shop.publish({"n": 0}, {"n": 1})
    await shop.until("dead")
    await shop.until("acknowledged")
    [letter] = await shop.service.dead_letters()
    assert 'Flow "report", spec.triggers[0].params.order: expression' in letter.error
    assert letter.attempts == 1, "it cannot succeed later"
    assert shop.told_orders == [1]


async def test_one_poisoned_trigger_does_not_stop_the_other(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(params={"order": "${1 / artifact.payload.n}"}), on(params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 0})
    await shop.until("dead")
    assert shop.told_orders == [0]


@pytest.mark.parametrize("shop", [SteppingClock()], indirect=True)
async def test_who_makes_runs_is_waited_for(shop: Shop) -> None:
    shop.troubles_with_runs = [ApiUnavailable("the API server does not answer") for _ in range(20)]
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 1})
    await shop.until("acknowledged")
    assert shop.told_orders == [1]
    assert (shop.count("leased"), shop.count("failed")) == (1, 0), "the artifact was held all the time"
    assert sum(shop.sleeps) > 60, "which is longer than its lease"


async def test_what_is_refused_comes_again_and_goes_to_the_dead_letters_in_the_end(shop: Shop) -> None:
    shop.troubles_with_runs = [PermissionError("quota is used up") for _ in range(3)]
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 1})
    for attempt in (1, 2):
        await shop.until("failed", attempt)
        await shop.pass_time()
    await shop.until("dead")
    [letter] = await shop.service.dead_letters()
    assert (letter.attempts, letter.error) == (3, "quota is used up")
    assert shop.runs == {}


@pytest.mark.parametrize("shop", [SteppingClock()], indirect=True)
async def test_a_board_that_is_away_is_asked_again_and_the_trouble_told(shop: Shop) -> None:
    away = [BoardError("unreachable", "it does not answer", status=503) for _ in range(3)]
    shop.troubles_with_board = [LookupError("there is no Blackboard"), *away]
    await shop.listeners.follow([flow(on(params=TELL))])
    place = Place("news", "report", "shop")
    await eventually(lambda: shop.listeners.problems)
    assert shop.listeners.problems == {place: 'Blackboard "shop": there is no Blackboard'}
    await shop.until("subscribed")
    await eventually(lambda: not shop.listeners.problems)
    assert shop.told == [place] * 3, "it came, changed and went"
    await shop.publish({"n": 1})
    await shop.until("acknowledged")
    assert shop.told_orders == [1]


@pytest.mark.parametrize("shop", [SteppingClock()], indirect=True)
async def test_a_subscription_that_the_board_refuses_is_told(shop: Shop) -> None:
    await shop.listeners.follow([flow(on("Poem"))])
    await eventually(lambda: shop.listeners.problems)
    [trouble] = shop.listeners.problems.values()
    assert trouble.startswith("Blackboard \"shop\": consumes/0/types/0: there is no type 'Poem'")


@pytest.mark.parametrize("shop", [SteppingClock()], indirect=True)
async def test_a_subscription_is_taken_back_when_the_board_is_there_again(shop: Shop) -> None:
    await shop.listeners.follow([flow(on())])
    await shop.until("subscribed")
    shop.troubles_with_board = [BoardError("unreachable", "away", status=503) for _ in range(5)]
    await shop.listeners.follow([])
    await shop.until("subscribed", 2)
    assert await shop.subscribers() == []
    assert shop.listeners.problems == {}


@pytest.mark.parametrize("shop", [SteppingClock()], indirect=True)
async def test_a_trigger_that_comes_back_meanwhile_keeps_its_subscription(shop: Shop) -> None:
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    shop.troubles_with_board = [BoardError("unreachable", "away", status=503)]
    await shop.listeners.follow([])
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.publish({"n": 1})
    await shop.until("acknowledged")
    assert await shop.subscribers() == ["flow.report"]
    assert shop.told_orders == [1]


async def test_a_board_that_is_gone_is_not_taken_leave_of(shop: Shop) -> None:
    await shop.listeners.follow([flow(on())])
    await shop.until("subscribed")
    shop.troubles_with_board = [LookupError("there is no Blackboard")]
    await shop.listeners.follow([])
    await eventually(lambda: not any(t.get_name().startswith("leave") for t in asyncio.all_tasks()))
    assert await shop.subscribers() == ["flow.report"], "it was not asked a second time"


async def test_stopping_gives_back_what_is_under_way(shop: Shop) -> None:
    asked = asyncio.Event()

    async def never(manifest: Mapping[str, Any]) -> None:
        asked.set()
        await asyncio.Event().wait()

    stuck = Listeners(shop._connect, never)
    await stuck.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 1})
    async with asyncio.timeout(SOON):
        await asked.wait()
        await stuck.close()
    assert shop.count("released") == 1
    await shop.listeners.follow([flow(on(params=TELL))])
    await shop.until("acknowledged")
    assert shop.told_orders == [1]


async def test_two_processes_at_once_make_one_run_of_each(shop: Shop) -> None:
    """As when one operator takes over from another that does not know it yet."""
    other = Listeners(shop._connect, shop._create)
    for listeners in (shop.listeners, other):
        await listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await eventually(lambda: shop.connected == 2)
    for n in range(0, 60, 3):
        await shop.publish({"n": n}, {"n": n + 1}, {"n": n + 2})
    await shop.until("acknowledged", 60)
    await other.close()
    assert sorted(shop.told_orders) == [*range(60)]


async def test_a_run_whose_acknowledgement_was_lost_is_not_made_again_even_when_it_is_gone(
    shop: Shop,
) -> None:
    board = shop.service.board(identity("report"))
    lost = [True]
    original = board.acknowledge

    async def acknowledge(delivery_id: str, results: list[Draft]) -> list[Artifact]:
        if lost:
            lost.clear()
            await board.fail(delivery_id, "the lease ran out")
            raise BoardError("lease_lost", "it ran out", status=409)
        return await original(delivery_id, results)

    board.acknowledge = acknowledge  # type: ignore[method-assign, assignment]
    listeners = Listeners(lambda place: nullcontext(board), shop._create)
    await listeners.follow([flow(on(params=TELL))])
    await shop.until("subscribed")
    await shop.publish({"n": 1})
    await shop.until("acknowledged")
    await listeners.close()
    assert (shop.count("leased"), len(shop.asked)) == (2, 1)
