"""Who may see an artifact, and from when on. Pure; asked at every delivery and at every read."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from agent_runtime.api.agent import PlainVisibility, SingleVisibility, TenantVisibility
from agent_runtime.api.base import seconds
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import PUBLIC, Artifact

KINDS = {
    "public": "public",
    "private": "private",
    "labelled": "labelled",
    "tenant": "tenant",
    "after": "after",
    "all_of": "allOf",
    "any_of": "anyOf",
}
"""The kinds of visibility: as fields, and as they are written."""
LONGEST_EMBARGO = timedelta(days=36_500)
"""Longer ones are refused: calendars end."""


def visible_from(artifact: Artifact, identity: Identity) -> datetime | None:
    """When the identity may see the artifact for the first time; None: never.

    Admins see everything: they are who inspects and repairs a board. Whatever is not understood is hidden.
    """
    if artifact.visibility is PUBLIC or identity.role == "admin":
        return artifact.created_at
    return _since(artifact.visibility, artifact, identity)


def kind_of(visibility: PlainVisibility) -> str | None:
    """The field of the one kind that is set; None when it is none or several, which is no visibility."""
    found = [kind for kind in KINDS if getattr(visibility, kind, None) is not None]
    return found[0] if len(found) == 1 else None


def parts(visibility: PlainVisibility) -> Iterator[tuple[str, PlainVisibility]]:
    """What a visibility is made of, itself first, each with its JSON pointer from there."""
    yield "", visibility
    for kind in ("all_of", "any_of"):
        for at, one in enumerate(getattr(visibility, kind, None) or ()):
            yield from ((f"/{KINDS[kind]}/{at}{pointer}", part) for pointer, part in parts(one))
    after = getattr(visibility, "after", None)
    if after is not None and after.then is not None:
        yield "/after/then", after.then


def _since(visibility: PlainVisibility, artifact: Artifact, identity: Identity) -> datetime | None:
    kind = kind_of(visibility)
    match kind:
        case None:
            return None
        case "all_of" | "any_of":
            each = [_since(one, artifact, identity) for one in getattr(visibility, kind)]
            times = [since for since in each if since is not None]
            if kind == "any_of":
                return min(times, default=None)
            return max(times, default=None) if len(times) == len(each) else None
        case "after":
            assert isinstance(visibility, SingleVisibility)
            assert visibility.after is not None
            then = visibility.after.then
            if then is not None and _since(then, artifact, identity) is None:
                return None
            return artifact.created_at + _span(visibility.after.ttl)
        case _:
            return artifact.created_at if _admits(visibility, artifact, identity) else None


def _admits(visibility: PlainVisibility, artifact: Artifact, identity: Identity) -> bool:
    if visibility.private is not None:
        # agents only: a user who happens to be called like an agent is somebody else
        return identity.role == "agent" and identity.name in visibility.private.agents
    if visibility.labelled is not None:
        return identity.labels.issuperset(visibility.labelled.labels)
    if visibility.tenant is not None:
        return _is_of_tenant(identity, visibility.tenant, artifact)
    return visibility.public is not None


def _is_of_tenant(identity: Identity, wanted: TenantVisibility, artifact: Artifact) -> bool:
    # no tenant anywhere is not "equal": it would show one nobody's artifact to every nobody
    if not identity.tenant:
        return False
    if wanted.any_:
        return not wanted.tenant
    return identity.tenant == (wanted.tenant or artifact.tenant)


@lru_cache(maxsize=1024)
def _span(duration: str) -> timedelta:
    return timedelta(seconds=min(seconds(duration), LONGEST_EMBARGO.total_seconds()))
