"""What the queue asks of a store: rows, changed by pure rules, each change atomic.

The rules (`queue.rules`) are applied by the store because only it can hold a row still meanwhile. What
a rule raises goes through, and nothing is changed. Every call may raise Unavailable (of `durable.port`).
"""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Protocol

from agent_runtime.runs.queue.rules import Row

Rule = Callable[[Row], Row]

COLUMNS = tuple(field.name for field in fields(Row))
"""The names of a row's values, in order."""
values: Callable[[Row], tuple[Any, ...]] = attrgetter(*COLUMNS)
"""A row's values, in the same order."""


def differences(old: Row, new: Row) -> dict[str, Any]:
    """The values that changed, by name."""
    pairs = zip(COLUMNS, values(old), values(new), strict=True)
    return {name: after for name, before, after in pairs if before != after}


class QueueStore(Protocol):
    """Rows by run. A change that is `rules.noteworthy` gets the next sequence number."""

    async def open(self) -> None:
        """Make ready; a store on a server may be opened before the server is there."""

    async def close(self) -> None:
        """Let go of connections and files."""

    async def ping(self) -> None:
        """Return when the store can write."""

    async def insert(self, row: Row) -> bool:
        """Add a row; False, and nothing changed, when there is one of that run. Noteworthy."""

    async def get(self, run: str) -> Row | None:
        """The row of a run."""

    async def change(self, run: str, rule: Rule) -> Row:
        """Put the rule's row in place of the run's, and return it. Raises NotQueued."""

    async def claim(self, queue: str, claim: str | None, rule: Rule) -> Row | None:
        """Change the first Waiting row of a queue, by (place, run); None when none waits.

        When a Running row of the queue has this `claim` already, that one is returned as it is.
        """

    async def settle(self, now: int, rule: Rule) -> int:
        """Change the Running rows whose `until` is not after `now`; returns the last sequence number."""

    async def counts(self) -> dict[tuple[str, str], int]:
        """How many rows there are, by (queue, state)."""

    async def delete(self, run: str) -> None:
        """Remove the row, if there is one."""

    async def changes(self, after: int, limit: int) -> list[tuple[int, str]]:
        """(sequence, run) after a sequence number, ascending. A run is there once, with its last one.

        After a number that was never given, because the store was set back: from 0.
        """
