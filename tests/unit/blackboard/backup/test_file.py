"""Backups on disk: what is written is read back, and nothing else is taken for one."""

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.api.agent import PrivateVisibility, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.backup.file import BackupWriter, Verified, read, verify
from agent_runtime.blackboard.backup.folder import backups, keep_newest
from agent_runtime.blackboard.backup.format import BadBackup, Footer, Header, Line, decode, encode
from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
)
from tests.contract.boards import consumes
from tests.contract.inboxes import artifact, batch

AT = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
BOARD = "news/newsroom"
JOIN = JoinSpec("0a1b2c3d.k", 1, (1, 2), ("Draft", "Review"), timedelta(seconds=30), "Drop", then=batch(2))
FINDING = artifact(
    "a",
    AT,
    payload={"title": "n\u00fall \0 line\nbreak \U0001f600", "big": 2**60, "nested": [{"x": None}]},
    tags=("one", "two"),
    partition="east",
    tenant="acme",
    depth=3,
    causes=("x", "y"),
    visibility=Visibility(private=PrivateVisibility(agents=["editor"])),
)
WRITER = Subscriber(Identity("writer", labels=frozenset({"desk"}), tenant="acme"), (consumes("Finding"),), 1)
HELD = DeliverySnapshot(
    DeliveryPlan("a@editor", "editor", ("a",), 5, AT_ONCE), attempt=4, base=2, sets=(2, 1), error="a\nb"
)
GATHERED = DeliverySnapshot(DeliveryPlan("a+0a1b2c3d@editor", "editor", ("a",), 0, AT, JOIN), since=AT)
LETTER = DeadLetterSnapshot(DeadLetter("a@gone", "gone", ("a",), 3, "no \u00fc", AT), 7, (1,))
CONTENT: tuple[Artifact | Subscriber | DeliverySnapshot | DeadLetterSnapshot, ...] = (
    FINDING,
    WRITER,
    HELD,
    GATHERED,
    LETTER,
)


def written(folder: Path, at: datetime = AT, board: str = BOARD) -> Verified:
    """A backup with one line of each kind."""
    with BackupWriter(folder, Header(board, at)) as writer:
        for line in CONTENT:
            writer.add(line)
        return writer.finish(at, 17)


def of_size(folder: Path, at: datetime, artifacts: int) -> Path:
    """A backup with so many artifacts."""
    with BackupWriter(folder, Header(BOARD, at)) as writer:
        for number in range(artifacts):
            writer.add(replace(FINDING, id=f"{number}"))
        return writer.finish(at, 17).path


@pytest.mark.parametrize(
    "line", [Header(BOARD, AT), *CONTENT, Footer(AT, 2**50, "0" * 64, {"artifact": 1})], ids=repr
)
def test_each_line_comes_back_as_it_was(line: Line) -> None:
    document = encode(line)
    assert document.count(b"\n") == 1
    assert decode(document) == line


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = written(tmp_path)
    assert made.path.name == "news.newsroom-20261101T120000.123456Z.covey.gz"
    assert made.contents == "1 artifacts, 1 subscribers, 2 deliveries, 1 dead letters"
    header, *content, footer = read(made.path)
    assert (header, tuple(content)) == (Header(BOARD, AT), CONTENT)
    assert footer == made.footer == verify(made.path).footer
    assert list(tmp_path.iterdir()) == [made.path]


def test_one_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with BackupWriter(tmp_path, Header(BOARD, AT)) as writer:
        writer.add(FINDING)
    assert list(tmp_path.iterdir()) == []


def test_one_that_lacks_an_artifact_gets_no_name(tmp_path: Path) -> None:
    with BackupWriter(tmp_path, Header(BOARD, AT)) as writer:
        writer.add(HELD)
        with pytest.raises(BadBackup, match="the artifact 'a' is missing, which a delivery"):
            writer.finish(AT, 1)
    assert list(tmp_path.iterdir()) == []


# --- damage


def test_cut_off_anywhere_it_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path).path
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BadBackup, match=str(path)):
            verify(path)


def test_altered_anywhere_it_is_refused_or_the_same(tmp_path: Path) -> None:
    path = written(tmp_path).path
    whole = path.read_bytes()
    lines = list(read(path))
    for at in range(10, len(whole)):  # before are the time and the system of gzip's own header
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            found = list(read(path))
        except BadBackup:
            continue
        assert found == lines


Damage = Callable[[list[bytes]], list[bytes]]


def changed(line: int, **fields: Any) -> Damage:
    """Other fields in one line."""

    def damage(lines: list[bytes]) -> list[bytes]:
        [(kind, wire)] = json.loads(lines[line]).items()
        return [*lines[:line], json.dumps({kind: wire | fields}).encode() + b"\n", *lines[line:][1:]]

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: lines[:-1], "it ends after line 6, without its last line: it was cut off"),
        (lambda lines: lines[1:], "line 1: artifact stands where the header should"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 6: 0 lines of the kind subscriber stand before it"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 8: 2 lines of the kind subscriber stand"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 3: artifact stands where subscr"),
        (lambda lines: [*lines, lines[-1]], "line 8: something stands behind the end of the backup"),
        (lambda lines: [*lines, b"\n"], "line 8: something stands behind the end of the backup"),
        (lambda lines: [*lines[:3], b"{}\n", *lines[3:]], "line 4: it is no line of a backup"),
        (lambda lines: [*lines[:3], b"[1]\n", *lines[3:]], "line 4: it is no line of a backup"),
        (lambda lines: [*lines[:3], b'{"a": 1}\n', *lines[3:]], "line 4: there are no lines of the kind 'a'"),
        (changed(0, format="covey-board/2"), "line 1: its format is covey-board/2, this Covey reads"),
        (changed(0, format="tar"), "line 1: its format is 'tar'.*no backup of a blackboard"),
        (changed(1, payload={"title": "b"}), "line 7: the lines before were altered: their checksum is"),
        (changed(3, attempt=0), "line 7: the lines before were altered"),
        (changed(3, due="yesterday"), "line 4: it is no delivery that this Covey can read"),
        (changed(4, gathering={"group": "a"}), "line 5: it is no delivery.*: 'slot' is missing"),
        (lambda lines: [], "it ends after line 0"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path, damage: Damage, says: str) -> None:
    path = written(tmp_path).path
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(damage(lines))))
    with pytest.raises(BadBackup, match=says):
        verify(path)


def test_what_is_no_backup_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("SQLite format 3")
    with pytest.raises(BadBackup, match="it is no backup: it is not gzip"):
        verify(path)


# --- a folder of them


def test_the_newest_that_verify_are_kept(tmp_path: Path) -> None:
    made = [written(tmp_path, AT + timedelta(days=day)).path for day in range(6)]
    other = written(tmp_path, AT - timedelta(days=9), "news/newsroom-2").path
    made[4].write_bytes(made[4].read_bytes()[:-9])
    tidied = keep_newest(tmp_path, BOARD, 3, AT)
    assert set(tidied.deleted) == {made[0], made[1]}
    assert [str(made[4]) in problem for problem in tidied.damaged] == [True]
    assert set(tmp_path.iterdir()) == {made[2], made[3], made[4], made[5], other}
    assert backups(tmp_path, BOARD) == [made[5], made[4], made[3], made[2]]


def test_none_is_deleted_while_there_are_not_too_many(tmp_path: Path) -> None:
    made = [written(tmp_path, AT + timedelta(days=day)).path for day in range(3)]
    assert keep_newest(tmp_path, BOARD, 3, AT).deleted == ()
    assert set(tmp_path.iterdir()) == set(made)


@pytest.mark.parametrize(
    ("sizes", "left", "fuller"),
    [
        ((9, 9, 9, 9), (9, 9), None),
        ((9, 9, 0), (9, 0), 9),
        ((7, 9, 8, 0, 0, 0), (8, 0, 0), 8),  # the last one before, not the fullest ever
        ((9, 0, 0, 1, 0, 0), (9, 0, 0), 9),
        ((9, 0, 0, 4, 4), (9, 4, 4), 9),
        ((9, 0, 0, 4, 5), (4, 5), None),  # half of it is there again
        ((9, 0, 0, 0, 9, 9), (9, 9), None),
        ((0, 0, 0), (0, 0), None),
        ((9, 8, 7, 6, 5, 4, 3, 2), (3, 2), None),  # old ones are forgotten, little by little
    ],
    ids=str,
)
def test_the_last_one_before_the_board_was_emptied_stays(
    tmp_path: Path, sizes: tuple[int, ...], left: tuple[int, ...], fuller: int | None
) -> None:
    for day, size in enumerate(sizes):
        of_size(tmp_path, AT + timedelta(days=day), size)
        tidied = keep_newest(tmp_path, BOARD, 2, AT)
    found = [verify(path) for path in reversed(backups(tmp_path, BOARD))]
    assert tuple(one.footer.counts["artifact"] for one in found) == left
    told = tidied.fuller.footer.counts["artifact"] if tidied.fuller else None
    assert told == fuller
    assert [tidied.fuller is not None and str(tidied.fuller.path) in said for said in tidied.warnings] == (
        [True] if fuller else []
    )


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    left = tmp_path / f"{written(tmp_path).path.name}.abcdef.unfinished"
    left.write_bytes(b"half")
    os.utime(left, (AT.timestamp(), AT.timestamp()))
    keep_newest(tmp_path, BOARD, 3, AT + timedelta(hours=23))
    assert left.exists()
    assert left not in backups(tmp_path, BOARD)
    keep_newest(tmp_path, BOARD, 3, AT + timedelta(hours=25))
    assert not left.exists()
