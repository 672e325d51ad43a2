"""Tells when manifests on disk have changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agent_runtime.local.manifests import SUFFIXES, manifest_files

Stamps = frozenset[tuple[Path, int, int]]
"""Each manifest file with its time of change, in nanoseconds, and its size in bytes."""


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
    from watchfiles import Change, awatch

    folders = {path if path.is_dir() else path.parent for path in paths}
    files = {path.resolve() for path in paths if not path.is_dir()}

    def counts(change: Change, name: str) -> bool:
        path = Path(name)
        if path.suffix not in SUFFIXES or any(part.startswith(".") for part in path.parts[-3:]):
            return False
        return path.resolve() in files or any(path.is_relative_to(f.resolve()) for f in paths if f.is_dir())

    bursts = awatch(*folders, watch_filter=counts, stop_event=stop, debounce=200, step=50)
    coming = asyncio.ensure_future(anext(bursts, None))
    try:
        await asyncio.sleep(0)  # from here on the files are watched
        if stamps(paths) != since:
            yield
        while await coming is not None:
            yield
            coming = asyncio.ensure_future(anext(bursts, None))
    finally:
        coming.cancel()
