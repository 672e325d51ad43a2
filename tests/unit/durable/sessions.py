"""Runs of the flow in `flows.py`, sync and async alike."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_runtime.durable import Finished, run_durably, run_durably_sync
from agent_runtime.durable.stores.threaded import ThreadedRunStore
from tests.unit.durable.dying import DyingStore
from tests.unit.durable.flows import async_flow, sync_flow


@dataclass
class Legs:
    """The legs of one run on one file; `notes` has the idempotency keys of each place, in order."""

    path: Path
    kind: str
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def leg(self, at: int = 0, *, after: bool = False) -> tuple[Finished, int]:
        """One leg, and how many writes it made."""
        store = DyingStore(self.path, at, after=after)
        if self.kind == "async":
            return asyncio.run(self._async_leg(store)), store.writes
        store.open()
        try:
            flow = sync_flow(self._note)
            return run_durably_sync(flow, {"by": "me"}, store=store, run="a", take_over=True), store.writes
        finally:
            store.close()

    async def _async_leg(self, store: DyingStore) -> Finished:
        threaded = ThreadedRunStore(store)
        await threaded.open()
        try:
            flow = async_flow(self._note)
            return await run_durably(flow, {"by": "me"}, store=threaded, run="a", take_over=True)
        finally:
            await threaded.close()

    def _note(self, place: str, key: str) -> None:
        self.notes[place].append(key)


def repeated(notes: dict[str, list[str]]) -> list[str]:
    """Keys that were used more than once."""
    return [key for keys in notes.values() for key in set(keys) if keys.count(key) > 1]


def without_repeats(notes: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Each key once, in order: what happened, however often it was tried."""
    return {place: list(dict.fromkeys(keys)) for place, keys in notes.items()}
