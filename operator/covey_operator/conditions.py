"""Conditions: what is said about a resource, computed anew on each pass, with the times of changes kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent_runtime.compile.result import Problem
from covey_operator.kube.resources import Object

_LONGEST_MESSAGE = 1024

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition before it has a time."""

    type: str
    status: Truth
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the children are. `Blocked` needs somebody to act, `Suspended` is as wished."""

    state: Literal["Done", "Progressing", "Blocked", "Suspended"]
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that the API server refused, or one that we refused ourselves."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Replicas:
    """The pods of a resource that serves."""

    there: int = 0
    ready: int = 0


VALID = Rollout("Done", "Valid")
"""For kinds of which nothing is made."""


def accepted(problems: Sequence[Problem]) -> Condition:
    """Whether the spec itself is right."""
    return _first("Accepted", "Valid", problems)


def resolved(problems: Sequence[Problem]) -> Condition:
    """Whether everything that it names is there and can be used."""
    return _first("ResolvedRefs", "Resolved", problems)


def _first(
    condition: Literal["Accepted", "ResolvedRefs"], fine: str, problems: Sequence[Problem]
) -> Condition:
    found = [problem for problem in problems if problem.condition == condition]
    if not found:
        return Condition(condition, "True", fine)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Condition(condition, "False", found[0].reason, found[0].message + more)


def progressing(blocked: Condition | Refusal | None, rollout: Rollout) -> Condition:
    """Whether something is still on its way by itself."""
    if blocked is not None:
        return Condition(
            "Progressing", "False", "Blocked", "nothing moves until Ready's reason is dealt with"
        )
    on_its_way: Truth = "True" if rollout.state == "Progressing" else "False"
    return Condition("Progressing", on_its_way, rollout.reason, rollout.message)


def ready(blocked: Condition | Refusal | None, rollout: Rollout, replicas: Replicas) -> Condition:
    """The one to wait for: accepted, resolved, written, and rolled out, not only available."""
    if isinstance(blocked, Refusal):
        return Condition("Ready", "False", blocked.reason, blocked.message)
    if blocked is not None:
        return Condition("Ready", "False", blocked.reason, blocked.message + _meanwhile(rollout, replicas))
    return Condition("Ready", "True" if rollout.state == "Done" else "False", rollout.reason, rollout.message)


def _meanwhile(rollout: Rollout, replicas: Replicas) -> str:
    """What the pods of the last good configuration do while nothing new is written."""
    if not replicas.there:
        return ""
    why = f": {rollout.message}" if rollout.state == "Blocked" and rollout.message else ""
    if not replicas.ready:
        return f"; no pod of the last good configuration is ready{why}"
    if replicas.ready < replicas.there or why:
        return f"; {replicas.ready} of {replicas.there} pods of the last good configuration are ready{why}"
    return "; the pods of the last good configuration keep running"


def finished(ending: Condition) -> Condition:
    """Whether a run has ended, however: what to wait for when it may fail, too."""
    if ending.status == "Unknown":
        return Condition("Finished", "False", ending.reason, "")
    return Condition("Finished", "True", ending.reason, ending.message)


def merge(before: Iterable[Object], said: Iterable[Condition], generation: int, now: str) -> list[Object]:
    """As they are written: `lastTransitionTime` moves only when the status does. `now` is RFC 3339."""
    earlier = {condition["type"]: condition for condition in before}
    merged = []
    for each in said:
        old = earlier.get(each.type, {})
        unchanged = old.get("status") == each.status and bool(old.get("lastTransitionTime"))
        merged.append(
            {
                "type": each.type,
                "status": each.status,
                "reason": each.reason,
                "message": each.message[:_LONGEST_MESSAGE],
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"] if unchanged else now,
            }
        )
    return merged
