"""Boards that begin with very many artifacts: written by SQL, since publishing them would take hours.

Artifact N was made N seconds after 2026 began, by one of 50 scouts; ten have one correlation. One in 10,000
is of the type `Rare`, the others are findings; one in 100 has the tag `late`.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import asyncpg

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.core.times import micros
from tests.bench.boards import DRAFT

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
STORY = 10
RARE = 10_000
TAG, TAGGED = "late", 100
_SCOUTS = 50
_BODY = encode(
    Artifact(
        id="@id",
        type="@type",
        version=1,
        payload=DRAFT.payload,
        producer="@producer",
        correlation="@story",
        created_at=FIRST,
        tags=("@tag",),
    )
).decode()
_MADE = json.loads(_BODY)["createdAt"]


def made(number: int) -> datetime:
    """When artifact N was made."""
    return FIRST + timedelta(seconds=number)


def fill_sqlite(path: Path, count: int) -> None:
    """`path` has its tables, and nobody has it open. Indexes are built at the end, which is faster."""
    db = apsw.Connection(str(path))
    for pragma, value in (("journal_mode", "OFF"), ("synchronous", "OFF"), ("cache_size", -2_000_000)):
        db.pragma(pragma, value)
    indexes = list(
        db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'artifact' AND sql <> ''"
        )
    )
    with db:
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        db.execute(
            f"""
            WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :count),
            new AS MATERIALIZED (
                SELECT n, lower(hex(randomblob(16))) AS id, iif(n % {RARE} = 0, 'Rare', 'Finding') AS type,
                    'story-' || (n / {STORY}) AS story, 'scout-' || (n % {_SCOUTS}) AS producer,
                    iif(n % {TAGGED} = 0, '"{TAG}"', '') AS tag
                FROM number
            )
            INSERT INTO artifact (id, type, correlation, producer, made, body)
            SELECT id, type, story, producer, :first + n * 1000000,
                replace(replace(replace(replace(replace(replace(:body, '@id', id), '@type', type),
                    '@producer', producer), '@story', story), '"@tag"', tag),
                    :made, strftime('%Y-%m-%dT%H:%M:%SZ', :first / 1000000 + n, 'unixepoch'))
            FROM new
            """,
            {"count": count, "first": micros(FIRST), "body": _BODY, "made": _MADE},
        )
        db.execute(f"INSERT INTO tag SELECT '{TAG}', position FROM artifact WHERE position % {TAGGED} = 1")
        for _, statement in indexes:
            db.execute(statement)
    db.pragma("journal_mode", "WAL")
    db.close()


async def fill_postgres(url: str, board: str, count: int) -> None:
    """The tables are there, and nobody uses them. Indexes are built at the end, which is faster."""
    connection = await asyncpg.connect(url)
    number = await connection.fetchval("SELECT id FROM covey_board.board WHERE name = $1", board)
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'covey_board'"
        " AND tablename = 'artifact' AND indexname <> 'artifact_pkey'"
    )
    await connection.execute("ALTER TABLE covey_board.artifact DROP CONSTRAINT artifact_board_id_key")
    for name, _ in indexes:
        await connection.execute(f"DROP INDEX IF EXISTS covey_board.{name}")
    await connection.execute(
        f"""
        INSERT INTO covey_board.artifact (board, position, id, type, correlation, producer, created, body)
        SELECT $1, n + 1, id, type, story, producer, made,
            convert_to(replace(replace(replace(replace(replace(replace($3, '@id', id), '@type', type),
                '@producer', producer), '@story', story), '"@tag"', tag),
                $4, to_char(made AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 'UTF8')
        FROM (
            SELECT n, md5(random()::text || n) AS id,
                CASE WHEN n % {RARE} = 0 THEN 'Rare' ELSE 'Finding' END AS type,
                'story-' || (n / {STORY}) AS story, 'scout-' || (n % {_SCOUTS}) AS producer,
                CASE WHEN n % {TAGGED} = 0 THEN '"{TAG}"' ELSE '' END AS tag,
                $5::timestamptz + n * interval '1 second' AS made
            FROM generate_series(0, $2::bigint - 1) AS n
        ) AS new
        """,
        *(number, count, _BODY, _MADE, FIRST),
    )
    await connection.execute(
        f"INSERT INTO covey_board.tag (board, tag, position)"
        f" SELECT $1, '{TAG}', n + 1 FROM generate_series(0, $2::bigint - 1, {TAGGED}) AS n",
        *(number, count),
    )
    await connection.execute("UPDATE covey_board.board SET position = $2 WHERE id = $1", number, count)
    for _, statement in indexes:
        await connection.execute(statement)
    await connection.execute("VACUUM ANALYZE covey_board.artifact")
    await connection.close()
