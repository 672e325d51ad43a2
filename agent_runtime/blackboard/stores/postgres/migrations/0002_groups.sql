-- Joins and batches, dead letters that can be delivered again, artifacts that can be deleted.

-- Names begin with the id of an artifact: in this order one index finds a delivery and the deliveries of an artifact.
ALTER TABLE covey_board.delivery
    ALTER COLUMN name TYPE text COLLATE "C",
    ADD COLUMN base int NOT NULL DEFAULT 0,         -- attempts before it was replayed
    ADD COLUMN sets int[] NOT NULL DEFAULT '{}',    -- artifacts of each joined set in it
    ADD COLUMN gathering jsonb,                     -- until it is complete; see blackboard.gathering
    ADD COLUMN grp text GENERATED ALWAYS AS (gathering ->> 'group') STORED,
    ADD COLUMN slot smallint GENERATED ALWAYS AS ((gathering ->> 'slot')::smallint) STORED;
-- state: 3 waits in its group; timer: when its window has passed
CREATE INDEX delivery_group ON covey_board.delivery (board, agent, grp, slot, place) WHERE state = 3;
CREATE INDEX delivery_several ON covey_board.delivery USING gin (artifacts) WHERE cardinality(artifacts) > 1;

ALTER TABLE covey_board.dead_letter
    ALTER COLUMN name TYPE text COLLATE "C",
    ADD COLUMN priority int NOT NULL DEFAULT 0,
    ADD COLUMN sets int[] NOT NULL DEFAULT '{}';
CREATE INDEX dead_letter_artifacts ON covey_board.dead_letter USING gin (artifacts);

ALTER TABLE covey_board.board ADD COLUMN pruned bigint NOT NULL DEFAULT 0;   -- artifacts that are gone

ALTER TABLE covey_board.artifact
    ADD COLUMN partition text,
    ADD COLUMN created timestamptz NOT NULL DEFAULT '-infinity';
-- Postgres' text knows no NUL, but a payload may have one.
UPDATE covey_board.artifact SET partition = wire ->> 'partition', created = (wire ->> 'createdAt')::timestamptz
FROM (
    SELECT board, position, replace(convert_from(body, 'UTF8'), '\u0000', '\u0020')::json AS wire
    FROM covey_board.artifact
) AS old
WHERE artifact.board = old.board AND artifact.position = old.position;
ALTER TABLE covey_board.artifact ALTER COLUMN created DROP DEFAULT;
CREATE INDEX artifact_partition ON covey_board.artifact (board, partition, position) WHERE partition IS NOT NULL;
CREATE INDEX artifact_created ON covey_board.artifact (board, created, position);
