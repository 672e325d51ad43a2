"""What only SQLite has: one file, which an older Covey may have written, on a disk that may be full."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.stores.errors import Finished, StoreError, Unavailable
from agent_runtime.blackboard.stores.records import DeadLetter, Limits, Stats
from agent_runtime.blackboard.stores.sqlite import artifacts, retention
from agent_runtime.blackboard.stores.sqlite.schema import MIGRATIONS, NewerSchema, migrate
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.core.times import micros
from tests.contract.boards import EDITOR, Clock, consumes
from tests.contract.filling import BATCHER, PAIRER, SIZE, filling
from tests.contract.inboxes import AGENT, Inboxes, Item, artifact, batch, ids
from tests.paths import ROOT


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    """A store on the file."""
    store = SqliteStore(path, Limits())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


# --- a file that cannot be opened


def _noise(path: Path) -> None:
    path.write_bytes(b"noise" * 1000)


def _nothing_there(path: Path) -> None:
    path.parent.rmdir()


def _newer(path: Path) -> None:
    with apsw.Connection(str(path)) as db:
        db.pragma("user_version", 99)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_noise, "NotADBError: file is not a database: {path}: move it away, or restore a backup: covey"),
        (_nothing_there, "CantOpenError: unable to open database file: {path}: see that its folder is there"),
        (_newer, "{path} has schema 99, this Covey knows only"),
    ],
)
async def test_a_file_that_cannot_be_opened_is_named_with_the_cure(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "boards" / "board.sqlite"
    path.parent.mkdir()
    spoil(path)
    with pytest.raises(StoreError) as refused:
        await SqliteStore(path, Limits()).open()
    assert message.format(path=path) in str(refused.value)


# --- a file that an older Covey wrote

BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
OLD = [
    artifact("ready", BEGAN, tags=("a", "b")),
    artifact("held", BEGAN + timedelta(microseconds=1), partition="north"),
    artifact("waits", BEGAN + timedelta(seconds=1, microseconds=250_000)),
    artifact("dead", BEGAN + timedelta(seconds=2)),
    artifact("done", BEGAN + timedelta(seconds=3)),
]


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A board as the first schema kept it: a delivery in each state, a dead letter, one acknowledged."""
    path = tmp_path / "board.sqlite"
    db = apsw.Connection(str(path))
    db.execute(MIGRATIONS[0])
    db.pragma("user_version", 1)
    for position, one in enumerate(OLD, 1):
        db.execute(
            "INSERT INTO artifact (id, type, correlation, producer, body) VALUES (?, ?, ?, ?, ?)",
            (one.id, one.type, one.correlation, one.producer, encode(one).decode()),
        )
        db.execute("INSERT INTO tag SELECT value, ? FROM json_each(?)", (position, _list(*one.tags)))
    db.execute(
        "INSERT INTO subscriber (agent, body) VALUES (?, ?)",
        (EDITOR.name, subscriptions.encode(EDITOR, [consumes()]).decode()),
    )
    db.execute("UPDATE subscriber_version SET version = 1")
    for name, state, timer, attempt in (
        ("ready", 0, BEGAN, 1),
        ("held", 2, BEGAN + AN_HOUR, 2),
        ("waits", 1, BEGAN + AN_HOUR, 0),
    ):
        db.execute(
            "INSERT INTO delivery (name, agent, artifacts, priority, state, timer, attempt)"
            " VALUES (?, ?, ?, 0, ?, ?, ?)",
            (f"{name}@editor", EDITOR.name, _list(name), state, micros(timer), attempt),
        )
    db.execute("INSERT INTO inbox VALUES (?, 3)", (EDITOR.name,))
    db.execute(
        "INSERT INTO dead_letter (name, agent, artifacts, attempts, error, at)"
        " VALUES (?, ?, ?, 5, 'away', ?)",
        ("dead@editor", EDITOR.name, _list("dead"), micros(BEGAN)),
    )
    db.execute("INSERT INTO finished VALUES ('done@editor~1', ?, ?)", (_list("ready"), micros(BEGAN)))
    db.close()
    return path


def _list(*values: str) -> str:
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


async def test_an_older_file_keeps_its_artifacts(old_file: Path) -> None:
    async with opened(old_file) as store:
        found = await store.scan(Query(), 0)
        assert found == list(enumerate(OLD, 1))
        assert await store.get(["held", "unknown"]) == [OLD[1], None]
        [(position, _)] = await store.scan(Query(tag="b"), 0)
        assert position == 1


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        pytest.param(Query(since=OLD[1].created_at), [2, 3, 4, 5], id="since a microsecond"),
        pytest.param(Query(until=OLD[2].created_at), [1, 2], id="until a quarter of a second"),
        pytest.param(Query(since=OLD[2].created_at, until=OLD[4].created_at), [3, 4], id="between"),
        pytest.param(Query(partition="north"), [2], id="partition"),
    ],
)
async def test_an_older_file_knows_what_only_newer_ones_ask(
    old_file: Path, query: Query, positions: list[int]
) -> None:
    async with opened(old_file) as store:
        assert [position for position, _ in await store.scan(query, 0)] == positions


async def test_an_older_file_keeps_its_inboxes_and_leases(old_file: Path) -> None:
    async with opened(old_file) as store:
        assert await store.stats() == Stats(5, 1, {"editor": 3}, 1)
        [leased] = await store.lease(EDITOR.name, 10, BEGAN)
        assert (leased.lease, ids(leased), leased.sets) == (LeaseId("ready@editor", 2), ["ready"], ())
        held = LeaseId("held@editor", 2)
        assert await store.held(held, BEGAN) == [OLD[1]]
        assert await store.acknowledge(held, [], 0, BEGAN) == []
        with pytest.raises(Finished) as before:
            await store.acknowledge(LeaseId("done@editor", 1), [], 0, BEGAN)
        assert before.value.results == [OLD[0]]
        swept = await store.sweep(BEGAN + AN_HOUR)
        assert (swept.ready, swept.expired) == (("editor",), ("ready@editor",))
        due = await store.lease(EDITOR.name, 10, BEGAN + AN_HOUR)
        assert [ids(one) for one in due] == [["ready"], ["waits"]]


async def test_an_older_file_keeps_its_dead_letters(old_file: Path) -> None:
    letter = DeadLetter("dead@editor", "editor", ("dead",), 5, "away", BEGAN)
    async with opened(old_file) as store:
        assert await store.dead_letters(10, "editor") == [letter]
        assert await store.replay(["dead@editor"], BEGAN) == [letter]
        assert [str(one.lease) for one in await store.lease(EDITOR.name, 10, BEGAN)] == [
            "ready@editor~2",
            "dead@editor~6",
        ]


async def test_positions_go_on_in_an_older_file(old_file: Path) -> None:
    async with opened(old_file) as store:
        inboxes = Inboxes(store, Clock())
        assert await store.prune(None, 0, 10) == 1  # the others are needed
        await inboxes.put(Item("new"))
        assert [position for position, _ in await store.scan(Query(), 4)] == [6]
        assert (await store.stats()).artifacts == 5


async def test_a_file_of_a_newer_covey_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "board.sqlite"
    db = apsw.Connection(str(path))
    db.pragma("user_version", len(MIGRATIONS) + 1)
    with pytest.raises(NewerSchema, match="use the Covey that wrote it, or a newer one"):
        async with opened(path):
            pass
    assert list(db.execute("SELECT name FROM sqlite_schema")) == []


# --- a disk that is full


@asynccontextmanager
async def no_more_pages(store: SqliteStore, path: Path) -> AsyncIterator[None]:
    """As on a disk that is full: SQLite says the same."""
    del path
    await store._thread.read(lambda db: db.pragma("max_page_count", db.pragma("page_count") + 20))
    yield
    await store._thread.read(lambda db: db.pragma("max_page_count", 1_000_000))


@asynccontextmanager
async def no_larger_files(store: SqliteStore, path: Path, room: int = 150_000) -> AsyncIterator[None]:
    """The kernel refuses what would make SQLite's log larger, after a part of it is written."""
    del store
    size = path.with_name(f"{path.name}-wal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


Full = Callable[[SqliteStore, Path], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("together", [1, 20], ids=["one by one", "together"])
@pytest.mark.parametrize("full", [no_more_pages, no_larger_files])
async def test_a_full_disk_refuses_whole_steps_and_none_when_there_is_room(
    full: Full, together: int, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "board.sqlite"
    wanted = [Item(f"{n}", batch(SIZE)) for n in range(400)]
    async with opened(path) as store:
        inboxes = Inboxes(store, clock)
        await inboxes.put(*wanted[:10])
        taken = {item.id for item in wanted[:10]}
        async with full(store, path):
            for at in range(10, len(wanted), together):
                some = wanted[at : at + together]
                answers = await asyncio.gather(*map(inboxes.put, some), return_exceptions=True)
                taken |= {item.id for item, answer in zip(some, answers, strict=True) if answer is None}
                assert {type(answer) for answer in answers if answer is not None} <= {Unavailable}
            found = await store.get([item.id for item in wanted])
            assert {one.id for one in found if one is not None} == taken
            assert 10 < len(taken) < len(wanted)
            full_sets, rest = divmod(len(taken), SIZE)
            assert (await store.stats()).pending == {AGENT: full_sets + rest}
        await store.ping()
        await inboxes.put(*wanted)
        sets = await inboxes.handed_out()
    assert [len(one) for one in sets] == [SIZE] * (len(wanted) // SIZE)
    assert len({id_ for one in sets for id_ in one}) == len(sets) * SIZE


async def test_a_disk_that_cannot_be_written_to_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "board.sqlite"
    async with opened(path) as store:
        async with no_larger_files(store, path, 0):
            with pytest.raises(Unavailable):
                await store.ping()
        await store.ping()


# --- kill -9


async def fill_and_kill(path: Path, prefix: str, acknowledged: int) -> set[str]:
    """What was acknowledged by a process that was killed at some time after so many."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contract.filling", str(path), prefix),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(acknowledged)]
    process.kill()
    rest = await process.stdout.read()
    await process.wait()
    return {
        line.decode().strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith(b"\n")
    }


async def test_groups_that_were_being_filled_survive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "board.sqlite"
    acknowledged: set[str] = set()
    for prefix in ("a", "b", "c"):
        acknowledged |= await fill_and_kill(path, prefix, 100)
    async with opened(path) as store:
        published = [one.id for _, one in await store.scan(Query(limit=100_000), 0)]
        assert acknowledged <= set(published)
        # every artifact is in one batch and in one pair, which is complete as soon as it can be
        inboxes = Inboxes(store, Clock())
        halves = {id_ for id_ in published if _other(id_) not in published}
        assert await inboxes.pending() == {
            BATCHER: sum(divmod(len(published), SIZE)),
            PAIRER: (len(published) - len(halves)) // 2 + len(halves),
        }
        await store.publish([filling(_other(id_)) for id_ in sorted(halves)], 0)
        published += sorted(_other(id_) for id_ in halves)
        pairs = [ids(leased) for leased in await inboxes.lease(100_000, PAIRER)]
        assert sorted(pairs) == sorted([id_, _other(id_)] for id_ in published if _is_even(id_))
        batches = [ids(leased) for leased in await inboxes.lease(100_000, BATCHER)]
        assert batches == [published[at : at + SIZE] for at in range(0, len(published) - SIZE + 1, SIZE)]


def _is_even(id_: str) -> bool:
    return int(id_.split("-")[1]) % 2 == 0


def _other(id_: str) -> str:
    """The other half of a pair."""
    prefix, number = id_.split("-")
    return f"{prefix}-{int(number) + (1 if _is_even(id_) else -1)}"


# --- retention


@pytest.mark.parametrize("chosen", [retention.MADE_BEFORE, retention.OLDEST], ids=["by age", "by count"])
def test_what_is_needed_is_found_by_index(chosen: str) -> None:
    db = apsw.Connection(":memory:")
    migrate(db)
    bindings = {"before": 1, "surplus": 1, "limit": 1}
    plan = [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {chosen}", bindings)]
    assert len([step for step in plan if step.startswith("SEARCH")]) >= 5
    scanned = [step for step in plan if step.startswith("SCAN") and "subquery" not in step]
    assert scanned in ([], ["SCAN artifact"])  # by position, as far as the limit
    assert not any("TEMP B-TREE" in step for step in plan)


# --- reading by time


@pytest.mark.parametrize("chosen", [artifacts.FIRST_SINCE, artifacts.LAST_UNTIL], ids=["since", "until"])
def test_where_times_begin_and_end_is_found_in_their_index_alone(chosen: str) -> None:
    plan = planned(chosen, (1,))
    assert any(step.startswith("SEARCH artifact USING COVERING INDEX artifact_made (made") for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize(
    ("query", "search"),
    [
        (Query(), "artifact USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (Query(type="t"), "artifact USING INDEX artifact_type (type=? AND position>? AND position<?)"),
        (Query(tag="t", type="t"), "tag USING PRIMARY KEY (tag=? AND position>? AND position<?)"),
        (
            Query(tag="t", correlation="c", producer="p"),
            "artifact USING INDEX artifact_correlation (correlation=? AND position>? AND position<?)",
        ),
        (Query(since=BEGAN), "artifact USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    ],
    ids=str,
)
def test_a_page_is_walked_to_its_end_and_no_further(query: Query, search: str) -> None:
    names = (
        "correlation",
        "partition",
        "tag",
        "producer",
        "type",
        "after",
        "last",
        "since",
        "until",
        "limit",
    )
    plan = planned(artifacts.page(query), dict.fromkeys(names, 1))
    assert plan[0].replace("rowid", "position") == f"SEARCH {search}".replace("rowid", "position")
    assert not any("SCAN" in step or "TEMP B-TREE" in step or "LIST" in step for step in plan)


def planned(statement: str, bindings: tuple[int, ...] | dict[str, int]) -> list[str]:
    """How SQLite goes about it."""
    db = apsw.Connection(":memory:")
    migrate(db)
    return [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)]
