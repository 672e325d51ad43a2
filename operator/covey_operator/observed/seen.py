"""What there is to see of a resource besides its children."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_runtime.api.flowrun import NodeState
from covey_operator.admission import Turn
from covey_operator.conditions import Said
from covey_operator.queueing import InQueue
from covey_operator.resources import Object


@dataclass(frozen=True, slots=True)
class Seen:
    """Nothing of it, for most kinds and passes."""

    pods: Sequence[Object] | None = None
    """Of the Job that the plan named; None: it named none."""
    turn: Turn | None = None
    """Why a run may not be under way yet."""
    queued: InQueue | None = None
    """Where a run stands that warm workers run."""
    verdict: Said | None = None
    """How a run ended, when the plan said so."""
    nodes: Sequence[NodeState] = ()
    """Nodes of a run under way, as far as the run store knows."""
