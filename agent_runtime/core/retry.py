"""How long to wait before the next attempt. Pure, but for the random number that is given."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from agent_runtime.core.retry_after import bounded


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts. All lengths are seconds."""

    first: float
    """The wait after the first failure."""
    longest: float
    """No wait is longer."""
    exponential: bool = True
    """Whether the wait doubles with each failure, or stays the same."""
    jitter: bool = True
    """Whether a wait is drawn from half to the whole of it, so that many callers do not retry at once."""

    def delay(
        self,
        attempt: int,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        asked: float | None = None,
    ) -> float:
        """Seconds to wait after attempt number `attempt` (from 1) failed.

        `asked` is what the other side asks to wait (`Retry-After`): a lower bound, up to `longest`.
        """
        # The exponent is bounded, because 2.0**1024 is an error.
        whole = self.first * 2.0 ** min(attempt - 1, 64) if self.exponential else self.first
        wait = min(whole, self.longest)
        if self.jitter:
            wait *= uniform(0.5, 1.0)
        return min(max(wait, bounded(asked) or 0.0), self.longest)
