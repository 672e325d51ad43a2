"""Inboxes in SQLite: deliveries that wait, are held, or leave; and the dead letters."""

from collections.abc import Iterable
from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    DeadLetter,
    InboxFull,
    Planned,
)
from agent_runtime.times import micros, moment

READY, WAITS, HELD = 0, 1, 2
"""States of a delivery."""


def put(db: apsw.Connection, plan: Planned, now: datetime, max_pending: int | None) -> None:
    """A new delivery; `max_pending` None: whatever the inbox holds already. Raises InboxFull."""
    db.execute(
        "INSERT INTO delivery (name, agent, artifacts, priority, state, timer) VALUES (?, ?, ?, ?, ?, ?)",
        (
            plan.name,
            plan.agent,
            orjson.dumps(plan.artifact_ids).decode(),
            plan.priority,
            WAITS if plan.due > now else READY,
            micros(plan.due),
        ),
    )
    pending = db.execute(
        "INSERT INTO inbox VALUES (?, 1) ON CONFLICT DO UPDATE SET pending = pending + 1 RETURNING pending",
        (plan.agent,),
    ).get
    if max_pending is not None and pending > max_pending:
        raise InboxFull(plan.agent)


def remove(db: apsw.Connection, place: int, agent: str) -> None:
    """It is done with."""
    db.execute("DELETE FROM delivery WHERE place = ?", (place,))
    db.execute("UPDATE inbox SET pending = pending - 1 WHERE agent = ?", (agent,))


def give_up(
    db: apsw.Connection, place: int, lease: LeaseId, artifacts: str, error: str, now: datetime
) -> DeadLetter:
    """Move it to the dead letters."""
    remove(db, place, lease.agent)
    db.execute(
        "INSERT INTO dead_letter (name, agent, artifacts, attempts, error, at) VALUES (?, ?, ?, ?, ?, ?)",
        (lease.delivery, lease.agent, artifacts, lease.attempt, error, micros(now)),
    )
    db.execute("DELETE FROM dead_letter WHERE place <= ?", (db.last_insert_rowid() - DEAD_LETTERS_KEPT,))
    ids: Iterable[str] = orjson.loads(artifacts)
    return DeadLetter(lease.delivery, lease.agent, tuple(ids), lease.attempt, error, now)


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
