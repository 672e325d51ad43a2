"""What `covey up` shows while it runs: plain lines, or on a terminal a live picture of a job."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, Protocol, Self

from agent_runtime.cli.output.event_lines import line
from agent_runtime.cli.output.printing import note
from agent_runtime.local.one_shot import OneShot


class Display(Protocol):
    """Shows events and notes; entered for as long as the process runs."""

    def note(self, text: str) -> None:
        """Something for the person, of one line or several."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Something that happened, in the form that it has over the wire."""

    def route(self, agents: Sequence[str]) -> None:
        """The agents on the way to the result are known."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def display_for(stream: IO[str], *, job: OneShot | None) -> Display:
    """A live picture for a job on a terminal, else lines."""
    if job is not None and stream.isatty():
        from agent_runtime.cli.output.live import LiveDisplay

        return LiveDisplay(stream, job.until)
    return PlainDisplay(stream, job.until if job is not None else "")


class PlainDisplay:
    """One line for each event, without colours or control characters."""

    def __init__(self, stream: IO[str], until: str) -> None:
        self._stream = stream
        self._until = until
        self._way: tuple[str, ...] = ()
        self._done: set[str] = set()

    def note(self, text: str) -> None:
        """As it is."""
        note(self._stream, text)

    def event(self, event: Mapping[str, Any]) -> None:
        """As a line."""
        self.note(line(event))
        if event["kind"] == "agent.finished" and event["subject"] in self._way:
            before = len(self._done)
            self._done.add(event["subject"])
            if len(self._done) > before:
                self.note(f"          {len(self._done)} of {len(self._way)} agents on the way are done")

    def route(self, agents: Sequence[str]) -> None:
        """The way, as a line."""
        self._way = tuple(agents)
        self.note(f"the way to {self._until}: {' -> '.join(agents)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clean up."""
