"""The events of a state folder, so that `covey logs` still knows them after a restart."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from agent_runtime.telemetry.events import Event

EVENT_FILE = "events.jsonl"
_LARGEST = 10 * 1024 * 1024


class EventFile:
    """JSON lines. Past 10 MiB it begins again, and keeps the lines before as `events.jsonl.1`."""

    def __init__(self, folder: Path, largest: int = _LARGEST) -> None:
        self._path = folder / EVENT_FILE
        self._largest = largest
        self._file = self._path.open("ab", buffering=0)

    def read(self) -> Iterator[tuple[int, Event]]:
        """(number, event) of all that are kept, oldest first; a line that was cut short is left out."""
        for path in (self._older, self._path):
            try:
                lines = path.read_bytes().split(b"\n")
            except OSError:
                continue
            for line in lines:
                if (found := _event(line)) is not None:
                    yield found

    def append(self, wire: Mapping[str, Any]) -> None:
        """Keep one more. What the disk does not take is lost; whoever follows now sees it all the same.

        So is what comes after the end: work that is cancelled late must not fail for want of a file.
        """
        if self._file.closed:
            return
        try:
            if self._file.tell() > self._largest:
                self._begin_again()
            self._file.write(_line(wire))
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def _older(self) -> Path:
        return self._path.with_suffix(".jsonl.1")

    def _begin_again(self) -> None:
        self._path.replace(self._older)
        older, self._file = self._file, self._path.open("ab", buffering=0)
        older.close()


def _line(wire: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(wire) + b"\n"
    except (TypeError, ValueError):  # half a surrogate pair, or what is no JSON: better so than not at all
        return json.dumps(wire, default=str).encode() + b"\n"


def _event(line: bytes) -> tuple[int, Event] | None:
    try:
        wire = json.loads(line)
        at = datetime.fromisoformat(wire["at"])
        event = Event(at, wire["kind"], str(wire["subject"]), str(wire["message"]), dict(wire["data"]))
        return int(wire["number"]), event
    except (ValueError, KeyError, TypeError):
        return None
