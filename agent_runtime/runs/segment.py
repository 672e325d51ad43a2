"""One process's part of a run: resumes it, walks its flow, and says what came of it."""

from dataclasses import replace
from typing import Any

from agent_runtime.compile.flows.actions import ending, ends_silently
from agent_runtime.compile.flows.graph import DEFAULT
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.compile.flows.subflows import every_node
from agent_runtime.config.models import RunConfig
from agent_runtime.durable.checkpoint import CheckpointError
from agent_runtime.durable.client.transport import Refused
from agent_runtime.durable.fingerprint import OtherGraph
from agent_runtime.durable.port import NoSuchRun, StoreError, Writer
from agent_runtime.durable.running import run_durably
from agent_runtime.durable.session import Resumption
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import StepLimitExceeded, observe
from agent_runtime.models.port import NO_USAGE
from agent_runtime.runs.build import build
from agent_runtime.runs.deadline import DeadlineExceeded
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.failures import details_of, message_of
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.observer import RunObserver
from agent_runtime.runs.outcome import (
    NodeOutcome,
    Outcome,
    RunError,
    Waiting,
    rfc3339,
    usage_from,
    usage_wire,
)
from agent_runtime.runs.records import RunRecords
from agent_runtime.runs.scope import Scope
from agent_runtime.runs.state import RunState
from agent_runtime.telemetry import metrics


class Segment:
    """A run that begins, or goes on. `go` once."""

    def __init__(self, config: RunConfig, state: RunState, *, take_over: bool, patience: float) -> None:
        self._config = config
        self._state = state
        self._take_over = take_over
        self._patience = patience
        self._watch = RunObserver(state)
        self._params = config.params
        self._shared: dict[str, Any] = {}
        self._resumed_from: str | None = None
        self._writer: Writer | None = None
        store = state.services.store
        self._keeping = (
            None
            if store is None
            else RunRecords(store, state.run, patience=patience, clock=state.services.clock)
        )

    async def go(self) -> Outcome:
        """What came of it. Failures are part of the outcome. Raises StoreError."""
        if self._keeping is not None and (ended := await self._keeping.outcome()) is not None:
            return ended
        state = self._state
        state.tell("run.started", f"runs flow {state.flow}")
        outcome, final = await self._attempt()
        if outcome.waiting is not None:
            metrics.FLOW_SUSPENSIONS.labels(state.flow, outcome.waiting.for_).inc()
            data = outcome.waiting.wire()
            state.tell(
                "run.waiting", f"waits at {outcome.waiting.node} for {_SAID[outcome.waiting.for_]}", **data
            )
            return outcome
        if self._keeping is not None and final:
            await self._keeping.end(outcome, self._writer, holder=state.holder, take_over=self._take_over)
            if any(node.map and node.flow for node in every_node(self._config.flow, self._config.flows)):
                await self._keeping.forget_items()
        metrics.FLOW_RUNS.labels(state.flow, "succeeded" if outcome.succeeded else "failed").inc()
        metrics.FLOW_RUN_SECONDS.labels(state.flow).observe(state.deadline.worked)
        self._tell_end(outcome)
        return outcome

    async def _attempt(self) -> tuple[Outcome, bool]:
        """The outcome, and whether it is the run's for good."""
        try:
            await self._walk()
            outcome = replace(self._outcome(result=self._result()), note=self._ending())
            if outcome.note:
                self._state.tell("run.warning", outcome.note)
            return outcome, True
        except Suspend as suspension:
            return self._outcome(waiting=_waiting(suspension)), False
        except (OtherGraph, NoSuchRun) as error:
            # With the right graph, or the run to fork from, it can go on.
            return self._outcome(error=RunError("", message_of(error))), False
        except Refused as error:
            # The store's server will not take it, however often it is asked: too large, or not ours.
            return self._outcome(error=RunError(self._watch.latest, message_of(error))), False
        except StoreError:
            raise
        except CheckpointError as error:
            # One that cannot be read may be by another version; one that cannot be written ends the run.
            return self._outcome(error=RunError(self._watch.latest, message_of(error))), self._watch.began
        except StepLimitExceeded:
            limit = self._config.flow.max_steps
            message = (
                f"the run made {limit} visits, the flow's maxSteps, without an end: raise it, or end the loop"
            )
            return self._outcome(error=RunError("", message)), True
        except Exception as error:
            if isinstance(error, DeadlineExceeded):
                self._watch.out_of_time()
            kind, trace = details_of(error)
            return self._outcome(error=RunError(self._watch.failed, message_of(error), kind, trace)), True

    async def _walk(self) -> None:
        state, store = self._state, self._state.services.store
        flow = build(self._config, state)
        with observe(self._watch):
            async with state.deadline.bounding():
                if store is None or self._keeping is None:
                    if self._config.fork_of is not None:
                        raise NodeFailed("a fork needs a run store, which is where the other run is kept")
                    await flow.run_async(self._shared)
                    return
                await self._keeping.begin(self._config.fork_of)
                finished = await run_durably(
                    flow,
                    self._shared,
                    store=store,
                    run=state.run,
                    holder=state.holder,
                    take_over=self._take_over,
                    extra=self._extra,
                    on_resume=self._resume,
                    patience=self._patience,
                    clock=state.services.clock,
                )
                self._writer = finished.writer

    def _extra(self) -> dict[str, Any]:
        """What is kept beside each checkpoint."""
        return {
            "run": self._state.run,
            "usage": usage_wire(self._state.usage),
            "nodes": [node.wire() for node in self._watch.nodes],
            "worked": round(self._state.deadline.worked, 3),
            "params": self._params,
        }

    def _resume(self, resumption: Resumption) -> None:
        extra = resumption.extra
        # A fork begins with nothing: what the run before it took is counted there.
        own = self._config.fork_of is None or extra.get("run") == self._state.run
        self._state.usage = usage_from(extra["usage"]) if own else NO_USAGE
        self._state.deadline.go_on_from(extra["worked"])
        self._watch.go_on_from(NodeOutcome.from_wire(node) for node in extra["nodes"])
        # A fork has the parameters of the run that it goes on from, as its nodes do.
        self._params = extra["params"]
        if resumption.nodes and not resumption.ended:
            self._resumed_from = resumption.nodes[0]

    def _ending(self) -> str:
        """What is said when the run ended though its last node has others to go on to."""
        last = next((node for node in self._watch.nodes if node.name == self._watch.latest), None)
        declared = next((node for node in self._config.flow.nodes if last and node.name == last.name), None)
        if last is None or declared is None or not ends_silently(declared, last.action or DEFAULT):
            return ""
        return f'ended at node "{last.name}": {ending(declared, last.action or DEFAULT)}'

    def _result(self) -> Any:
        scope, template = Scope(), self._config.flow.result
        if template is None:
            return scope.last(self._shared)
        variables = {"params": self._params, "shared": scope.outputs(self._shared)}
        self._watch.failed = ""
        return Field("result", template, FLOW_VARIABLES).render(variables)

    def _outcome(
        self, result: Any = None, error: RunError | None = None, waiting: Waiting | None = None
    ) -> Outcome:
        nodes = self._watch.nodes
        if waiting is None:
            now = rfc3339(self._state.services.clock.now())
            nodes = tuple(node.at_end(now) for node in nodes)
        return Outcome(result, nodes, self._state.usage, error, waiting, self._resumed_from)

    def _tell_end(self, outcome: Outcome) -> None:
        error = outcome.error
        where = f"at {error.node}: " if error and error.node else ""
        self._state.tell(
            "run.finished",
            f"failed {where}{error.message}" if error else "succeeded",
            succeeded=outcome.succeeded,
            **({"error": error.wire()} if error else {}),
            seconds=round(self._state.deadline.worked, 3),
            input_tokens=outcome.usage.input_tokens,
            output_tokens=outcome.usage.output_tokens,
        )


_SAID = {"Approval": "an answer", "Time": "the clock", "Map": "the pods of its items"}


def _waiting(suspension: Suspend) -> Waiting:
    waiting = Waiting.from_wire(suspension.waiting)
    if waiting.for_ != "Map" or suspension.writer is None:
        return waiting
    return replace(waiting, generation=suspension.writer.generation)
