-- Collections of vectors. Each has a table of its own, covey_vectors.entry_ID, because an index has one dimension.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE covey_vectors.collection (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place text NOT NULL,    -- whose it is: several may share a database
    name text NOT NULL,
    dimension int NOT NULL,
    UNIQUE (place, name)
);
