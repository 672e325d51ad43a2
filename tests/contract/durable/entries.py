"""What the tests commit."""

from datetime import UTC, datetime

from agent_runtime.durable import Boundary, Entry, Record, RunStore

AT = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


def entry(number: int, body: bytes | None = None, *, action: str | None = "ok") -> Entry:
    """A boundary of the node "step"."""
    boundary = Boundary(number, "step/é", number, action, AT)
    return Entry(boundary, b'{"number":%d}' % number if body is None else body)


def start() -> Entry:
    """The first boundary."""
    return Entry(Boundary(0, "", 0, None, AT), b'{"number":0}')


def item(index: int, *, path: str = "map", visit: int = 1, body: bytes | None = None) -> Record:
    """A record of the visit "map"."""
    return Record(path, visit, index, b"[%d]" % index if body is None else body)


async def recorded(
    store: RunStore, run: str, *, path: str = "map", visit: int = 1
) -> list[tuple[int, bytes]]:
    """All records of a visit."""
    return [one async for one in store.records(run, path, visit)]
