"""The file of events that a state folder keeps."""

from datetime import UTC, datetime
from pathlib import Path

from agent_runtime.local.event_file import EventFile
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.telemetry.events import Event


def event(message: str) -> Event:
    return Event(datetime(2026, 3, 1, tzinfo=UTC), "agent.progress", "cook", message, {})


def test_what_comes_after_the_end_is_lost_and_fails_nobody(tmp_path: Path) -> None:
    feed, file = EventBroadcaster(), EventFile(tmp_path)
    feed.keep_in(file)
    feed(event("kept"))
    file.close()
    feed(event("too late"))
    assert [entry.event.message for entry in feed.after(0)] == ["kept", "too late"]
    assert [kept.message for _, kept in EventFile(tmp_path).read()] == ["kept"]


def test_a_file_that_is_full_begins_again_and_the_lines_before_are_kept(tmp_path: Path) -> None:
    file = EventFile(tmp_path, largest=10)
    feed = EventBroadcaster()
    feed.keep_in(file)
    for message in ("one", "two"):
        feed(event(message))
    assert [kept.message for _, kept in EventFile(tmp_path).read()] == ["one", "two"]


def test_a_file_that_cannot_begin_again_takes_what_comes(tmp_path: Path) -> None:
    file = EventFile(tmp_path, largest=10)
    feed = EventBroadcaster()
    feed.keep_in(file)
    (tmp_path / "events.jsonl.1").mkdir()
    (tmp_path / "events.jsonl.1" / "in the way").touch()
    for message in ("one", "two"):
        feed(event(message))
    (tmp_path / "events.jsonl.1" / "in the way").unlink()
    (tmp_path / "events.jsonl.1").rmdir()
    feed(event("three"))
    assert [kept.message for _, kept in EventFile(tmp_path).read()] == ["one", "three"]
