"""Names for artifacts whose producers gave them none."""

import secrets
from collections.abc import Callable
from time import time_ns

_TIME_DIGITS = 12
_RANDOM_BYTES = 10


def new_id(clock: Callable[[], int] = time_ns) -> str:
    """32 hex digits: 12 of the time in milliseconds, 20 of chance; nobody guesses one.

    `clock` gives the Unix time in nanoseconds.

    What is published together lies side by side in a store's indexes then: SQLite writes a sixth of what it
    writes for ids by chance alone.
    """
    return f"{clock() // 1_000_000:0{_TIME_DIGITS}x}{secrets.token_hex(_RANDOM_BYTES)}"
