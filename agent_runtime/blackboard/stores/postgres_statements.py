"""What the Postgres store says. Each is one statement, so one round trip and atomic; $1 is the board.

Locks are taken in one order, so that nobody waits in a circle: a board, its deliveries by name, its inboxes
by agent.

Rows are asked for one by one (LATERAL) and found again by their place (ctid): before Postgres has counted a
young table, it would rather walk through the whole board.
"""

from agent_runtime.blackboard.board import Query

BOARD = """
WITH made AS (
    INSERT INTO covey_board.board (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM covey_board.board WHERE name = $1
"""

# a write that changes nothing: a standby would answer a mere SELECT
PING = "UPDATE covey_board.board SET version = version WHERE id = $1 AND version < 0"

LOCK = "SELECT version, position FROM covey_board.board WHERE id = $1 FOR UPDATE"

_WANTED = "(SELECT body FROM covey_board.artifact WHERE board = $1 AND id = wanted.id LIMIT 1) AS found"

ARTIFACTS = f"SELECT id, body FROM unnest($2::text[]) AS wanted (id) CROSS JOIN LATERAL {_WANTED}"

_BODIES = f"""ARRAY (
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
SELECT lease, {_BODIES.format(ids="results")} AS bodies
FROM covey_board.finished WHERE board = $1 AND lease = ANY ($2::text[])
"""

PENDING = "SELECT agent, pending FROM covey_board.inbox WHERE board = $1 AND agent = ANY ($2::text[])"

_COUNT = "ON CONFLICT (board, agent) DO UPDATE SET pending = inbox.pending + excluded.pending"

# What a group of steps changes, worked out under the locks; see `postgres_groups`.
WRITE = f"""
WITH board AS (
    UPDATE covey_board.board SET position = $2 WHERE id = $1 AND position < $2
), artifact AS (
    INSERT INTO covey_board.artifact (board, position, id, type, correlation, producer, body)
    SELECT $1, new.*
    FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[]) AS new
), tag AS (
    INSERT INTO covey_board.tag (board, tag, position)
    SELECT $1, new.* FROM unnest($9::text[], $10::bigint[]) AS new
), delivery AS (
    INSERT INTO covey_board.delivery (board, name, agent, artifacts, priority, state, timer)
    SELECT $1, name, agent, string_to_array(artifacts, ' '), priority, state, timer
    FROM unnest($11::text[], $12::text[], $13::text[], $14::int[], $15::smallint[], $16::timestamptz[])
        WITH ORDINALITY AS new (name, agent, artifacts, priority, state, timer, place)
    ORDER BY new.place
), ended AS (
    DELETE FROM covey_board.delivery WHERE ctid = ANY (ARRAY (
        SELECT held.ctid FROM unnest($17::text[]) AS old (name) CROSS JOIN LATERAL (
            SELECT ctid FROM covey_board.delivery WHERE board = $1 AND delivery.name = old.name LIMIT 1
        ) AS held
    ))
), finished AS (
    INSERT INTO covey_board.finished (board, lease, results, at)
    SELECT $1, lease, string_to_array(results, ' '), at
    FROM unnest($18::text[], $19::text[], $20::timestamptz[]) AS new (lease, results, at)
), inbox AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT $1, new.* FROM unnest($21::text[], $22::bigint[]) AS new (agent, more) ORDER BY new.agent
    {_COUNT}
)
SELECT pg_notify(format('covey_board_%s', $1), $23) WHERE $23 IS NOT NULL
"""

NOTIFY = "SELECT pg_notify(format('covey_board_%s', $1::bigint), $2)"

REGISTER = """
INSERT INTO covey_board.subscriber (board, agent, body) VALUES ($1, $2, $3)
ON CONFLICT (board, agent) DO UPDATE SET body = excluded.body WHERE subscriber.body <> excluded.body
RETURNING agent
"""

FORGET = "DELETE FROM covey_board.subscriber WHERE board = $1 AND agent = $2 RETURNING agent"

NEXT_VERSION = "UPDATE covey_board.board SET version = version + 1 WHERE id = $1"

SUBSCRIBERS = """
SELECT version, place, body FROM covey_board.board LEFT JOIN covey_board.subscriber ON board = id
WHERE id = $1 ORDER BY place
"""

# What another is just handing out is passed over.
LEASE = f"""
WITH ready AS (
    SELECT ctid FROM covey_board.delivery WHERE board = $1 AND agent = $2 AND state = 0
    ORDER BY priority DESC, place LIMIT $3 FOR UPDATE SKIP LOCKED
), handed AS (
    UPDATE covey_board.delivery SET state = 2, timer = $4, attempt = attempt + 1
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM ready))
    RETURNING name, attempt, artifacts, priority, place
)
SELECT name, attempt, {_BODIES.format(ids="artifacts")} AS bodies FROM handed ORDER BY priority DESC, place
"""

HELD = f"""
SELECT timer, {_BODIES.format(ids="artifacts")} AS bodies
FROM covey_board.delivery WHERE board = $1 AND name = $2 AND attempt = $3 AND state = 2
"""

_HELD_NOW = "board = $1 AND name = $2 AND attempt = $3 AND state = 2 AND timer > $4"

EXTEND = f"UPDATE covey_board.delivery SET timer = $5 WHERE {_HELD_NOW} RETURNING name"

OFFER_AGAIN = f"""
UPDATE covey_board.delivery SET state = CASE WHEN $5 > $4 THEN 1 ELSE 0 END, timer = $5, error = $6
WHERE {_HELD_NOW} RETURNING name
"""

_BURY = f"""letter AS (
    INSERT INTO covey_board.dead_letter (board, name, agent, artifacts, attempts, error, at)
    SELECT board, name, agent, artifacts, attempt, $5, $4 FROM gone
), emptied AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT board, agent, -count(*) FROM gone GROUP BY board, agent ORDER BY agent
    {_COUNT}
)"""

GIVE_UP = f"""
WITH gone AS (
    DELETE FROM covey_board.delivery WHERE {_HELD_NOW} RETURNING board, name, agent, artifacts, attempt
), {_BURY}
SELECT name, agent, artifacts, attempt FROM gone
"""

FAILED_BEFORE = """
SELECT FROM covey_board.delivery WHERE board = $1 AND name = $2 AND attempt = $3 AND state <> 2
UNION ALL SELECT FROM covey_board.dead_letter WHERE board = $1 AND name = $2 AND attempts = $3
"""

NEXT_DUE = "SELECT min(timer) AS due FROM covey_board.delivery WHERE board = $1 AND state <> 0"

# $2: most at once, $3: most attempts, $4: now, $5: the error of a lease that ran out
SWEEP = f"""
WITH due AS (
    SELECT ctid, name, agent, state, state = 2 AND attempt >= $3 AS hopeless FROM covey_board.delivery
    WHERE board = $1 AND state <> 0 AND timer <= $4 ORDER BY timer LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM covey_board.delivery WHERE ctid = ANY (ARRAY (SELECT ctid FROM due WHERE hopeless))
    RETURNING board, name, agent, artifacts, attempt
), {_BURY}, offered AS (
    UPDATE covey_board.delivery SET state = 0
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM due WHERE NOT hopeless))
)
SELECT name, agent, artifacts, attempt, NULL AS was FROM gone
UNION ALL SELECT name, agent, NULL, NULL, state FROM due WHERE NOT hopeless
"""

FORGET_FINISHED = "DELETE FROM covey_board.finished WHERE board = $1 AND at < $2"

FORGET_DEAD_LETTERS = """
DELETE FROM covey_board.dead_letter WHERE board = $1 AND place <= (
    SELECT place FROM covey_board.dead_letter WHERE board = $1 ORDER BY place DESC OFFSET $2 LIMIT 1
)
"""

DEAD_LETTERS = """
SELECT name, agent, artifacts, attempts, error, at FROM covey_board.dead_letter WHERE board = $1
ORDER BY place DESC LIMIT $2
"""

# artifacts are never deleted, so that the last position counts them
STATS = """
SELECT position AS artifacts, (SELECT count(*) FROM covey_board.dead_letter WHERE board = $1) AS dead
FROM covey_board.board WHERE id = $1
"""

INBOXES = "SELECT agent, pending FROM covey_board.inbox WHERE board = $1 AND pending > 0"


def scan(query: Query, after: int) -> tuple[str, list[object]]:
    """The statement for one page, and what follows the board. Postgres chooses the index."""
    where, args = ["position > $2"], [after, query.limit]
    filters: list[object] = []
    for column in ("type", "correlation", "producer"):
        if (value := getattr(query, column)) is not None:
            filters.append(value)
            where.append(f"{column} = ${len(filters) + 3}")
    if query.tag is not None:
        filters.append(query.tag)
        where.append(
            "position IN (SELECT position FROM covey_board.tag "
            f"WHERE board = $1 AND tag = ${len(filters) + 3} AND position > $2)"
        )
    statement = (
        f"SELECT position, body FROM covey_board.artifact WHERE board = $1 AND {' AND '.join(where)} "
        "ORDER BY position LIMIT $3"
    )
    return statement, [*args, *filters]
