"""What a board does to its tables: plain functions on a connection, each within a transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import apsw
import orjson

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.codec import decode, encode, same_content
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    Finished,
    IdTaken,
    InboxFull,
    Leased,
    LeaseLost,
    Planned,
    Publication,
    StaleSubscribers,
    Stats,
    Swept,
    Terms,
)
from agent_runtime.blackboard.subscriptions import Subscribers
from agent_runtime.times import micros, moment

_READY, _WAITS, _HELD = 0, 1, 2


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
            _deliver(db, plan, artifact.created_at, max_pending)
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


def _deliver(db: apsw.Connection, plan: Planned, now: datetime, max_pending: int | None) -> None:
    db.execute(
        "INSERT INTO delivery (name, agent, artifacts, priority, state, timer) VALUES (?, ?, ?, ?, ?, ?)",
        (
            plan.name,
            plan.agent,
            orjson.dumps(plan.artifact_ids).decode(),
            plan.priority,
            _WAITS if plan.due > now else _READY,
            micros(plan.due),
        ),
    )
    pending = db.execute(
        "INSERT INTO inbox VALUES (?, 1) ON CONFLICT DO UPDATE SET pending = pending + 1 RETURNING pending",
        (plan.agent,),
    ).get
    if max_pending is not None and pending > max_pending:
        raise InboxFull(plan.agent)


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


def register(db: apsw.Connection, identity: Identity, consumes: Sequence[Consumes]) -> None:
    """Note, replace or forget a subscriber; a change makes a new version."""
    body = subscriptions.encode(identity, consumes).decode()
    known = db.execute("SELECT body FROM subscriber WHERE agent = ?", (identity.name,)).get
    if known == body or (known is None and not consumes):
        return
    if consumes:
        db.execute(
            "INSERT INTO subscriber (agent, body) VALUES (?, ?) ON CONFLICT (agent)"
            " DO UPDATE SET body = excluded.body",
            (identity.name, body),
        )
    else:
        db.execute("DELETE FROM subscriber WHERE agent = ?", (identity.name,))
    db.execute("UPDATE subscriber_version SET version = version + 1")


def subscribers(db: apsw.Connection) -> Subscribers:
    """All subscribers, in the order in which they came."""
    version: int = db.execute("SELECT version FROM subscriber_version").get
    rows = db.execute("SELECT place, body FROM subscriber ORDER BY place")
    return Subscribers(version, tuple(subscriptions.decode(body, place) for place, body in rows))


def lease(db: apsw.Connection, agent: str, limit: int, now: datetime, terms: Terms) -> list[Leased]:
    """Hand out what is ready."""
    rows = list(
        db.execute(
            "SELECT place, name, artifacts, attempt FROM delivery WHERE agent = ? AND state = 0"
            " ORDER BY priority DESC, place LIMIT ?",
            (agent, limit),
        )
    )
    until = now + terms.lease
    leased = []
    for place, name, artifacts, attempt in rows:
        db.execute(
            "UPDATE delivery SET state = ?, timer = ?, attempt = ? WHERE place = ?",
            (_HELD, micros(until), attempt + 1, place),
        )
        leased.append(Leased(LeaseId(name, attempt + 1), tuple(_all(db, artifacts)), until))
    return leased


def held(db: apsw.Connection, lease: LeaseId, now: datetime) -> list[Artifact]:
    """The artifacts of a lease that is held."""
    _raise_if_finished(db, lease)
    _, artifacts = _held(db, lease, now)
    return _all(db, artifacts)


def extend(db: apsw.Connection, lease: LeaseId, now: datetime, terms: Terms) -> datetime:
    """A whole term from now on."""
    place, _ = _held(db, lease, now)
    until = now + terms.lease
    db.execute("UPDATE delivery SET timer = ? WHERE place = ?", (micros(until), place))
    return until


def acknowledge(
    db: apsw.Connection,
    lease: LeaseId,
    publications: Sequence[Publication],
    version: int,
    now: datetime,
) -> list[Artifact]:
    """Finish and publish."""
    _raise_if_finished(db, lease)
    place, _ = _held(db, lease, now)
    stored = publish(db, publications, version, None)
    _remove(db, place, lease.agent)
    results = orjson.dumps([artifact.id for artifact in stored]).decode()
    db.execute("INSERT INTO finished VALUES (?, ?, ?)", (str(lease), results, micros(now)))
    db.execute("DELETE FROM finished WHERE at < ?", (micros(now - FINISHED_KEPT),))
    return stored


def fail(
    db: apsw.Connection,
    lease: LeaseId,
    error: str,
    retry_at: datetime | None,
    now: datetime,
    terms: Terms,
) -> DeadLetter | None:
    """Offer again or give up."""
    if _failed_before(db, lease):
        return None
    place, artifacts = _held(db, lease, now)
    if retry_at is None or lease.attempt >= terms.max_deliveries:
        return _give_up(db, place, lease, artifacts, error, now)
    state = _WAITS if retry_at > now else _READY
    db.execute(
        "UPDATE delivery SET state = ?, timer = ?, error = ? WHERE place = ?",
        (state, micros(retry_at), error, place),
    )
    return None


def due(db: apsw.Connection, now: datetime) -> bool:
    """Whether a sweep would do something."""
    return bool(
        db.execute("SELECT 1 FROM delivery WHERE state <> 0 AND timer <= ? LIMIT 1", (micros(now),)).get
    )


def next_due(db: apsw.Connection) -> datetime | None:
    """The earliest timer."""
    at = db.execute("SELECT min(timer) FROM delivery WHERE state <> 0").get
    return None if at is None else moment(at)


def sweep(db: apsw.Connection, now: datetime, terms: Terms) -> Swept:
    """Everything whose time has come."""
    rows = list(
        db.execute(
            "SELECT place, name, agent, artifacts, state, attempt FROM delivery"
            " WHERE state <> 0 AND timer <= ? ORDER BY timer",
            (micros(now),),
        )
    )
    ready: dict[str, None] = {}
    expired, dead = [], []
    for place, name, agent, artifacts, state, attempt in rows:
        if state == _HELD and attempt >= terms.max_deliveries:
            dead.append(_give_up(db, place, LeaseId(name, attempt), artifacts, LEASE_RAN_OUT, now))
            continue
        if state == _HELD:
            expired.append(name)
        db.execute("UPDATE delivery SET state = 0 WHERE place = ?", (place,))
        ready[agent] = None
    return Swept(tuple(ready), tuple(expired), tuple(dead), next_due(db))


def dead_letters(db: apsw.Connection, limit: int) -> list[DeadLetter]:
    """Newest first."""
    rows = db.execute(
        "SELECT name, agent, artifacts, attempts, error, at FROM dead_letter ORDER BY place DESC LIMIT ?",
        (limit,),
    )
    return [
        DeadLetter(name, agent, tuple(orjson.loads(artifacts)), attempts, error, moment(at))
        for name, agent, artifacts, attempts, error, at in rows
    ]


def stats(db: apsw.Connection) -> Stats:
    """How full the board is. Artifacts are never deleted, so that the last position counts them."""
    pending: Iterable[Any] = db.execute("SELECT agent, pending FROM inbox WHERE pending > 0")
    return Stats(
        db.execute("SELECT coalesce(max(position), 0) FROM artifact").get,
        db.execute("SELECT count(*) FROM dead_letter").get,
        dict(pending),
    )


def _all(db: apsw.Connection, ids: str) -> list[Artifact]:
    return [artifact for artifact in get(db, orjson.loads(ids)) if artifact is not None]


def _raise_if_finished(db: apsw.Connection, lease: LeaseId) -> None:
    results = db.execute("SELECT results FROM finished WHERE lease = ?", (str(lease),)).get
    if results is not None:
        raise Finished(_all(db, results))


def _held(db: apsw.Connection, lease: LeaseId, now: datetime) -> tuple[int, str]:
    """(place, ids of the artifacts) of a delivery that this lease holds."""
    row = db.execute(
        "SELECT place, artifacts, timer FROM delivery WHERE name = ? AND state = ? AND attempt = ?",
        (lease.delivery, _HELD, lease.attempt),
    ).get
    if row is None:
        raise LeaseLost(f"lease {lease} is not held")
    place, artifacts, timer = row
    if timer <= micros(now):
        raise LeaseLost(f"lease {lease} ran out")
    return place, artifacts


def _failed_before(db: apsw.Connection, lease: LeaseId) -> bool:
    given_back = db.execute(
        "SELECT 1 FROM delivery WHERE name = ? AND attempt = ? AND state <> ?",
        (lease.delivery, lease.attempt, _HELD),
    ).get
    given_up = db.execute(
        "SELECT 1 FROM dead_letter WHERE name = ? AND attempts = ?", (lease.delivery, lease.attempt)
    ).get
    return bool(given_back or given_up)


def _remove(db: apsw.Connection, place: int, agent: str) -> None:
    db.execute("DELETE FROM delivery WHERE place = ?", (place,))
    db.execute("UPDATE inbox SET pending = pending - 1 WHERE agent = ?", (agent,))


def _give_up(
    db: apsw.Connection, place: int, lease: LeaseId, artifacts: str, error: str, now: datetime
) -> DeadLetter:
    _remove(db, place, lease.agent)
    db.execute(
        "INSERT INTO dead_letter (name, agent, artifacts, attempts, error, at) VALUES (?, ?, ?, ?, ?, ?)",
        (lease.delivery, lease.agent, artifacts, lease.attempt, error, micros(now)),
    )
    db.execute("DELETE FROM dead_letter WHERE place <= ?", (db.last_insert_rowid() - DEAD_LETTERS_KEPT,))
    ids: Iterable[str] = orjson.loads(artifacts)
    return DeadLetter(lease.delivery, lease.agent, tuple(ids), lease.attempt, error, now)
