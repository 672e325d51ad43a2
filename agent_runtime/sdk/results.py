"""From what engines return to drafts; the board names those that have no id. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from agent_runtime.api.agent import Publishes, Visibility
from agent_runtime.blackboard.access.visibility import KINDS
from agent_runtime.blackboard.artifact import PUBLIC, Draft
from agent_runtime.sdk.artifacts import payload_of, type_of
from agent_runtime.sdk.errors import UndeclaredResult, UsageError, as_tuple, usage_errors


def draft(
    value: BaseModel,
    *,
    tags: Iterable[str] = (),
    partition: str | None = None,
    visibility: Visibility | Mapping[str, Any] | None = None,
    correlation: str | None = None,
    id: str | None = None,
) -> Draft:
    """An artifact with more than its payload, to be returned by an engine or published.

    Raises UsageError when the class of `value` is no artifact type, and for what cannot be said of it.
    """
    type_ = type_of(type(value))
    return Draft(
        type=type_.name,
        version=type_.version,
        payload=payload_of(value),
        id=id,
        tags=as_tuple(f"{type_.name}: tags", tags),
        partition=partition,
        visibility=visibility_of(visibility, type_.name) or PUBLIC,
        correlation=correlation,
    )


def visibility_of(given: Visibility | Mapping[str, Any] | None, whose: str) -> Visibility | None:
    """As it is, or from the form of manifests: `{"private": {"agents": ["editor"]}}`. Raises UsageError."""
    if given is None or isinstance(given, Visibility):
        return given
    if not isinstance(given, Mapping) or not given.keys() <= {*KINDS, *KINDS.values()}:
        raise UsageError(
            f"{whose}: {given!r} is no visibility: want one of {', '.join(KINDS.values())}, "
            "written as {'private': {'agents': ['editor']}}"
        )
    with usage_errors(f"{whose}: visibility"):
        return Visibility.model_validate(given)


def drafts_of(agent: str, declared: Sequence[Publishes], output: object) -> list[Draft]:
    """What is to be published. Raises UndeclaredResult for what the agent does not publish."""
    by_type = {published.type: published for published in declared}
    counts: dict[str, int] = {}
    drafts = []
    for one in _each(agent, output):
        made = one if isinstance(one, Draft) else _draft(agent, one)
        published = by_type.get(made.type)
        if published is None:
            known = ", ".join(by_type) or "nothing"
            raise UndeclaredResult(
                f"agent {agent!r} returned a {made.type} and publishes {known}: add .publishes({made.type})"
            )
        index = counts[made.type] = counts.get(made.type, -1) + 1
        if published.fan_out is not None and index >= published.fan_out:
            raise UndeclaredResult(
                f"agent {agent!r} returned more than {published.fan_out} {made.type}: "
                "raise fan_out, or return fewer"
            )
        drafts.append(_completed(made, published))
    return drafts


def _each(agent: str, output: object) -> Iterable[object]:
    if output is None:
        return ()
    if isinstance(output, BaseModel | Draft):
        return (output,)
    if isinstance(output, list | tuple):
        return output
    raise UndeclaredResult(
        f"agent {agent!r} returned a {type(output).__name__}: want an artifact, a list of them, or None, "
        "which publishes nothing"
    )


def _draft(agent: str, value: object) -> Draft:
    if not isinstance(value, BaseModel):
        raise UndeclaredResult(f"agent {agent!r} returned a {type(value).__name__} in a list: want artifacts")
    try:
        return draft(value)
    except UsageError as error:
        raise UndeclaredResult(f"agent {agent!r} returned what it cannot publish: {error}") from error


def _completed(made: Draft, published: Publishes) -> Draft:
    """What the engine said is kept; what it left out is as the agent declared it."""
    return Draft(
        type=made.type,
        version=made.version,
        payload=made.payload,
        id=made.id,
        tags=made.tags or tuple(published.tags or ()),
        partition=made.partition,
        visibility=made.visibility if made.visibility is not PUBLIC else published.visibility or PUBLIC,
        correlation=made.correlation,
    )
