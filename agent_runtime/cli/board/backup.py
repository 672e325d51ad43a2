"""`covey board backup` and `covey board restore`: they work on the board's store, without its server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from agent_runtime.blackboard.backup.backup import RestoreError, back_up
from agent_runtime.blackboard.backup.backup import restore as restore_board
from agent_runtime.blackboard.backup.file import Verified, verify
from agent_runtime.blackboard.backup.folder import keep_newest
from agent_runtime.blackboard.backup.format import BadBackup
from agent_runtime.blackboard.stores.errors import StoreError
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.cli.output.printing import say, tell
from agent_runtime.local.errors import UserError
from agent_runtime.local.state import BOARD_ENDING, BOARDS

T = TypeVar("T")

_WHICH = "Give the path of a file that `covey board backup` printed."


def backup(url: str, board: str, folder: Path, keep: int | None) -> None:
    """Make one, and with `keep` delete older ones."""
    _check_board(board)
    file = _file_of(url)
    if file is not None and not file.exists():
        raise UserError(f"there is no store {file}", "Give --store the URL or the file of a board.", code=2)
    _check_file(file, board)

    async def work(store: Store) -> Verified:
        if not await store.exists():
            raise UserError(
                f"there is no board {board} in this store: nothing was ever kept for it",
                "Look at --board and --store. A board is there from the first start of its server on.",
                code=2,
            )
        return await back_up(store, board, folder, _now)

    with _files(folder, "written", "Choose another folder with --to."):
        made = _on(url, board, work)
    _tell(made, "backed up")
    say(str(made.path))
    if keep is not None:
        with _files(folder, "tidied", "Let its files be deleted, or leave --keep out."):
            tidied = keep_newest(folder, board, keep, _now())
        for warning in tidied.warnings:
            tell(f"warning: {warning}")
        for path in tidied.deleted:
            say(f"deleted {path}")


def restore(file: Path, url: str, board: str, *, resume: bool) -> None:
    """Restore a backup into an empty store."""
    _check_board(board)
    with _files(file, "read", _WHICH):
        restored = _on(url, board, lambda store: restore_board(store, file, resume=resume))
    _tell(restored, f"restored to {board}")


def check(file: Path) -> None:
    """Read a backup from its first to its last line."""
    try:
        with _files(file, "read", _WHICH):
            verified = verify(file)
    except BadBackup as error:
        raise UserError(str(error)) from error
    _tell(verified, "can be restored")


def _on(url: str, board: str, work: Callable[[Store], Awaitable[T]]) -> T:
    async def session() -> T:
        store = store_at(url, board)
        try:
            await store.open()
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(session())
    except ValueError as error:
        raise UserError(str(error), code=2) from error
    except (BadBackup, RestoreError, StoreError) as error:
        raise UserError(str(error)) from error


@contextmanager
def _files(path: Path, done: str, cure: str) -> Iterator[None]:
    """What goes wrong with backups on disk; what goes wrong with stores are StoreErrors."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be {done}: {reason}", cure) from error


def _check_file(file: Path | None, board: str) -> None:
    """The files of `covey up` are called like their boards; others are whatever they are said to be."""
    if file is None or file.parent.name != BOARDS or file.suffix != BOARD_ENDING:
        return
    namespace, _, name = board.partition("/")
    if name != file.stem:
        raise UserError(
            f"there is no board {board} in this store: {file} is that of the board {file.stem}",
            f"Write --board {namespace}/{file.stem}, or give --store another file.",
            code=2,
        )


def _check_board(board: str) -> None:
    namespace, _, name = board.partition("/")
    if not namespace or not name or "/" in name:
        raise UserError(
            f"--board {board!r} names no board", "Write NAMESPACE/NAME, such as news/board.", code=2
        )


def _file_of(url: str) -> Path | None:
    """The file of a board in SQLite."""
    if "://" not in url:
        return Path(url)
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _tell(verified: Verified, what: str) -> None:
    header, footer = verified.header, verified.footer
    say(f"{what}: {verified.contents}; {header.board} as it was at {footer.at:%Y-%m-%dT%H:%M:%SZ}")


def _now() -> datetime:
    return datetime.now(UTC)
