"""Attempts at the work of a node or an item, counted over all processes of the run.

What is kept is a record of the visit under way, like the results of mapped items: every run store has them,
and they go when the visit ends. A tally is written before an attempt begins and after it failed, so that
after a kill the next process knows how many were made, that one was under way, and when the next is due.

- An attempt that failed, and one that ended with its process, both count: `maxAttempts` is for all of them.
- A node with one attempt is begun again after its process died, because a kill from outside is no failure of
  the node; but no more than `RunState.most_deaths` times: what kills its process must not do so for ever.
- An attempt that was given back by a process that was told to stop does not count.
- Such a node writes nothing while all goes well, which is why its first attempt costs no write. That it was
  under way is known by the run's position. Items have none: they write from the second process on.

Work that may have killed its process is done one at a time, so that its neighbours are not blamed with it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from agent_runtime.core.clock import Clock
from agent_runtime.core.retry_after import bounded
from agent_runtime.durable.port import StoreError
from agent_runtime.runs.errors import Hopeless
from agent_runtime.runs.failures import Raised, details_of, message_of

T = TypeVar("T")

NODE = -10
"""The index of the record of a node's own attempts; see `durable.port.Record`."""
EXHAUSTED = "AttemptsExhausted"
_GIVE_BACK_SECONDS = 5.0
LONGEST_ASKED = 60.0
"""Seconds that an attempt waits at most because the other side asks for it (`Retry-After`)."""

current_attempt: ContextVar[int] = ContextVar("current_attempt", default=0)
"""The attempt under way, from 1. A flow that is run as the work of an item counts its own within each."""


def item_index(index: int) -> int:
    """The index of the record of an item's attempts."""
    return NODE - 1 - index


def _asked(error: Exception) -> float:
    """Seconds that the other side asks to wait, as far as that is heeded."""
    return min(bounded(getattr(error, "retry_after", None)) or 0.0, LONGEST_ASKED)


class Records(Protocol):
    """Where tallies are kept; `durable.records.VisitRecords` is one."""

    async def fact(self, index: int) -> Any:
        """What was put; None when nothing was."""

    async def put(self, index: int, value: Any) -> None:
        """Written when this returns."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The attempts so far."""

    made: int = 0
    """Begun, given back ones not counted."""
    died: int = 0
    """Of them, those that ended with their process."""
    under_way: bool = False
    due: datetime | None = None
    """When the next may begin."""
    failure: Raised | None = None
    """How the last that failed did so."""

    def wire(self, epoch: int) -> dict[str, Any]:
        """As JSON; `epoch` is the attempt around this flow."""
        body: dict[str, Any] = {"made": self.made, "died": self.died, "underWay": self.under_way}
        if epoch:
            body["epoch"] = epoch
        if self.due is not None:
            body["due"] = self.due.isoformat()
        if self.failure is not None:
            failure = self.failure
            body["failure"] = {"message": str(failure), "type": failure.kind, "traceback": failure.trace}
        return body

    @classmethod
    def from_wire(cls, body: Any, epoch: int) -> "Tally | None":
        """The inverse; None when there is nothing, or it is of another attempt around this flow."""
        if body is None or body.get("epoch", 0) != epoch:
            return None
        failure = body.get("failure")
        return cls(
            body["made"],
            body["died"],
            body["underWay"],
            datetime.fromisoformat(body["due"]) if "due" in body else None,
            None if failure is None else Raised(failure["message"], failure["type"], failure["traceback"]),
        )

    def after_a_death(self) -> "Tally":
        """As the next process finds it."""
        return replace(self, died=self.died + 1, under_way=False) if self.under_way else self


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, and how far apart."""

    attempts: int
    """`retry.maxAttempts`."""
    wait: float
    """Seconds."""
    deaths: int
    """How often a node with one attempt is begun again after its process died."""


class Attempts:
    """Those at one piece of work. `run` once for each visit."""

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        *,
        records: Records | None,
        index: int = NODE,
        epoch: int = 0,
        was_under_way: bool | None = None,
        alone: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        """`records` None: nothing outlives the process.

        `was_under_way`: whether a process died before, with this visit under way; None: it cannot be known by
        the run's position. `alone` is held while work is done that a process has died of.
        """
        self._limits = limits
        self._clock = clock
        self._records = records
        self._index = index
        self._epoch = epoch
        self._was_under_way = was_under_way
        self._alone = alone
        self._writes = limits.attempts > 1

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        on_attempt: Callable[[int], None],
        on_retry: Callable[[Exception], None],
        passes: tuple[type[Exception], ...] = (),
    ) -> T:
        """The result of the first attempt that succeeds. Raises the last failure, and `passes` at once.

        `on_attempt` is called with the number of each attempt, `on_retry` with a failure that another
        attempt follows.
        """
        tally = await self._load()
        if tally.died and self._alone is not None:
            await self._save(tally)  # it may wait for long, and is not the cause of what dies meanwhile
        async with self._alone if tally.died and self._alone is not None else nullcontext():
            while True:
                self._check(tally, on_attempt)
                if tally.due is not None:
                    await self._clock.sleep(max(0.0, (tally.due - self._clock.now()).total_seconds()))
                before = replace(tally, due=None)
                tally = replace(before, made=tally.made + 1, under_way=True)
                await self._save(tally)
                on_attempt(tally.made)
                token = current_attempt.set(tally.made)
                try:
                    return await work()
                except passes:
                    raise
                except asyncio.CancelledError:
                    await self._give_back(before)
                    raise
                except Exception as error:
                    is_last = tally.made >= self._limits.attempts or isinstance(error, Hopeless)
                    wait = max(self._limits.wait, _asked(error))
                    due = None if is_last else self._clock.now() + timedelta(seconds=wait)
                    failure = Raised(message_of(error), *details_of(error))
                    tally = replace(tally, under_way=False, due=due, failure=failure)
                    await self._save(tally)
                    if is_last:
                        raise
                    on_retry(error)
                finally:
                    current_attempt.reset(token)

    async def _load(self) -> Tally:
        if self._records is None or not (self._writes or self._was_under_way in (True, None)):
            return Tally()
        found = Tally.from_wire(await self._records.fact(self._index), self._epoch)
        if found is None:
            # A node with one attempt writes nothing before it begins.
            unwritten = self._was_under_way and not self._writes and not self._epoch
            return Tally(made=1, died=1) if unwritten else Tally()
        return found.after_a_death()

    def _check(self, tally: Tally, on_attempt: Callable[[int], None]) -> None:
        """Raise when no attempt is left: the process died before that could be said."""
        most = self._limits.attempts
        if tally.made < most or (most == 1 and tally.made == tally.died <= self._limits.deaths):
            return
        on_attempt(tally.made)
        if tally.failure is not None and not tally.died:
            raise tally.failure
        times = "once" if tally.died == 1 else f"{tally.died} times"
        last = f"; the last that failed: {tally.failure}" if tally.failure is not None else ""
        raise Raised(
            f"{EXHAUSTED}: {tally.made} attempts were made, and its process died {times} during one{last}. "
            "Look for what kills the process: its memory limit, or a call that ends it",
            EXHAUSTED,
        )

    async def _save(self, tally: Tally) -> None:
        if self._records is not None and (self._writes or tally.died or self._was_under_way is None):
            await self._records.put(self._index, tally.wire(self._epoch))

    async def _give_back(self, tally: Tally) -> None:
        """The process was told to stop: the attempt was not the work's fault."""
        if self._records is None:
            return
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_SECONDS):
                await self._records.put(self._index, tally.wire(self._epoch))
