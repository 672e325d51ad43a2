"""Artifacts in SQLite: put in with the deliveries they set off, found again."""

from collections.abc import Sequence

import apsw
import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.codec import decode, encode, same_content
from agent_runtime.blackboard.stores.port import IdTaken, Publication, StaleSubscribers
from agent_runtime.blackboard.stores.sqlite_inboxes import put


def publish(
    db: apsw.Connection, publications: Sequence[Publication], version: int, max_pending: int | None
) -> list[Artifact]:
    """Insert what is new; `max_pending` None: whatever the inboxes hold already."""
    stored, new = _compare(db, publications)
    if new and db.execute("SELECT version FROM subscriber_version").get != version:
        raise StaleSubscribers
    for publication in new:
        artifact = publication.artifact
        position = db.execute(
            "INSERT INTO artifact (id, type, correlation, producer, body) VALUES (?, ?, ?, ?, ?)"
            " RETURNING position",
            (
                artifact.id,
                artifact.type,
                artifact.correlation,
                artifact.producer,
                encode(artifact).decode(),
            ),
        ).get
        for tag in dict.fromkeys(artifact.tags):
            db.execute("INSERT INTO tag VALUES (?, ?)", (tag, position))
        for plan in publication.deliveries:
            put(db, plan, artifact.created_at, max_pending)
    return stored


def _compare(
    db: apsw.Connection, publications: Sequence[Publication]
) -> tuple[list[Artifact], list[Publication]]:
    known = get(db, [publication.artifact.id for publication in publications])
    stored, new = [], []
    for publication, before in zip(publications, known, strict=True):
        if before is None:
            new.append(publication)
        elif not same_content(before, publication.artifact):
            raise IdTaken(before.id)
        stored.append(before or publication.artifact)
    return stored, new


def get(db: apsw.Connection, ids: Sequence[str]) -> list[Artifact | None]:
    """The artifacts, in the order of the ids."""
    bodies = (db.execute("SELECT body FROM artifact WHERE id = ?", (id_,)).get for id_ in ids)
    return [None if body is None else decode(body) for body in bodies]


def scan(db: apsw.Connection, query: Query, after: int) -> list[tuple[int, Artifact]]:
    """One page; SQLite chooses the index."""
    wanted = {"type": query.type, "correlation": query.correlation, "producer": query.producer}
    named = {name: value for name, value in wanted.items() if value is not None}
    where = ["position > :after", *(f"{name} = :{name}" for name in named)]
    if query.tag is not None:
        where.append("position IN (SELECT position FROM tag WHERE tag = :tag)")
    rows = db.execute(
        f"SELECT position, body FROM artifact WHERE {' AND '.join(where)} ORDER BY position LIMIT :limit",
        named | {"after": after, "tag": query.tag, "limit": query.limit},
    )
    return [(position, decode(body)) for position, body in rows]


def named(db: apsw.Connection, ids: str) -> list[Artifact]:
    """The artifacts whose ids stand in a JSON list, as far as they are there."""
    return [artifact for artifact in get(db, orjson.loads(ids)) if artifact is not None]
