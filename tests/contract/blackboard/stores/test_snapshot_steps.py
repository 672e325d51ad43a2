"""What comes between the steps of a snapshot, on the stores that need several."""

from datetime import timedelta
from typing import Any

import pytest

from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.blackboard.stores.postgres import snapshots as postgres_snapshots
from agent_runtime.blackboard.stores.postgres.database import Database
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.records import AT_ONCE, DeliveryPlan, DeliverySnapshot, Limits, Snapshot
from agent_runtime.blackboard.stores.redis import snapshots as redis_snapshots
from agent_runtime.blackboard.stores.redis.store import RedisStore
from tests.contract.boards import WRITER, Clock, consumes
from tests.contract.inboxes import AGENT, Inboxes, Item, Join
from tests.contract.servers import PostgresServer, RedisServer


class Meddling(Database):
    """Lets others work after the first thing that is read."""

    others: Inboxes

    async def run(self, work: Any) -> Any:
        async def meddled(connection: Any, board: int) -> Any:
            return await work(MeddledConnection(connection, self.others), board)

        return await super().run(meddled)


class MeddledConnection:
    """A connection on which the first answer comes late."""

    def __init__(self, connection: Any, others: Inboxes) -> None:
        self._connection = connection
        self._others = others
        self._began = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, *args: Any) -> Any:
        rows = await self._connection.fetch(*args)
        if not self._began:
            self._began = True
            await self._others.put(Item("later"))
            await self._others.store.register(WRITER, [consumes()])
            await self._others.acknowledge((await self._others.lease(limit=1))[0])
        return rows


async def test_postgres_freezes_one_moment(shared_postgres: PostgresServer, clock: Clock) -> None:
    store = PostgresStore(shared_postgres.url, "tests/one-moment", Limits())
    others = Inboxes(store, clock)
    await others.put(Item("before"))
    database = Meddling(shared_postgres.url, "tests/one-moment")
    database.others = others
    frozen = await postgres_snapshots.snapshot(database)
    assert frozen == Snapshot(
        1, deliveries=(DeliverySnapshot(DeliveryPlan("before@editor", AGENT, ("before",), 0, AT_ONCE)),)
    )
    assert [kept.plan.artifact_ids for kept in (await store.snapshot()).deliveries] == [("later",)]
    await database.close()
    await store.close()


async def test_what_a_broken_off_thaw_put_into_redis_is_not_seen(
    shared_redis: RedisServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the next one, whatever that puts in, and not after it."""
    store = RedisStore(shared_redis.url, "tests/broken-off", Limits())
    inboxes = Inboxes(store, clock)
    join = Join().of("Draft")
    plans = [
        DeliveryPlan("ready@editor", AGENT, ("ready",), 0, AT_ONCE),
        DeliveryPlan("waits@editor", AGENT, ("waits",), 0, clock.now + timedelta(seconds=5)),
        DeliveryPlan("gathered+0a1b2c3d@editor", AGENT, ("gathered",), 0, clock.now, join),
    ]
    kept = [DeliverySnapshot(plan, since=clock.now if plan.join else None) for plan in plans]
    await store.begin_restore()
    monkeypatch.setattr(redis_snapshots, "_TOGETHER", 2)

    async def dies(script: str, *args: str | int) -> list[Any]:
        if script == "thaw_end":
            raise Unavailable("it died")
        return await store._run(script, *args)

    with pytest.raises(Unavailable):
        await redis_snapshots.restore(dies, Snapshot(1, deliveries=tuple(kept)))  # type: ignore[arg-type]  # a double
    assert (await inboxes.wait(60)).next_due is None
    assert await inboxes.handed_out() == []
    assert await inboxes.pending() == {}
    await store.restore(
        Snapshot(1, deliveries=(DeliverySnapshot(DeliveryPlan("new@editor", AGENT, ("new",), 0, AT_ONCE)),))
    )
    assert await inboxes.pending() == {AGENT: 1}
    assert (await inboxes.wait(60)).next_due is None
    assert [leased.lease.delivery for leased in await inboxes.lease()] == ["new@editor"]
    await store.close()
