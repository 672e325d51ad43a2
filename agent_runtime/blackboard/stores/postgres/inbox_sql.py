"""What the Postgres store says about inboxes: hand out, hold, give back, give up. $1 is the board.

state: 0 ready, 1 waits for its time, 2 held, 3 waits in its group; timer: when time will change a state other
than ready. A delivery with a `join` has not been offered yet: `joins` sees to it.
"""

from agent_runtime.blackboard.stores.postgres.sql import BODIES, COUNT

# What another is just handing out is passed over.
LEASE = f"""
WITH ready AS (
    SELECT ctid FROM covey_board.delivery WHERE board = $1 AND agent = $2 AND state = 0
    ORDER BY priority DESC, place LIMIT $3 FOR UPDATE SKIP LOCKED
), handed AS (
    UPDATE covey_board.delivery SET state = 2, timer = $4, attempt = attempt + 1
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM ready))
    RETURNING name, attempt, artifacts, sets, priority, place
)
SELECT name, attempt, {BODIES.format(ids="artifacts")} AS bodies, sets
FROM handed ORDER BY priority DESC, place
"""

HELD = f"""
SELECT timer, {BODIES.format(ids="artifacts")} AS bodies
FROM covey_board.delivery WHERE board = $1 AND name = $2 AND attempt = $3 AND state = 2
"""

_HELD_NOW = "board = $1 AND name = $2 AND attempt = $3 AND state = 2 AND timer > $4"

EXTEND = f"UPDATE covey_board.delivery SET timer = $5 WHERE {_HELD_NOW} RETURNING name"

# $7: most attempts
OFFER_AGAIN = f"""
UPDATE covey_board.delivery SET state = CASE WHEN $5 > $4 THEN 1 ELSE 0 END, timer = $5, error = $6
WHERE {_HELD_NOW} AND attempt - base < $7 RETURNING name
"""

# Attempts up to `base` do not count.
RELEASE = f"""
UPDATE covey_board.delivery SET state = 0, timer = $4, base = base + 1 WHERE {_HELD_NOW} RETURNING name
"""

_BURY = f"""letter AS (
    INSERT INTO covey_board.dead_letter (board, name, agent, artifacts, attempts, error, at, priority, sets)
    SELECT board, name, agent, artifacts, attempt, $5, $4, priority, sets FROM gone
), emptied AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT board, agent, -count(*) FROM gone GROUP BY board, agent ORDER BY agent
    {COUNT}
)"""

GIVE_UP = f"""
WITH gone AS (DELETE FROM covey_board.delivery WHERE {_HELD_NOW} RETURNING *), {_BURY}
SELECT name, agent, artifacts, attempt FROM gone
"""

FAILED_BEFORE = """
SELECT FROM covey_board.delivery WHERE board = $1 AND name = $2 AND attempt = $3 AND state <> 2
UNION ALL SELECT FROM covey_board.dead_letter WHERE board = $1 AND name = $2 AND attempts = $3
"""

# When time will next bring something about, and whether some of what is due at $2 is for groups.
NEXT_DUE = """
SELECT min(timer) AS due, EXISTS (
    SELECT FROM covey_board.delivery
    WHERE board = $1 AND state <> 0 AND timer <= $2 AND gathering IS NOT NULL
) AS for_groups
FROM covey_board.delivery WHERE board = $1 AND state <> 0
"""

FIRST_DUE = "SELECT min(timer) AS due FROM covey_board.delivery WHERE board = $1 AND state <> 0"

# $2: most at once, $3: most attempts, $4: now, $5: the error of a lease that ran out
SWEEP = f"""
WITH due AS (
    SELECT ctid, name, agent, state, state = 2 AND attempt - base >= $3 AS hopeless FROM covey_board.delivery
    WHERE board = $1 AND state <> 0 AND gathering IS NULL AND timer <= $4
    ORDER BY timer LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM covey_board.delivery WHERE ctid = ANY (ARRAY (SELECT ctid FROM due WHERE hopeless))
    RETURNING *
), {_BURY}, offered AS (
    UPDATE covey_board.delivery SET state = 0
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM due WHERE NOT hopeless))
)
SELECT name, agent, artifacts, attempt, NULL AS was FROM gone
UNION ALL SELECT name, agent, NULL, NULL, state FROM due WHERE NOT hopeless
"""

FORGET_FINISHED = "DELETE FROM covey_board.finished WHERE board = $1 AND at < $2"

# Who forgets an agent has the board's lock.
FORGET = """
WITH gone AS (DELETE FROM covey_board.delivery WHERE board = $1 AND agent = $2 RETURNING name), emptied AS (
    UPDATE covey_board.inbox SET pending = pending - (SELECT count(*) FROM gone)
    WHERE board = $1 AND agent = $2
)
SELECT count(*) AS deliveries FROM gone
"""
