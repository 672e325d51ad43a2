"""Backups on disk: gzip, named after the board and the time, there as a whole or not at all."""

import gzip
import hashlib
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.backup.format import (
    KINDS,
    BadBackup,
    Footer,
    Header,
    Line,
    decode,
    encode,
    kind_of,
)
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.records import DeadLetterSnapshot, DeliverySnapshot, Snapshot

_COMPRESSION = 6
ENDING = ".covey.gz"
UNFINISHED = ".unfinished"
_ARTIFACT = b'{"artifact":'
_LONGEST_LINE = 256 * 2**20
"""Bytes. A file that was altered must not take all memory."""


class BackupWriter:
    """Writes a backup. Leaving it without `finish` leaves nothing."""

    def __init__(self, folder: Path, header: Header) -> None:
        """Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / file_name(header.board, header.at)
        handle, name = tempfile.mkstemp(prefix=f"{self._path.name}.", suffix=UNFINISHED, dir=folder)
        self._unfinished = Path(name)
        self._file: BinaryIO = os.fdopen(handle, "wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=self._file)
        self._sha256 = hashlib.sha256()
        self._counts = Counter[str]()
        self._write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def add(self, line: Artifact | Subscriber | DeliverySnapshot | DeadLetterSnapshot) -> None:
        """The next line, in the order of KINDS."""
        self._counts[kind_of(line)] += 1
        self._write(line)

    def finish(self, at: datetime, position: int) -> "Verified":
        """Write the footer, bring it all to the disk, read it back, and give it its name.

        Raises BadBackup, OSError.
        """
        counts = {kind: self._counts[kind] for kind in KINDS[1:-1]}
        self._write(Footer(at, position, self._sha256.hexdigest(), counts))
        self._gzip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        verified = verify(self._unfinished)
        self._unfinished.rename(self._path)
        _sync(self._path.parent)
        return replace(verified, path=self._path)

    def _write(self, line: Line) -> None:
        document = encode(line)
        self._sha256.update(document)
        self._gzip.write(document)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a backup holds that was read from its first to its last line."""

    path: Path
    header: Header
    footer: Footer

    @property
    def contents(self) -> str:
        """For people: `12 artifacts, 2 subscribers, 3 deliveries, 0 dead letters`."""
        counts = self.footer.counts
        return (
            f"{counts['artifact']} artifacts, {counts['subscriber']} subscribers,"
            f" {counts['delivery']} deliveries, {counts['deadLetter']} dead letters"
        )


def read(path: Path) -> Iterator[Line]:
    """The lines in their order, the footer last, all checked by then. Raises BadBackup, OSError."""
    sha256, counts, number, kind = hashlib.sha256(), Counter[str](), 0, KINDS[0]
    ended = False
    for number, document in enumerate(_documents(path), 1):
        where = f"{path}, line {number}"
        if ended:
            raise BadBackup(f"{where}: something stands behind the end of the backup")
        try:
            line = decode(document, counts["subscriber"])
        except BadBackup as error:
            raise BadBackup(f"{where}: {error}") from error
        after, kind = kind, kind_of(line)
        if (number == 1) != (kind == "header") or KINDS.index(kind) < KINDS.index(after):
            expected = "the header" if number == 1 else f"{after} or what follows it"
            raise BadBackup(f"{where}: {kind} stands where {expected} should")
        if isinstance(line, Footer):
            _check(where, line, sha256.hexdigest(), counts)
            ended = True
        sha256.update(document)
        counts[kind] += 1
        yield line
    if not ended:
        raise BadBackup(f"{path}: it ends after line {number}, without its last line: it was cut off")


def verify(path: Path) -> Verified:
    """Read it all: every line, the counts, the checksum, and that no artifact is missing.

    Raises BadBackup, OSError.
    """
    header, footer, needed = None, None, set[str]()
    for line in read(path):
        match line:
            case Header():
                header = line
            case DeliverySnapshot():
                needed.update(line.plan.artifact_ids)
            case DeadLetterSnapshot():
                needed.update(line.letter.artifact_ids)
            case Footer():
                footer = line
    assert header is not None  # else `read` raises
    assert footer is not None
    if needed:  # the ids of all artifacts would take too much memory
        for artifact in artifacts(path):
            needed.discard(artifact.id)
    if needed:
        raise BadBackup(
            f"{path}: the artifact {min(needed)!r} is missing, which a delivery or dead letter names"
        )
    return Verified(path, header, footer)


def documents_of_artifacts(path: Path) -> Iterator[bytes]:
    """The artifacts of a backup that was verified, as they stand in it."""
    documents = _documents(path)
    next(documents)  # the header
    return takewhile(lambda document: document.startswith(_ARTIFACT), documents)


def artifacts(path: Path) -> Iterator[Artifact]:
    """The artifacts of a backup that was verified."""
    for document in documents_of_artifacts(path):
        line = decode(document)
        assert isinstance(line, Artifact)
        yield line


def frozen(path: Path) -> Snapshot:
    """All but the artifacts of a backup that was verified."""
    subscribers: list[Subscriber] = []
    deliveries: list[DeliverySnapshot] = []
    letters: list[DeadLetterSnapshot] = []
    position = 0
    for document in _documents(path):
        match None if document.startswith(_ARTIFACT) else decode(document, len(subscribers)):
            case Subscriber() as subscriber:
                subscribers.append(subscriber)
            case DeliverySnapshot() as kept:
                deliveries.append(kept)
            case DeadLetterSnapshot() as buried:
                letters.append(buried)
            case Footer() as footer:
                position = footer.position
    return Snapshot(position, tuple(subscribers), tuple(deliveries), tuple(letters))


def file_name(board: str, at: datetime) -> str:
    """`news.newsroom-20261101T120000.000000Z.covey.gz`: in the order of names is the order of time."""
    return f"{stem(board)}{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}{ENDING}"


def stem(board: str) -> str:
    """What the names of a board's backups begin with."""
    namespace, _, name = board.partition("/")
    return f"{namespace}.{name}-"


def _documents(path: Path) -> Iterator[bytes]:
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            while document := lines.readline(_LONGEST_LINE):
                number += 1
                yield document
    except EOFError as error:
        raise BadBackup(f"{path}: it is cut off after line {number}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        what = "it is no backup: it is not gzip" if number == 0 else f"it was altered after line {number}"
        raise BadBackup(f"{path}: {what} ({error})") from error


def _check(where: str, footer: Footer, sha256: str, counts: Counter[str]) -> None:
    for kind in KINDS[1:-1]:
        if footer.counts.get(kind) != counts[kind]:
            raise BadBackup(
                f"{where}: {counts[kind]} lines of the kind {kind} stand before it,"
                f" it says {footer.counts.get(kind)}"
            )
    if footer.sha256 != sha256:
        raise BadBackup(
            f"{where}: the lines before were altered: their checksum is {sha256}, not {footer.sha256}"
        )


def _sync(folder: Path) -> None:
    """So that a new name outlives a crash."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
