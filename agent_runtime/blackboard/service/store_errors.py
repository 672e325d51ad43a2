"""What a store refuses, as the refusal that callers get."""

from types import TracebackType

from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.stores.errors import IdTaken, InboxFull, LeaseLost, StoreError, Unavailable

MAX_BATCH = 1000
"""Artifacts in one call, deliveries in one lease."""


class _Refusals:
    """Without state, and entered on every call: a generator would cost a microsecond each time."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StoreError):
            raise _refusal(error) from error


_REFUSALS = _Refusals()


def refusals() -> _Refusals:
    """For `with`: turns a store's errors into BoardErrors."""
    return _REFUSALS


def _refusal(error: StoreError) -> BoardError:
    match error:
        case IdTaken():
            message = f"{error}: artifacts never change, publish under another id"
            return BoardError("id_taken", message, status=409)
        case InboxFull():
            message = f"{error}: its agent must catch up first (spec.limits.pending)"
            return BoardError("inbox_full", message, status=429)
        case LeaseLost():
            message = f"{error}: the work goes, or has gone, to another attempt"
            return BoardError("lease_lost", message, status=409)
        case Unavailable():
            return BoardError("store_unavailable", f"the store does not answer: {error}", status=503)
        case _:
            return BoardError("store_refused", str(error) or type(error).__name__, status=503)


def check_batch(size: int, what: str) -> None:
    """Refuse an empty call and one that asks for too much at once."""
    if not 1 <= size <= MAX_BATCH:
        raise BoardError("invalid", f"{size} {what} in one call: want 1 to {MAX_BATCH}", status=422)
