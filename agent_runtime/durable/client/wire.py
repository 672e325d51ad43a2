"""Boundaries, checkpoints and records as they travel to the runs server and back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agent_runtime.durable.client.frames import frame
from agent_runtime.durable.port import Boundary, Entry, Record


def boundary_to_wire(boundary: Boundary) -> list[Any]:
    """`[number, path, visit, action, at]`."""
    at = boundary.at.isoformat()
    return [boundary.number, boundary.path, boundary.visit, boundary.action, at]


def boundary_from_wire(head: Sequence[Any]) -> Boundary:
    """What `boundary_to_wire` wrote."""
    number, path, visit, action, at = head
    return Boundary(number, path, visit, action, datetime.fromisoformat(at))


def entry_to_wire(entry: Entry) -> bytes:
    """A frame: the boundary, and the checkpoint."""
    return frame(boundary_to_wire(entry.boundary), entry.body)


def commit_to_wire(entries: Sequence[Entry], drop: Sequence[tuple[str, int]]) -> bytes:
    """A frame that names the visits whose records go, then one for each entry."""
    return b"".join((frame(drop, b""), *map(entry_to_wire, entries)))


def records_to_wire(records: Sequence[Record]) -> bytes:
    """A frame for each: path, visit, index, and the record."""
    return b"".join(frame((one.path, one.visit, one.index), one.body) for one in records)


def item_to_wire(index: int, body: bytes) -> bytes:
    """A frame: one record among those of one visit."""
    return frame((index,), body)
