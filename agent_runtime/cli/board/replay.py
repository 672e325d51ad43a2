"""`covey replay`: a board from its event log, as it is or as it was."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime

from agent_runtime.blackboard.stores.errors import StoreError
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.cli.board.commands import moment
from agent_runtime.cli.output.printing import say, tell
from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.eventlog.brokers.port import LogUnavailable
from agent_runtime.eventlog.replay.rebuild import RebuildReport, rebuild
from agent_runtime.local.errors import UserError


def replay(log: str, board: str, to: str, new_name: str, until: str, *, dry_run: bool) -> None:
    """Rebuild `board` from the log at the URL `log` in the empty store `to`; with `dry_run` only look."""
    for option, name in (("--board", board), ("--as", new_name or board)):
        namespace, _, rest = name.partition("/")
        if not namespace or not rest or "/" in rest:
            raise UserError(
                f"{option} {name!r} names no board", "Write NAMESPACE/NAME, such as news/board.", code=2
            )
    if not to and not dry_run:
        raise UserError("there is no store to rebuild it in", "Give --to, or --dry-run to look.", code=2)
    at = moment(until, "--until")
    try:
        done = asyncio.run(_replay(log, board, None if dry_run else store_at(to, new_name or board), at))
    except ValueError as error:
        raise UserError(str(error), code=2) from error
    except (LogUnavailable, StoreError, OSError) as error:
        raise UserError(str(error)) from error
    _tell(done, dry_run)


async def _replay(url: str, board: str, store: Store | None, until: datetime | None) -> RebuildReport:
    async with AsyncExitStack() as stack:
        log = make_log(url, board)
        stack.push_async_callback(log.close)
        await log.open(to_write=False)
        if store is not None:
            stack.push_async_callback(store.close)
            await store.open()
        return await rebuild(log, store, until)


def _tell(done: RebuildReport, dry_run: bool) -> None:
    say(
        f"{'found' if dry_run else 'rebuilt'}: {done.artifacts} artifacts, "
        f"{done.deliveries} open deliveries, "
        f"{done.dead_letters} dead letters, {done.subscribers} subscribers"
    )
    for count, what in (
        (done.lost_events, "events are missing in the log: what they finished is delivered again"),
        (done.matched_again, "artifacts were matched again: no event tells what they set off"),
        (done.out_of_sight, "artifacts are older than the events in the log, and were not delivered again"),
        (done.omitted, "artifacts were too large for the log, and are not there"),
        (done.without_artifacts, "deliveries and dead letters lack an artifact, and were left out"),
        (done.unreadable, "records could not be read, and were left out"),
    ):
        if count:
            say(f"  {count} {what}")
    if done.trimmed:
        say("  the log has lost its beginning")
    for one in done.unread:
        tell(f"  {one}")
