"""Part-filled groups in SQLite: see `matching.joins`. Their items are deliveries that are GATHERED."""

from dataclasses import dataclass
from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.matching.joins import JoinSpec, from_wire, partial, shortfall, window_end
from agent_runtime.blackboard.stores.records import DeadLetter, Incomplete
from agent_runtime.blackboard.stores.sqlite.dead_letters import give_up
from agent_runtime.blackboard.stores.sqlite.inboxes import (
    GATHERED,
    READY,
    count_out,
    dump,
    dump_gathering,
    forget_further,
    note_further,
)
from agent_runtime.core.times import micros


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a set whose window passed."""

    ready: str | None
    """The agent, when it has something to lease because of it."""
    incomplete: Incomplete | None = None
    """None for a batch: one that is not full is delivered as a matter of course."""
    dead: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    place: int
    name: str
    artifacts: list[str]
    sets: list[int]


def gather(db: apsw.Connection, place: int, agent: str, join: JoinSpec, now: datetime) -> bool:
    """Put a delivery into its group; returns whether the agent has something to lease because of it."""
    ends = window_end(join, now)
    db.execute(
        "UPDATE delivery SET state = ?, group_name = ?, slot = ?, gathering = ?, timer = ? WHERE place = ?",
        (GATHERED, join.group, join.slot, dump_gathering(join), micros(ends), place),
    )
    if not _complete(db, agent, join):
        return False
    return _pass_on(db, agent, join, partial(join.needs, _waiting(db, agent, join)), now)


def end(db: apsw.Connection, place: int, at: datetime, now: datetime) -> Ended | None:
    """End the next set of the group in which this item waits; None when its window has not passed.

    It goes on as if it were `at`; one that is given up was given up `now`.
    """
    row = db.execute(
        "SELECT agent, gathering FROM delivery WHERE place = ? AND state = ? AND timer <= ?",
        (place, GATHERED, micros(at)),
    ).get
    if row is None:
        return None
    agent, join = row[0], from_wire(orjson.loads(row[1]))
    waiting = _waiting(db, agent, join)
    taken = partial(join.needs, waiting)
    message = shortfall(join, [len(items) for items in waiting])
    incomplete = Incomplete(taken[0].name, agent, join.expiry, message)
    match join.expiry:
        case "Deliver":
            ready = agent if _pass_on(db, agent, join, taken, at) else None
            return Ended(ready, None if join.is_batch else incomplete)
        case "DeadLetter":
            return Ended(None, incomplete, give_up(db, _merge(db, agent, taken).place, message, now))
        case "Drop":
            _remove(db, agent, taken)
            return Ended(None, incomplete)


def _complete(db: apsw.Connection, agent: str, join: JoinSpec) -> bool:
    """Whether the item that came last made a set complete, as `matching.joins.complete` has it.

    Its own slot is looked at first, because most often that is where others are missing still.
    """
    slots = sorted(range(len(join.needs)), key=lambda slot: slot != join.slot)
    return all(
        db.execute(
            "SELECT 1 FROM delivery WHERE agent = ? AND group_name = ? AND slot = ? AND state = 3"
            " ORDER BY place LIMIT 1 OFFSET ?",
            (agent, join.group, slot, join.needs[slot] - 1),
        ).get
        for slot in slots
    )


def _waiting(db: apsw.Connection, agent: str, join: JoinSpec) -> list[list[_Item]]:
    """The items of each slot, oldest first, no more than a set needs."""
    return [
        [
            _Item(place, name, orjson.loads(artifacts), orjson.loads(sets))
            for place, name, artifacts, sets in db.execute(
                "SELECT place, name, artifacts, sets FROM delivery"
                " WHERE agent = ? AND group_name = ? AND slot = ? AND state = 3 ORDER BY place LIMIT ?",
                (agent, join.group, slot, need),
            )
        ]
        for slot, need in enumerate(join.needs)
    ]


def _pass_on(db: apsw.Connection, agent: str, join: JoinSpec, taken: list[_Item], now: datetime) -> bool:
    """Offer a set, or put it into the batch it goes into; returns whether there is something to lease."""
    item = _merge(db, agent, taken)
    if join.then is None:
        return True
    db.execute("UPDATE delivery SET sets = ? WHERE place = ?", (dump([len(item.artifacts)]), item.place))
    return gather(db, item.place, agent, join.then, now)


def _merge(db: apsw.Connection, agent: str, taken: list[_Item]) -> _Item:
    """Make the items one delivery, that of the first, ready to be handed out."""
    first = taken[0]
    _remove(db, agent, taken[1:])
    merged = _Item(
        first.place,
        first.name,
        [id_ for item in taken for id_ in item.artifacts],
        [size for item in taken for size in item.sets],
    )
    db.execute(
        "UPDATE delivery SET state = ?, artifacts = ?, sets = ?, gathering = NULL, group_name = NULL,"
        " slot = NULL WHERE place = ?",
        (READY, dump(merged.artifacts), dump(merged.sets), merged.place),
    )
    note_further(db, merged.name, merged.artifacts)
    return merged


def _remove(db: apsw.Connection, agent: str, items: list[_Item]) -> None:
    for item in items:
        db.execute("DELETE FROM delivery WHERE place = ?", (item.place,))
        forget_further(db, item.name)
    count_out(db, agent, len(items))
