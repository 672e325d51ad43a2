"""Which runs may be deleted while artifacts may still come again, and what a Flow says when it is deaf."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from agent_runtime.api.flow import FlowResource
from agent_runtime.blackboard.board import Board, BoardError
from covey_operator.boards.trigger_listeners import TriggerListeners
from covey_operator.informers.cache import Cache
from covey_operator.kube.client import KubeClient
from covey_operator.kube.keys import Key, key_of
from tests.clocks import ManualClock
from tests.unit.operator.worlds import FLOW, INSTALL, NEWSROOM, Object, resource

ON_IDEA = {"artifact": {"blackboard": "newsroom", "type": "Idea"}}
HEARING: Object = {**FLOW, "spec": {**FLOW["spec"], "triggers": [ON_IDEA]}}
KEY = key_of(HEARING)


def run(name: str, annotation: str | None) -> Object:
    labels = {"covey.dev/flow": "report", "covey.dev/trigger": "x"} if annotation else {}
    annotations = {annotation: "y"} if annotation else {}
    return resource("FlowRun", name, {"flow": {"name": "report"}}, labels=labels, annotations=annotations)


ARTIFACT = run("by-artifact", "covey.dev/artifact")
CRON = run("by-cron", "covey.dev/scheduled-time")
PERSON = run("by-hand", None)
RUNS = [key_of(each) for each in (ARTIFACT, CRON, PERSON)]
OTHERS = tuple(RUNS[1:])


def flow(body: Object = HEARING) -> FlowResource:
    return FlowResource.model_validate(body)


class World:
    """A cache with a Flow, its board and its runs; the board answers nobody."""

    def __init__(self, *objects: Object) -> None:
        self.cache = Cache()
        for number, each in enumerate(objects):
            self.cache.put({**each, "metadata": {**each["metadata"], "resourceVersion": str(number + 1)}})
        self.clock = ManualClock()
        self.told: list[Key] = []
        self.tokens: list[tuple[str, str, str]] = []
        self.heard = asyncio.Event()
        self.listening = TriggerListeners(
            cast(KubeClient, None),  # no run is made here
            self.cache,
            INSTALL,
            allowed=asyncio.Event(),
            tell=self._tell,
            connect=self._connect,
            clock=self.clock,
        )

    def _tell(self, key: Key) -> None:
        self.told.append(key)
        self.heard.set()

    @asynccontextmanager
    async def _connect(self, namespace: str, name: str, token: str) -> AsyncIterator[Board]:
        self.tokens.append((namespace, name, token))
        raise BoardError("unreachable", "the blackboard does not answer", status=503)
        yield cast(Board, None)


def test_what_an_earlier_process_made_for_artifacts_stays_until_they_have_come_again() -> None:
    world = World(NEWSROOM, HEARING, ARTIFACT, CRON, PERSON)
    world.listening.hear(KEY, flow())
    free, later = world.listening.deletable(RUNS)
    assert (free, later) == (OTHERS, 90.0)
    world.clock.advance(89)
    assert world.listening.deletable(RUNS) == (OTHERS, 1.0)
    world.clock.advance(1)
    assert world.listening.deletable(RUNS) == (tuple(RUNS), None)


def test_a_longer_lease_of_the_board_takes_longer() -> None:
    board = {**NEWSROOM, "spec": {**NEWSROOM["spec"], "lease": {"ttl": "5m"}}}
    world = World(board, HEARING, ARTIFACT)
    world.listening.hear(KEY, flow())
    assert world.listening.deletable(RUNS[:1]) == ((), 360.0)


def test_before_the_first_pass_of_their_flow_they_stay() -> None:
    world = World(NEWSROOM, HEARING, ARTIFACT)
    assert world.listening.deletable(RUNS[:1]) == ((), 60.0)


def test_without_the_board_nothing_can_come_again() -> None:
    world = World(HEARING, ARTIFACT)
    world.listening.hear(KEY, flow())
    assert world.listening.deletable(RUNS[:1]) == (tuple(RUNS[:1]), None)


def test_a_new_flow_is_not_ready_before_it_has_subscribed() -> None:
    world = World(NEWSROOM, HEARING)
    world.listening.hear(KEY, flow())
    said = world.listening.trouble(KEY, was_ready=False)
    assert said == 'Blackboard "newsroom" has not answered yet'
    assert world.listening.trouble(KEY, was_ready=True) == "", "its subscription is there from before"


@pytest.mark.parametrize("there", [True, False], ids=["silent", "missing"])
async def test_a_board_that_is_away_is_the_flows_trouble(there: bool) -> None:
    world = World(*([NEWSROOM] if there else []), HEARING)
    running = asyncio.create_task(world.listening.run())
    world.listening.hear(KEY, flow())
    async with asyncio.timeout(60):
        await world.heard.wait()
    assert world.told == [KEY]
    why = "does not answer" if there else "there is no such Blackboard"
    assert 'Blackboard "newsroom"' in world.listening.trouble(KEY, was_ready=True)
    assert why in world.listening.trouble(KEY, was_ready=True)
    assert bool(world.tokens) is there
    world.listening.forget(KEY)
    assert world.listening.trouble(KEY, was_ready=True) == ""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
