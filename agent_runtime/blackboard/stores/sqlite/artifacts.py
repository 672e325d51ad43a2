"""Artifacts in SQLite: put in with the deliveries they set off, found again."""

from collections.abc import Sequence

import apsw
import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.delivery.overdue import Overdue, gathers_at
from agent_runtime.blackboard.stores.errors import IdTaken, StaleSubscribers
from agent_runtime.blackboard.stores.records import Publication
from agent_runtime.blackboard.stores.sqlite.groups import gather
from agent_runtime.blackboard.stores.sqlite.inboxes import count_in, due, put
from agent_runtime.blackboard.stores.time_index import CLOCKS_AGREE, WALKED
from agent_runtime.blackboard.wire.codec import decode, encode, same_content
from agent_runtime.core.times import micros

_BY_TIME = "SELECT position FROM artifact INDEXED BY artifact_made WHERE made {} ? ORDER BY made"
FIRST_SINCE = f"SELECT min(position) FROM ({_BY_TIME.format('>=')} LIMIT {CLOCKS_AGREE})"
LAST_UNTIL = f"SELECT max(position) FROM ({_BY_TIME.format('<')} DESC LIMIT {CLOCKS_AGREE})"
_LAST = 2**63 - 1
_BY_RARITY = ("correlation", "partition", "tag", "producer", "type")
"""Filters, those first that are likely to leave the fewest."""


def publish(
    db: apsw.Connection, publications: Sequence[Publication], version: int, max_pending: int | None
) -> list[Artifact]:
    """Insert what is new; `max_pending` None: whatever the inboxes hold already."""
    stored, new = _compare(db, publications)
    if new and db.execute("SELECT version FROM subscriber_version").get != version:
        raise StaleSubscribers
    at = gathers_at(new)
    if at is not None and due(db, at):
        raise Overdue(at)
    count_in(db, (plan.agent for publication in new for plan in publication.deliveries), max_pending)
    for publication in new:
        _insert(db, publication.artifact)
        now = publication.artifact.created_at
        for plan in publication.deliveries:
            place = put(db, plan, now)
            if plan.join is not None and plan.due <= now:
                gather(db, place, plan.agent, plan.join, now)
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
    if query.since is None and query.until is None:
        return _page(db, query, after, _LAST, query.limit)
    near = _page(db, query, after, after + WALKED, query.limit)
    if len(near) == query.limit:
        return near
    after, last = _between(db, query, after + WALKED)
    return near + _page(db, query, after, last, query.limit - len(near))


def _between(db: apsw.Connection, query: Query, after: int) -> tuple[int, int]:
    """Where artifacts behind `after` that were made in time can be: behind one position, up to another."""
    next_made = db.execute(
        "SELECT made FROM artifact WHERE position > ? ORDER BY position LIMIT 1", (after,)
    ).get
    if next_made is None:
        return after, after
    last = _LAST
    if query.since is not None and next_made < micros(query.since):
        after = max((db.execute(FIRST_SINCE, (micros(query.since),)).get or _LAST) - 1, after)
    if query.until is not None:
        newest = db.execute("SELECT made FROM artifact ORDER BY position DESC LIMIT 1").get
        if newest >= micros(query.until):
            last = db.execute(LAST_UNTIL, (micros(query.until),)).get or 0
    return after, last


def _page(db: apsw.Connection, query: Query, after: int, last: int, limit: int) -> list[tuple[int, Artifact]]:
    rows = db.execute(
        page(query),
        {
            "correlation": query.correlation,
            "partition": query.partition,
            "tag": query.tag,
            "producer": query.producer,
            "type": query.type,
            "after": after,
            "last": last,
            "since": micros(query.since) if query.since else None,
            "until": micros(query.until) if query.until else None,
            "limit": limit,
        },
    )
    return [(position, decode(body)) for position, body in rows]


def page(query: Query) -> str:
    """The statement for one page. SQLite does not know how many there are: it is told which index to use."""
    source, place = "artifact", "artifact.position"
    filters = [name for name in _BY_RARITY if getattr(query, name) is not None]
    first = filters[0] if filters else None
    if first == "tag":
        source, place = "tag CROSS JOIN artifact ON artifact.position = tag.position", "tag.position"
    where = [f"{place} > :after AND {place} <= :last"]
    for name in filters:
        if name == "tag" and first != "tag":
            where.append("EXISTS (SELECT 1 FROM tag WHERE tag = :tag AND tag.position = artifact.position)")
        else:  # the plus keeps it from other indexes
            where.append(f"{'' if name == first else '+'}{name} = :{name}")
    if query.since is not None:
        where.append("+made >= :since")
    if query.until is not None:
        where.append("+made < :until")
    return f"SELECT {place}, body FROM {source} WHERE {' AND '.join(where)} ORDER BY {place} LIMIT :limit"


def named(db: apsw.Connection, ids: str) -> list[Artifact]:
    """The artifacts whose ids stand in a JSON list, as far as they are there."""
    return [artifact for artifact in get(db, orjson.loads(ids)) if artifact is not None]
