"""The idempotency key of a visit: what tells the outside world that it is asked for the same thing again."""

from agent_runtime.durable.journal import Journal
from agent_runtime.flow import Visit


def idempotency_key(visit: Visit, index: int | None = None) -> str | None:
    """`RUN:PATH:VISIT`, and `:INDEX` for a mapped item: the same on every attempt and after every kill.

    None outside of a durable run: attempts of different processes cannot be told from different runs there.
    """
    journal = Journal.of(visit)
    return None if journal is None else journal.key(visit, index)
