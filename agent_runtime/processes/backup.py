"""Backups as processes: what the CronJob of a Blackboard runs, and Jobs that look at them and restore one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog

from agent_runtime.blackboard.backup.backup import RestoreError, back_up, restore
from agent_runtime.blackboard.backup.file import verify
from agent_runtime.blackboard.backup.folder import backups, keep_newest
from agent_runtime.blackboard.backup.format import BadBackup
from agent_runtime.blackboard.stores.errors import StoreError
from agent_runtime.blackboard.stores.open import make_store
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.config.models import BlackboardConfig

_log = structlog.get_logger(__name__)


def back_up_board(config: BlackboardConfig, environ: Mapping[str, str], folder: Path, keep: int) -> int:
    """Make a backup and delete old ones; returns the exit status: 1 when there is no new one.

    Raises ValueError for a config that cannot work.
    """
    return _run(config, environ, "no backup was made", lambda store: _back_up(store, config, folder, keep))


def verify_backups(config: BlackboardConfig, folder: Path) -> int:
    """Read all backups of the board, newest first, and say what each holds.

    Returns the exit status: 1 when one is damaged, or none is there.
    """
    damaged = 0
    try:
        found = backups(folder, f"{config.namespace}/{config.name}")
        for path in found:
            try:
                verified = verify(path)
                _log.info("can be restored", file=str(path), contents=verified.contents)
            except BadBackup as error:
                damaged += 1
                _log.error("cannot be restored", error=str(error))
    except OSError as error:
        _log.error("the backups cannot be read", error=str(error))
        return 1
    if not found:
        _log.error("there is no backup of this board", folder=str(folder))
    return 1 if damaged or not found else 0


def restore_board(config: BlackboardConfig, environ: Mapping[str, str], file: Path, *, resume: bool) -> int:
    """Restore a backup into the board's empty store; returns the exit status: 1 when that was not done.

    Raises ValueError for a config that cannot work.
    """

    async def work(store: Store) -> None:
        restored = await restore(store, file, resume=resume)
        _log.info("restored", file=str(file), contents=restored.contents)

    return _run(config, environ, "the board was not restored", work)


def _run(
    config: BlackboardConfig,
    environ: Mapping[str, str],
    failed: str,
    work: Callable[[Store], Awaitable[None]],
) -> int:
    if config.store == "memory":
        raise ValueError("a board in memory cannot be backed up: only its server's process can read it")
    store = make_store(config, environ)

    async def session() -> None:
        try:
            await store.open()
            await work(store)
        finally:
            await store.close()

    try:
        asyncio.run(session())
    except (BadBackup, RestoreError, StoreError, OSError) as error:
        _log.error(failed, error=str(error))
        return 1
    return 0


async def _back_up(store: Store, config: BlackboardConfig, folder: Path, keep: int) -> None:
    board = f"{config.namespace}/{config.name}"
    made = await back_up(store, board, folder, _now)
    _log.info("backed up", file=str(made.path), contents=made.contents)
    tidied = keep_newest(folder, board, keep, _now())
    for warning in tidied.warnings:
        _log.warning(warning)
    for path in tidied.deleted:
        _log.info("deleted an older backup", file=str(path))


def _now() -> datetime:
    return datetime.now(UTC)
