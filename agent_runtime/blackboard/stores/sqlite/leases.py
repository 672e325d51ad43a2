"""Leases in SQLite: handing out, keeping, finishing and giving back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import apsw
import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.stores.errors import Finished, LeaseLost
from agent_runtime.blackboard.stores.records import FINISHED_KEPT, DeadLetter, Leased, Limits, Publication
from agent_runtime.blackboard.stores.sqlite.artifacts import named, publish
from agent_runtime.blackboard.stores.sqlite.dead_letters import give_up, trim
from agent_runtime.blackboard.stores.sqlite.inboxes import HELD, READY, WAITS, dump, remove
from agent_runtime.core.times import micros


class _Held(NamedTuple):
    place: int
    artifacts: str
    """Their ids, as a JSON list."""
    base: int
    """Attempts that do not count any more."""


def lease(db: apsw.Connection, agent: str, limit: int, now: datetime, terms: Limits) -> list[Leased]:
    """Hand out what is ready."""
    rows = list(
        db.execute(
            "SELECT place, name, artifacts, attempt, sets FROM delivery WHERE agent = ? AND state = 0"
            " ORDER BY priority DESC, place LIMIT ?",
            (agent, limit),
        )
    )
    until = now + terms.lease
    leased = []
    for place, name, artifacts, attempt, sets in rows:
        db.execute(
            "UPDATE delivery SET state = ?, timer = ?, attempt = ? WHERE place = ?",
            (HELD, micros(until), attempt + 1, place),
        )
        found = tuple(named(db, artifacts))
        leased.append(Leased(LeaseId(name, attempt + 1), found, until, tuple(orjson.loads(sets))))
    return leased


def held(db: apsw.Connection, lease: LeaseId, now: datetime) -> list[Artifact]:
    """The artifacts of a lease that is held."""
    _raise_if_finished(db, lease)
    artifacts = _held(db, lease, now).artifacts
    return named(db, artifacts)


def extend(db: apsw.Connection, lease: LeaseId, now: datetime, terms: Limits) -> datetime:
    """A whole term from now on."""
    place = _held(db, lease, now).place
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
    place = _held(db, lease, now).place
    stored = publish(db, publications, version, None)
    remove(db, place, lease.delivery, lease.agent)
    results = dump([artifact.id for artifact in stored])
    db.execute("INSERT OR REPLACE INTO finished VALUES (?, ?, ?)", (str(lease), results, micros(now)))
    db.execute("DELETE FROM finished WHERE at < ?", (micros(now - FINISHED_KEPT),))
    return stored


def fail(
    db: apsw.Connection,
    lease: LeaseId,
    error: str,
    retry_at: datetime | None,
    now: datetime,
    terms: Limits,
) -> DeadLetter | None:
    """Offer again or give up."""
    if _failed_before(db, lease):
        return None
    held = _held(db, lease, now)
    if retry_at is None or lease.attempt - held.base >= terms.max_deliveries:
        letter = give_up(db, held.place, error, now)
        trim(db)
        return letter
    state = WAITS if retry_at > now else READY
    db.execute(
        "UPDATE delivery SET state = ?, timer = ?, error = ? WHERE place = ?",
        (state, micros(retry_at), error, held.place),
    )
    return None


def release(db: apsw.Connection, lease: LeaseId, now: datetime) -> bool:
    """Offer again at once; the attempt does not count."""
    if _failed_before(db, lease):
        return False
    place = _held(db, lease, now).place
    db.execute("UPDATE delivery SET state = ?, base = base + 1 WHERE place = ?", (READY, place))
    return True


def _raise_if_finished(db: apsw.Connection, lease: LeaseId) -> None:
    # one that is held was not finished: it is of an artifact that was pruned and published anew
    results = db.execute(
        "SELECT results FROM finished WHERE lease = ? AND NOT EXISTS"
        " (SELECT 1 FROM delivery WHERE name = ? AND state = ? AND attempt = ?)",
        (str(lease), lease.delivery, HELD, lease.attempt),
    ).get
    if results is not None:
        raise Finished(named(db, results))


def _held(db: apsw.Connection, lease: LeaseId, now: datetime) -> _Held:
    """The delivery that this lease holds."""
    row = db.execute(
        "SELECT place, artifacts, base, timer FROM delivery WHERE name = ? AND state = ? AND attempt = ?",
        (lease.delivery, HELD, lease.attempt),
    ).get
    if row is None:
        raise LeaseLost(f"lease {lease} is not held")
    place, artifacts, base, timer = row
    if timer <= micros(now):
        raise LeaseLost(f"lease {lease} ran out")
    return _Held(place, artifacts, base)


def _failed_before(db: apsw.Connection, lease: LeaseId) -> bool:
    given_back = db.execute(
        "SELECT 1 FROM delivery WHERE name = ? AND attempt = ? AND state <> ?",
        (lease.delivery, lease.attempt, HELD),
    ).get
    given_up = db.execute(
        "SELECT 1 FROM dead_letter WHERE name = ? AND attempts = ?", (lease.delivery, lease.attempt)
    ).get
    return bool(given_back or given_up)
