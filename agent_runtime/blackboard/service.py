"""The blackboard in process: registry, matching and a store made into one service.

The laptop uses it as it is; the server puts HTTP in front of it. Any number of processes may run one on
the same store: what they must agree on is in the store, what is here can be lost at any time.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

from agent_runtime.blackboard.admission import Admission
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError, Identity, Query
from agent_runtime.blackboard.events import Announcer, Observer, nobody
from agent_runtime.blackboard.inbox import Inbox
from agent_runtime.blackboard.local_board import LocalBoard
from agent_runtime.blackboard.matching import Verdict
from agent_runtime.blackboard.publisher import Publisher
from agent_runtime.blackboard.reading import Reader, parse_cursor
from agent_runtime.blackboard.refusals import refusals
from agent_runtime.blackboard.stores.port import DeadLetter, Stats, Store
from agent_runtime.blackboard.tasks import end
from agent_runtime.blackboard.timer import Timer
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.blackboard.waiters import ANYTHING, Waiters


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


class BlackboardService:
    """One board. `async with` it: entering opens the store, leaving lets all waiters go and closes it."""

    def __init__(
        self,
        store: Store,
        registry: TypeRegistry,
        *,
        max_payload: int = 262_144,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        observer: Observer = nobody,
    ) -> None:
        """`max_payload` in bytes of JSON. The store keeps the other bounds (`stores.port.Terms`)."""
        self.store = store
        self.registry = registry
        self._clock = clock
        self._tell = Announcer(observer, clock)
        self._waiters = Waiters()
        self._timer = Timer(self.sweep, clock)
        self._reader = Reader(store, clock)
        admission = Admission(registry, max_payload, new_id)
        self._publisher = Publisher(store, admission, self._waiters, self._timer, self._tell, clock)
        self._inbox = Inbox(
            store,
            registry,
            self._publisher,
            self._reader,
            self._waiters,
            self._timer,
            self._tell,
            clock,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "BlackboardService":
        with refusals():
            await self.store.open()
        self._tasks = [
            asyncio.create_task(self._timer.run(), name="blackboard timer"),
            asyncio.create_task(self.store.watch(self._woken_from_afar), name="blackboard watch"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drain()
        for task in self._tasks:
            await end(task)
        await self.store.close()

    def board(self, identity: Identity) -> LocalBoard:
        """The board as this identity sees it."""
        return LocalBoard(identity, self._publisher, self._reader, self._inbox)

    def drain(self) -> None:
        """Let all who wait go, now and from now on; everything else keeps working."""
        self._waiters.close()

    @property
    def draining(self) -> bool:
        """True once `drain` was called."""
        return self._waiters.closed

    async def sweep(self) -> datetime | None:
        """Do what has become due; returns when to come again, None when nothing is planned."""
        swept = await self.store.sweep(self._clock())
        for agent in swept.ready:
            self._waiters.wake(agent)
        for delivery in swept.expired:
            self._tell("expired", delivery.rpartition("@")[2], delivery=delivery)
        for letter in swept.dead:
            self._tell("dead", letter.agent, delivery=letter.delivery, message=letter.error)
        return swept.next_due

    async def follow(self, reader: Identity, query: Query) -> AsyncIterator[tuple[str, Artifact]]:
        """What the reader may see, from the query's cursor on and on as it is published, with cursors.

        Ends when the board drains. An artifact under embargo is passed over, and does not come later.
        """
        position = parse_cursor(query.cursor)
        while not self._waiters.closed:
            with self._waiters.on(ANYTHING) as woken:
                with refusals():
                    stretch = await self._reader.walk(reader, query, position)
                for at, artifact in stretch.found:
                    yield str(at), artifact
                position = stretch.position
                if not stretch.more:
                    await woken.wait()

    async def explain(self, artifact_id: str, agent: str) -> tuple[Verdict, ...]:
        """Why an artifact sets the agent to work or does not, by entry of its `consumes`. For admins."""
        with refusals():
            artifact = (await self.store.get([artifact_id]))[0]
            if artifact is None:
                raise BoardError("not_found", f"there is no artifact {artifact_id!r}", status=404)
            return (await self._publisher.index()).explain(artifact, agent)

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest deliveries that were given up. For admins."""
        with refusals():
            return await self.store.dead_letters(limit)

    async def stats(self) -> Stats:
        """How full the board is."""
        with refusals():
            return await self.store.stats()

    def _woken_from_afar(self, agents: Sequence[str] | None) -> None:
        if agents is None:
            self._waiters.wake_all()
            return
        for agent in agents:
            self._waiters.wake(agent)
        self._waiters.wake(ANYTHING)
