"""`covey board backup` and `covey board restore`: they work on the board's store, without its server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import typer

from agent_runtime.blackboard.backup import RestoreError, back_up
from agent_runtime.blackboard.backup import restore as restore_board
from agent_runtime.blackboard.backup_file import Verified, verify
from agent_runtime.blackboard.backup_folder import keep_newest
from agent_runtime.blackboard.backup_format import BadBackup
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.blackboard.stores.port import Store, StoreError
from agent_runtime.local.failure import Failure

T = TypeVar("T")


def backup(url: str, board: str, folder: Path, keep: int | None) -> None:
    """Make one, and with `keep` delete older ones."""
    _check_board(board)
    file = _file_of(url)
    if file is not None and not file.exists():
        raise Failure(f"there is no store {file}", "Give --store the URL or the file of a board.", code=2)
    made = _on(url, board, lambda store: back_up(store, board, folder, _now))
    _tell(made, "backed up")
    typer.echo(made.path)
    if keep is not None:
        tidied = keep_newest(folder, board, keep, _now())
        for problem in tidied.damaged:
            typer.echo(f"cannot be restored: {problem}", err=True)
        for path in tidied.deleted:
            typer.echo(f"deleted {path}")


def restore(file: Path, url: str, board: str, *, resume: bool) -> None:
    """Restore a backup into an empty store."""
    _check_board(board)
    _tell(_on(url, board, lambda store: restore_board(store, file, resume=resume)), f"restored to {board}")


def check(file: Path) -> None:
    """Read a backup from its first to its last line."""
    try:
        verified = verify(file)
    except (BadBackup, OSError) as error:
        raise Failure(str(error)) from error
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
        raise Failure(str(error), code=2) from error
    except (BadBackup, RestoreError, StoreError, OSError) as error:
        raise Failure(str(error)) from error


def _check_board(board: str) -> None:
    namespace, _, name = board.partition("/")
    if not namespace or not name or "/" in name:
        raise Failure(
            f"--board {board!r} names no board", "Write NAMESPACE/NAME, such as news/board.", code=2
        )


def _file_of(url: str) -> Path | None:
    """The file of a board in SQLite."""
    if "://" not in url:
        return Path(url)
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _tell(verified: Verified, what: str) -> None:
    header, footer = verified.header, verified.footer
    typer.echo(f"{what}: {verified.contents}; {header.board} as it was at {footer.at:%Y-%m-%dT%H:%M:%SZ}")


def _now() -> datetime:
    return datetime.now(UTC)
