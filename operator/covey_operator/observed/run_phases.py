"""How the phases of a run are said."""

from agent_runtime.api.flowrun import FlowRunResource, Waiting
from covey_operator.conditions import Condition, Rollout
from covey_operator.observed.observation import Observation
from covey_operator.runs.waits import condition_for

_ON_ITS_WAY = Rollout("Progressing", "Running")
SUSPENDED = Condition("Succeeded", "Unknown", "Suspended", "spec.suspend is true: set it to false to go on")


def going(phase: str, said: Condition, **fields: object) -> Observation:
    """A run that has not ended."""
    return Observation({"phase": phase, **fields}, rollout=_ON_ITS_WAY, outcome=said)


def waits(
    run: FlowRunResource, waiting: Waiting, *, suspended: bool = False, **fields: object
) -> Observation:
    """A run whose process ended to wait; `suspended` when it could go on, but for that."""
    said = SUSPENDED if suspended else condition_for(run, waiting)
    return going("Waiting", said, waiting=waiting.manifest(), **fields)


def ends(phase: str, said: Condition, **fields: object) -> Observation:
    """A run that has ended."""
    return Observation({"phase": phase, "waiting": None, **fields}, outcome=said)
