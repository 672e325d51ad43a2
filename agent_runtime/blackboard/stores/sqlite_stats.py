"""How full a board in SQLite is."""

import apsw

from agent_runtime.blackboard.stores.port import Stats


def stats(db: apsw.Connection) -> Stats:
    """Artifacts are never deleted, so that the last position counts them."""
    return Stats(
        db.execute("SELECT coalesce(max(position), 0) FROM artifact").get,
        db.execute("SELECT count(*) FROM dead_letter").get,
        dict(db.execute("SELECT agent, pending FROM inbox WHERE pending > 0")),
    )
