"""What happens, as it happens: for the live display, the logs and whoever else observes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal[
    "agent.started",
    "agent.tool",
    "agent.progress",
    "agent.finished",
    "agent.failed",
    "artifact.published",
    "board.warning",
    "process.warning",
    "run.started",
    "run.node",
    "run.item",
    "run.cached",
    "run.warning",
    "run.waiting",
    "run.interrupted",
    "run.finished",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a subject, such as an agent or a run, told in one line."""

    at: datetime
    """UTC."""
    kind: Kind
    subject: str
    """The name of what it happened to."""
    message: str
    """For people: one line."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For programs: small JSON."""


Observer = Callable[[Event], None]
"""Told of each event; must return at once and not raise."""


def unobserved(event: Event) -> None:
    """The observer that does nothing."""


def all_of(*observers: Observer) -> Observer:
    """One observer that tells each of these, in order."""

    def tell(event: Event) -> None:
        for observer in observers:
            observer(event)

    return tell
