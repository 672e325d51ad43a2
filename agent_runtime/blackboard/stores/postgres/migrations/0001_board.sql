-- Boards: artifacts, who subscribes, inboxes, dead letters. Several boards may share a database.

-- One row for each board, locked by whoever publishes: so positions become visible in their order.
CREATE TABLE covey_board.board (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    version bigint NOT NULL DEFAULT 0,   -- of its subscribers
    position bigint NOT NULL DEFAULT 0   -- of its newest artifact
) WITH (fillfactor = 50);

CREATE TABLE covey_board.artifact (
    board bigint NOT NULL,
    position bigint NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    correlation text NOT NULL,
    producer text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (board, position),
    UNIQUE (board, id)
);
CREATE INDEX artifact_type ON covey_board.artifact (board, type, position);
CREATE INDEX artifact_correlation ON covey_board.artifact (board, correlation, position);
CREATE INDEX artifact_producer ON covey_board.artifact (board, producer, position);

CREATE TABLE covey_board.tag (
    board bigint NOT NULL,
    tag text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (board, tag, position)
);

CREATE TABLE covey_board.subscriber (
    board bigint NOT NULL,
    agent text NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    body bytea NOT NULL,
    PRIMARY KEY (board, agent)
);

-- state: 0 ready, 1 waits for its time, 2 held; timer: when time will change a state other than ready
CREATE TABLE covey_board.delivery (
    board bigint NOT NULL,
    name text NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    agent text NOT NULL,
    artifacts text[] NOT NULL,
    priority int NOT NULL,
    state smallint NOT NULL,
    timer timestamptz NOT NULL,
    attempt int NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (board, name)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX delivery_ready ON covey_board.delivery (board, agent, priority DESC, place) WHERE state = 0;
CREATE INDEX delivery_timer ON covey_board.delivery (board, timer) WHERE state <> 0;

CREATE TABLE covey_board.inbox (
    board bigint NOT NULL,
    agent text NOT NULL,
    pending bigint NOT NULL,   -- deliveries, waiting or held
    PRIMARY KEY (board, agent)
) WITH (fillfactor = 50);

CREATE TABLE covey_board.finished (
    board bigint NOT NULL,
    lease text NOT NULL,
    results text[] NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (board, lease)
);
CREATE INDEX finished_at ON covey_board.finished (board, at);

CREATE TABLE covey_board.dead_letter (
    board bigint NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    agent text NOT NULL,
    artifacts text[] NOT NULL,
    attempts int NOT NULL,
    error text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (board, place),
    UNIQUE (board, name)
);
