"""Consuming: subscribe, lease, heartbeat, and finish with the results or give back."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard import lease as leases
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Delivery
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.result_ids import ids_of_results
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.deadlines import Timer
from agent_runtime.blackboard.service.events import EventEmitter
from agent_runtime.blackboard.service.publisher import Publisher
from agent_runtime.blackboard.service.queries import Reader
from agent_runtime.blackboard.service.returning import Returning
from agent_runtime.blackboard.service.store_errors import check_batch
from agent_runtime.blackboard.service.waiters import Waiters
from agent_runtime.blackboard.stores.errors import Finished, StoreError
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Leased, Publication
from agent_runtime.blackboard.wire import progress_notes as notes

_NO_LONGER = "it may no longer see what was put into its inbox"
_NAMED = 256
"""Characters of a lease that somebody guesses which are told."""
_log = structlog.get_logger(__name__)


class Inbox:
    """The inboxes of a board's agents; every call is on behalf of one."""

    def __init__(
        self,
        store: Store,
        registry: TypeRegistry,
        publisher: Publisher,
        reader: Reader,
        waiters: Waiters,
        timer: Timer,
        tell: EventEmitter,
        clock: Callable[[], datetime],
        *,
        embeds: bool,
    ) -> None:
        """`embeds` says whether agents may ask for what is similar to a text."""
        self._embeds = embeds
        self._store = store
        self._registry = registry
        self._publisher = publisher
        self._reader = reader
        self._waiters = waiters
        self._timer = timer
        self._tell = tell
        self._clock = clock
        self._returning = Returning()
        self._told: set[str] = set()
        """Agents of which it was told in this life that they are subscribed."""

    async def subscribe(self, agent: Identity, consumes: Sequence[Consumes]) -> None:
        """See `Board.subscribe`."""
        self._agents_only(agent)
        subscriptions.check(consumes, self._registry, embeds=self._embeds)
        is_new = await self._store.register(agent, consumes)
        if is_new or agent.name not in self._told:  # they say it again and again, in case a store is lost
            self._told.add(agent.name)
            self._tell("subscribed", identity=agent, consumes=tuple(consumes))

    async def lease(self, agent: Identity, limit: int, wait: float) -> list[Delivery]:
        """See `Board.lease`. Returns at once when the board is draining.

        And when the store was away meanwhile: it may have come back empty, without the agent's subscription.
        When it is cancelled, nothing is held that the caller does not know of.
        """
        self._agents_only(agent)
        check_batch(limit, "deliveries")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        interruptions = self._waiters.interruptions
        with self._waiters.on(agent.name) as waiter:
            while True:
                waiter.look()
                deliveries = await self._take_whole(agent, limit)
                interrupted = self._waiters.closed or self._waiters.interruptions > interruptions
                if deliveries or interrupted or loop.time() >= deadline:
                    return deliveries
                if not await waiter.wait(deadline):
                    return []

    async def _take_whole(self, agent: Identity, limit: int) -> list[Delivery]:
        """As `_take`, which is never broken off half-way."""
        if self._store.waits:
            return await self._returning.take(self._take(agent, limit), partial(self._release_all, agent))
        return await self._take(agent, limit)

    async def _take(self, agent: Identity, limit: int) -> list[Delivery]:
        """Visibility is asked again at the last moment: labels and tenant may have changed since."""
        while leased := await self._store.lease(agent.name, limit, self._clock()):
            shown = []
            for one in leased:
                hidden = self._reader.first_hidden(agent, one.artifacts)
                if hidden is None:
                    shown.append(self._hand_out(agent, one))
                else:
                    await self._withhold(agent, one, hidden)
            if shown:
                self._timer.at_latest(min([one.until for one in shown]))
                return shown
        return []

    async def _withhold(self, agent: Identity, leased: Leased, hidden: Artifact) -> None:
        """What it will see later comes again then. Else a delivery of one artifact ends here.

        One of several has others in it, which must not be lost: it goes to the dead letters. When the store
        does not do it now, the delivery comes back by itself when its lease ends.
        """
        lease, now = str(leased.lease), self._clock()
        opens = self._reader.since(agent, hidden)
        error = f"{_NO_LONGER}: {hidden.id}" if opens is None else f"{hidden.id} opens to it at {opens}"
        self._tell("denied", identity=agent, artifact=hidden, delivery=lease, message=error)
        with suppress(StoreError, Finished):  # finished: the store's first answer was lost on its way
            if opens is None and len(leased.artifacts) == 1:
                await self._store.acknowledge(leased.lease, [], 0, now)
                return
            letter = await self._store.fail(leased.lease, error, opens, now)
            if opens is None or letter is not None:
                self._tell("dead", agent.name, delivery=lease, message=error, letter=letter)
            else:
                self._timer.at_latest(opens)

    def _hand_out(self, agent: Identity, leased: Leased) -> Delivery:
        lease = str(leased.lease)
        if self._tell.heard:
            names = tuple([artifact.id for artifact in leased.artifacts])
            first, sets = leased.artifacts[0], leased.sets
            self._tell("leased", agent.name, artifact=first, delivery=lease, names=names, sets=sets)
        artifacts = self._reader.show(agent, leased.artifacts)
        return Delivery(lease, artifacts, leased.lease.attempt, leased.until, leased.sets)

    async def extend(self, agent: Identity, delivery_id: str, note: str = "") -> None:
        """See `Board.extend`."""
        notes.check(note)
        until = await self._store.extend(self._own(delivery_id, agent), self._clock())
        self._timer.at_latest(until)
        if note:
            self._tell("progress", agent.name, delivery=delivery_id, message=note)

    async def acknowledge(
        self, agent: Identity, delivery_id: str, results: Sequence[Draft]
    ) -> list[Artifact]:
        """See `Board.acknowledge`."""
        lease = self._own(delivery_id, agent)
        try:
            published = await self._finish(agent, lease, results)
        except Finished as before:
            return before.results
        self._tell("acknowledged", agent.name, delivery=delivery_id)
        return published

    async def _finish(self, agent: Identity, lease: LeaseId, results: Sequence[Draft]) -> list[Artifact]:
        now = self._clock()
        if not results:
            return await self._store.acknowledge(lease, [], 0, now)

        async def finish(publications: Sequence[Publication], version: int) -> list[Artifact]:
            return await self._store.acknowledge(lease, publications, version, now)

        causes = await self._store.held(lease, now)
        named = ids_of_results(lease.delivery, causes)
        return await self._publisher.publish(agent, results, causes=causes, result_id=named, write=finish)

    async def fail(self, agent: Identity, delivery_id: str, error: str, retry_in: float | None) -> None:
        """See `Board.fail`."""
        lease = self._own(delivery_id, agent)
        now = self._clock()
        retry_at = None if retry_in is None else now + timedelta(seconds=retry_in)
        dead = await self._store.fail(lease, error, retry_at, now)
        self._tell("dead" if dead else "failed", agent.name, delivery=delivery_id, message=error, letter=dead)
        if dead is None and retry_at is not None:
            self._timer.at_latest(retry_at)
            self._waiters.wake(agent.name)

    async def release(self, agent: Identity, delivery_id: str) -> None:
        """See `Board.release`."""
        lease = self._own(delivery_id, agent)
        if await self._store.release(lease, self._clock()):
            self._tell("released", agent.name, delivery=delivery_id)
            self._waiters.wake(agent.name)

    def release_unread(self, agent: Identity, deliveries: Sequence[Delivery]) -> None:
        """See `LocalBoard.release_unread`."""
        self._returning.begin(self._release_all(agent, deliveries))

    async def _release_all(self, agent: Identity, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            try:
                await self.release(agent, delivery.id)
            except StoreError as error:  # it comes back by itself when the lease ends
                _log.warning("could not take a delivery back", delivery=delivery.id, error=str(error))

    async def finish(self) -> None:
        """Wait until all that is taken back is on the board again."""
        await self._returning.finish()

    def _agents_only(self, identity: Identity) -> None:
        """A user who is called like an agent must not get at its inbox."""
        if identity.role != "agent":
            message = f"{identity.name} has the role {identity.role!r}: only agents have an inbox"
            self._tell("denied", identity=identity, message=message)
            raise BoardError("forbidden", message, status=403)

    def _own(self, lease_id: str, identity: Identity) -> LeaseId:
        self._agents_only(identity)
        try:
            return leases.parse(lease_id, identity.name)
        except BoardError:
            named = lease_id[:_NAMED].encode("ascii", "backslashreplace").decode()
            self._tell("denied", identity=identity, delivery=named, message="it has no such lease")
            raise
