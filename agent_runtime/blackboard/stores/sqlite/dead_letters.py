"""Dead letters in SQLite: deliveries that were given up, looked at, offered again, or dropped."""

from collections.abc import Sequence
from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.stores.records import DEAD_LETTERS_KEPT, DeadLetter
from agent_runtime.blackboard.stores.sqlite.inboxes import READY, count_in, count_out, forget_further
from agent_runtime.core.times import micros, moment

_COLUMNS = "name, agent, artifacts, attempts, error, at"
_Row = tuple[str, str, str, int, str, int]


def give_up(db: apsw.Connection, place: int, error: str, now: datetime) -> DeadLetter:
    """Move a delivery to the dead letters; `trim` must follow before the step ends."""
    db.execute(
        "INSERT INTO dead_letter (name, agent, artifacts, attempts, error, at, priority, sets)"
        " SELECT name, agent, artifacts, attempt, ?, ?, priority, sets FROM delivery WHERE place = ?",
        (error, micros(now), place),
    )
    db.execute("DELETE FROM delivery WHERE place = ?", (place,))
    letter = _letter(
        db.execute(f"SELECT {_COLUMNS} FROM dead_letter WHERE place = ?", (db.last_insert_rowid(),)).get
    )
    count_out(db, letter.agent, 1)
    return letter


def trim(db: apsw.Connection) -> None:
    """Forget the oldest beyond `DEAD_LETTERS_KEPT`."""
    span = db.execute(
        "SELECT (SELECT max(place) FROM dead_letter) - (SELECT min(place) FROM dead_letter)"
    ).get
    if span is None or span < DEAD_LETTERS_KEPT:  # counting them takes longer
        return
    gone = db.execute(
        "DELETE FROM dead_letter WHERE place <="
        " (SELECT place FROM dead_letter ORDER BY place DESC LIMIT 1 OFFSET ?) RETURNING name",
        (DEAD_LETTERS_KEPT,),
    )
    for (name,) in list(gone):
        forget_further(db, name)


def dead_letter(db: apsw.Connection, delivery: str) -> DeadLetter | None:
    """That of one delivery."""
    row = db.execute(f"SELECT {_COLUMNS} FROM dead_letter WHERE name = ?", (delivery,)).get
    return None if row is None else _letter(row)


def dead_letters(db: apsw.Connection, limit: int, agent: str | None) -> list[DeadLetter]:
    """Newest first."""
    where = "" if agent is None else "WHERE agent = :agent"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM dead_letter {where} ORDER BY place DESC LIMIT :limit",
        {"agent": agent, "limit": limit},
    )
    return [_letter(row) for row in rows]


def replay(db: apsw.Connection, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
    """Back into the inboxes, behind what waits there."""
    letters = []
    for name in dict.fromkeys(deliveries):
        letter = dead_letter(db, name)
        if letter is None:
            continue
        db.execute(
            "INSERT INTO delivery"
            " (name, agent, artifacts, priority, sets, attempt, base, error, state, timer)"
            " SELECT name, agent, artifacts, priority, sets, attempts, attempts, error, ?, ?"
            " FROM dead_letter WHERE name = ?",
            (READY, micros(now), name),
        )
        db.execute("DELETE FROM dead_letter WHERE name = ?", (name,))
        letters.append(letter)
    count_in(db, (letter.agent for letter in letters), None)
    return letters


def drop(db: apsw.Connection, deliveries: Sequence[str]) -> int:
    """For good."""
    dropped = 0
    for name in deliveries:
        db.execute("DELETE FROM dead_letter WHERE name = ?", (name,))
        if db.changes():
            forget_further(db, name)
            dropped += 1
    return dropped


def _letter(row: _Row) -> DeadLetter:
    name, agent, artifacts, attempts, error, at = row
    return DeadLetter(name, agent, tuple(orjson.loads(artifacts)), attempts, error, moment(at))
