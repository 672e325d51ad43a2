"""What a pass over a resource decided before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_runtime.api.flow import FlowResource
from agent_runtime.compile.result import Problem, Ref
from covey_operator.conditions import Condition
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.runs.concurrency import Claim
from covey_operator.runs.queue_rows import InQueue, Step

Children = Mapping[Key, ChildSnapshot]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, once: it becomes an event."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The children wanted, or why there are none."""

    desired: tuple[Object, ...] | None
    """Without `metadata.namespace`, owner and hash, which are the same for all. None: leave what is there."""
    problems: tuple[Problem, ...] = ()
    refs: tuple[Ref, ...] = ()
    """Everything whose change is a reason for another pass."""
    pause: str | None = None
    """A Deployment to scale to nothing although `desired` is None: of a suspended, broken agent."""
    pods_of: str | None = None
    """A finished Job whose pods' last words belong into the status."""
    cancels: tuple[Key, ...] = ()
    """Runs to be cancelled before anything is created."""
    creates: tuple[Object, ...] = ()
    """Objects to be made that are nobody's children: runs, by triggers. One that is there already is made."""
    deletes: tuple[Key, ...] = ()
    """Resources of ours whose time is over."""
    again_in: float | None = None
    """Seconds after which another pass is worthwhile though nothing has happened, as when a clock decides."""
    fields: Object = field(default_factory=dict)
    """Fields of the status that were decided here, for when all that is to be created is there."""
    notices: tuple[Notice, ...] = ()
    caveat: str = ""
    """What people should know of a resource that is ready: its `Ready` says so."""
    listens_for: FlowResource | None = None
    """The flow for whose artifact triggers is listened from now on; None: go on as before."""
    claim: Claim | None = None
    """The run is under way, or would be if this plan were followed: over a limit nothing of it is written."""
    held: Mapping[Key, bool] = field(default_factory=dict)
    """Jobs that are to stop for now, or to go on: whether they are to be held."""
    queued: InQueue | None = None
    """Where a run stands that warm workers run."""
    step: Step | None = None
    """What the runs server is told about it."""
    verdict: Condition | None = None
    """How the run ended, when that is decided here and not by its pods."""
