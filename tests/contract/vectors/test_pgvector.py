"""Vectors in Postgres: several stores on one database, one that goes away, and one without the extension."""

import asyncio

import asyncpg
import pytest

from agent_runtime.knowledge.vectors.pgvector import PgVectors
from agent_runtime.knowledge.vectors.port import Entry, Unavailable, VectorStoreError
from tests.contract.servers import PostgresServer, running_postgres

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)


async def test_blackboards_share_a_database_and_do_not_meet(shared_pgvector: PostgresServer) -> None:
    one, other = PgVectors(shared_pgvector.url, "news/a"), PgVectors(shared_pgvector.url, "shop/a")
    await asyncio.gather(one.create("words", 2), other.create("words", 3))
    await one.upsert("words", [Entry("a", EAST)])
    assert (await one.count("words"), await other.count("words")) == (1, 0)
    await one.drop("words")
    assert await other.count("words") == 0
    await one.close()
    await other.close()


async def test_many_who_write_and_create_at_once_wait_for_each_other(shared_pgvector: PostgresServer) -> None:
    stores = [PgVectors(shared_pgvector.url, "news/storm") for _ in range(4)]
    await asyncio.gather(*(store.create("words", 2) for store in stores))
    entries = [Entry(str(n), EAST if n % 2 else NORTH, {"n": n}) for n in range(200)]
    backwards = entries[::-1]
    await asyncio.gather(
        *(store.upsert("words", entries if n % 2 else backwards) for n, store in enumerate(stores * 3))
    )
    assert await stores[0].count("words") == 200
    for store in stores:
        await store.close()


async def test_the_index_is_used_for_a_large_collection(shared_pgvector: PostgresServer) -> None:
    store = PgVectors(shared_pgvector.url, "news/large")
    await store.create("words", 2)
    await store.upsert("words", [Entry(str(n), (1.0, n / 1000)) for n in range(3000)])
    connection = await asyncpg.connect(shared_pgvector.url)
    try:
        number = await connection.fetchval(
            "SELECT id FROM covey_vectors.collection WHERE place = 'news/large'"
        )
        await connection.execute(f"ANALYZE covey_vectors.entry_{number}")
        plan = await connection.fetch(
            f"EXPLAIN SELECT id FROM covey_vectors.entry_{number} ORDER BY embedding <=> '[1,0]' LIMIT 5"
        )
    finally:
        await connection.close()
        await store.close()
    assert f"entry_{number}_embedding_idx" in "".join(row[0] for row in plan)


async def test_a_server_that_goes_away_and_comes_back(own_pgvector: PostgresServer) -> None:
    store = PgVectors(own_pgvector.url, "news/newsroom")
    await store.create("words", 2)
    await store.upsert("words", [Entry("a", EAST)])
    own_pgvector.kill()
    with pytest.raises(Unavailable, match="Postgres"):
        await store.search("words", EAST, 1)
    own_pgvector.start()
    assert [hit.id for hit in await store.search("words", EAST, 1)] == ["a"]
    await store.close()


async def test_a_restart_between_two_calls_is_not_noticed(own_pgvector: PostgresServer) -> None:
    store = PgVectors(own_pgvector.url, "news/newsroom")
    await store.create("words", 2)
    own_pgvector.stop()
    own_pgvector.start()
    await store.upsert("words", [Entry("a", EAST)])
    assert await store.count("words") == 1
    await store.close()


async def test_a_server_without_the_extension_says_what_to_take() -> None:
    with running_postgres() as plain:
        connection = await asyncpg.connect(plain.url)
        offered = await connection.fetchval(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        )
        await connection.close()
        if offered:
            pytest.skip("this machine's Postgres has pgvector")
        store = PgVectors(plain.url, "news/newsroom")
        with pytest.raises(VectorStoreError, match="take a server with pgvector"):
            await store.create("words", 2)
        await store.close()


async def test_a_user_who_may_not_make_the_extension_is_told_who_may(own_pgvector: PostgresServer) -> None:
    connection = await asyncpg.connect(own_pgvector.url)
    await connection.execute("CREATE ROLE small LOGIN")
    await connection.execute("CREATE DATABASE theirs OWNER small")
    await connection.close()
    url = own_pgvector.url.replace("covey@", "small@").replace("/postgres", "/theirs")
    store = PgVectors(url, "news/newsroom")
    with pytest.raises(VectorStoreError, match="administrator: CREATE EXTENSION vector"):
        await store.create("words", 2)
    administrator = await asyncpg.connect(own_pgvector.url.replace("/postgres", "/theirs"))
    await administrator.execute("CREATE EXTENSION vector")
    await administrator.close()
    await store.create("words", 2)
    await store.close()
