"""Tells when manifests on disk have changed.

The operating system's notices make it quick; looking at the files now and then makes it sure. Notices alone
are not enough: the watcher ends at a name that is not UTF-8, and a folder that is deleted and made again has
none. So no notice ends the watch, and the stamps of the files decide whether something changed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

from agent_runtime.core.background import report, spawn
from agent_runtime.local.manifests.load import SUFFIXES, manifest_files, real

Stamps = frozenset[tuple[Path, int, int]]
"""Each manifest file with its time of change, in nanoseconds, and its size in bytes."""

LOOK_EVERY = 2.0
"""Seconds between two looks at the files without a notice."""
_SHARE = 20
"""Looking takes at most this part of the time: a folder with many files is looked at less often."""
_AGAIN = 5.0
"""Seconds until a watcher that failed is started again."""
_SETTLE = 0.2
"""Seconds that a burst of notices gets to end."""


def stamps(paths: Sequence[Path]) -> Stamps:
    """Of the files as they are now; take them before the files are read."""
    found = []
    for file in manifest_files(paths, []):
        try:
            state = file.stat()
        except OSError:
            continue  # it went away just now
        found.append((file, state.st_mtime_ns, state.st_size))
    return frozenset(found)


async def changes(paths: Sequence[Path], since: Stamps, stop: asyncio.Event) -> AsyncIterator[None]:
    """Once for each burst of changes below the paths, until `stop` is set. State folders do not count.

    The first may be one that nobody watched: files that are no longer as they were `since`.
    """
    notice = asyncio.Event()
    watching = spawn(_watch(paths, notice, stop), name="watcher of manifests")
    pause, known = 0.0, since
    try:
        while not stop.is_set():
            await _first(notice, stop, pause)
            if notice.is_set() and not stop.is_set():
                await asyncio.sleep(_SETTLE)
            notice.clear()
            begun = time.monotonic()
            now = await asyncio.to_thread(stamps, paths)
            pause = max(LOOK_EVERY, _SHARE * (time.monotonic() - begun))
            if now != known and not stop.is_set():
                known = now
                yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(paths: Sequence[Path], notice: asyncio.Event, stop: asyncio.Event) -> None:
    """Set `notice` at every change that may matter; a watcher that fails is started again."""
    from watchfiles import Change, awatch

    files = {real(path) for path in paths if not path.is_dir()}

    def counts(change: Change, name: str) -> bool:
        path = Path(name)
        if path.suffix not in SUFFIXES or any(part.startswith(".") for part in path.parts[-3:]):
            return False
        return real(path) in files or any(path.is_relative_to(real(f)) for f in paths if f.is_dir())

    reported = False
    while not stop.is_set():
        folders = {path if path.is_dir() else path.parent for path in paths}
        try:
            there = [folder for folder in folders if folder.is_dir()]
            if there:
                async for _ in awatch(*there, watch_filter=counts, stop_event=stop, debounce=200, step=50):
                    notice.set()
        except Exception as error:  # whatever it is, the files are still looked at
            if not reported:
                report(f"watcher of manifests: changes are noticed within {LOOK_EVERY:g}s instead", error)
            reported = True
        notice.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN):
                await stop.wait()


async def _first(notice: asyncio.Event, stop: asyncio.Event, at_most: float) -> None:
    """Until one of them is set, or for so many seconds."""
    waiting = [spawn(event.wait(), name="waits for a change") for event in (notice, stop)]
    try:
        await asyncio.wait(waiting, timeout=at_most, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
