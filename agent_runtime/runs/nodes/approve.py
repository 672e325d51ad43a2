"""Ask a person; the process ends, and the answer starts another."""

from datetime import datetime, timedelta
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import TIMEOUT
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.durable.records import VisitRecords, records_of
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import current_visit
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.nodes.text import as_text
from agent_runtime.runs.outcome import Waiting, rfc3339
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState


class ApproveNode(NodeBase):
    """Its action is the answer's; its output `{action, comment, by}`. When it was asked first is recorded."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState) -> None:
        super().__init__(name=node.name)
        self.declare(node, scope, state)
        assert node.approve is not None
        self._asks = node.approve
        self._timeout = None if node.approve.timeout is None else seconds(node.approve.timeout)
        self._prompt = Field("approve.prompt", node.approve.prompt, FLOW_VARIABLES)

    async def prep_async(self, shared: Shared) -> StepResult:
        answer = self._answer()
        if answer is not None:
            return answer
        until = await self._until()
        if until is None or self.state.services.clock.now() < until:
            here = self.invocation()
            waiting = Waiting(
                "Approval",
                here.node,
                here.visit,
                prompt=as_text(self._prompt.render(self.variables(shared))),
                actions=tuple(self._asks.actions),
                until=None if until is None else rfc3339(until),
            )
            raise Suspend(waiting.wire())
        if TIMEOUT in self.declared.next:
            return StepResult({"action": TIMEOUT, "comment": ""}, TIMEOUT)
        raise NodeFailed(
            f"nobody answered within {self._asks.timeout}: give the node a next for the action "
            f"{TIMEOUT}, or more time"
        )

    async def exec_async(self, prep_res: StepResult) -> StepResult:
        return prep_res

    async def post_async(self, shared: Shared, prep_res: Any, exec_res: StepResult) -> str:
        return self.settle(shared, exec_res)

    def _answer(self) -> StepResult | None:
        """The first that is one of the actions. Others are told of, and wait for a better one."""
        here = self.invocation()
        offered = ", ".join(self._asks.actions)
        for answer in self.state.answers.to(here.node, here.visit):
            if answer.action in self._asks.actions:
                self.answered_by = answer.by or None
                by = {"by": answer.by} if answer.by else {}
                return StepResult({"action": answer.action, "comment": answer.comment, **by}, answer.action)
            self.state.tell(
                "run.warning",
                f'{here.node} was answered "{answer.action}", which is none of {offered}: it waits on',
                node=here.node,
                visit=here.visit,
            )
        return None

    async def _until(self) -> datetime | None:
        if self._timeout is None:
            return None
        visit = current_visit()
        records: VisitRecords | None = records_of(visit) if visit is not None else None
        now = self.state.services.clock.now()
        kept = await records.fact() if records is not None else None
        if kept is None and records is not None:
            await records.put(-1, {"askedAt": now.isoformat()})
        asked = now if kept is None else datetime.fromisoformat(kept["askedAt"])
        return asked + timedelta(seconds=self._timeout)
