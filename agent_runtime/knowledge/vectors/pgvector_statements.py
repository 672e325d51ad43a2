"""The SQL of vectors in Postgres. `{table}` is that of a collection's entries."""

ADD_COLLECTION = """
INSERT INTO covey_vectors.collection (place, name, dimension) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING id
"""
_COLLECTION = "SELECT id, dimension FROM covey_vectors.collection WHERE place = $1 AND name = $2"
KEPT_COLLECTION = f"{_COLLECTION} FOR KEY SHARE"
"""It cannot be dropped meanwhile."""
FORGET_COLLECTION = "DELETE FROM covey_vectors.collection WHERE place = $1 AND name = $2 RETURNING id"

CREATE_TABLE = """
CREATE TABLE {table} (id text PRIMARY KEY, embedding vector({dimension}) NOT NULL, metadata jsonb NOT NULL);
CREATE INDEX ON {table} USING hnsw (embedding vector_cosine_ops);
CREATE INDEX ON {table} USING gin (metadata jsonb_path_ops);
"""
DROP_TABLE = "DROP TABLE {table}"

UPSERT = """
INSERT INTO {table} (id, embedding, metadata) VALUES ($1, $2::real[]::vector, $3::jsonb)
ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding, metadata = excluded.metadata
"""
DELETE = "DELETE FROM {table} WHERE id = ANY($1::text[])"
COUNT = "SELECT count(*) FROM {table}"

SEARCH_WELL = """
SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', $1, true)
"""
"""Within a transaction: the index is asked for enough, and again where the filter leaves too few."""
SEARCH = """
SELECT id, 1 - (embedding <=> $1::real[]::vector) AS score, metadata FROM {table}
WHERE metadata @> $2::jsonb ORDER BY embedding <=> $1::real[]::vector LIMIT $3
"""
