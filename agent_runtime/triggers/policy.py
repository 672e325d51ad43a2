"""What `concurrencyPolicy` decides when a time has come and runs of the trigger may be under way. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent_runtime.triggers.flow_runs import Run, has_ended, is_cancelled, is_leaving, name_of, trigger_of


@dataclass(frozen=True, slots=True)
class Start:
    """Create the run."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Let this time pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Cancel these runs, then create the new one."""

    cancel: tuple[str, ...]


Decision = Start | Skip | Replace


def decide(
    policy: Literal["Allow", "Forbid", "Replace"],
    flow: str,
    key: str,
    name: str,
    runs: Iterable[Run],
) -> Decision:
    """Whether the run `name` of the trigger `key` is made; other runs than the trigger's do not matter.

    When a run of that name is there already, this was decided before, by a process that did not live to
    note it: then the answer is Start, which changes nothing, and never to skip or replace it by itself.
    """
    own = [run for run in runs if trigger_of(run) == (flow, key)]
    others = sorted(name_of(run) for run in own if not has_ended(run) and not is_leaving(run))
    if policy == "Allow" or not others or any(name_of(run) == name for run in own):
        return Start()
    if policy == "Forbid":
        listed = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        return Skip(f"{listed} has not ended, and concurrencyPolicy is Forbid")
    told = {name_of(run) for run in own if is_cancelled(run)}
    return Replace(tuple(other for other in others if other not in told))
