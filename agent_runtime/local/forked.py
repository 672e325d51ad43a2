"""What this process alone holds: a child that it forked and that outlives it must not keep the lock."""

import os
from typing import Protocol
from weakref import WeakSet


class _Closable(Protocol):
    def close(self) -> None: ...


_held: WeakSet[_Closable] = WeakSet()


def not_in_children(held: _Closable) -> None:
    """Close it in each process that is forked from this one, a Python function's too."""
    _held.add(held)


def _close() -> None:
    for held in tuple(_held):
        held.close()


os.register_at_fork(after_in_child=_close)
