"""What the nodes of a run share besides its store."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2 as httpx

from agent_runtime.core.background import encodable
from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import RunStore
from agent_runtime.models.port import NO_USAGE, ModelClient, Usage
from agent_runtime.runs.answers import Answers
from agent_runtime.runs.deadline import Deadline
from agent_runtime.runs.functions import Functions
from agent_runtime.runs.port import AskAgent, Publish
from agent_runtime.runs.publishing import nowhere
from agent_runtime.telemetry.events import Event, Kind, Observer
from agent_runtime.tools.toolbox import Toolbox

MOST_DEATHS = 10
"""A kill from outside is no failure of a node, and rare; a node that kills its process does so each time."""


@dataclass(frozen=True, slots=True)
class Services:
    """What nodes use from outside."""

    models: Mapping[str, ModelClient]
    """By the names in the flow."""
    ask_agent: AskAgent
    tools: Toolbox
    http: httpx.AsyncClient | None
    """None when the flow has no node that needs it."""
    environ: Mapping[str, str]
    """Where secret headers are."""
    clock: Clock
    store: RunStore | None
    """None: nothing outlives the process."""
    observer: Observer
    functions: Functions = field(default_factory=Functions.of_image)
    """What python nodes may call."""
    publish: Publish = nowhere
    publisher: str = ""
    """Who the run is on blackboards."""


@dataclass(slots=True)
class RunState:
    """One run under way."""

    run: str
    """Its id."""
    name: str
    """The FlowRun's."""
    flow: str
    namespace: str
    services: Services
    deadline: Deadline
    answers: Answers = field(default_factory=Answers)
    holder: str = ""
    """Who writes the run."""
    leg: str | None = None
    """Which of the orchestrator's attempts at the run this is; None: not known."""
    may_suspend: bool = True
    """Whether the process may end to wait; not within a mapped flow, whose siblings go on."""
    most_deaths: int = MOST_DEATHS
    """How often a node with one attempt is begun again after its process died."""
    epoch: int = 0
    """Of a flow that is run for an item: which attempt at the item this is; 0: the run's own flow."""
    usage: Usage = NO_USAGE

    def tell(self, kind: Kind, message: str, **data: object) -> None:
        """Tell the observer of an event."""
        now = self.services.clock.now()
        safe = {key: encodable(value) if isinstance(value, str) else value for key, value in data.items()}
        event = Event(now, kind, self.name, encodable(message), {"flow": self.flow, **safe})
        self.services.observer(event)
