"""What the operator tells the runs server about one run, and what it hears of it. Pure."""

from dataclasses import dataclass

from agent_runtime.config.models import ForkSource
from agent_runtime.runs.queue.port import QueueState, Wanted

QUEUED = "QueuedRun"
"""The kind under which plans look a run up in its queue, by its id, as if it were an object of the API.
Found is `{"state": QueueState}`, or `{"away": MESSAGE}` while the server does not answer."""

ASK_AGAIN = 5.0
"""Seconds until a server that did not answer is asked again."""


@dataclass(frozen=True, slots=True)
class InQueue:
    """Where a run stands that warm workers run."""

    run: str
    """Its id."""
    queue: str
    """`NAMESPACE/FLOW`."""
    state: QueueState | None = None
    """None: it is not there yet, or nobody knows."""
    away: str = ""
    """Why the server could not be asked, or told, when it could not."""


@dataclass(frozen=True, slots=True)
class Step:
    """Put a run into its queue, or say what is wanted of one that is there."""

    wanted: Wanted
    body: bytes | None
    """Its config and answers; None: those that the server has."""
    is_new: bool = False
    fork: ForkSource | None = None
    """Where a new run goes on from, when that is not the start."""
