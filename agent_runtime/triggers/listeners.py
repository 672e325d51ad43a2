"""The listeners of all flows: started, renewed and ended as flows and their triggers come and go."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from random import Random

import structlog

from agent_runtime.api.flow import FlowResource
from agent_runtime.api.triggers import Trigger
from agent_runtime.blackboard.board import Board
from agent_runtime.core.background import spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.retry import Backoff
from agent_runtime.triggers.listener import Create, Listener
from agent_runtime.triggers.subscription import boards_of

_FAREWELL = Backoff(0.5, 60.0)

_log = structlog.get_logger(part="triggers")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A flow on a blackboard of its namespace."""

    namespace: str
    flow: str
    blackboard: str


@dataclass(frozen=True, slots=True)
class _Running:
    """A listener, and what it was started for."""

    uid: str
    triggers: tuple[Trigger, ...]
    task: asyncio.Task[None]

    def is_for(self, flow: FlowResource) -> bool:
        return (self.uid, self.triggers) == (flow.metadata.uid, tuple(flow.spec.triggers))


class Listeners:
    """All that listen in this process: `heard` have subscribed, `problems` says why some cannot.

    `connect` makes the board as the flow of the place sees it (`subscription.identity`), and raises
    LookupError when there is no such Blackboard. `tell` is called when a trouble comes, changes or goes.
    """

    def __init__(
        self,
        connect: Callable[[Place], AbstractAsyncContextManager[Board]],
        create: Create,
        *,
        tell: Callable[[Place], None] = lambda place: None,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
    ) -> None:
        self._connect = connect
        self._create = create
        self._notify = tell
        self._clock = clock
        self._random = random or Random()
        self._running: dict[Place, _Running] = {}
        self._farewells: dict[Place, asyncio.Task[None]] = {}
        self._following = asyncio.Lock()
        self.problems: dict[Place, str] = {}
        self.heard: set[Place] = set()

    async def follow(self, flows: Iterable[FlowResource]) -> None:
        """Listen for the artifact triggers of these flows, and of no others.

        The subscription of a flow or trigger that is gone is taken back; that goes on in the background
        when the board is away. Call it with all flows, whenever one has changed.
        """
        wanted = {
            Place(flow.namespace, flow.name, board): flow
            for flow in flows
            for board in boards_of(flow.spec.triggers)
        }
        async with self._following:
            gone = self._running.keys() - wanted.keys()
            changed = {
                place
                for place, flow in wanted.items()
                if place in self._running and not self._running[place].is_for(flow)
            }
            await _ended(self._running.pop(place).task for place in gone | changed)
            for place in gone:
                self.problems.pop(place, None)
                self.heard.discard(place)
                self._farewells[place] = spawn(self._take_back(place), name=f"leave {place}")
            for place, flow in wanted.items():
                if place not in self._running:
                    await self._start(place, flow)

    async def close(self) -> None:
        """Stop listening and leave the subscriptions as they are: what comes waits for the next process."""
        async with self._following:
            await _ended([*(each.task for each in self._running.values()), *self._farewells.values()])
            self._running, self._farewells, self.problems = {}, {}, {}

    async def _start(self, place: Place, flow: FlowResource) -> None:
        if farewell := self._farewells.pop(place, None):
            await _ended([farewell])
        listener = Listener(
            flow,
            place.blackboard,
            partial(self._connect, place),
            self._create,
            partial(self._tell, place),
            clock=self._clock,
            random=self._random,
        )
        task = spawn(listener.run(), name=f"listen {place}")
        self._running[place] = _Running(flow.metadata.uid, tuple(flow.spec.triggers), task)

    def _tell(self, place: Place, trouble: str) -> None:
        before = self.problems.pop(place, "")
        is_first = not trouble and place not in self.heard
        if trouble:
            self.problems[place] = trouble
        else:
            self.heard.add(place)
        if trouble != before or is_first:
            self._notify(place)

    async def _take_back(self, place: Place) -> None:
        """Consume nothing any more; until the board has heard it, or is gone itself."""
        attempt = 1
        while True:
            try:
                async with self._connect(place) as board:
                    await board.subscribe([])
                break
            except LookupError:
                break
            except Exception as error:  # what it is does not matter: a forgotten inbox would fill up
                _log.warning("cannot take a subscription back", place=str(place), error=str(error))
            await self._clock.sleep(_FAREWELL.delay(attempt, self._random.uniform))
            attempt += 1
        self._farewells.pop(place, None)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them and wait for their ends."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
