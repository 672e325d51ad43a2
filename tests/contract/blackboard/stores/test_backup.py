"""Boards copied to a file while they are at work, and restored from it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.backup.backup import RestoreError, back_up, restore
from agent_runtime.blackboard.backup.file import read
from agent_runtime.blackboard.backup.folder import backups
from agent_runtime.blackboard.backup.format import BadBackup
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.errors import NotEmpty, Unavailable
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Limits, Publication, Snapshot
from agent_runtime.cli.board import backup as board_backup
from agent_runtime.local.errors import UserError
from tests.contract.boards import EDITOR, REGISTRY, SCOUT, Clock, consumes, finding, on_durable_stores, report
from tests.contract.conftest import Boards, Connect
from tests.contract.inboxes import Inboxes, Item, artifact
from tests.contract.servers import PostgresServer, RedisServer

BOARD = "news/newsroom"
MANY = 450
"""More than two pages."""


@pytest.fixture
def terms() -> Limits:
    """Room for a storm."""
    return Limits(lease=timedelta(seconds=30), max_deliveries=3, max_pending=100_000)


async def filled(inboxes: Inboxes) -> None:
    """Many artifacts, some deliveries."""
    now = inboxes.clock.now
    await inboxes.store.register(EDITOR, [consumes()])
    await inboxes.publish([Publication(artifact(f"{n}", now)) for n in range(MANY)])
    await inboxes.put(Item("one"), Item("two", priority=3), Item("later", embargo=60))


async def contents(store: Store) -> tuple[list[Artifact], Snapshot]:
    """All artifacts, and what else there is."""
    artifacts = [one for _, one in await store.scan(Query(limit=10_000), 0)]
    return artifacts, await store.snapshot()


async def test_it_is_restored_as_it_was(
    inboxes: Inboxes, place: Connect, tmp_path: Path, clock: Clock
) -> None:
    await filled(inboxes)
    made = await back_up(inboxes.store, BOARD, tmp_path, clock)
    assert made.contents == f"{MANY + 3} artifacts, 1 subscribers, 3 deliveries, 0 dead letters"
    copy = MemoryStore(Limits())
    await restore(copy, made.path)
    artifacts, frozen = await contents(inboxes.store)
    restored, refrozen = await contents(copy)
    assert restored == artifacts
    assert refrozen.deliveries == frozen.deliveries
    again = await back_up(copy, BOARD, tmp_path / "again", clock)
    assert [line for line in read(again.path) if isinstance(line, Artifact)] == artifacts


async def test_a_board_of_which_the_store_knows_nothing_is_not_backed_up(
    store_url: str, tmp_path: Path
) -> None:
    copies, board = tmp_path / "copies", "tests/never-used"
    with pytest.raises(UserError, match="there is no board tests/never-used in this store") as refused:
        await asyncio.to_thread(board_backup.backup, store_url, board, copies, None)
    assert refused.value.code == 2
    assert not copies.exists()
    server = store_at(store_url, board)
    assert not await server.exists(), "and asking has not made it"
    await server.ping()
    await server.close()
    await asyncio.to_thread(board_backup.backup, store_url, board, copies, None)
    assert len(backups(copies, board)) == 1


@pytest.fixture(params=["redis", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Of a store that many boards share."""
    server: RedisServer | PostgresServer = request.getfixturevalue(f"own_{request.param}")
    return server.url


async def test_it_is_restored_into_each_store(inboxes: Inboxes, tmp_path: Path, clock: Clock) -> None:
    original = Inboxes(MemoryStore(Limits()), clock)
    await filled(original)
    made = await back_up(original.store, BOARD, tmp_path, clock)
    await restore(inboxes.store, made.path)
    assert [one for _, one in await inboxes.store.scan(Query(limit=10_000), 0)] == (
        await contents(original.store)
    )[0]
    assert await inboxes.handed_out() == [["two"], ["one"]]
    await inboxes.put(Item("new"))
    assert await inboxes.handed_out() == [["new"]]


# --- while the board is at work


class Storm:
    """Publishers, and consumers who answer each finding with a report that is tagged with its id."""

    def __init__(self, service: BlackboardService) -> None:
        self._service = service
        self._over = asyncio.Event()
        self.published: set[str] = set()
        self.finished: set[str] = set()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Rage while the work is done."""
        await self._service.board(EDITOR).subscribe([consumes()])
        async with asyncio.TaskGroup() as everybody:
            for at in range(3):
                everybody.create_task(self._publish(f"p{at}"))
                everybody.create_task(self._consume())
            await work()
            self._over.set()

    async def _publish(self, name: str) -> None:
        board, number = self._service.board(SCOUT), 0
        while not self._over.is_set():
            some = [finding(id=f"{name}.{number + more}") for more in range(3)]
            number += len(some)
            await board.publish(some)
            self.published |= {f"{draft.id}" for draft in some}

    async def _consume(self) -> None:
        board = self._service.board(EDITOR)
        while not self._over.is_set():
            for delivery in await board.lease(2, 0):
                id_ = delivery.artifacts[0].id
                await board.acknowledge(delivery.id, [report(id=f"done.{id_}")])
                self.finished.add(id_)
            await asyncio.sleep(0)


@on_durable_stores
async def test_a_backup_in_a_storm_is_of_one_moment(boards: Boards, place: Connect, tmp_path: Path) -> None:
    service = await boards.start()
    storm = Storm(service)
    store = place()

    async def back_up_and_restore() -> None:
        await store.open()
        for turn in range(4):
            async with asyncio.timeout(60):
                while len(storm.published) < 300 * (turn + 1):  # noqa: ASYNC110 - the storm has no event for it
                    await asyncio.sleep(0.001)
            before, done = set(storm.published), set(storm.finished)
            made = await back_up(store, BOARD, tmp_path, boards.clock)
            boards.clock.advance(1)
            copy = MemoryStore(Limits())
            await restore(copy, made.path)
            artifacts, frozen = await contents(copy)
            findings = {one.id for one in artifacts if one.type == "Finding"}
            answered = {one.id.removeprefix("done.") for one in artifacts if one.type == "Report"}
            unfinished = {kept.plan.artifact_ids[0] for kept in frozen.deliveries}
            assert before <= findings, "published before, and not there"
            assert not done & unfinished, "finished before, and comes again"
            assert findings == answered | unfinished, "neither finished nor to be done"
            assert not answered & unfinished, "finished, and to be done as well"

    try:
        await storm.run(back_up_and_restore)
    finally:
        await store.close()


async def test_what_is_published_and_forgotten_meanwhile_does_no_harm(tmp_path: Path, clock: Clock) -> None:
    """The board forgets artifacts while pages are read, also those that deliveries needed when it froze."""

    class Forgetful(MemoryStore):
        forgets = 1
        """How often a needed one goes between the freezing and the last page."""

        async def snapshot(self) -> Snapshot:
            [leased] = await inboxes.lease(limit=1)
            await inboxes.acknowledge(leased)
            await inboxes.put(Item("new"))
            frozen = await super().snapshot()
            [leased] = await inboxes.lease(limit=1)
            if self.forgets > 0:
                self.forgets -= 1
                await inboxes.acknowledge(leased)
            await self.prune(None, 0, 1000)
            return frozen

    store = Forgetful(Limits())
    inboxes = Inboxes(store, clock)
    await inboxes.put(*(Item(f"{n}") for n in range(5)))
    made = await back_up(store, BOARD, tmp_path, clock)
    await restore(MemoryStore(Limits()), made.path)


# --- restores that do not work out


class Broken(Exception):
    """The process that restored was killed."""


class Breaking:
    """A store whose client dies at the n-th step that writes."""

    def __init__(self, store: Store, steps: int) -> None:
        self._store = store
        self._steps = steps

    def __getattr__(self, name: str) -> object:
        if name in ("begin_restore", "publish", "restore"):
            self._steps -= 1
            if self._steps < 0:
                raise Broken
        return getattr(self._store, name)


@pytest.mark.parametrize("steps", range(1, 5), ids=["begun", "one page", "two pages", "before restore"])
async def test_broken_off_it_says_so_and_is_gone_on_with(
    inboxes: Inboxes, tmp_path: Path, clock: Clock, steps: int
) -> None:
    original = Inboxes(MemoryStore(Limits()), clock)
    await filled(original)
    made = await back_up(original.store, BOARD, tmp_path, clock)
    with pytest.raises(Broken):
        await restore(Breaking(inboxes.store, steps), made.path)  # type: ignore[arg-type]  # a double
    with pytest.raises(Unavailable, match="a restore of this board began and has not ended"):
        await inboxes.store.ping()
    with pytest.raises(RestoreError, match="finish it with --resume and the same file, or drop the board"):
        await restore(inboxes.store, made.path)
    await restore(inboxes.store, made.path, resume=True)
    await inboxes.store.ping()
    assert await inboxes.handed_out() == [["two"], ["one"]]
    with pytest.raises(NotEmpty):
        await restore(inboxes.store, made.path, resume=True)


async def test_a_server_on_a_half_restored_board_serves_nobody(place: Connect, clock: Clock) -> None:
    store = place()
    async with BlackboardService(store, REGISTRY, max_payload=1000, clock=clock) as service:
        await store.begin_restore()
        with pytest.raises(BoardError) as refused:
            await service.board(SCOUT).publish([finding()])
        assert refused.value.status == 503
        with pytest.raises(BoardError) as refused:
            await service.board(EDITOR).subscribe([consumes()])
        assert refused.value.status == 503
        await store.restore(Snapshot(0))
        await service.board(EDITOR).subscribe([consumes()])
        await service.board(SCOUT).publish([finding()])
        assert len(await service.board(EDITOR).lease(9, 0)) == 1


async def test_gone_on_with_another_file_it_is_refused(
    inboxes: Inboxes, tmp_path: Path, clock: Clock
) -> None:
    original = Inboxes(MemoryStore(Limits()), clock)
    await original.put(Item("a"), Item("b"))
    made = await back_up(original.store, BOARD, tmp_path, clock)
    other = Inboxes(MemoryStore(Limits()), clock)
    await other.put(Item("c"))
    made_of_other = await back_up(other.store, BOARD, tmp_path / "other", clock)
    with pytest.raises(Broken):
        await restore(Breaking(inboxes.store, 2), made.path)  # type: ignore[arg-type]  # a double
    with pytest.raises(RestoreError, match="the restore that began before was of another file"):
        await restore(inboxes.store, made_of_other.path, resume=True)
    with pytest.raises(Unavailable):
        await inboxes.store.ping()


async def test_a_board_that_is_not_empty_is_left_alone(
    inboxes: Inboxes, tmp_path: Path, clock: Clock
) -> None:
    await inboxes.put(Item("a"))
    made = await back_up(inboxes.store, BOARD, tmp_path, clock)
    with pytest.raises(NotEmpty, match="the board is not empty"):
        await restore(inboxes.store, made.path)
    assert await inboxes.handed_out() == [["a"]]


async def test_a_damaged_file_touches_nothing(inboxes: Inboxes, tmp_path: Path, clock: Clock) -> None:
    original = Inboxes(MemoryStore(Limits()), clock)
    await filled(original)
    path = (await back_up(original.store, BOARD, tmp_path, clock)).path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadBackup, match="cut off"):
        await restore(inboxes.store, path)
    await inboxes.store.ping()
    assert (await inboxes.store.stats()).artifacts == 0


async def test_a_board_that_is_being_restored_is_not_backed_up(
    inboxes: Inboxes, tmp_path: Path, clock: Clock
) -> None:
    await inboxes.store.begin_restore()
    with pytest.raises(Unavailable):
        await back_up(inboxes.store, BOARD, tmp_path, clock)
    assert backups(tmp_path, BOARD) == []
