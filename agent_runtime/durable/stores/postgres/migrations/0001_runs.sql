-- Runs, their history, records of visits under way, and the cache of results.

CREATE TABLE covey_runs.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    holder text NOT NULL,
    generation bigint NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX run_prefix ON covey_runs.run (name text_pattern_ops);

CREATE TABLE covey_runs.entry (
    run bigint NOT NULL REFERENCES covey_runs.run ON DELETE CASCADE,
    number bigint NOT NULL,
    path text NOT NULL,
    visit bigint NOT NULL,
    action text,
    at timestamptz NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE TABLE covey_runs.record (
    run bigint NOT NULL REFERENCES covey_runs.run ON DELETE CASCADE,
    path text NOT NULL,
    visit bigint NOT NULL,
    place bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run, path, visit, place)
);

CREATE TABLE covey_runs.cache (
    scope text NOT NULL,
    key text NOT NULL,
    until timestamptz NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX cache_until ON covey_runs.cache (until);
