"""Who may see an artifact, and from when on. Pure; asked at every delivery and at every read."""

from datetime import datetime, timedelta
from functools import lru_cache

from agent_runtime.api.agent import Visibility
from agent_runtime.api.base import seconds
from agent_runtime.blackboard.artifact import PUBLIC, Artifact
from agent_runtime.blackboard.board import Identity

KINDS = ("public", "private", "labelled", "tenant", "after")


def allows(artifact: Artifact, identity: Identity, now: datetime) -> bool:
    """Whether the identity may see the artifact at this time."""
    since = visible_from(artifact, identity)
    return since is not None and since <= now


def visible_from(artifact: Artifact, identity: Identity) -> datetime | None:
    """When the identity may see the artifact for the first time; None: never.

    Admins see everything: they are who inspects and repairs a board. Whatever is not understood is hidden.
    """
    visibility = artifact.visibility
    if visibility is PUBLIC or identity.role == "admin":
        return artifact.created_at
    kind = kind_of(visibility)
    if kind == "after":
        assert visibility.after is not None
        return artifact.created_at + _span(visibility.after.ttl)
    if kind is not None and _admits(visibility, artifact, identity):
        return artifact.created_at
    return None


def kind_of(visibility: Visibility) -> str | None:
    """The one kind that is set; None when it is none or several, which is no visibility at all."""
    found = [kind for kind in KINDS if getattr(visibility, kind) is not None]
    return found[0] if len(found) == 1 else None


def _admits(visibility: Visibility, artifact: Artifact, identity: Identity) -> bool:
    if visibility.private is not None:
        # agents only: a user who happens to be called like an agent is somebody else
        return identity.role == "agent" and identity.name in visibility.private.agents
    if visibility.labelled is not None:
        return identity.labels.issuperset(visibility.labelled.labels)
    if visibility.tenant is not None:
        tenant = visibility.tenant.tenant or artifact.tenant
        # no tenant anywhere is not "equal": it would show one nobody's artifact to every nobody
        return tenant is not None and identity.tenant == tenant
    return visibility.public is not None


@lru_cache(maxsize=1024)
def _span(duration: str) -> timedelta:
    return timedelta(seconds=seconds(duration))
