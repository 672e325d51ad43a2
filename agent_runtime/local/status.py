"""Conditions on the laptop: the words and reasons are those of the cluster. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.api.base import Condition
from agent_runtime.compile.result import Compiled, Problem


@dataclass(frozen=True, slots=True)
class Running:
    """How something that runs is doing."""

    suspended: bool = False
    trouble: str = ""
    """Why it does not run although it should."""


_FINE = {"Accepted": "Valid", "ResolvedRefs": "Resolved"}


def conditions(
    compiled: Compiled[Any],
    *,
    running: Running | None,
    generation: int,
    now: str,
    earlier: Iterable[Condition] = (),
) -> list[Condition]:
    """Accepted, ResolvedRefs and Ready.

    `running` is None for what is only declared, as a Model. A condition keeps the time of `earlier` for as
    long as its status stays the same; `now` is RFC 3339.
    """
    found = [_of(kind, compiled.problems) for kind in _FINE]
    times = {c.type: (c.status, c.last_transition_time) for c in earlier}
    return [
        c.model_copy(
            update={"observed_generation": generation, "last_transition_time": _since(c, times, now)}
        )
        for c in (*found, _ready(found, running))
    ]


def _ready(found: Sequence[Condition], running: Running | None) -> Condition:
    first = next((c for c in found if c.status == "False"), None)
    if first is not None:
        return first.model_copy(update={"type": "Ready"})
    if running is None:
        return Condition(type="Ready", status="True", reason="Valid")
    if running.suspended:
        message = "spec.suspend is true: set it to false to go on"
        return Condition(type="Ready", status="False", reason="Suspended", message=message)
    if running.trouble:
        return Condition(type="Ready", status="False", reason="NotRunning", message=running.trouble[:1024])
    return Condition(type="Ready", status="True", reason="RolledOut", message="it runs in this covey up")


def _of(kind: str, problems: Sequence[Problem]) -> Condition:
    mine = [p for p in problems if p.condition == kind]
    if not mine:
        return Condition(type=kind, status="True", reason=_FINE[kind])
    more = f" (and {len(mine) - 1} more)" if len(mine) > 1 else ""
    message = (mine[0].message + more)[:1024]
    return Condition(type=kind, status="False", reason=mine[0].reason, message=message)


def _since(condition: Condition, times: Mapping[str, tuple[str, str]], now: str) -> str:
    status, time = times.get(condition.type, ("", ""))
    return time if status == condition.status else now
