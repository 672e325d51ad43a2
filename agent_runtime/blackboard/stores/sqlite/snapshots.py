"""A board in SQLite as it stands at one moment, for another store, and back: see `port.Snapshot`."""

from collections import Counter
from typing import Any

import apsw
import orjson

from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.joins import from_wire, window_end, window_start
from agent_runtime.blackboard.stores.errors import NotEmpty
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
    Snapshot,
)
from agent_runtime.blackboard.stores.sqlite.inboxes import (
    GATHERED,
    READY,
    WAITS,
    count_in,
    dump,
    dump_gathering,
    note_further,
)
from agent_runtime.blackboard.stores.sqlite.subscribers import subscribers, version
from agent_runtime.core.times import micros, moment


def snapshot(db: apsw.Connection) -> Snapshot:
    """Within one transaction, so that it is of one moment."""
    rows = db.execute(
        "SELECT name, agent, artifacts, priority, state, timer, gathering, attempt, base, sets, error"
        " FROM delivery ORDER BY place"
    )
    letters = db.execute(
        "SELECT name, agent, artifacts, attempts, error, at, priority, sets FROM dead_letter ORDER BY place"
    )
    return Snapshot(
        db.execute("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'artifact'), 0)").get,
        subscribers(db).members,
        tuple(_kept(*row) for row in rows),
        tuple(_buried(*row) for row in letters),
    )


def begin_restore(db: apsw.Connection) -> int:
    """A version that is negative shuts the board; its amount is one more than it was."""
    if version(db) >= 0:
        if db.execute("SELECT 1 FROM artifact LIMIT 1").get:
            raise NotEmpty
        _raise_if_fed(db)
        db.execute("UPDATE subscriber_version SET version = -version - 1")
    return version(db)


def restore(db: apsw.Connection, frozen: Snapshot) -> None:
    """All of it, and the board is open again."""
    _raise_if_fed(db)
    db.execute("UPDATE subscriber_version SET version = iif(version < 0, -version, version + 1)")
    for member in frozen.subscribers:
        body = subscriptions.encode(member.identity, member.consumes).decode()
        db.execute("INSERT INTO subscriber (agent, body) VALUES (?, ?)", (member.identity.name, body))
    for kept in frozen.deliveries:
        _put(db, kept)
    for agent, count in Counter(kept.plan.agent for kept in frozen.deliveries).items():
        count_in(db, [agent] * count, None)
    for buried in frozen.dead_letters:
        _bury(db, buried)


def _raise_if_fed(db: apsw.Connection) -> None:
    for table in ("subscriber", "delivery", "dead_letter"):
        if db.execute(f"SELECT 1 FROM {table} LIMIT 1").get:
            raise NotEmpty


def _kept(
    name: str,
    agent: str,
    artifacts: str,
    priority: int,
    state: int,
    timer: int,
    group: str | None,
    attempt: int,
    base: int,
    sets: str,
    error: str,
) -> DeliverySnapshot:
    join = None if group is None else from_wire(orjson.loads(group))
    due, since = AT_ONCE, None
    if state == WAITS:
        due = moment(timer)
    elif state == GATHERED and join is not None:
        due = since = window_start(join, moment(timer))
    plan = DeliveryPlan(name, agent, tuple(orjson.loads(artifacts)), priority, due, join)
    return DeliverySnapshot(plan, attempt, base, tuple(orjson.loads(sets)), error, since)


def _put(db: apsw.Connection, kept: DeliverySnapshot) -> None:
    plan, group = kept.plan, kept.plan.join
    state, timer, gathered = READY if plan.due == AT_ONCE else WAITS, plan.due, None
    if group is not None and kept.since is not None:
        state, timer, gathered = GATHERED, window_end(group, kept.since), group
    values: dict[str, Any] = {
        "name": plan.name,
        "agent": plan.agent,
        "artifacts": dump(plan.artifact_ids),
        "priority": plan.priority,
        "state": state,
        "timer": micros(timer),
        "attempt": kept.attempt,
        "base": kept.base,
        "sets": dump(kept.sets),
        "error": kept.error,
        "gathering": None if group is None else dump_gathering(group),
        "group_name": None if gathered is None else gathered.group,
        "slot": None if gathered is None else gathered.slot,
    }
    columns = ", ".join(values)
    db.execute(
        f"INSERT INTO delivery ({columns}) VALUES ({', '.join(f':{name}' for name in values)})", values
    )
    note_further(db, plan.name, plan.artifact_ids)


def _buried(
    name: str, agent: str, artifacts: str, attempts: int, error: str, at: int, priority: int, sets: str
) -> DeadLetterSnapshot:
    letter = DeadLetter(name, agent, tuple(orjson.loads(artifacts)), attempts, error, moment(at))
    return DeadLetterSnapshot(letter, priority, tuple(orjson.loads(sets)))


def _bury(db: apsw.Connection, buried: DeadLetterSnapshot) -> None:
    letter = buried.letter
    db.execute(
        "INSERT INTO dead_letter (name, agent, artifacts, attempts, error, at, priority, sets)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            letter.delivery,
            letter.agent,
            dump(letter.artifact_ids),
            letter.attempts,
            letter.error,
            micros(letter.at),
            buried.priority,
            dump(buried.sets),
        ),
    )
    note_further(db, letter.delivery, letter.artifact_ids)
