"""What this process alone holds: a forked child that outlives it must not keep a lock or a port."""

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_held: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def not_in_children(held: T, close: Callable[[T], None]) -> None:
    """Close it in each process that is forked from this one, a Python function's too."""
    _held[held] = close


def _close() -> None:
    for held, close in tuple(_held.items()):
        close(held)


os.register_at_fork(after_in_child=_close)
