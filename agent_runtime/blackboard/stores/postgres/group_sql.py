"""What the Postgres store says about joins and batches, with the board's lock. $1 is the board."""

from agent_runtime.blackboard.stores.postgres.sql import COUNT

_ITEM = "name, place, agent, artifacts, sets, priority, state, timer, gathering"

LOAD = f"""
SELECT item.*
FROM unnest($2::text[], $3::text[], $4::smallint[], $5::bigint[]) AS wanted (agent, grp, slot, most)
CROSS JOIN LATERAL (
    SELECT {_ITEM} FROM covey_board.delivery
    WHERE board = $1 AND delivery.agent = wanted.agent AND delivery.grp = wanted.grp
        AND delivery.slot = wanted.slot AND state = 3
    ORDER BY place LIMIT wanted.most
) AS item
"""

# What has passed: embargoes before a group, and windows; see `Waiting.turn`.
DUE = f"""
SELECT {_ITEM} FROM covey_board.delivery
WHERE board = $1 AND state <> 0 AND timer <= $2 AND gathering IS NOT NULL
ORDER BY timer, state <> 3, gathering->'names'->>0 = 'artifact', place LIMIT $3
"""

# How many items of a slot there are up to this place.
RANK = """
SELECT count(*) AS items FROM covey_board.delivery
WHERE board = $1 AND agent = $2 AND grp = $3 AND slot = $4 AND state = 3 AND place <= $5
"""

_FOUND = (
    "(SELECT ctid FROM covey_board.delivery WHERE board = $1 AND delivery.name = {name} LIMIT 1) AS found"
)

# What became of the items: see `joins.write`.
APPLY = f"""
WITH kept AS (
    UPDATE covey_board.delivery SET state = new.state, timer = new.timer,
        artifacts = string_to_array(new.artifacts, ' '), sets = string_to_array(new.sets, ' ')::int[],
        gathering = new.gathering
    FROM unnest($2::text[], $3::smallint[], $4::timestamptz[], $5::text[], $6::text[], $7::jsonb[])
        AS new (name, state, timer, artifacts, sets, gathering)
    CROSS JOIN LATERAL {_FOUND.format(name="new.name")}
    WHERE delivery.ctid = found.ctid
), gone AS (
    DELETE FROM covey_board.delivery WHERE ctid = ANY (ARRAY (
        SELECT found.ctid FROM unnest($8::text[]) AS old (name)
        CROSS JOIN LATERAL {_FOUND.format(name="old.name")}
    ))
), inbox AS (
    INSERT INTO covey_board.inbox (board, agent, pending)
    SELECT $1, agent, -fewer FROM unnest($9::text[], $10::bigint[]) AS new (agent, fewer) ORDER BY agent
    {COUNT}
), letter AS (
    INSERT INTO covey_board.dead_letter (board, name, agent, artifacts, sets, priority, error, attempts, at)
    SELECT $1, name, agent, string_to_array(artifacts, ' '), string_to_array(sets, ' ')::int[],
        priority, error, 0, $17
    FROM unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::int[], $16::text[])
        WITH ORDINALITY AS dead (name, agent, artifacts, sets, priority, error, place)
    ORDER BY dead.place
)
SELECT pg_notify(format('covey_board_%s', $1), $18) WHERE $18 IS NOT NULL
"""
