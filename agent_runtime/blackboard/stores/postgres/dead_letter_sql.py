"""What the Postgres store says about dead letters and about artifacts that nobody needs. $1 is the board."""

from agent_runtime.blackboard.stores.postgres.sql import COUNT

# $2: how many stay
FORGET_OLDEST = """
DELETE FROM covey_board.dead_letter WHERE board = $1 AND place <= (
    SELECT place FROM covey_board.dead_letter WHERE board = $1 ORDER BY place DESC OFFSET $2 LIMIT 1
)
"""

NEWEST = """
SELECT name, agent, artifacts, attempts, error, at FROM covey_board.dead_letter
WHERE board = $1 AND ($3::text IS NULL OR agent = $3) ORDER BY place DESC LIMIT $2
"""

LETTER = """
SELECT name, agent, artifacts, attempts, error, at FROM covey_board.dead_letter WHERE board = $1 AND name = $2
"""

_TAKEN = """
DELETE FROM covey_board.dead_letter WHERE board = $1 AND name = ANY ($2::text[])
"""

# The names are asked for once each; $3: now.
REPLAY = f"""
WITH taken AS ({_TAKEN} RETURNING *), letter AS (
    SELECT taken.*, asked.place AS turn
    FROM taken JOIN unnest($2::text[]) WITH ORDINALITY AS asked (name, place) ON asked.name = taken.name
), delivery AS (
    INSERT INTO covey_board.delivery
        (board, name, agent, artifacts, sets, priority, state, timer, attempt, base, error)
    SELECT $1, name, agent, artifacts, sets, priority, 0, $3, attempts, attempts, error
    FROM letter ORDER BY turn
), inbox AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT $1, agent, count(*) FROM letter GROUP BY agent ORDER BY agent
    {COUNT}
)
SELECT name, agent, artifacts, attempts, error, at FROM letter ORDER BY turn
"""

DROP = f"{_TAKEN} RETURNING name"

# A delivery of one artifact has its id at the beginning of the name; those of several have an index of them.
# The sum keeps Postgres from reading the index of a whole board beside that.
_NEEDED = """(
    EXISTS (
        SELECT FROM covey_board.delivery WHERE delivery.board = $1 AND artifacts @> ARRAY[artifact.id] AND (
            name >= artifact.id || '@' COLLATE "C" AND name < artifact.id || 'A' COLLATE "C"
            OR name >= artifact.id || '+' COLLATE "C" AND name < artifact.id || ',' COLLATE "C"
        )
    ) OR EXISTS (
        SELECT FROM covey_board.delivery
        WHERE delivery.board + 0 = $1 AND cardinality(artifacts) > 1 AND artifacts @> ARRAY[artifact.id]
    ) OR EXISTS (
        SELECT FROM covey_board.dead_letter
        WHERE dead_letter.board + 0 = $1 AND artifacts @> ARRAY[artifact.id]
    )
)"""

# Within the transaction: walk along an index and stop when there are enough, instead of looking at all first.
# That looks dear to Postgres, which must not compile it for that reason.
IN_ORDER = """
SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true) WHERE $1::bigint IS NOT NULL
"""

# $2: made before, $3: how many of the newest stay, $4: most at once; who prunes has the board's lock.
# Postgres' text knows no NUL, but a payload may have one.
PRUNE = rf"""
WITH old AS (
    SELECT position, ctid AS at FROM covey_board.artifact WHERE board = $1 AND created < $2 AND NOT {_NEEDED}
    ORDER BY created, position LIMIT $4
), surplus AS (
    SELECT position, at FROM (
        SELECT board, id, position, ctid AS at FROM covey_board.artifact WHERE board = $1
        ORDER BY position LIMIT (
            SELECT coalesce(greatest(position - pruned - $3, 0), 0) FROM covey_board.board WHERE id = $1
        )
    ) AS artifact
    WHERE NOT {_NEEDED} LIMIT $4
), gone AS (
    DELETE FROM covey_board.artifact WHERE ctid = ANY (ARRAY (
        SELECT at FROM (TABLE old UNION TABLE surplus) AS going ORDER BY position LIMIT $4
    ))
    RETURNING position, body
), tagged AS (
    SELECT position, json_array_elements_text(wire -> 'tags') AS tag
    FROM gone, LATERAL (SELECT replace(convert_from(body, 'UTF8'), '\u0000', '\u0020')::json AS wire) AS read
), untagged AS (
    DELETE FROM covey_board.tag WHERE ctid = ANY (ARRAY (
        SELECT found.ctid FROM tagged CROSS JOIN LATERAL (
            SELECT ctid FROM covey_board.tag
            WHERE board = $1 AND tag.tag = tagged.tag AND tag.position = tagged.position LIMIT 1
        ) AS found
    ))
), counted AS (
    UPDATE covey_board.board SET pruned = pruned + (SELECT count(*) FROM gone) WHERE id = $1
)
SELECT count(*) AS gone FROM gone
"""
