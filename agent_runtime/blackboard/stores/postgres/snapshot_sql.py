"""What the Postgres store says to freeze a board and to restore one. $1 is the board."""

from agent_runtime.blackboard.stores.postgres.sql import COUNT

HEAD = "SELECT position, version FROM covey_board.board WHERE id = $1"

DELIVERIES = """
SELECT name, agent, artifacts, priority, state, timer, gathering, attempt, base, sets, error
FROM covey_board.delivery WHERE board = $1 ORDER BY place
"""

LETTERS = """
SELECT name, agent, artifacts, attempts, error, at, priority, sets
FROM covey_board.dead_letter WHERE board = $1 ORDER BY place
"""

# With the board's lock, like all that follows.
FED = """
SELECT EXISTS (SELECT FROM covey_board.subscriber WHERE board = $1)
    OR EXISTS (SELECT FROM covey_board.delivery WHERE board = $1)
    OR EXISTS (SELECT FROM covey_board.dead_letter WHERE board = $1) AS fed
"""

HAS_ARTIFACTS = "SELECT EXISTS (SELECT FROM covey_board.artifact WHERE board = $1) AS has"

# A version that is negative shuts the board; its amount is one more than it was.
SHUT = "UPDATE covey_board.board SET version = -version - 1 WHERE id = $1 RETURNING version"

OPEN = """
UPDATE covey_board.board SET version = CASE WHEN version < 0 THEN -version ELSE version + 1 END WHERE id = $1
"""

SUBSCRIBER = "INSERT INTO covey_board.subscriber (board, agent, body) VALUES ($1, $2, $3)"

PUT = f"""
WITH delivery AS (
    INSERT INTO covey_board.delivery
        (board, name, agent, artifacts, priority, state, timer, gathering, attempt, base, sets, error)
    SELECT $1, name, agent, string_to_array(artifacts, ' '), priority, state, timer, gathering, attempt, base,
        string_to_array(sets, ' ')::int[], error
    FROM unnest(
        $2::text[], $3::text[], $4::text[], $5::int[], $6::smallint[], $7::timestamptz[], $8::jsonb[],
        $9::int[], $10::int[], $11::text[], $12::text[]
    ) WITH ORDINALITY
        AS new (name, agent, artifacts, priority, state, timer, gathering, attempt, base, sets, error, place)
    ORDER BY new.place
)
INSERT INTO covey_board.inbox (board, agent, pending)
SELECT $1, agent, count(*) FROM unnest($3::text[]) AS new (agent) GROUP BY agent ORDER BY agent
{COUNT}
"""

BURY = """
INSERT INTO covey_board.dead_letter (board, name, agent, artifacts, attempts, error, at, priority, sets)
SELECT $1, name, agent, string_to_array(artifacts, ' '), attempts, error, at, priority,
    string_to_array(sets, ' ')::int[]
FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::timestamptz[], $8::int[], $9::text[]
) WITH ORDINALITY AS new (name, agent, artifacts, attempts, error, at, priority, sets, place)
ORDER BY new.place
"""
