"""What all nodes share: which part of the store is theirs, and what becomes of a result or a failure."""

from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.graph import FAILED
from agent_runtime.durable.checkpoint import CheckpointError
from agent_runtime.durable.port import StoreError
from agent_runtime.flow import AsyncNode, ResumeError, current_visit
from agent_runtime.runs.nodes.work import Done
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

NOT_THE_NODES = (StoreError, CheckpointError, ResumeError)
"""Failures of the run, not of the node in which they show: no retry and no fallback helps."""


class Declared(AsyncNode):
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

    def failure(self, shared: Shared, error: Exception) -> Done:
        """What is done about a failure: the action `failed`, the fallback's value, or both.

        Raises the failure when the node says nothing.
        """
        fallback = None if self.declared.map else self.declared.fallback
        if FAILED in self.declared.next:
            return Done(fallback.value if fallback else {"error": str(error) or type(error).__name__}, FAILED)
        if fallback is not None:
            return Done(fallback.value)
        raise error

    def settle(self, shared: Shared, done: Done) -> str:
        """Put the result where it belongs; returns the action."""
        self.state.usage += done.usage
        self.scope.put(shared, self.declared.key, done.value)
        return done.action

    def variables(self, shared: Shared) -> dict[str, Any]:
        """What expressions see."""
        return {"params": self.params, "shared": self.scope.outputs(shared)}

    def invocation(self) -> Invocation:
        """The visit under way, as the outside world knows it."""
        visit = current_visit()
        assert visit is not None, "runs are observed"
        return Invocation(self.state.run, visit.path, visit.number)
