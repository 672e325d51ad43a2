"""Run another Flow for each item of a list: each is a durable run of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.durable.port import StoreError
from agent_runtime.durable.running import run_durably
from agent_runtime.flow import AsyncFlow, StepLimitExceeded, observe
from agent_runtime.flow.observe import current_run
from agent_runtime.runs.attempts import current_attempt
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.nodes.subflow import checked_params, too_many_steps
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.observer import RunObserver
from agent_runtime.runs.outcome import usage_from, usage_wire
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.scope import Scope
from agent_runtime.runs.state import RunState

BuildFlow = Callable[[Graph, RunState], AsyncFlow]
"""The graph of a flow, to be run with that state."""


class FlowWork:
    """The flow's result. An attempt goes on where the one before failed; the result ends the item's run."""

    bounded = False  # each of its nodes has a timeout of its own

    def __init__(
        self, node: FlowNode, variables: Iterable[str], graph: Graph, state: RunState, build: BuildFlow
    ) -> None:
        assert node.flow is not None
        self._name = node.flow
        self._graph = graph
        self._state = state
        self._build = build
        self._input = Field("input", node.input, variables)
        self._result = None if graph.result is None else Field("result", graph.result, FLOW_VARIABLES)

    def given(self, variables: Mapping[str, object]) -> Any:
        """The flow's parameters."""
        return checked_params(self._name, self._graph, self._input.render(variables))

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        run = _run_of(invocation)
        state = RunState(
            run=run,
            name=f"{self._state.name}#{invocation.node}:{invocation.visit}:{invocation.index}",
            flow=self._name,
            namespace=self._state.namespace,
            services=self._state.services,
            deadline=self._state.deadline,
            leg=self._state.leg,
            may_suspend=False,
            most_deaths=self._state.most_deaths,
            epoch=current_attempt.get(),
        )
        shared: dict[str, Any] = {}
        try:
            with _alone(), observe(RunObserver(state)):
                await self._walk(state, shared, given)
        except StepLimitExceeded as error:
            raise too_many_steps(self._name, self._graph) from error
        return StepResult(self._value(given, shared), usage=state.usage)

    async def settled(self, invocation: Invocation) -> None:
        store = self._state.services.store
        if store is not None:
            with suppress(StoreError):  # what is left is forgotten at the end of the run
                await store.delete(_run_of(invocation))

    async def _walk(self, state: RunState, shared: dict[str, Any], params: dict[str, Any]) -> None:
        flow = self._build(self._graph, state)
        store = state.services.store
        if store is None:
            flow.set_params(params)
            await flow.run_async(shared)
            return
        await run_durably(
            flow,
            shared,
            store=store,
            run=state.run,
            params=params,
            keep=1,
            take_over=True,  # the run around it is ours
            extra=lambda: usage_wire(state.usage),
            on_resume=lambda resumption: _resume(state, resumption.extra),
            clock=state.services.clock,
        )

    def _value(self, params: dict[str, Any], shared: dict[str, Any]) -> Any:
        scope = Scope()
        if self._result is None:
            return scope.last(shared)
        return self._result.render({"params": params, "shared": scope.outputs(shared)})


def _run_of(invocation: Invocation) -> str:
    return f"{invocation.run}#{invocation.node}:{invocation.visit}:{invocation.index}"


def _resume(state: RunState, extra: Any) -> None:
    state.usage = usage_from(extra)


@contextmanager
def _alone() -> Iterator[None]:
    """Without the observers of the run around it: it keeps its own journal."""
    token = current_run.set(None)
    try:
        yield
    finally:
        current_run.reset(token)
