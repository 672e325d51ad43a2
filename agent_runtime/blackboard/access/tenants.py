"""Tenancy: the fence around a tenant's artifacts, on top of visibility. Pure.

With `spec.isolation: Strict` an identity sees the artifacts of its own tenant only, whatever their visibility
says, and cannot show its own to others. `Log` lets everything pass and tells what Strict would have refused.
"""

from datetime import datetime
from typing import Literal

from agent_runtime.api.agent import PlainVisibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.visibility import parts, visible_from
from agent_runtime.blackboard.artifact import Artifact

Isolation = Literal["Strict", "Log"]


class AccessPolicy:
    """Who sees what on one board: visibility, and the fence where there is one."""

    __slots__ = ("logs", "strict")

    def __init__(self, isolation: Isolation | None = None) -> None:
        """None: visibility alone decides. Raises ValueError for a word that would leave the fence open."""
        if isolation not in (None, "Strict", "Log"):
            raise ValueError(f"isolation {isolation!r}: want Strict, Log or None")
        self.strict = isolation == "Strict"
        self.logs = isolation == "Log"

    def since(self, artifact: Artifact, identity: Identity) -> datetime | None:
        """When the identity may see the artifact for the first time; None: never."""
        return None if self.denies(artifact, identity) else visible_from(artifact, identity)

    def allows(self, artifact: Artifact, identity: Identity, now: datetime) -> bool:
        """Whether the identity may see the artifact at this time.

        What can be seen from its making on is seen: another server's clock may have made it in our future.
        """
        since = self.since(artifact, identity)
        return since is not None and (since <= now or since <= artifact.created_at)

    def denies(self, artifact: Artifact, identity: Identity) -> bool:
        """Whether the fence keeps the identity from the artifact."""
        return self.strict and is_foreign(artifact, identity)

    def notes(self, artifact: Artifact, identity: Identity) -> bool:
        """Whether Strict would have kept it from the identity, and that is to be told."""
        return self.logs and is_foreign(artifact, identity)


def is_foreign(artifact: Artifact, identity: Identity) -> bool:
    """Whether it is another tenant's; having none is like one more tenant. Admins are at home everywhere."""
    return artifact.tenant != identity.tenant and identity.role != "admin"


def foreign_part(visibility: PlainVisibility, tenant: str | None) -> str | None:
    """JSON pointer of the first part of a visibility that names another tenant than this; None: none does."""
    for pointer, part in parts(visibility):
        wanted = part.tenant
        if wanted is not None and (wanted.any_ or (wanted.tenant and wanted.tenant != tenant)):
            return f"{pointer}/tenant"
    return None
