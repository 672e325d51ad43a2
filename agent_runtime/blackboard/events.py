"""What happens on a board, for whoever listens: live display, logs, metrics, the event log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from agent_runtime.blackboard.artifact import Artifact

Kind = Literal[
    "published",
    "delivered",
    "leased",
    "acknowledged",
    "failed",
    "expired",
    "dead",
    "denied",
    "predicate_failed",
    "loop_stopped",
    "subscribed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent:
    """One thing that happened."""

    kind: Kind
    at: datetime
    agent: str = ""
    """Whom it happened to; empty for `published` and `loop_stopped`, which concern everybody."""
    artifact: Artifact | None = None
    delivery: str = ""
    """The lease or the delivery that it is about."""
    message: str = ""


Observer = Callable[[BoardEvent], None]
"""Called in the event loop, in order; must return at once and not raise."""


_TO_LOG = frozenset({"denied", "dead", "expired", "predicate_failed", "loop_stopped"})
_log = structlog.get_logger(__name__)


def log(event: BoardEvent) -> None:
    """An observer that logs what somebody may want to look into, without any payload."""
    if event.kind in _TO_LOG:
        artifact = event.artifact.id if event.artifact else None
        _log.warning(
            f"blackboard: {event.kind}",
            agent=event.agent,
            artifact=artifact,
            delivery=event.delivery,
            reason=event.message,
        )


def all_of(*observers: Observer) -> Observer:
    """One observer that tells several."""

    def tell(event: BoardEvent) -> None:
        for observer in observers:
            observer(event)

    return tell


def nobody(event: BoardEvent) -> None:
    """The observer when none is wanted."""


class Announcer:
    """Tells the observer; costs nothing when there is none."""

    __slots__ = ("_clock", "_observer", "heard")

    def __init__(self, observer: Observer, clock: Callable[[], datetime]) -> None:
        self._observer = observer
        self._clock = clock
        self.heard = observer is not nobody
        """False when telling is in vain."""

    def __call__(
        self,
        kind: Kind,
        agent: str = "",
        *,
        artifact: Artifact | None = None,
        delivery: str = "",
        message: str = "",
    ) -> None:
        """Tell that something happened just now."""
        if self.heard:
            self._observer(
                BoardEvent(
                    kind=kind,
                    at=self._clock(),
                    agent=agent,
                    artifact=artifact,
                    delivery=delivery,
                    message=message,
                )
            )
