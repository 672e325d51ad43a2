"""What time brings about in the inboxes of a board in SQLite."""

from datetime import datetime

import apsw

from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.port import LEASE_RAN_OUT, Swept, Terms
from agent_runtime.blackboard.stores.sqlite_inboxes import HELD, give_up
from agent_runtime.times import micros, moment


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
        if state == HELD and attempt >= terms.max_deliveries:
            dead.append(give_up(db, place, LeaseId(name, attempt), artifacts, LEASE_RAN_OUT, now))
            continue
        if state == HELD:
            expired.append(name)
        db.execute("UPDATE delivery SET state = 0 WHERE place = ?", (place,))
        ready[agent] = None
    return Swept(tuple(ready), tuple(expired), tuple(dead), next_due(db))
