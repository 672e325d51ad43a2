"""Who is fed from a board in SQLite."""

from collections.abc import Sequence

import apsw

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.subscriptions import Subscribers
from agent_runtime.blackboard.stores.errors import Restoring


def register(db: apsw.Connection, identity: Identity, consumes: Sequence[Consumes]) -> bool:
    """Note, replace or forget a subscriber; a change makes a new version. Returns whether it is one."""
    raise_if_restoring(db)
    body = subscriptions.encode(identity, consumes).decode()
    known = db.execute("SELECT body FROM subscriber WHERE agent = ?", (identity.name,)).get
    if known == body or (known is None and not consumes):
        return False
    if consumes:
        db.execute(
            "INSERT INTO subscriber (agent, body) VALUES (?, ?) ON CONFLICT (agent)"
            " DO UPDATE SET body = excluded.body",
            (identity.name, body),
        )
    else:
        db.execute("DELETE FROM subscriber WHERE agent = ?", (identity.name,))
    _changed(db)
    return True


def forget(db: apsw.Connection, agent: str) -> int:
    """Remove a subscriber and its inbox; returns how many deliveries that were."""
    db.execute("DELETE FROM subscriber WHERE agent = ?", (agent,))
    if db.changes():
        _changed(db)
    pending: int = db.execute("DELETE FROM inbox WHERE agent = ? RETURNING pending", (agent,)).get or 0
    if pending:  # else looking for them would be for nothing
        db.execute(
            "DELETE FROM further WHERE delivery IN (SELECT name FROM delivery WHERE agent = ?)", (agent,)
        )
        db.execute("DELETE FROM delivery WHERE agent = ?", (agent,))
    return pending


def version(db: apsw.Connection) -> int:
    """Of the list of subscribers; negative while a restore is under way."""
    return int(db.execute("SELECT version FROM subscriber_version").get)


def raise_if_restoring(db: apsw.Connection) -> None:
    """Raises Restoring."""
    if version(db) < 0:
        raise Restoring


def _changed(db: apsw.Connection) -> None:
    db.execute("UPDATE subscriber_version SET version = version + 1")


def subscribers(db: apsw.Connection) -> Subscribers:
    """All subscribers, in the order in which they came."""
    raise_if_restoring(db)
    rows = db.execute("SELECT place, body FROM subscriber ORDER BY place")
    return Subscribers(version(db), tuple(subscriptions.decode(body, place) for place, body in rows))
