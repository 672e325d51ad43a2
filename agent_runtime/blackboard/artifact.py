"""The artifact: what agents publish and consume. Frozen once published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent_runtime.api.agent import PublicVisibility, Visibility
from agent_runtime.auth.identity import Role

PUBLIC = Visibility(public=PublicVisibility())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a producer wants to publish; the board adds producer, time and what was left out.

    `id` makes publishing idempotent: the same id with the same content is published once.
    """

    type: str
    payload: Mapping[str, Any]
    id: str | None = None
    version: int | None = None
    """Version of the type; None: the newest."""
    tags: tuple[str, ...] = ()
    partition: str | None = None
    visibility: Visibility = PUBLIC
    correlation: str | None = None
    """None: inherited from the delivery that is answered, else the new artifact's own id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A published artifact."""

    id: str
    type: str
    version: int
    payload: Mapping[str, Any]
    producer: str
    correlation: str
    created_at: datetime
    """UTC."""
    tags: tuple[str, ...] = ()
    partition: str | None = None
    visibility: Visibility = PUBLIC
    tenant: str | None = None
    """The producer's tenant."""
    depth: int = 0
    """Length of the longest chain of artifacts that led to this one; bounds loops."""
    causes: tuple[str, ...] = field(default=())
    """Ids of the artifacts that it was made from."""
    producer_role: Role | None = None
    """What the producer is: a user may have the name of an agent. None: published before roles were kept."""
    invoked: str | None = None
    """The one agent that it was published for, by name; None: for whoever consumes it."""
    traceparent: str | None = None
    """The trace that its publication is part of, as W3C Trace Context writes it; None: no trace."""
