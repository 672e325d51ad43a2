"""A token bucket: so much per second on average, and what was saved up for one second at once. Pure."""

from collections.abc import Callable
from time import monotonic


class TokenBucket:
    """Starts full. A step larger than the bucket passes when it is full, and leaves it in debt."""

    __slots__ = ("_at", "_clock", "_size", "_tokens")

    def __init__(self, per_second: int, *, clock: Callable[[], float] = monotonic) -> None:
        """`per_second` is both the rate and the size; `clock` gives seconds that never step back."""
        self._size = float(per_second)
        self._clock = clock
        self._tokens = self._size
        self._at = clock()

    def take(self, count: int) -> float:
        """Take so many tokens: 0.0 when they are taken, else in how many seconds to ask again."""
        self._refill()
        missing = min(float(count), self._size) - self._tokens
        if missing > 0:
            return missing / self._size
        self._tokens -= count
        return 0.0

    def charge(self, count: int) -> None:
        """Take them in any case: for what must not be refused. Those who come later wait longer."""
        self._refill()
        self._tokens -= count

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._size)
        self._at = now
