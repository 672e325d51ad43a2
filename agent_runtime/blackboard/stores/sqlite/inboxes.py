"""Inboxes in SQLite: how deliveries come in, are counted, and go."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.matching.joins import JoinSpec, to_wire
from agent_runtime.blackboard.stores.errors import InboxFull
from agent_runtime.blackboard.stores.records import DeliveryPlan
from agent_runtime.core.times import micros

READY, WAITS, HELD, GATHERED = 0, 1, 2, 3
"""States of a delivery."""


def due(db: apsw.Connection, now: datetime) -> bool:
    """Whether a sweep would do something."""
    return bool(
        db.execute("SELECT 1 FROM delivery WHERE state <> 0 AND timer <= ? LIMIT 1", (micros(now),)).get
    )


def count_in(db: apsw.Connection, agents: Iterable[str], max_pending: int | None) -> None:
    """Count a delivery for each time an agent is named; `max_pending` None: however many there are already.

    Raises InboxFull.
    """
    for agent, more in Counter(agents).items():
        pending = db.execute(
            "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO UPDATE SET pending = pending + excluded.pending"
            " RETURNING pending",
            (agent, more),
        ).get
        if max_pending is not None and pending > max_pending:
            raise InboxFull(agent)


def count_out(db: apsw.Connection, agent: str, gone: int) -> None:
    """So many deliveries fewer."""
    db.execute("UPDATE inbox SET pending = pending - ? WHERE agent = ?", (gone, agent))


def put(db: apsw.Connection, plan: DeliveryPlan, now: datetime) -> int:
    """A delivery that was counted before; returns its place. One for a group waits until it is put in."""
    db.execute(
        "INSERT INTO delivery (name, agent, artifacts, priority, state, timer, gathering)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            plan.name,
            plan.agent,
            dump(plan.artifact_ids),
            plan.priority,
            READY if plan.due <= now and plan.join is None else WAITS,
            micros(plan.due),
            None if plan.join is None else dump_gathering(plan.join),
        ),
    )
    place = db.last_insert_rowid()
    note_further(db, plan.name, plan.artifact_ids)
    return place


def remove(db: apsw.Connection, place: int, name: str, agent: str) -> None:
    """It is done with."""
    db.execute("DELETE FROM delivery WHERE place = ?", (place,))
    forget_further(db, name)
    count_out(db, agent, 1)


def note_further(db: apsw.Connection, delivery: str, artifact_ids: Sequence[str]) -> None:
    """Make a delivery of several artifacts found by those that it is not named after."""
    for id_ in artifact_ids[1:]:
        db.execute("INSERT OR IGNORE INTO further VALUES (?, ?)", (delivery, id_))


def forget_further(db: apsw.Connection, delivery: str) -> None:
    """The inverse of `note_further`."""
    db.execute("DELETE FROM further WHERE delivery = ?", (delivery,))


def dump(values: Sequence[str] | Sequence[int]) -> str:
    """A list as it stands in a column."""
    return orjson.dumps(values).decode()


def dump_gathering(join: JoinSpec) -> str:
    """A gathering as it stands in a column."""
    return orjson.dumps(to_wire(join)).decode()
