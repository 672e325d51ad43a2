"""What happens on a board, for whoever listens: live display, logs, metrics, the event log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.stores.records import DeadLetter, DeliveryPlan

Kind = Literal[
    "published",
    "delivered",
    "gathered",
    "leased",
    "progress",
    "acknowledged",
    "failed",
    "released",
    "expired",
    "incomplete",
    "dead",
    "replayed",
    "dropped",
    "denied",
    "tenancy",
    "predicate_failed",
    "unreadable",
    "loop_stopped",
    "unconsumed",
    "subscribed",
    "forgotten",
    "pruned",
]
"""`gathered`: an artifact waits for others. `progress`: the holder of a delivery says how far it is.
`released`: it gave it back, and the attempt does not count. `incomplete`: a join waited in vain. `tenancy`:
what would be refused, were tenancy Strict. `unconsumed`: published, and no subscriber gets it; with a message
only for the first one of a type. `unreadable`: an artifact could not be read as its type's newest
version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent:
    """One thing that happened."""

    kind: Kind
    at: datetime
    agent: str = ""
    """Whom it happened to, or who asked, of a denial; empty for what concerns everybody."""
    identity: Identity | None = None
    """Who asked, of `denied` and `tenancy`: users may be called like agents. None: who proved nothing."""
    artifact: Artifact | None = None
    delivery: str = ""
    """The lease or the delivery that it is about."""
    message: str = ""
    count: int = 1
    """How many artifacts or calls were denied, artifacts pruned, or deliveries forgotten."""
    planned: tuple[DeliveryPlan, ...] = ()
    """Of `published`: the deliveries that it set off."""
    names: tuple[str, ...] = ()
    """Of `leased`: the ids of all its artifacts; of `dropped`: the deliveries."""
    sets: tuple[int, ...] = ()
    """Of `leased`: see `Delivery.sets`."""
    consumes: tuple[Consumes, ...] = ()
    """Of `subscribed`: to what."""
    letter: DeadLetter | None = None
    """Of `dead` and `replayed`."""


Observer = Callable[[BoardEvent], None]
"""Called in the event loop, in order; must return at once and not raise."""


_TO_LOG = frozenset(
    {
        "denied",
        "dead",
        "dropped",
        "expired",
        "forgotten",
        "incomplete",
        "loop_stopped",
        "predicate_failed",
        "progress",
        "pruned",
        "replayed",
        "tenancy",
        "unconsumed",
        "unreadable",
    }
)
_ROUTINE = frozenset({"dropped", "forgotten", "progress", "pruned", "replayed", "unconsumed"})
"""What somebody wanted: to be found later, and nothing to worry about."""
_QUOTING = frozenset({"predicate_failed", "unreadable"})
"""What an expression stumbled over may be quoted in their messages."""
_log = structlog.get_logger(__name__)


def log(event: BoardEvent) -> None:
    """An observer that logs what somebody may want to look into, without any payload."""
    if event.kind in _TO_LOG and (event.message or event.kind != "unconsumed"):
        write = _log.info if event.kind in _ROUTINE else _log.warning
        write(
            f"blackboard: {event.kind}",
            agent=event.agent,
            role=event.identity.role if event.identity else None,
            tenant=event.identity.tenant if event.identity else None,
            artifact=event.artifact.id if event.artifact else None,
            delivery=event.delivery,
            reason=_unquoting(event.message) if event.kind in _QUOTING else event.message,
            count=event.count,
        )


def _unquoting(message: str) -> str:
    expression, failed, _ = message.partition(" failed: ")
    return f"{expression} failed: `covey board explain` says why" if failed else message


def all_of(*observers: Observer) -> Observer:
    """One observer that tells several."""

    def tell(event: BoardEvent) -> None:
        for observer in observers:
            observer(event)

    return tell


def nobody(event: BoardEvent) -> None:
    """The observer when none is wanted."""


class EventEmitter:
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
        identity: Identity | None = None,
        artifact: Artifact | None = None,
        delivery: str = "",
        message: str = "",
        count: int = 1,
        planned: tuple[DeliveryPlan, ...] = (),
        names: tuple[str, ...] = (),
        sets: tuple[int, ...] = (),
        consumes: tuple[Consumes, ...] = (),
        letter: DeadLetter | None = None,
    ) -> None:
        """Tell that something happened just now; `identity` stands for its agent, too."""
        if self.heard:
            self._observer(
                BoardEvent(
                    kind=kind,
                    at=self._clock(),
                    agent=agent or (identity.name if identity else ""),
                    identity=identity,
                    artifact=artifact,
                    delivery=delivery,
                    message=message,
                    count=count,
                    planned=planned,
                    names=names,
                    sets=sets,
                    consumes=consumes,
                    letter=letter,
                )
            )
