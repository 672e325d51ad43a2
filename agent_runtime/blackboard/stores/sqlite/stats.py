"""How full a board in SQLite is."""

import apsw

from agent_runtime.blackboard.stores.records import Stats


def artifacts(db: apsw.Connection) -> int:
    """How many there are, without counting them: positions given, less those pruned."""
    return int(
        db.execute(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'artifact'), 0) - artifacts"
            " FROM pruned"
        ).get
    )


def stats(db: apsw.Connection) -> Stats:
    """Nothing here grows with the number of artifacts."""
    return Stats(
        artifacts(db),
        db.execute("SELECT count(*) FROM dead_letter").get,
        dict(db.execute("SELECT agent, pending FROM inbox WHERE pending > 0")),
        db.execute("SELECT count(*) FROM subscriber").get,
    )
