"""The blackboard in process: registry, matching and a store made into one service.

The laptop uses it as it is; the server puts HTTP in front of it. Any number of processes may run one on
the same store: what they must agree on is in the store, what is here can be lost at any time.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import AccessPolicy, Isolation
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.ids import new_id
from agent_runtime.blackboard.matching.matcher import Verdict
from agent_runtime.blackboard.matching.similarity import SimilarityIndex
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.schema.validation import Validator
from agent_runtime.blackboard.service.dead_letters import DeadLetters
from agent_runtime.blackboard.service.deadlines import Timer
from agent_runtime.blackboard.service.denials import ThrottledDenials
from agent_runtime.blackboard.service.events import EventEmitter, Observer, nobody
from agent_runtime.blackboard.service.inbox import Inbox
from agent_runtime.blackboard.service.local_board import LocalBoard
from agent_runtime.blackboard.service.publisher import Publisher
from agent_runtime.blackboard.service.queries import Reader
from agent_runtime.blackboard.service.retention import Pruner, Retention
from agent_runtime.blackboard.service.store_errors import refusals
from agent_runtime.blackboard.service.store_watch import keep_watching
from agent_runtime.blackboard.service.streams import Streams
from agent_runtime.blackboard.service.waiters import ANYTHING, REST, Waiters
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import DeadLetter, ExpiryReport, Stats
from agent_runtime.core.background import spawn
from agent_runtime.core.tasks import end
from agent_runtime.embedding.port import Embedder


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
        isolation: Isolation | None = None,
        retention: Retention | None = None,
        may_prune: Callable[[], bool] = lambda: True,
        embedder: Embedder | None = None,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_id,
        observer: Observer = nobody,
    ) -> None:
        """`max_payload` in bytes of JSON. The store keeps the other bounds (`stores.records.Terms`).

        Without `isolation` visibility alone decides who sees what; without `retention` everything is kept,
        and while `may_prune` says no, too;
        without an `embedder`, which is closed with the service, nobody can ask for what is similar.
        """
        self.store = store
        self.registry = registry
        self._clock = clock
        self._tell = EventEmitter(observer, clock)
        self._turned_away = ThrottledDenials(self._tell)
        self._waiters = Waiters()
        self._timer = Timer(self.sweep, clock)
        self._access = AccessPolicy(isolation)
        self._reader = Reader(store, registry, self._access, self._tell, clock)
        self._streams = Streams(store, self._reader, self._waiters, self._timer, clock)
        self._letters = DeadLetters(store, self._waiters, self._tell, clock)
        self._pruner = Pruner(store, retention or Retention(), self._tell, clock, may_prune)
        self._similarity = None if embedder is None else SimilarityIndex(embedder)
        admission = Validator(registry, max_payload, new_id, isolation)
        self._publisher = Publisher(
            store,
            registry,
            admission,
            self._waiters,
            self._timer,
            self._tell,
            clock,
            isolation,
            self._similarity,
        )
        self._inbox = Inbox(
            store,
            registry,
            self._publisher,
            self._reader,
            self._waiters,
            self._timer,
            self._tell,
            clock,
            embeds=embedder is not None,
        )
        self._watched = False
        """Whether other processes have been heard of on the store."""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "BlackboardService":
        with refusals():
            await self.store.open()
        self._tasks = [
            spawn(self._timer.run(), name="blackboard timer"),
            spawn(keep_watching(self.store, self._woken_from_afar), name="blackboard watch"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drain()
        for task in self._tasks:
            await end(task)
        await self._inbox.finish()
        self._turned_away.flush()
        if self._similarity is not None:
            await self._similarity.close()
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

    async def rest(self, agents: Collection[str]) -> None:
        """Return when each of these agents asks for deliveries and finds none.

        All of them ask in this process. What waits for its time, or for the others of its group, is not
        waited for.
        """
        while True:
            with self._waiters.on(REST) as rested:
                if self._waiters.closed or self._waiters.is_idle(agents):
                    return
                await rested.wait()

    def is_idle(self, agents: Collection[str]) -> bool:
        """Whether `rest` would return at once."""
        return self._waiters.is_idle(agents)

    async def sweep(self) -> datetime | None:
        """Do what has become due; returns when to come again, None when nothing is planned."""
        swept = await self.store.sweep(self._clock())
        self._announce(swept)
        opens = self._streams.wake(self._clock())
        prunes = await self._pruner.when_due()
        return min((due for due in (swept.next_due, opens, prunes) if due is not None), default=None)

    def _announce(self, swept: ExpiryReport) -> None:
        for agent in swept.ready:
            self._waiters.wake(agent)
        for delivery in swept.expired:
            self._tell("expired", delivery.rpartition("@")[2], delivery=delivery)
        for one in swept.incomplete:
            message = f"{one.message} (onTimeout: {one.expiry})"
            self._tell("incomplete", one.agent, delivery=one.delivery, message=message)
        for letter in swept.dead:
            self._tell("dead", letter.agent, delivery=letter.delivery, message=letter.error, letter=letter)

    def follow(self, reader: Identity, query: Query) -> AsyncGenerator[tuple[str, Artifact], None]:
        """What the reader may see, from the query's cursor on and on as it is published, with cursors.

        What is under embargo comes when its time has come. A stream that goes on from a cursor misses
        nothing; what came out of an embargo just before may come twice. Ends when the board drains.
        """
        return self._streams.follow(reader, query)

    async def invoke(self, caller: Identity, agent: str, draft: Draft) -> tuple[str, Artifact]:
        """Set one agent to work by name: store the artifact, and deliver it to this agent alone.

        Asks for the type, the mode (Direct or Both) and whether the agent may see it; not for predicates,
        tags or producers. Returns the delivery's name and the artifact. An id that is there already, with the
        same content, sets nothing off again. Raises BoardError: 404 when the agent is not subscribed, 422
        `not_invocable` for type and mode, 403 for what it may not see.
        """
        with refusals():
            return await self._publisher.invoke(caller, agent, draft)

    async def explain(self, artifact_id: str, agent: str) -> tuple[Verdict, ...]:
        """Why an artifact sets the agent to work or does not, by entry of its `consumes`. For admins."""
        with refusals():
            artifact = (await self.store.get([artifact_id]))[0]
            if artifact is None:
                raise BoardError("not_found", f"there is no artifact {artifact_id!r}", status=404)
            return await self._publisher.explain(artifact, agent)

    async def explain_all(self, artifact_id: str) -> dict[str, tuple[Verdict, ...]]:
        """By whom an artifact is consumed: the same for each who is subscribed, by name. For admins."""
        with refusals():
            artifact = (await self.store.get([artifact_id]))[0]
            if artifact is None:
                raise BoardError("not_found", f"there is no artifact {artifact_id!r}", status=404)
            return await self._publisher.explain_all(artifact)

    @property
    def strict(self) -> bool:
        """Whether tenants are kept apart."""
        return self._access.strict

    async def dead_letters(self, limit: int = 100, agent: str | None = None) -> list[DeadLetter]:
        """The newest deliveries that were given up, of one agent only when named. For admins."""
        return await self._letters.newest(limit, agent)

    async def dead_letter(self, delivery: str) -> tuple[DeadLetter, list[Artifact]]:
        """One delivery that was given up, and its artifacts. Raises BoardError `not_found`. For admins."""
        return await self._letters.get(delivery)

    async def replay(self, deliveries: Sequence[str]) -> list[DeadLetter]:
        """Offer dead letters again, all or none. Raises BoardError `not_found`. For admins."""
        return await self._letters.replay(deliveries)

    async def drop(self, deliveries: Sequence[str]) -> int:
        """Delete dead letters for good; returns how many there were. For admins."""
        return await self._letters.drop(deliveries)

    async def subscriptions(self) -> tuple[Subscriber, ...]:
        """Who is subscribed to what. For admins."""
        with refusals():
            return (await self.store.subscribers()).members

    async def forget(self, agent: str) -> int:
        """Remove an agent's subscription and all its deliveries; returns how many went. For admins."""
        with refusals():
            gone = await self.store.forget(agent)
        self._tell("forgotten", agent, count=gone, message=f"{gone} deliveries went with its subscription")
        return gone

    async def prune(self) -> int:
        """One step of removing what the retention lets go; returns how many artifacts went.

        The board takes such steps by itself.
        """
        with refusals():
            return await self._pruner.prune()

    async def stats(self, reader: Identity | None = None) -> Stats:
        """How full the board is; without a `reader`, for the server itself.

        Where tenants are kept apart, only admins see whose inboxes are how full.
        """
        with refusals():
            found = await self.store.stats()
        if reader is not None and self._access.strict and reader.role != "admin":
            return replace(found, pending={})
        return replace(found, unconsumed=dict(self._publisher.unconsumed))

    def deny(self, caller: Identity | None, message: str) -> None:
        """Tell that a call was denied before it got to the board; None: whoever it is proved nothing."""
        if caller is None:
            self._turned_away(message)
        else:
            self._tell("denied", identity=caller, message=message)

    def _woken_from_afar(self, agents: Sequence[str] | None) -> None:
        if agents is None:  # connected: for the first time, or anew
            wake = self._waiters.interrupt if self._watched else self._waiters.wake_all
            self._watched = True
            wake()
            return
        for agent in agents:
            self._waiters.wake(agent)
        self._waiters.wake(ANYTHING)
