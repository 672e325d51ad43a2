"""Looks up the functions that Flows name while `covey up` runs, and again when a module was edited.

A Flow whose function is missing is not ready, and says why; the others are not touched. A run of it is not
refused: it fails at the node, with the same words, and takes another way there when the Flow has one.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from agent_runtime.compile.result import Manifest, Problem
from agent_runtime.core.background import keep_running, spawn
from agent_runtime.local.manifests.function_check import (
    functions_of,
    look_up_meanwhile,
    names_in,
    problems_of,
)

LOOK_EVERY = 2.0
"""Seconds between two looks at the files of modules."""
_MOST_FILES = 5000
"""A folder with more is looked at up to there: a module of it is seldom so deep."""

_PASSED_OVER = ("__pycache__", "site-packages")

Found = Mapping[str, tuple[Problem, ...]]
"""By Flow."""
Stamps = frozenset[tuple[str, int, int]]


class FunctionWatch:
    """The problems of Flows with their functions."""

    def __init__(self, folder: Path | None, on_news: Callable[[Found], None]) -> None:
        """`on_news` gets what is another than before, empty where all is well again.

        Without a folder nothing is looked up.
        """
        self._folder = folder
        self._on_news = on_news
        self._flows: dict[str, Manifest] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.problems: Found = {}

    def follow(self, flows: Mapping[str, Manifest]) -> None:
        """From now on these, by name."""
        self._flows = {name: flow for name, flow in flows.items() if functions_of(flow)}
        self.problems = {name: found for name, found in self.problems.items() if name in self._flows}
        self._news.set()
        if self._task is None and self._flows and self._folder is not None:
            watch = keep_running(lambda: self._watch(self._folder or Path()), name="functions of flows")
            self._task = spawn(watch, name="functions of flows")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self, folder: Path) -> None:
        known: tuple[Stamps, list[str]] | None = None
        wrong: Mapping[str, str] = {}
        while True:
            self._news.clear()
            flows, names = self._flows, names_in(self._flows.values())
            stamps = await asyncio.to_thread(_stamps, folder) if names else frozenset()
            if known != (stamps, names):
                wrong = await look_up_meanwhile(names, folder)
                known = stamps, names
            if self._flows is flows:
                self._note({name: problems_of(flow, wrong) for name, flow in flows.items()})
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._news.wait()

    def _note(self, found: Found) -> None:
        found = {name: problems for name, problems in found.items() if problems}
        before, self.problems = self.problems, found
        if found != before:
            names = [name for name in self._flows if before.get(name, ()) != found.get(name, ())]
            self._on_news({name: found.get(name, ()) for name in names})


def _stamps(folder: Path) -> Stamps:
    """Of the modules below the folder, but for hidden folders and installed packages."""
    found = set()
    for file in _modules(folder):
        with suppress(OSError):
            state = file.stat()
            found.add((str(file), state.st_mtime_ns, state.st_size))
        if len(found) >= _MOST_FILES:
            break
    return frozenset(found)


def _modules(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".") and each not in _PASSED_OVER]
        for file in files:
            if file.endswith(".py"):
                yield Path(here) / file
