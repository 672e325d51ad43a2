"""How long to wait before the next attempt. Pure, but for the dice."""

from random import Random

from agent_runtime.api.base import seconds
from agent_runtime.api.common import Retry
from agent_runtime.core.retry_after import bounded


def delay(retry: Retry, attempt: int, random: Random, *, asked: float | None = None) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) failed.

    `asked` is what the other side asks to wait: it is waited at least, but never longer than `maxDelay`.
    """
    first, longest = seconds(retry.initial_delay), seconds(retry.max_delay)
    # The exponent is bounded, because 2.0**1024 is an error.
    whole = first * 2.0 ** min(attempt - 1, 64) if retry.backoff == "Exponential" else first
    wait = min(whole, longest)
    if retry.jitter:
        wait *= random.uniform(0.5, 1.0)
    return min(max(wait, bounded(asked) or 0.0), longest)
