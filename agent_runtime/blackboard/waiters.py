"""Who waits for what: agents for their inboxes, streams for anything new. One event loop, no polling."""

import asyncio
from collections.abc import Iterable

ANYTHING = ""
"""The name under which those wait who want to hear of every publication."""
REST = "\0rest"
"""The name under which those wait who want to hear that somebody found nothing to do."""


class Waiter:
    """One who waits: look, and when there is nothing, `wait`. For `with`: it hears of nothing outside.

    An `asyncio.Event` with a timeout would do, and cost several times as much; this is on every path.
    """

    __slots__ = ("_future", "_name", "_waiters", "resting", "woken")

    def __init__(self, waiters: "Waiters", name: str) -> None:
        self._waiters = waiters
        self._name = name
        self._future: asyncio.Future[bool] | None = None
        self.woken = waiters.closed
        """Whether there may be something new since `look`."""
        self.resting = False
        """Whether it looked, found nothing, and waits."""

    def __enter__(self) -> "Waiter":
        self._waiters.enter(self._name, self)
        return self

    def __exit__(self, *_: object) -> None:
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
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._future = future
        timer = None if deadline is None else loop.call_at(deadline, self._give_up)
        self.resting = True
        if self._name != REST:
            self._waiters.wake(REST)
        try:
            return await future
        finally:
            self.resting = False
            self._future = None
            if timer is not None:
                timer.cancel()

    def _give_up(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(False)


class Waiters:
    """All who wait, by name."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Waiter]] = {}
        self.closed = False
        """When True nobody waits any more: the board is draining."""

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

    def at_rest(self, names: Iterable[str]) -> bool:
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

    def close(self) -> None:
        """Let everybody go, and those who come later too."""
        self.closed = True
        self.wake_all()
