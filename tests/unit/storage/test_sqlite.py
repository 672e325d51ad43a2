"""The thread that owns a SQLite connection: what is committed together, and what undoes itself alone."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from agent_runtime.storage.sqlite import SqliteThread


class Broken(Exception):
    """What this store says when SQLite fails."""


class Refused(Exception):
    """What a step says when it does not do it."""


def make_table(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS number (value INTEGER PRIMARY KEY) STRICT")


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[SqliteThread]:
    thread = SqliteThread(tmp_path / "numbers.sqlite", make_table, lambda what, _: Broken(what))
    await thread.start()
    yield thread
    await thread.stop()


async def insert(thread: SqliteThread, value: int) -> None:
    await thread.write(lambda db: db.execute("INSERT INTO number VALUES (?)", (value,)).get)


async def refuse_after_inserting(thread: SqliteThread, value: int) -> None:
    def step(db: apsw.Connection) -> None:
        db.execute("INSERT INTO number VALUES (?)", (value,))
        raise Refused

    await thread.write(step)


async def numbers(thread: SqliteThread) -> list[int]:
    return await thread.read(lambda db: [value for (value,) in db.execute("SELECT value FROM number")])


async def test_those_who_ask_in_one_turn_share_commits_turn_after_turn(thread: SqliteThread) -> None:
    commits = 0

    def count() -> bool:
        nonlocal commits
        commits += 1
        return False  # which lets it be committed

    await thread.read(lambda db: db.set_commit_hook(count))
    left = iter(range(100))

    async def caller() -> None:
        for value in left:
            await insert(thread, value)

    await asyncio.gather(*(caller() for _ in range(10)))
    assert await numbers(thread) == list(range(100))
    assert commits == 10


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        pytest.param(lambda thread: refuse_after_inserting(thread, 2), Refused, id="by itself"),
        pytest.param(lambda thread: insert(thread, 1), Broken, id="by SQLite"),
    ],
)
async def test_a_step_that_is_refused_undoes_itself_alone(
    thread: SqliteThread, refused: object, error: type[Exception]
) -> None:
    assert callable(refused)
    answers = await asyncio.gather(
        insert(thread, 1), refused(thread), insert(thread, 3), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), error, type(None)]
    assert await numbers(thread) == [1, 3]


async def test_a_step_that_is_refused_before_it_writes_has_nobody_do_anything_again(
    thread: SqliteThread,
) -> None:
    taken = 0

    def step(db: apsw.Connection) -> None:
        nonlocal taken
        taken += 1
        db.execute("INSERT INTO number VALUES (?)", (taken,))

    def refuse(db: apsw.Connection) -> None:
        raise Refused

    answers = await asyncio.gather(
        thread.write(step), thread.write(refuse), thread.write(step), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), Refused, type(None)]
    assert await numbers(thread) == [1, 2]
    assert taken == 2


async def test_what_was_asked_before_the_end_is_done(thread: SqliteThread) -> None:
    asked = [asyncio.create_task(insert(thread, value)) for value in range(3)]
    await asyncio.sleep(0)
    await thread.stop()
    await asyncio.gather(*asked)
    with pytest.raises(Broken, match="is not open"):
        await numbers(thread)
    await thread.start()
    assert await numbers(thread) == [0, 1, 2]


async def test_a_caller_that_is_cancelled_leaves_the_others_theirs(thread: SqliteThread) -> None:
    gone, stays = (asyncio.create_task(insert(thread, value)) for value in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert await numbers(thread) == [1, 2]


async def test_a_file_that_is_no_database_is_said_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "numbers.sqlite"
    path.write_bytes(b"not a database, " * 100)
    thread = SqliteThread(path, make_table, lambda what, _: Broken(what))
    with pytest.raises(Broken, match="NotADBError"):
        await thread.start()


def test_a_loop_that_is_closed_before_the_answer_leaves_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda found: raised.append(str(found.exc_value)))
    go_on = threading.Event()

    store = SqliteThread(tmp_path / "numbers.sqlite", make_table, lambda what, _: Broken(what))

    async def leave() -> None:
        await store.start()
        left = asyncio.create_task(store.write(lambda db: go_on.wait(60)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is handed over in the next turn
        left.cancel()

    asyncio.run(leave())
    go_on.set()
    asyncio.run(store.stop())
    assert raised == []
