"""Who waits for what: agents for their inboxes, streams for anything new. One event loop, no polling."""

import asyncio
import heapq
from collections.abc import Iterable
from itertools import count

ANYTHING = ""
"""The name under which those wait who want to hear of every publication."""
REST = "\0rest"
"""The name under which those wait who want to hear that somebody found nothing to do."""
_SLACK = 64


class Waiter:
    """One who waits: look, and when there is nothing, `wait`. For `with`: it hears of nothing outside.

    An `asyncio.Event` with a timeout would do, and cost several times as much; this is on every path.
    """

    __slots__ = ("_future", "_name", "_waiters", "deadline", "resting", "woken")

    def __init__(self, waiters: "Waiters", name: str) -> None:
        self._waiters = waiters
        self._name = name
        self._future: asyncio.Future[bool] | None = None
        self.deadline: float | None = None
        """By the loop's time: when it is let go, should it wait then. None: not by the clock."""
        self.woken = waiters.closed
        """Whether there may be something new since `look`."""
        self.resting = False
        """Whether it looked, found nothing, and waits."""

    def __enter__(self) -> "Waiter":
        self._waiters.enter(self._name, self)
        return self

    def __exit__(self, *_: object) -> None:
        self.deadline = None
        self._waiters.leave(self._name, self)

    def look(self) -> None:
        """Call it before looking again, so that no wake is lost; before the first time there is no need."""
        self.woken = self._waiters.closed

    def wake(self) -> None:
        """There may be something new."""
        self.woken = True
        if self._future is not None and not self._future.done():
            self._future.set_result(True)

    async def wait(self, deadline: float | None = None) -> bool:
        """Until woken, be it since `look`. False: the deadline, by the loop's time, came first."""
        if self.woken:
            return True
        self._future = asyncio.get_running_loop().create_future()
        if deadline is not None and deadline != self.deadline:
            self._waiters.deadlines.set(self, deadline)
        self.resting = True
        if self._name != REST:
            self._waiters.wake(REST)
        try:
            return await self._future
        finally:
            self.resting = False
            self._future = None

    def give_up(self) -> None:
        """The deadline has come."""
        self.deadline = None
        if self._future is not None and not self._future.done():
            self._future.set_result(False)


class _Deadlines:
    """One alarm for all who wait: a timer for each costs more than handing out what it waits for.

    Who does not wait any more is left in the heap until its time, or until most in it are such.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiter]] = []
        self._tie = count()
        self._alarm: asyncio.TimerHandle | None = None
        self._crowded = _SLACK

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, waiter: Waiter, deadline: float) -> None:
        waiter.deadline = deadline
        if len(self._heap) >= self._crowded:
            self._heap = [entry for entry in self._heap if _current(entry)]
            heapq.heapify(self._heap)
            self._crowded = 2 * len(self._heap) + _SLACK
        heapq.heappush(self._heap, (deadline, next(self._tie), waiter))
        if self._alarm is None or deadline < self._alarm.when():
            self._set_alarm(deadline)

    def _set_alarm(self, deadline: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(deadline, self._ring)

    def _ring(self) -> None:
        """Who set the alarm may have gone since: then it is time for nobody."""
        self._alarm = None
        now = asyncio.get_running_loop().time()
        while self._heap and (self._heap[0][0] <= now or not _current(self._heap[0])):
            entry = heapq.heappop(self._heap)
            if _current(entry):
                entry[-1].give_up()
        if self._heap:
            self._set_alarm(self._heap[0][0])


def _current(entry: tuple[float, int, Waiter]) -> bool:
    return entry[-1].deadline == entry[0]


class Waiters:
    """All who wait, by name."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Waiter]] = {}
        self.deadlines = _Deadlines()
        self.closed = False
        """When True nobody waits any more: the board is draining."""
        self.interruptions = 0
        """How often everybody was let go because the store was away."""

    def on(self, name: str) -> Waiter:
        """For `with`: woken when `name` is. Enter before looking, so that no wake is lost."""
        return Waiter(self, name)

    def enter(self, name: str, waiter: Waiter) -> None:
        """From now on it is woken."""
        waiting = self._waiting.get(name)
        if waiting is None:
            self._waiting[name] = {waiter}
        else:
            waiting.add(waiter)

    def leave(self, name: str, waiter: Waiter) -> None:
        """It waits no more."""
        waiting = self._waiting[name]
        waiting.discard(waiter)
        if not waiting:
            del self._waiting[name]

    def is_idle(self, names: Iterable[str]) -> bool:
        """Whether somebody rests under each of these names, unwoken: there is nothing for any of them."""
        return all(
            any(waiter.resting and not waiter.woken for waiter in self._waiting.get(name, ()))
            for name in names
        )

    def wake(self, name: str) -> None:
        """Wake all who wait for `name`."""
        for waiter in self._waiting.get(name, ()):
            waiter.wake()

    def wake_all(self) -> None:
        """Wake everybody: something may have happened that was not heard of."""
        for waiting in self._waiting.values():
            for waiter in waiting:
                waiter.wake()

    def interrupt(self) -> None:
        """Let those go who wait now: the store was away, and may have come back without what they said."""
        self.interruptions += 1
        self.wake_all()

    def close(self) -> None:
        """Let everybody go, and those who come later too."""
        self.closed = True
        self.wake_all()
