"""Tokens that were verified before: checking a signature costs a third of a small request."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from time import time
from typing import TypeVar

C = TypeVar("C", bound=Hashable)
T = TypeVar("T")

_REMEMBERED = 4096
"""Callers kept, the ones met last. Refused ones are not: nobody drives out others by sending nonsense."""


def cached(
    check: Callable[[C], tuple[T, float | None]], *, clock: Callable[[], float] = time
) -> Callable[[C], T]:
    """`check` without doing it twice: what a caller brings -> (who it is, until when that holds or None).

    What a caller brings may be more than one token: it is remembered as a whole. `clock` gives the Unix time,
    in seconds, at which what is remembered no longer holds; `check` is asked again then, to say why. The
    function raises InvalidToken, as `check` does.
    """
    checked = lru_cache(_REMEMBERED)(check)

    def verify(brought: C) -> T:
        bearer, until = checked(brought)
        if until is not None and until <= clock():
            bearer, _ = check(brought)
        return bearer

    return verify
