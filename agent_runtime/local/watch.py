"""Tells when manifests on disk have changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agent_runtime.local.manifests import SUFFIXES


async def changes(paths: Sequence[Path], stop: asyncio.Event) -> AsyncIterator[None]:
    """Once for each burst of changes below the paths, until `stop` is set. State folders do not count."""
    from watchfiles import Change, awatch

    folders = {path if path.is_dir() else path.parent for path in paths}
    files = {path.resolve() for path in paths if not path.is_dir()}

    def counts(change: Change, name: str) -> bool:
        path = Path(name)
        if path.suffix not in SUFFIXES or any(part.startswith(".") for part in path.parts[-3:]):
            return False
        return path.resolve() in files or any(path.is_relative_to(f.resolve()) for f in paths if f.is_dir())

    async for _ in awatch(*folders, watch_filter=counts, stop_event=stop, debounce=200, step=50):
        yield
