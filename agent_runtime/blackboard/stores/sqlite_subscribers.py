"""Who is fed from a board in SQLite."""

from collections.abc import Sequence

import apsw

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.board import Identity
from agent_runtime.blackboard.subscriptions import Subscribers


def register(db: apsw.Connection, identity: Identity, consumes: Sequence[Consumes]) -> None:
    """Note, replace or forget a subscriber; a change makes a new version."""
    body = subscriptions.encode(identity, consumes).decode()
    known = db.execute("SELECT body FROM subscriber WHERE agent = ?", (identity.name,)).get
    if known == body or (known is None and not consumes):
        return
    if consumes:
        db.execute(
            "INSERT INTO subscriber (agent, body) VALUES (?, ?) ON CONFLICT (agent)"
            " DO UPDATE SET body = excluded.body",
            (identity.name, body),
        )
    else:
        db.execute("DELETE FROM subscriber WHERE agent = ?", (identity.name,))
    db.execute("UPDATE subscriber_version SET version = version + 1")


def subscribers(db: apsw.Connection) -> Subscribers:
    """All subscribers, in the order in which they came."""
    version: int = db.execute("SELECT version FROM subscriber_version").get
    rows = db.execute("SELECT place, body FROM subscriber ORDER BY place")
    return Subscribers(version, tuple(subscriptions.decode(body, place) for place, body in rows))
