"""The work queue: which key is due when. Pure state; `workers` drives it in time.

A key is in it once, however often it is added. While it is worked on it is handed to nobody else; what is
added meanwhile comes up again afterwards. Nothing here reads a clock or waits: `now` comes in, seconds of
any monotonic clock.
"""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K")

FIRST_RETRY = 0.2
LONGEST_RETRY = 300.0


def backoff(failures: int, spread: float) -> float:
    """Seconds to the next attempt: 0.2, doubling up to 300; `spread` in [0, 1) draws from its upper half."""
    whole = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 32))
    return whole * (0.5 + spread / 2)


class WorkQueue(Generic[K]):
    """Keys that wait, keys that are worked on, keys that come due later."""

    __slots__ = (
        "_again",
        "_due",
        "_failures",
        "_heap",
        "_numbers",
        "_processing",
        "_random",
        "_ready",
        "_waiting",
    )

    def __init__(self, random: Callable[[], float]) -> None:
        """`random` yields numbers in [0, 1) and spreads what would come back all at once."""
        self._random = random
        self._ready: deque[K] = deque()
        self._waiting: dict[K, float] = {}
        self._processing: set[K] = set()
        self._again: dict[K, float] = {}
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._failures: dict[K, int] = {}
        self._numbers = count()

    def add(self, key: K, now: float) -> None:
        """Work on it as soon as possible."""
        self._due.pop(key, None)
        if key in self._processing:
            self._again.setdefault(key, now)
        elif key not in self._waiting:
            self._waiting[key] = now
            self._ready.append(key)

    def add_after(self, key: K, delay: float, now: float) -> None:
        """Work on it in `delay` seconds, unless it comes up earlier."""
        due = now + delay
        if key in self._waiting or key in self._again or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._numbers), key))

    def take(self, now: float) -> K | None:
        """The next key, which is the caller's until `done` or `failed`; None when nothing is due."""
        self._promote(now)
        if not self._ready:
            return None
        key = self._ready.popleft()
        del self._waiting[key]
        self._processing.add(key)
        return key

    def done(self, key: K) -> None:
        """It was worked on well."""
        self._failures.pop(key, None)
        self._release(key)

    def failed(self, key: K, now: float) -> float:
        """It was worked on in vain: it comes back by itself. Returns after how many seconds at the latest."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = backoff(failures, self._random())
        self._release(key)
        self.add_after(key, delay, now)
        return delay

    def forget(self, key: K) -> None:
        """Its object is gone: no more attempts by itself."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    def next_due(self) -> float | None:
        """When the earliest of the delayed keys is due, or None."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def depth(self) -> int:
        """How many keys wait to be worked on now."""
        return len(self._ready) + len(self._again)

    def oldest(self, now: float) -> float:
        """For how many seconds the key that waits longest has been waiting; 0 when none does."""
        first = self._waiting.get(self._ready[0], now) if self._ready else now
        return now - min([first, *self._again.values()])

    def _release(self, key: K) -> None:
        self._processing.discard(key)
        since = self._again.pop(key, None)
        if since is not None:
            self.add(key, since)

    def _promote(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            self.add(key, due)
