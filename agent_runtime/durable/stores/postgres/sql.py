"""What the Postgres store says. Each is one statement, so one round trip and atomic."""

ACQUIRE = """
INSERT INTO covey_runs.run AS run (name, holder, generation, until) VALUES ($1, $2, 1, $4)
ON CONFLICT (name) DO UPDATE SET holder = $2, generation = run.generation + 1, until = $4
    WHERE run.until <= $3 OR run.holder = $2 OR $5
RETURNING generation
"""

HOLDER = "SELECT holder, until FROM covey_runs.run WHERE name = $1"

RENEW = """
UPDATE covey_runs.run SET until = $4 WHERE name = $1 AND holder = $2 AND generation = $3 RETURNING id
"""

# The lock on the row lets no process acquire the run until this is done. If one was faster, the condition
# is looked at again, and nobody is `held`.
_HELD = """
WITH held AS (
    SELECT id FROM covey_runs.run WHERE name = $1 AND holder = $2 AND generation = $3 FOR UPDATE
)"""

COMMIT = f"""{_HELD}, put AS (
    INSERT INTO covey_runs.entry (run, number, path, visit, action, at, body)
    SELECT held.id, new.* FROM held,
        unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::bytea[])
            AS new (number, path, visit, action, at, body)
    WHERE new.number > coalesce((SELECT max(number) FROM covey_runs.entry WHERE run = held.id), -1)
        AND new.number > $10
    ON CONFLICT DO NOTHING
), pruned AS (
    DELETE FROM covey_runs.entry USING held WHERE run = held.id AND number <= $10
)
"""

COMMIT_ONLY = f"{COMMIT} SELECT id FROM held"

COMMIT_AND_DROP = f"""{COMMIT}, dropped AS (
    DELETE FROM covey_runs.record USING held, unnest($11::text[], $12::bigint[]) AS old (path, visit)
    WHERE run = held.id AND record.path = old.path AND record.visit = old.visit
)
SELECT id FROM held
"""

RECORD = f"""{_HELD}, put AS (
    INSERT INTO covey_runs.record (run, path, visit, place, body)
    SELECT held.id, new.* FROM held,
        unnest($4::text[], $5::bigint[], $6::bigint[], $7::bytea[]) AS new (path, visit, place, body)
    ON CONFLICT (run, path, visit, place) DO UPDATE SET body = excluded.body
)
SELECT id FROM held
"""

BOUNDARY = "number, path, visit, action, at"
_OF_RUN = "covey_runs.entry WHERE run = (SELECT id FROM covey_runs.run WHERE name = $1)"

LATEST = f"SELECT {BOUNDARY}, body FROM {_OF_RUN} ORDER BY number DESC LIMIT 1"

ENTRY = f"SELECT {BOUNDARY}, body FROM {_OF_RUN} AND number = $2"

HISTORY = f"SELECT {BOUNDARY} FROM {_OF_RUN} ORDER BY number"

_RECORDS = """
FROM covey_runs.record
WHERE run = (SELECT id FROM covey_runs.run WHERE name = $1) AND path = $2 AND visit = $3
"""

PAGE = f"SELECT place, body {_RECORDS} AND place > $4 ORDER BY place LIMIT $5"

COUNT = f"SELECT count(*) {_RECORDS} AND place >= 0"

FORK = """
WITH made AS (
    INSERT INTO covey_runs.run (name, holder, generation, until) VALUES ($3, '', 0, '-infinity')
    ON CONFLICT DO NOTHING RETURNING id
), entry AS (
    INSERT INTO covey_runs.entry (run, number, path, visit, action, at, body)
    SELECT made.id, number, path, visit, action, at, body FROM covey_runs.entry, made
    WHERE run = (SELECT id FROM covey_runs.run WHERE name = $1) AND number = $2
), records AS (
    INSERT INTO covey_runs.record (run, path, visit, place, body)
    SELECT made.id, path, visit, place, body FROM covey_runs.record, made
    WHERE run = (SELECT id FROM covey_runs.run WHERE name = $1) AND path = '' AND visit = 0
)
SELECT id FROM made
"""

DELETE = "DELETE FROM covey_runs.run WHERE name = $1"

RUNS = f"""
SELECT name, {BOUNDARY} FROM covey_runs.run JOIN covey_runs.entry ON run = id
WHERE number = (SELECT max(number) FROM covey_runs.entry WHERE run = id) AND starts_with(name, $1)
ORDER BY id DESC LIMIT $2
"""

CACHED = "SELECT body FROM covey_runs.cache WHERE scope = $1 AND key = $2 AND until > $3"

SWEEP = "DELETE FROM covey_runs.cache WHERE until <= $1"

CACHE = """
INSERT INTO covey_runs.cache (scope, key, until, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (scope, key) DO UPDATE SET until = excluded.until, body = excluded.body
"""
