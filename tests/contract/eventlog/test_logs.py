"""What every event log promises."""

import asyncio

import pytest

from agent_runtime.eventlog.brokers.port import EventLog, Track
from tests.contract.eventlog.conftest import Connect
from tests.contract.eventlog.logs import records


def artifacts(first: int, last: int) -> list[tuple[int, bytes]]:
    """Records with the positions from `first` to `last`."""
    return [(position, f"{position}".encode()) for position in range(first, last + 1)]


def in_order(found: list[bytes]) -> list[int]:
    """The positions, each where it came for the first time."""
    return list(dict.fromkeys(int(record) for record in found))


@pytest.mark.parametrize("track", ["artifacts", "events"])
async def test_a_new_log_is_empty(log: EventLog, track: Track) -> None:
    assert await log.last(track) is None
    assert await records(log, track) == []


async def test_what_is_appended_is_read_in_order(log: EventLog, connect: Connect) -> None:
    await log.append_artifacts(artifacts(3, 3))
    assert await log.last("artifacts") == b"3"
    await log.append_artifacts(artifacts(5, 1204))
    await log.append_events([b"one", b"two"], "server", 1)
    await log.append_events([b"three"], "server", 3)
    again = connect()
    await again.open(to_write=False)
    assert in_order(await records(again, "artifacts")) == [3, *range(5, 1205)]
    assert await records(again, "events") == [b"one", b"two", b"three"]
    assert await again.last("artifacts") == b"1204"
    assert await again.last("events") == b"three"
    await again.close()


async def test_the_places_of_records_are_told_for_people(log: EventLog) -> None:
    await log.append_events([b"one", b"two"], "server", 1)
    places = [place async for place, _ in log.read("events")]
    assert len(set(places)) == 2
    assert all(place.startswith("events ") for place in places)


async def test_opening_twice_changes_nothing(log: EventLog) -> None:
    await log.append_artifacts(artifacts(1, 1))
    await log.open()
    assert await records(log, "artifacts") == [b"1"]


async def test_of_servers_that_append_at_once_none_leaves_a_hole(log: EventLog, connect: Connect) -> None:
    other = connect()
    await other.open()

    async def relay(one: EventLog) -> None:
        """As the relay does it: from what the log ends with, up to 400."""
        while (last := int(await one.last("artifacts") or 0)) < 400:
            await one.append_artifacts(artifacts(last + 1, min(last + 7, 400)))

    await asyncio.gather(relay(log), relay(other))
    await other.close()
    assert in_order(await records(log, "artifacts")) == list(range(1, 401))
