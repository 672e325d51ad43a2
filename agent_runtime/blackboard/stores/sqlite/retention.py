"""Retention in SQLite: which artifacts go, and what stays because it is needed."""

from datetime import datetime

import apsw
import orjson

from agent_runtime.blackboard.stores.sqlite.stats import artifacts
from agent_runtime.blackboard.stores.sqlite.subscribers import raise_if_restoring
from agent_runtime.core.times import micros

# Names of deliveries and dead letters begin with their first artifact's id and an @ or a +, which no id has;
# in the order of text, A comes next after @ and a comma after +.
_UNNEEDED = """
    NOT EXISTS (SELECT 1 FROM delivery WHERE name > id || '@' AND name < id || 'A')
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE name > id || '+' AND name < id || ',')
    AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE name > id || '@' AND name < id || 'A')
    AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE name > id || '+' AND name < id || ',')
    AND NOT EXISTS (SELECT 1 FROM further WHERE artifact = id)
"""
MADE_BEFORE = (
    "SELECT position, body FROM artifact"
    f" WHERE made < :before AND {_UNNEEDED} ORDER BY made, position LIMIT :limit"
)
OLDEST = (
    "SELECT position, body FROM"
    " (SELECT position, id, body FROM artifact ORDER BY position LIMIT :surplus)"
    f" WHERE {_UNNEEDED} LIMIT :limit"
)


def prune(db: apsw.Connection, before: datetime | None, keep: int | None, limit: int) -> int:
    """Delete what is old, or beyond what is kept, and not needed."""
    raise_if_restoring(db)
    gone = 0
    if keep is not None:
        surplus = max(artifacts(db) - keep, 0)
        gone += _delete(db, OLDEST, {"surplus": surplus, "limit": limit})
    if before is not None:
        gone += _delete(db, MADE_BEFORE, {"before": micros(before), "limit": limit - gone})
    db.execute("UPDATE pruned SET artifacts = artifacts + ?", (gone,))
    return gone


def _delete(db: apsw.Connection, chosen: str, bindings: dict[str, int]) -> int:
    rows = list(db.execute(chosen, bindings))
    for position, body in rows:
        for tag in set(orjson.loads(body)["tags"]):
            db.execute("DELETE FROM tag WHERE tag = ? AND position = ?", (tag, position))
        db.execute("DELETE FROM artifact WHERE position = ?", (position,))
    return len(rows)
