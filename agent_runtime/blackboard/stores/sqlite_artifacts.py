"""Artifacts in SQLite: put in with the deliveries they set off, found again."""

from collections.abc import Sequence

import apsw
import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.codec import decode, encode, same_content
from agent_runtime.blackboard.stores.port import IdTaken, Publication, StaleSubscribers
from agent_runtime.blackboard.stores.sqlite_groups import gather
from agent_runtime.blackboard.stores.sqlite_inboxes import count_in, put
from agent_runtime.times import micros


def publish(
    db: apsw.Connection, publications: Sequence[Publication], version: int, max_pending: int | None
) -> list[Artifact]:
    """Insert what is new; `max_pending` None: whatever the inboxes hold already."""
    stored, new = _compare(db, publications)
    if new and db.execute("SELECT version FROM subscriber_version").get != version:
        raise StaleSubscribers
    count_in(db, (plan.agent for publication in new for plan in publication.deliveries), max_pending)
    for publication in new:
        _insert(db, publication.artifact)
        now = publication.artifact.created_at
        for plan in publication.deliveries:
            place = put(db, plan, now)
            if plan.gathering is not None and plan.due <= now:
                gather(db, place, plan.agent, plan.gathering, now)
    return stored


def _insert(db: apsw.Connection, artifact: Artifact) -> None:
    db.execute(
        "INSERT INTO artifact (id, type, correlation, producer, partition, made, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            artifact.id,
            artifact.type,
            artifact.correlation,
            artifact.producer,
            artifact.partition,
            micros(artifact.created_at),
            encode(artifact).decode(),
        ),
    )
    position = db.last_insert_rowid()
    for tag in dict.fromkeys(artifact.tags):
        db.execute("INSERT INTO tag VALUES (?, ?)", (tag, position))


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
    """One page, by the index that is likely to find the fewest."""
    wanted = {
        "correlation": query.correlation,
        "partition": query.partition,
        "producer": query.producer,
        "type": query.type,
    }
    equal = [name for name, value in wanted.items() if value is not None]
    # SQLite knows nothing about how many there are: the plus keeps it from the other indexes
    where = [f"{'+' if at else ''}{name} = :{name}" for at, name in enumerate(equal)]
    if query.tag is not None:
        where.append("position IN (SELECT position FROM tag WHERE tag = :tag)")
    if query.since is not None:
        where.append("made >= :since")
    if query.until is not None:
        where.append("made < :until")
    rows = db.execute(
        f"SELECT position, body FROM artifact WHERE {' AND '.join(['position > :after', *where])}"
        " ORDER BY position LIMIT :limit",
        wanted
        | {
            "after": after,
            "tag": query.tag,
            "since": micros(query.since) if query.since else None,
            "until": micros(query.until) if query.until else None,
            "limit": query.limit,
        },
    )
    return [(position, decode(body)) for position, body in rows]


def named(db: apsw.Connection, ids: str) -> list[Artifact]:
    """The artifacts whose ids stand in a JSON list, as far as they are there."""
    return [artifact for artifact in get(db, orjson.loads(ids)) if artifact is not None]
