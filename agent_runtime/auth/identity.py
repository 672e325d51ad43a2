"""Who a caller is, once its token was checked."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["agent", "user", "admin"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking. An agent's labels and tenant come from its manifest, never from itself."""

    name: str
    role: Role = "agent"
    labels: frozenset[str] = frozenset()
    tenant: str | None = None
