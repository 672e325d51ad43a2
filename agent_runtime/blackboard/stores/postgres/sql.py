"""What the Postgres store says to publish and to read. $1 is the board.

Each statement is one round trip and atomic. Locks are taken in one order, so that nobody waits in a circle: a
board, its deliveries by name, its inboxes by agent. Who locks the board is alone in changing its groups.

Rows are asked for one by one (LATERAL) and found again by their place (ctid): before Postgres has counted a
young table, it would rather walk through the whole board.
"""

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.time_index import CLOCKS_AGREE

BOARD = """
WITH made AS (
    INSERT INTO covey_board.board (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM covey_board.board WHERE name = $1
"""

BOARD_THERE = "SELECT EXISTS (SELECT FROM covey_board.board WHERE name = $1)"

# a write that changes nothing: a standby would answer a mere SELECT; a row when a restore is under way
PING = "UPDATE covey_board.board SET version = version WHERE id = $1 AND version < 0 RETURNING version"

LOCK = "SELECT version, position FROM covey_board.board WHERE id = $1 FOR UPDATE"

_WANTED = "(SELECT body FROM covey_board.artifact WHERE board = $1 AND id = wanted.id LIMIT 1) AS found"

ARTIFACTS = f"SELECT id, body FROM unnest($2::text[]) AS wanted (id) CROSS JOIN LATERAL {_WANTED}"

BODIES = f"""ARRAY (
    SELECT body FROM unnest({{ids}}) WITH ORDINALITY AS wanted (id, place)
    CROSS JOIN LATERAL {_WANTED} ORDER BY place
)"""

# The names are in order.
LOCK_HELD = """
SELECT wanted.name, attempt, timer FROM unnest($2::text[]) AS wanted (name) CROSS JOIN LATERAL (
    SELECT attempt, timer FROM covey_board.delivery
    WHERE board = $1 AND delivery.name = wanted.name AND state = 2 FOR UPDATE
) AS held
"""

FINISHED = f"""
SELECT lease, {BODIES.format(ids="results")} AS bodies
FROM covey_board.finished WHERE board = $1 AND lease = ANY ($2::text[])
"""

PENDING = "SELECT agent, pending FROM covey_board.inbox WHERE board = $1 AND agent = ANY ($2::text[])"

COUNT = "ON CONFLICT (board, agent) DO UPDATE SET pending = inbox.pending + excluded.pending"

# What a group of steps changes, worked out under the locks; see `transactions`.
WRITE = f"""
WITH board AS (
    UPDATE covey_board.board SET position = $2 WHERE id = $1 AND position < $2
), artifact AS (
    INSERT INTO covey_board.artifact
        (board, position, id, type, correlation, producer, partition, created, body)
    SELECT $1, new.* FROM unnest(
        $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
        $10::bytea[]
    ) AS new
), tag AS (
    INSERT INTO covey_board.tag (board, tag, position)
    SELECT $1, new.* FROM unnest($11::text[], $12::bigint[]) AS new
), delivery AS (
    INSERT INTO covey_board.delivery (board, name, agent, artifacts, priority, state, timer, gathering)
    SELECT $1, name, agent, string_to_array(artifacts, ' '), priority, state, timer, gathering
    FROM unnest(
        $13::text[], $14::text[], $15::text[], $16::int[], $17::smallint[], $18::timestamptz[], $19::jsonb[]
    ) WITH ORDINALITY AS new (name, agent, artifacts, priority, state, timer, gathering, place)
    ORDER BY new.place
), ended AS (
    DELETE FROM covey_board.delivery WHERE ctid = ANY (ARRAY (
        SELECT held.ctid FROM unnest($20::text[]) AS old (name) CROSS JOIN LATERAL (
            SELECT ctid FROM covey_board.delivery WHERE board = $1 AND delivery.name = old.name LIMIT 1
        ) AS held
    ))
), finished AS (
    INSERT INTO covey_board.finished (board, lease, results, at)
    SELECT $1, lease, string_to_array(results, ' '), at
    FROM unnest($21::text[], $22::text[], $23::timestamptz[]) AS new (lease, results, at)
    ON CONFLICT (board, lease) DO UPDATE SET results = excluded.results, at = excluded.at
), inbox AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT $1, new.* FROM unnest($24::text[], $25::bigint[]) AS new (agent, more) ORDER BY new.agent
    {COUNT}
)
SELECT pg_notify(format('covey_board_%s', $1), $26) WHERE $26 IS NOT NULL
"""

NOTIFY = "SELECT pg_notify(format('covey_board_%s', $1::bigint), $2)"

REGISTER = """
INSERT INTO covey_board.subscriber (board, agent, body) VALUES ($1, $2, $3)
ON CONFLICT (board, agent) DO UPDATE SET body = excluded.body WHERE subscriber.body <> excluded.body
RETURNING agent
"""

UNREGISTER = "DELETE FROM covey_board.subscriber WHERE board = $1 AND agent = $2 RETURNING agent"

NEXT_VERSION = "UPDATE covey_board.board SET version = version + 1 WHERE id = $1"

SUBSCRIBERS = """
SELECT version, place, body FROM covey_board.board LEFT JOIN covey_board.subscriber ON board = id
WHERE id = $1 ORDER BY place
"""

# a position for each artifact that there ever was
STATS = """
SELECT position - pruned AS artifacts,
    (SELECT count(*) FROM covey_board.dead_letter WHERE board = $1) AS dead,
    (SELECT count(*) FROM covey_board.subscriber WHERE board = $1) AS subscribers
FROM covey_board.board WHERE id = $1
"""

INBOXES = "SELECT agent, pending FROM covey_board.inbox WHERE board = $1 AND pending > 0"


LAST = 2**63 - 1
"""A position behind all."""

_BY_TIME = "SELECT position FROM covey_board.artifact WHERE board = $1 AND created {} ORDER BY created"

# Behind $2, made since $3 and before $4 (or null): behind which position that can be, and up to which one.
BETWEEN = f"""
SELECT
    CASE WHEN next.created < $3::timestamptz THEN greatest($2, coalesce((
        SELECT min(position) - 1 FROM ({_BY_TIME.format(">= $3")}, position LIMIT {CLOCKS_AGREE}) AS first
    ), {LAST})) ELSE $2 END AS after,
    CASE WHEN newest.created >= $4::timestamptz THEN coalesce((
        SELECT max(position) FROM ({_BY_TIME.format("< $4")} DESC, position DESC LIMIT {CLOCKS_AGREE}) AS last
    ), 0) ELSE {LAST} END AS last
FROM (
    SELECT created FROM covey_board.artifact WHERE board = $1 AND position > $2 ORDER BY position LIMIT 1
) AS next, (
    SELECT created FROM covey_board.artifact WHERE board = $1 ORDER BY position DESC LIMIT 1
) AS newest
"""


def scan(query: Query, after: int, last: int, limit: int) -> tuple[str, list[object]]:
    """The statement for one page up to `last`, and what follows the board. Postgres chooses the index."""
    where, args = ["position > $2", "position <= $3"], [after, last, limit]
    filters: list[object] = []
    for name, condition in _FILTERS.items():
        if (value := getattr(query, name)) is not None:
            filters.append(value)
            where.append(condition.format(value=f"${len(filters) + 4}"))
    statement = (
        f"SELECT position, body FROM covey_board.artifact WHERE board = $1 AND {' AND '.join(where)} "
        "ORDER BY position LIMIT $4"
    )
    return statement, [*args, *filters]


_FILTERS = {
    "type": "type = {value}",
    "correlation": "correlation = {value}",
    "producer": "producer = {value}",
    "partition": "partition = {value}",
    "since": "created >= {value}",
    "until": "created < {value}",
    "tag": (
        "position IN ("
        "SELECT position FROM covey_board.tag WHERE board = $1 AND tag = {value} AND position > $2)"
    ),
}
