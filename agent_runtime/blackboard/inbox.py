"""Consuming: subscribe, lease, heartbeat, and finish with the results or give back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import leases, subscriptions
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Delivery, Identity
from agent_runtime.blackboard.events import Announcer
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.publisher import Publisher
from agent_runtime.blackboard.reading import Reader
from agent_runtime.blackboard.refusals import check_batch
from agent_runtime.blackboard.stores.port import Finished, Leased, Publication, Store
from agent_runtime.blackboard.timer import Timer
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.blackboard.waiters import Waiters

_NO_LONGER = "it may no longer see what was put into its inbox"
_NAMED = 256
"""Characters of a lease that somebody guesses which are told."""


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
        tell: Announcer,
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

    async def subscribe(self, agent: Identity, consumes: Sequence[Consumes]) -> None:
        """See `Board.subscribe`."""
        self._agents_only(agent)
        subscriptions.check(consumes, self._registry, embeds=self._embeds)
        await self._store.register(agent, consumes)
        self._tell("subscribed", identity=agent, consumes=tuple(consumes))

    async def lease(self, agent: Identity, limit: int, wait: float) -> list[Delivery]:
        """See `Board.lease`. Returns at once when the board is draining."""
        self._agents_only(agent)
        check_batch(limit, "deliveries")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        with self._waiters.on(agent.name) as waiter:
            while True:
                waiter.look()
                deliveries = await self._take(agent, limit)
                if deliveries or loop.time() >= deadline or self._waiters.closed:
                    return deliveries
                if not await waiter.wait(deadline):
                    return []

    async def _take(self, agent: Identity, limit: int) -> list[Delivery]:
        while leased := await self._store.lease(agent.name, limit, self._clock()):
            shown = [one for one in leased if await self._may_see(agent, one)]
            if shown:
                self._timer.at_latest(min(one.until for one in shown))
                return [self._hand_out(agent, one) for one in shown]
        return []

    async def _may_see(self, agent: Identity, leased: Leased) -> bool:
        """Asked again at the last moment: labels and tenant may have changed since it was matched.

        A delivery of one artifact ends here. One of several has others in it, which must not be lost: it goes
        to the dead letters.
        """
        hidden = self._reader.first_hidden(agent, leased.artifacts)
        if hidden is None:
            return True
        lease = str(leased.lease)
        self._tell("denied", identity=agent, artifact=hidden, delivery=lease, message=_NO_LONGER)
        if len(leased.artifacts) == 1:
            await self._store.acknowledge(leased.lease, [], 0, self._clock())
        else:
            error = f"{_NO_LONGER}: {hidden.id}"
            letter = await self._store.fail(leased.lease, error, None, self._clock())
            self._tell("dead", agent.name, delivery=lease, message=error, letter=letter)
        return False

    def _hand_out(self, agent: Identity, leased: Leased) -> Delivery:
        lease = str(leased.lease)
        names = tuple([artifact.id for artifact in leased.artifacts])
        first, sets = leased.artifacts[0], leased.sets
        self._tell("leased", agent.name, artifact=first, delivery=lease, names=names, sets=sets)
        artifacts = self._reader.show(agent, leased.artifacts)
        return Delivery(lease, artifacts, leased.lease.attempt, leased.until, leased.sets)

    async def extend(self, agent: Identity, delivery_id: str) -> None:
        """See `Board.extend`."""
        until = await self._store.extend(self._own(delivery_id, agent), self._clock())
        self._timer.at_latest(until)

    async def acknowledge(
        self, agent: Identity, delivery_id: str, results: Sequence[Draft]
    ) -> list[Artifact]:
        """See `Board.acknowledge`."""
        lease = self._own(delivery_id, agent)
        now = self._clock()

        async def finish(publications: Sequence[Publication], version: int) -> list[Artifact]:
            return await self._store.acknowledge(lease, publications, version, now)

        try:
            if results:
                causes = await self._store.held(lease, now)
                published = await self._publisher.publish(agent, results, causes=causes, write=finish)
            else:
                published = await finish([], 0)
        except Finished as before:
            return before.results
        self._tell("acknowledged", agent.name, delivery=delivery_id)
        return published

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
