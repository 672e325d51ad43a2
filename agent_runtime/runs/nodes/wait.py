"""Let time pass: a short wait in the process, a long one without it."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import DEFAULT
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.durable.records import VisitRecords, records_of
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import current_visit
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.outcome import Waiting, rfc3339
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

IN_PROCESS = 30.0
"""Seconds up to which a wait keeps the process: starting another costs about as much."""


class WaitNode(NodeBase):
    """When the wait is over is decided, and recorded, at the first sight of the node. It has no output."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState) -> None:
        super().__init__(name=node.name)
        self.declare(node, scope, state)
        assert node.wait is not None
        self._duration = node.wait.duration
        self._until = Field("wait.until", node.wait.until, FLOW_VARIABLES)

    async def prep_async(self, shared: Shared) -> datetime:
        visit = current_visit()
        records: VisitRecords | None = records_of(visit) if visit is not None else None
        kept = await records.fact() if records is not None else None
        if kept is not None:
            return datetime.fromisoformat(kept["until"])
        until = self._due(shared)
        if records is not None:
            await records.put(-1, {"until": until.isoformat()})
        return until

    async def exec_async(self, prep_res: datetime) -> None:
        left = (prep_res - self.state.services.clock.now()).total_seconds()
        if left > IN_PROCESS and self.state.may_suspend and self.state.services.store is not None:
            here = self.invocation()
            raise Suspend(Waiting("Time", here.node, here.visit, until=rfc3339(prep_res)).wire())
        if left > 0:
            # Among mapped items that work meanwhile, waiting does not stop the clock of the run.
            alone = self.state.may_suspend
            with self.state.deadline.paused() if alone else nullcontext():
                await self.state.services.clock.sleep(left)

    async def post_async(self, shared: Shared, prep_res: datetime, exec_res: None) -> str:
        return DEFAULT

    def _due(self, shared: Shared) -> datetime:
        if self._duration is not None:
            return self.state.services.clock.now() + timedelta(seconds=seconds(self._duration))
        text = self._until.render(self.variables(shared))
        try:
            due = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            raise NodeFailed(
                f"wait.until: {text!r} is no time: want RFC 3339, such as 2026-01-31T12:00:00Z"
            ) from None
        return due if due.tzinfo is not None else due.replace(tzinfo=UTC)
