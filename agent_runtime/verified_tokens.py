"""Tokens that were verified before: checking a signature costs a third of a small request."""

from collections.abc import Callable
from functools import lru_cache
from time import time
from typing import TypeVar

from agent_runtime.identity import InvalidToken

T = TypeVar("T")

_REMEMBERED = 4096
"""Tokens kept, the ones met last. Refused ones are not: nobody drives out others by sending nonsense."""


def remembering(
    check: Callable[[str], tuple[T, float | None]], *, clock: Callable[[], float] = time
) -> Callable[[str], T]:
    """`check` without doing it twice: token -> (who bears it, when it expires or None).

    `clock` gives the Unix time, in seconds, at which a token that is remembered has expired. The function
    raises InvalidToken, as `check` does.
    """
    checked = lru_cache(_REMEMBERED)(check)

    def verify(token: str) -> T:
        bearer, until = checked(token)
        if until is not None and until <= clock():
            raise InvalidToken("it has expired")
        return bearer

    return verify
