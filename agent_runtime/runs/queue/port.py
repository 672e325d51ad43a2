"""The queue between the operator, which submits runs, and warm workers, which take them. The port.

A queue is named `NAMESPACE/FLOW`. A run waits in it, is taken by a worker on a ticket, and comes to rest:
suspended, when its outcome says what it waits for, or ended.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from agent_runtime.durable.port import LeaseLost, NoSuchRun

State = Literal["Waiting", "Running", "Suspended", "Ended"]
Wanted = Literal["Run", "Suspend", "Cancel"]


class TicketLost(LeaseLost):
    """The ticket is no longer good: the run was handed out anew, came to rest or was removed."""

    def __init__(self, run: str, generation: int, reason: str) -> None:
        super().__init__(run, generation)
        self.args = (
            f"ticket {generation} for run {run!r} is no longer good, {reason}: this worker must stop",
        )


class NotQueued(NoSuchRun):
    """The run was never submitted, or was removed."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.args = (f"run {run!r} is not in a queue: submit it first",)


@dataclass(frozen=True, slots=True)
class TaskLease:
    """The right to work on a run. Good until another ticket for it is handed out, which `ttl` permits."""

    run: str
    queue: str
    holder: str
    generation: int
    """Grows with every ticket of the run."""
    attempt: int
    """1 for the first try since the run was submitted or went on; grows when a try's ticket ran out."""
    body: bytes
    """What was submitted, or the last update of it."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Where a run stands."""

    run: str
    queue: str
    state: State
    wanted: Wanted
    attempts: int
    """Tickets handed out since the run was submitted or went on; those that were given back not counted."""
    holder: str | None
    """Who has the ticket; None unless Running."""
    outcome: bytes | None
    """JSON; of the last ticket that was finished."""
    progress: bytes | None
    """JSON; of the last heartbeat that brought some."""


class RunQueue(Protocol):
    """The port. Every call may be repeated when its answer was lost, and may raise Unavailable."""

    async def submit(self, run: str, queue: str, body: bytes) -> bool:
        """Put a run into a queue; False, and nothing changed, when it was submitted before."""

    async def update(self, run: str, body: bytes | None, wanted: Wanted) -> None:
        """Say what is wanted of a run, and hand it a new body (None: the old one stays).

        `Run` lets a suspended run go on; `Suspend` and `Cancel` reach the worker with its next heartbeat, and
        take effect at once when nobody works on the run. An ended run stays as it is. Raises NotQueued.
        """

    async def take(
        self, queue: str, holder: str, ttl: float, *, wait: float = 0.0, claim: str | None = None
    ) -> TaskLease | None:
        """The run that waits longest, for `ttl` seconds; None when none came within `wait` seconds.

        A second call with the same `claim` gets the ticket of the first, as long as it is good: so an answer
        that was lost costs nothing.
        """

    async def heartbeat(self, ticket: TaskLease, ttl: float, progress: bytes | None = None) -> Wanted:
        """Begin the `ttl` anew, in seconds; returns what is wanted by now. Raises TicketLost.

        With a `ttl` of 0 the ticket is given back: the run waits again, or rests as is wanted, and the try
        does not count.
        """

    async def finish(self, ticket: TaskLease, outcome: bytes) -> None:
        """End the ticket. An outcome (JSON object) with `waiting` suspends the run. Raises TicketLost."""

    async def state(self, run: str) -> QueueState | None:
        """Where the run stands; None when it is not there."""

    async def remove(self, run: str) -> None:
        """Forget the run, if it is there."""

    async def changes(self, after: int, limit: int, *, wait: float = 0.0) -> list[tuple[int, str]]:
        """(sequence, run) of runs that changed after a sequence number, oldest change first; from 0: all.

        Each run is there once, with its latest change. Waits up to `wait` seconds for the first.
        """
