"""What time brings about in the inboxes of a board in SQLite."""

from dataclasses import dataclass, field
from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.matching.joins import from_wire
from agent_runtime.blackboard.stores.records import (
    LEASE_RAN_OUT,
    DeadLetter,
    ExpiryReport,
    Incomplete,
    Limits,
)
from agent_runtime.blackboard.stores.sqlite.dead_letters import give_up, trim
from agent_runtime.blackboard.stores.sqlite.groups import end, gather
from agent_runtime.blackboard.stores.sqlite.inboxes import HELD, READY, WAITS
from agent_runtime.core.times import micros, moment

_AT_ONCE = 1000
"""Publishers wait for a sweep to end; what is left comes with the next one, which is due at once."""


_NEXT = """
SELECT place, state, timer FROM delivery WHERE state <> 0 AND timer <= ?
ORDER BY timer, state <> 3, gathering ->> '$.names[0]' = 'artifact', place LIMIT 1
"""
"""See `Waiting.turn`."""


def next_due(db: apsw.Connection) -> datetime | None:
    """The earliest timer."""
    at = db.execute("SELECT min(timer) FROM delivery WHERE state <> 0").get
    return None if at is None else moment(at)


def sweep(db: apsw.Connection, now: datetime, terms: Limits) -> ExpiryReport:
    """What has become due, in the order of time; for groups as if it were that time."""
    sweep = _Sweep(db, now, terms)
    for _ in range(_AT_ONCE):
        row = db.execute(_NEXT, (micros(now),)).fetchone()  # by what was done before, there may be others
        if row is None:
            break
        place, state, timer = row
        if state == WAITS:
            sweep.end_wait(place, moment(timer))
        elif state == HELD:
            sweep.take_back(place)
        else:
            sweep.end_window(place, moment(timer))
    trim(db)
    return ExpiryReport(
        tuple(sweep.ready), tuple(sweep.expired), tuple(sweep.dead), tuple(sweep.incomplete), next_due(db)
    )


@dataclass(slots=True)
class _Sweep:
    """What one sweep has brought about so far."""

    db: apsw.Connection
    now: datetime
    terms: Limits
    ready: dict[str, None] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    incomplete: list[Incomplete] = field(default_factory=list)

    def end_wait(self, place: int, at: datetime) -> None:
        """An embargo or a pause before the next attempt is over."""
        agent, join = self.db.execute("SELECT agent, gathering FROM delivery WHERE place = ?", (place,)).get
        if join is None:
            self._offer(place, agent)
        elif gather(self.db, place, agent, from_wire(orjson.loads(join)), at):
            self.ready[agent] = None

    def take_back(self, place: int) -> None:
        """A lease ran out."""
        name, agent, attempts = self.db.execute(
            "SELECT name, agent, attempt - base FROM delivery WHERE place = ?", (place,)
        ).get
        if attempts >= self.terms.max_deliveries:
            self.dead.append(give_up(self.db, place, LEASE_RAN_OUT, self.now))
        else:
            self.expired.append(name)
            self._offer(place, agent)

    def end_window(self, place: int, at: datetime) -> None:
        """A window passed. Items that are older by place may go first, until this one is gone as well."""
        while (ended := end(self.db, place, at, self.now)) is not None:
            if ended.ready is not None:
                self.ready[ended.ready] = None
            if ended.incomplete is not None:
                self.incomplete.append(ended.incomplete)
            if ended.dead is not None:
                self.dead.append(ended.dead)

    def _offer(self, place: int, agent: str) -> None:
        self.db.execute("UPDATE delivery SET state = ? WHERE place = ?", (READY, place))
        self.ready[agent] = None
