"""Vector stores of every kind, each empty at first."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from agent_runtime.knowledge.vectors.memory import MemoryVectors
from agent_runtime.knowledge.vectors.pgvector import PgVectors
from agent_runtime.knowledge.vectors.port import VectorStore
from agent_runtime.knowledge.vectors.qdrant import QdrantVectors
from tests.contract.servers import PostgresServer, running_postgres

Connect = Callable[[], VectorStore]
"""Makes a new connection to the same data."""

_places = itertools.count(1)


@pytest.fixture(scope="session")
def shared_pgvector() -> Iterator[PostgresServer]:
    """One Postgres with pgvector for all tests that do not break it; each uses a place of its own."""
    with running_postgres("pgvector") as server:
        yield server


@pytest.fixture
def own_pgvector() -> Iterator[PostgresServer]:
    """One for a test that breaks it."""
    with running_postgres("pgvector") as server:
        yield server


@pytest.fixture(params=["memory", "pgvector", "qdrant"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    match request.param:
        case "memory":
            return MemoryVectors
        case "pgvector":
            server: PostgresServer = request.getfixturevalue("shared_pgvector")
            place = f"tests/board-{next(_places)}"
            return lambda: PgVectors(server.url, place)
        case _:
            return lambda: QdrantVectors(tmp_path / "vectors")


@pytest.fixture
async def store(connect: Connect) -> AsyncIterator[VectorStore]:
    """Has the collection `words` of three dimensions."""
    store = connect()
    await store.create("words", 3)
    yield store
    await store.close()
