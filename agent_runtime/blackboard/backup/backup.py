"""Copying a board out of its store into a file, and from there into an empty store of any kind.

A copy is of one moment, while publishers and consumers go on: artifacts, which never change, are copied
first; then the store freezes all else at one moment; then come the artifacts that were published in between.
So whatever is frozen finds its artifacts in the file, also when the board forgets some meanwhile.

Neither needs more memory than the deliveries and dead letters take.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.backup.file import (
    BackupWriter,
    Verified,
    artifacts,
    documents_of_artifacts,
    frozen,
    verify,
)
from agent_runtime.blackboard.backup.format import BadBackup, Header, encode
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.errors import IdTaken, Restoring, StaleSubscribers
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Publication

_ATTEMPTS = 3
_TOGETHER = 200
"""Artifacts in one step."""


class RestoreError(Exception):
    """The restore was refused, or it cannot go on: why, and what to do."""


async def back_up(store: Store, board: str, folder: Path, clock: Callable[[], datetime]) -> Verified:
    """Copy the board into a new file in the folder, and read that back; nothing is left when it fails.

    Raises StoreError, OSError, BadBackup.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _copy(store, board, folder, clock)
        except BadBackup:  # the board forgot an artifact between the freezing and the last page
            continue
    return await _copy(store, board, folder, clock)


async def _copy(store: Store, board: str, folder: Path, clock: Callable[[], datetime]) -> Verified:
    with BackupWriter(folder, Header(board, clock())) as writer:
        copied = 0
        async for position, artifact in _artifacts(store, copied):
            writer.add(artifact)
            copied = position
        moment, at = await store.snapshot(), clock()
        async for position, artifact in _artifacts(store, copied):
            if position > moment.position:
                break
            writer.add(artifact)
        for member in moment.subscribers:
            writer.add(member)
        for kept in moment.deliveries:
            writer.add(kept)
        for buried in moment.dead_letters:
            writer.add(buried)
        return writer.finish(at, moment.position)


async def restore(store: Store, path: Path, *, resume: bool = False) -> Verified:
    """Take the board out of a backup into an empty store, and compare what is there before it is opened.

    When it is broken off, the board stays shut, and says why; with `resume` it is gone on with.
    Raises BadBackup, RestoreError, NotEmpty and other StoreErrors, OSError.
    """
    verified = verify(path)
    if not resume and await _has_begun(store):
        raise RestoreError(
            "a restore into this board began before and has not ended: finish it with --resume and the same"
            " file, or drop the board and start again"
        )
    version = await store.begin_restore()
    try:
        for some in _chunks(path):
            await store.publish([Publication(artifact) for artifact in some], version)
    except IdTaken as error:
        raise _of_another(str(error)) from error
    except StaleSubscribers as error:
        raise RestoreError("another restore into this board has ended meanwhile") from error
    await _compare(store, path)
    await store.restore(frozen(path))
    return verified


async def _has_begun(store: Store) -> bool:
    try:
        await store.subscribers()
    except Restoring:
        return True
    return False


async def _compare(store: Store, path: Path) -> None:
    """The store holds what the file holds, byte for byte, in the same order, and nothing else."""
    wanted = documents_of_artifacts(path)
    async for _, artifact in _artifacts(store, 0):
        if encode(artifact) != next(wanted, None):
            raise _of_another(f"artifact {artifact.id!r}, or its place among the others")
    if next(wanted, None) is not None:
        raise RestoreError("the store has lost artifacts again: restore into an empty one")


def _of_another(what: str) -> RestoreError:
    return RestoreError(
        f"the board holds what this backup does not: {what}; the restore that began before was of another"
        " file: go on with that one, or drop the board and start again"
    )


async def _artifacts(store: Store, after: int) -> AsyncIterator[tuple[int, Artifact]]:
    """With their positions, page by page, until there are no more."""
    page = await store.scan(Query(limit=_TOGETHER), after)
    while page:
        for one in page:
            yield one
        page = await store.scan(Query(limit=_TOGETHER), page[-1][0]) if len(page) == _TOGETHER else []


def _chunks(path: Path) -> Iterator[Sequence[Artifact]]:
    """The artifacts of a file, some at a time."""
    left = artifacts(path)
    while some := list(islice(left, _TOGETHER)):
        yield some
