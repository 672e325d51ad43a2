"""The contract of an event log: two tracks of records, each in its order."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

Track = Literal["artifacts", "events"]
"""`artifacts`: every artifact, in the store's order. `events`: what happened, as each server told it."""


class LogUnavailable(Exception):
    """The log does not answer, or does not take it. What was to be appended may be appended again."""


class EventLog(Protocol):
    """Where the records of one board go. Every method but `close` may raise LogUnavailable."""

    largest: int
    """The largest record that it takes, in bytes; known once it is open."""

    async def open(self, *, to_write: bool = True) -> None:
        """Connect, and to write, make the tracks where they are not there; again, it changes nothing."""

    async def close(self) -> None:
        """Let go of connections."""

    async def last(self, track: Track) -> bytes | None:
        """The newest record of a track; None when it has none."""

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Append records with the positions of their artifacts, which grow, behind what `last` answered.

        When another process has appended behind it meanwhile, all or none of them may be there twice, or
        none may be taken: ask for the last again. Never does a later one stand without an earlier one.
        """

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None:
        """Append the records of one server, which counts them; `first` is the number of the first one."""

    def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        """All records of a track that are there now, oldest first, each with its place, for people."""
