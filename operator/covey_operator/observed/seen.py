"""What there is to see of a resource besides its children."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent_runtime.api.flowrun import NodeState
from covey_operator.conditions import Condition
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.pods.shortage import Pods
from covey_operator.runs.concurrency import QueuePosition
from covey_operator.runs.queue_rows import InQueue


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer of the run store."""

    words: bytes | None = None
    """How the run ended, as its pod would have said it; None: it has not, or nobody knows."""
    away: str = ""
    """Why the store did not answer, when it did not."""


@dataclass(frozen=True, slots=True)
class ObservedExtras:
    """Nothing of it, for most kinds and passes."""

    pods: Sequence[Object] | None = None
    """Of the Job that the plan named; None: it named none."""
    kept: Kept | None = None
    """What the run store says of a run whose pods say nothing; None: it was not asked, or there is none."""
    turn: QueuePosition | None = None
    """Why a run may not be under way yet."""
    queued: InQueue | None = None
    """Where a run stands that warm workers run."""
    verdict: Condition | None = None
    """How a run ended, when the plan said so."""
    workers: str = ""
    """Why the workers of its flow are not ready, for a run that waits for them."""
    nodes: Sequence[NodeState] = ()
    """Nodes of a run under way, as far as the run store knows."""
    jobs: Sequence[ChildSnapshot] = ()
    """Those of its CronJobs."""
    short: Mapping[Key, Pods] = field(default_factory=dict)
    """What is known of the pods of workloads that are short of them."""
