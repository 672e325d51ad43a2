"""What all nodes share: which part of the store is theirs, and what becomes of a result or a failure."""

from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import FAILED
from agent_runtime.durable.checkpoint import CheckpointError
from agent_runtime.durable.port import StoreError
from agent_runtime.durable.records import records_of, was_under_way
from agent_runtime.flow import AsyncNode, ResumeError, Visit, current_visit
from agent_runtime.flow.observe import note_retry
from agent_runtime.runs.attempts import Attempts, Limits
from agent_runtime.runs.failures import message_of
from agent_runtime.runs.nodes.step import StepResult, check_result
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

NOT_THE_NODES = (StoreError, CheckpointError, ResumeError)
"""Failures of the run, not of the node in which they show: no retry and no fallback helps."""


class LateRecords:
    """The records of a visit, asked for when there is something to read or write."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def fact(self, index: int) -> Any:
        """See `attempts.Records`."""
        records = records_of(self._visit)
        return None if records is None else await records.fact(index)

    async def put(self, index: int, value: Any) -> None:
        """See `attempts.Records`."""
        records = records_of(self._visit)
        if records is not None:
            await records.put(index, value)


class NodeBase(AsyncNode):
    """Goes before the core's class among a node's bases: around its phases, whatever they are."""

    trouble: Exception | None = None
    """The failure that the visit found a way out of."""
    answered_by: str | None = None
    """Who gave the answer that the visit took, when that was said."""

    def declare(self, node: FlowNode, scope: Scope, state: RunState) -> None:
        """Say which node it is; called once, in `__init__`."""
        self.declared = node
        self.scope = scope
        self.state = state

    async def _run_async(self, shared: Shared) -> Any:
        try:
            return await super()._run_async(shared)
        except NOT_THE_NODES:
            raise
        except Exception as error:
            self.trouble = error
            return self.settle(shared, self.failure(shared, error))

    def failure(self, shared: Shared, error: Exception) -> StepResult:
        """What is done about a failure: the action `failed`, the fallback's value, or both.

        Raises the failure when the node says nothing.
        """
        fallback = None if self.declared.map else self.declared.fallback
        if FAILED in self.declared.next:
            return StepResult(fallback.value if fallback else {"error": message_of(error)}, FAILED)
        if fallback is not None:
            return StepResult(fallback.value)
        raise error

    def settle(self, shared: Shared, done: StepResult) -> str:
        """Put the result where it belongs; returns the action. Raises NodeFailed for an unfit result."""
        check_result(done.value)
        self.state.usage += done.usage
        self.scope.put(shared, self.declared.key, done.value)
        return done.action

    def variables(self, shared: Shared) -> dict[str, Any]:
        """What expressions see."""
        return {"params": self.params, "shared": self.scope.outputs(shared)}

    def attempts(self) -> Attempts:
        """Those of the visit under way."""
        visit = current_visit()
        assert visit is not None, "runs are observed"
        resumed = was_under_way(visit)
        # Records are dropped with the visit, which costs; most visits have none.
        is_kept = self.state.services.store is not None
        return Attempts(
            self.limits(),
            self.state.services.clock,
            records=LateRecords(visit) if is_kept else None,
            epoch=self.state.epoch,
            was_under_way=resumed,
        )

    def limits(self) -> Limits:
        """How often the node is tried."""
        retry = self.declared.retry
        return Limits(retry.max_attempts, seconds(retry.wait), self.state.most_deaths)

    def note_attempt(self, number: int) -> None:
        """The visit is at this attempt, those of earlier processes counted."""
        visit = current_visit()
        if visit is not None and visit.node is self:
            visit.retries = number - 1

    def note_retry(self, error: Exception) -> None:
        """An attempt failed, and another follows."""
        note_retry(self, error)
        self.tell_retry(error, self.invocation())

    def tell_retry(self, error: Exception, where: Invocation) -> None:
        """Said at once, since the run may end well."""
        why = message_of(error)
        what = where.node if where.index is None else f"{where.node}[{where.index}]"
        self.state.tell(
            "run.warning",
            f"{what}: an attempt failed, another follows: {why}",
            node=where.node,
            visit=where.visit,
            error=why,
        )

    def invocation(self) -> Invocation:
        """The visit under way, as the outside world knows it."""
        visit = current_visit()
        assert visit is not None, "runs are observed"
        return Invocation(self.state.run, visit.path, visit.number)
