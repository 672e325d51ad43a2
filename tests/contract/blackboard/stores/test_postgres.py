"""What only Postgres has: a database with users and schemas, and other boards in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.blackboard.stores.postgres import dead_letter_sql as letter_sql
from agent_runtime.blackboard.stores.postgres import sql
from agent_runtime.blackboard.stores.postgres.database import Database
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.storage.postgres import migrate
from tests.contract.boards import ADMIN, EDITOR, REGISTRY, SCOUT, consumes, finding
from tests.contract.inboxes import artifact
from tests.contract.servers import PostgresServer


def service_on(url: str, board: str = "tests/own") -> BlackboardService:
    return BlackboardService(PostgresStore(url, board, Limits()), REGISTRY)


async def tell(server: PostgresServer, *statements: str) -> None:
    """As the database's administrator."""
    connection = await asyncpg.connect(server.url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def refusal(url: str) -> str:
    """What publishing says."""
    async with service_on(url) as service:
        with pytest.raises(BoardError) as refused:
            await service.board(SCOUT).publish([finding()])
    assert refused.value.status == 503
    return str(refused.value)


async def test_boards_that_share_a_database_see_nothing_of_each_other(own_postgres: PostgresServer) -> None:
    async with service_on(own_postgres.url, "a/board") as one, service_on(own_postgres.url, "b/board") as two:
        await two.board(EDITOR).subscribe([consumes()])
        await one.board(SCOUT).publish([finding("a", id="1")])
        assert await two.board(ADMIN).get("1") is None
        await two.board(SCOUT).publish([finding("b", id="1")])
        [delivery] = await two.board(EDITOR).lease(10, 0)
        assert delivery.artifacts[0].payload == {"title": "b"}
        assert await one.board(EDITOR).lease(10, 0) == []
        assert (await one.stats()).pending == {}


async def test_servers_that_start_at_once_make_the_tables_once(own_postgres: PostgresServer) -> None:
    async def start(n: int) -> None:
        async with service_on(own_postgres.url) as service:
            await service.board(SCOUT).publish([finding(id=f"{n}")])

    await asyncio.gather(*(start(n) for n in range(6)))
    async with service_on(own_postgres.url) as service:
        assert (await service.stats()).artifacts == 6


_UNTIL_SOMEBODY_WAITS = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$
"""


@asynccontextmanager
async def another_holds(server: PostgresServer, *statements: str) -> AsyncIterator[None]:
    """Somebody else's transaction, which has said this; the block waits until it holds up somebody."""
    connection = await asyncpg.connect(server.url)
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)
        yield
        await connection.execute(_UNTIL_SOMEBODY_WAITS, timeout=60)
    await connection.close()


async def test_a_board_that_another_server_is_just_making_is_found(own_postgres: PostgresServer) -> None:
    async with service_on(own_postgres.url) as service:
        await service.stats()
    database = Database(own_postgres.url, "tests/new")
    async with another_holds(own_postgres, "INSERT INTO covey_board.board (name) VALUES ('tests/new')"):
        versions = asyncio.create_task(database.fetch(sql.LOCK))
    assert [version for version, _ in await versions] == [0]
    await database.close()


async def test_a_server_that_leaves_while_it_makes_the_tables_is_in_nobodys_way(
    own_postgres: PostgresServer,
) -> None:
    # "covey"; the lock under which tables are made
    async with another_holds(own_postgres, f"SELECT pg_advisory_xact_lock({0x636F766579})"):
        database = Database(own_postgres.url, "tests/own")
        opening = asyncio.create_task(database.fetch(sql.PING))
    opening.cancel()
    await database.close()
    async with service_on(own_postgres.url) as service:
        await service.board(SCOUT).publish([finding(id="1")])
        left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        connection = await asyncpg.connect(own_postgres.url)
        assert await connection.fetchval(left) == 0
        await connection.close()


async def test_who_is_told_nothing_for_a_while_hears_again(own_postgres: PostgresServer) -> None:
    """Whatever ends the connection on which a server listens."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covey blackboard'"
    async with service_on(own_postgres.url) as here, service_on(own_postgres.url) as there:
        await there.board(EDITOR).subscribe([consumes()])
        for n in range(3):
            waiting = asyncio.create_task(there.board(EDITOR).lease(1, 60))
            await asyncio.sleep(0)
            await tell(own_postgres, end)
            await here.board(SCOUT).publish([finding(id=f"{n}")])
            [delivery] = await waiting
            assert delivery.artifacts[0].id == f"{n}"
            await there.board(EDITOR).acknowledge(delivery.id, [])


async def test_a_board_of_the_first_version_comes_up_with_all_it_had(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    first = "0001_board.sql"
    (tmp_path / first).write_text(
        (files("agent_runtime.blackboard.stores.postgres") / "migrations" / first).read_text()
    )
    made = datetime.fromisoformat("2026-11-01T12:00:00.000001+00:00")
    old = artifact("1", made, payload={"title": "with a \0"}, partition="desk-ä", tags=("a b",))
    connection = await asyncpg.connect(own_postgres.url)
    await migrate(connection, "covey_board", tmp_path)
    await connection.execute("INSERT INTO covey_board.board (name, position) VALUES ('tests/own', 1)")
    await connection.execute(
        "INSERT INTO covey_board.artifact VALUES (1, 1, '1', 'Finding', '1', 'scout', $1)", encode(old)
    )
    await connection.execute("INSERT INTO covey_board.tag VALUES (1, 'a b', 1)")
    await connection.execute(
        "INSERT INTO covey_board.delivery (board, name, agent, artifacts, priority, state, timer)"
        " VALUES (1, '1@editor', 'editor', '{1}', 0, 0, now())"
    )
    await connection.execute("INSERT INTO covey_board.inbox VALUES (1, 'editor', 1)")
    async with service_on(own_postgres.url) as service:
        store = service.store
        assert await store.scan(Query(partition="desk-ä", since=made), 0) == [(1, old)]
        assert await store.scan(Query(until=made), 0) == []
        assert await store.prune(None, 0, 10) == 0
        [delivery] = await service.board(EDITOR).lease(10, 0)
        await service.board(EDITOR).acknowledge(delivery.id, [])
        assert await store.prune(None, 0, 10) == 1
        assert await connection.fetchval("SELECT count(*) FROM covey_board.tag") == 0
        assert (await service.stats()).artifacts == 0
    await connection.close()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("two servers met"),
        asyncpg.SerializationError("two servers met"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.QueryCanceledError("canceling statement due to user request"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        ConnectionResetError("Connection reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_goes_wrong_on_every_attempt_is_that_the_store_is_away(
    shared_postgres: PostgresServer, error: Exception
) -> None:
    async def work(connection: Any, board: int) -> None:
        raise error

    database = Database(shared_postgres.url, "tests/own")
    with pytest.raises(Unavailable, match=f"{type(error).__name__}: {error}"):
        await database.run(work)
    with pytest.raises(Unavailable, match=f"{type(error).__name__}: {error}"):
        await database.transaction(work)
    assert len(await database.fetch(sql.LOCK)) == 1, "the next one gets a connection that works"
    await database.close()


async def test_so_is_a_store_that_takes_too_long(shared_postgres: PostgresServer) -> None:
    async def work(connection: Any, board: int) -> None:
        raise TimeoutError

    database = Database(shared_postgres.url, "tests/own")
    with pytest.raises(Unavailable, match="no answer within 5 s"):
        await database.run(work)
    await database.close()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
        AttributeError("'NoneType' object has no attribute 'bind_execute'"),
        asyncpg.InterfaceError("cannot call Transaction.start(): the underlying connection is closed"),
        asyncpg.InternalClientError("got result for unknown protocol state 0"),
        BrokenPipeError("Broken pipe"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_work_on_a_connection_that_was_lost_is_done_again_on_another(
    shared_postgres: PostgresServer, error: Exception
) -> None:
    """Whatever is raised of it: libraries stumble over what is not there any more."""
    attempts: list[Any] = []

    async def work(connection: Any, board: int) -> int:
        attempts.append(connection)
        if len(attempts) == 1:
            connection.terminate()
            raise error
        done: int = await connection.fetchval("SELECT 1")
        return done

    database = Database(shared_postgres.url, "tests/own")
    assert await database.transaction(work) == 1
    assert len(attempts) == 2
    await database.close()


async def test_a_mistake_of_ours_is_not_taken_for_a_store_that_is_away(
    shared_postgres: PostgresServer,
) -> None:
    async def work(connection: Any, board: int) -> None:
        raise AttributeError("a mistake")

    database = Database(shared_postgres.url, "tests/own")
    with pytest.raises(AttributeError, match="a mistake"):
        await database.run(work)
    await database.close()


async def test_work_that_a_closing_store_breaks_off_is_refused(shared_postgres: PostgresServer) -> None:
    under_way = asyncio.Event()

    async def work(connection: Any, board: int) -> None:
        under_way.set()
        await connection.fetch("SELECT pg_sleep(60)")

    database = Database(shared_postgres.url, "tests/own")
    working = asyncio.create_task(database.run(work))
    await under_way.wait()
    await database.close()
    with pytest.raises(Unavailable):
        await working
    with pytest.raises(Unavailable, match="the store is closed"):
        await database.fetch(sql.PING)


async def test_an_emptied_database_gets_its_tables_anew(own_postgres: PostgresServer) -> None:
    async with service_on(own_postgres.url) as service:
        await service.board(SCOUT).publish([finding(id="1")])
        await tell(own_postgres, "DROP SCHEMA covey_board CASCADE")
        with pytest.raises(BoardError, match="does not answer: Postgres: UndefinedTableError"):
            await service.board(SCOUT).publish([finding(id="2")])
        await service.board(SCOUT).publish([finding(id="2")])
        page = await service.board(ADMIN).query(Query())
        assert [artifact.id for artifact in page.artifacts] == ["2"]


async def test_a_database_of_a_newer_covey_is_left_alone(own_postgres: PostgresServer) -> None:
    async with service_on(own_postgres.url) as service:
        await service.stats()
    await tell(own_postgres, "INSERT INTO covey_board.migration VALUES (99)")
    said = await refusal(own_postgres.url)
    assert "the schema covey_board of the database is at version 99, this Covey knows only 2" in said
    assert "use the Covey that wrote it, or a newer one" in said


async def test_a_user_who_may_not_make_tables_is_told_what_to_do(own_postgres: PostgresServer) -> None:
    await tell(own_postgres, "CREATE USER guest")
    url = own_postgres.url.replace("covey@", "guest@")
    said = await refusal(url)
    assert "permission denied for database postgres: let the user of the URL make schemas" in said
    await tell(own_postgres, "CREATE SCHEMA covey_board AUTHORIZATION guest")
    async with service_on(url) as service:
        await service.board(SCOUT).publish([finding()])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("/postgres", "/nowhere", 'database "nowhere" does not exist'),
        ("covey@", "nobody@", 'role "nobody" does not exist'),
    ],
)
async def test_what_is_wrong_with_the_url_is_said(
    own_postgres: PostgresServer, before: str, after: str, says: str
) -> None:
    assert says in await refusal(own_postgres.url.replace(before, after))


async def test_a_standby_is_not_ready(own_postgres: PostgresServer) -> None:
    async with service_on(own_postgres.url) as service:
        await service.store.ping()
    await tell(own_postgres, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    assert "in a read-only transaction" in await refusal(own_postgres.url)


@asynccontextmanager
async def stopped_while_publishing(url: str) -> AsyncIterator[None]:
    """Another server, which holds the board's lock and does nothing more."""
    holds, goes_on = asyncio.Event(), asyncio.Event()

    async def work(connection: Any, board: int) -> None:
        await connection.fetch(sql.LOCK, board)
        holds.set()
        await goes_on.wait()

    database = Database(url, "tests/own")
    holding = asyncio.create_task(database.transaction(work))
    await holds.wait()
    yield
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    await database.close()


async def test_a_server_that_is_stopped_while_publishing_holds_up_nobody_for_long(
    own_postgres: PostgresServer,
) -> None:
    async with service_on(own_postgres.url) as service, stopped_while_publishing(own_postgres.url):
        await service.board(SCOUT).publish([finding(id="1")])
        assert (await service.stats()).artifacts == 1


async def test_a_step_of_pruning_reads_what_goes_and_not_what_stays(own_postgres: PostgresServer) -> None:
    store = PostgresStore(own_postgres.url, "tests/own", Limits())
    at = datetime.fromisoformat("2026-11-01T12:00:00Z")
    for first in range(0, 5000, 1000):
        await store.publish([Publication(artifact(f"a{n}", at)) for n in range(first, first + 1000)], 0)
    await store.close()
    connection = await asyncpg.connect(own_postgres.url)
    await connection.execute("VACUUM ANALYZE")
    transaction = connection.transaction()
    await transaction.start()
    await connection.fetch(letter_sql.IN_ORDER, 1)
    statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {letter_sql.PRUNE}"
    [plan] = json.loads(await connection.fetchval(statement, 1, None, 4990, 1000))
    await transaction.rollback()
    await connection.close()
    read = [node["Actual Rows"] * node["Actual Loops"] for node in nodes(plan["Plan"])]
    assert max(read) == 10


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, all of them."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
