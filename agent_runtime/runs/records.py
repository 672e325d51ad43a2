"""What a run store keeps of a run besides its checkpoints: its beginning as a fork, and its outcome."""

from contextlib import suppress
from functools import partial

import orjson

from agent_runtime.config.models import ForkSource
from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import Record, RunExists, RunStore, StoreError, Writer
from agent_runtime.durable.retry import RetryPolicy
from agent_runtime.runs.outcome import Outcome

_END = ("", 1)
"""Path and visit of the run's end, under which its outcome is recorded: in full, as JSON."""
_INDEX = 0
_TTL = 30.0
_PAGE = 100


class RunRecords:
    """For one run. A store that is away is asked again for up to `patience` seconds. Raises StoreError."""

    def __init__(self, store: RunStore, run: str, *, patience: float, clock: Clock) -> None:
        self._store = store
        self._run = run
        self._persist = RetryPolicy(patience, clock)

    async def outcome(self) -> Outcome | None:
        """How the run ended; None when it has not."""
        return await self._persist(self._read)

    async def begin(self, fork_of: ForkSource | None) -> None:
        """Make the run a fork, unless it has begun. Raises NoSuchRun."""
        if fork_of is None or await self._persist(partial(self._store.latest, self._run)) is not None:
            return
        with suppress(RunExists):  # a call whose answer was lost
            await self._persist(partial(self._store.fork, fork_of.run, fork_of.at, self._run))

    async def end(self, outcome: Outcome, writer: Writer | None, *, holder: str, take_over: bool) -> None:
        """Keep the outcome; `writer` is who wrote the run, None when its right is over."""
        if writer is None:
            acquire = partial(self._store.acquire, self._run, holder, _TTL, take_over=take_over)
            writer = await self._persist(acquire)
        record = Record(*_END, _INDEX, orjson.dumps(outcome.wire()))
        await self._persist(partial(self._store.record, writer, [record]))
        with suppress(StoreError):
            await self._store.release(writer)

    async def forget_items(self) -> None:
        """Forget runs of mapped items that a killed process left behind."""
        with suppress(StoreError):
            while left := await self._store.runs(f"{self._run}#", _PAGE):
                for one in left:
                    await self._store.delete(one.run)

    async def _read(self) -> Outcome | None:
        async for index, body in self._store.records(self._run, *_END):
            if index == _INDEX:
                return Outcome.from_wire(orjson.loads(body))
        return None
