"""How long to wait before trying again."""

import random

_FIRST = 0.2
_LONGEST = 5.0


def backoff(failures: int) -> float:
    """Seconds after so many failures in a row: twice as long each time, up to a bound, with jitter."""
    return min(_LONGEST, _FIRST * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1)
