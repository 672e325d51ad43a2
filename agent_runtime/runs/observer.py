"""Watches the visits of a run: a state, an event, metrics and a span for each."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import FAILED
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import Observer, Visit
from agent_runtime.models.port import NO_USAGE, Usage
from agent_runtime.runs.failures import details_of, message_of
from agent_runtime.runs.nodes.base import NOT_THE_NODES, NodeBase
from agent_runtime.runs.nodes.subflow import AGAIN
from agent_runtime.runs.outcome import NodeOutcome, rfc3339
from agent_runtime.runs.state import RunState
from agent_runtime.telemetry import metrics, traces

_UNDER_WAY = "Running"


class RunObserver(Observer):
    """An observer of one run."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._clock = state.services.clock
        self._nodes: dict[str, NodeOutcome] = {}
        self._failure: BaseException | None = None
        self.failed = ""
        """The path of the node whose failure ended the run."""
        self.latest = ""
        """The path of the node that ended last."""
        self.began = False
        """Whether this process visited a node."""

    @property
    def nodes(self) -> tuple[NodeOutcome, ...]:
        """How far each node came, in the order of their first visits."""
        return tuple(self._nodes.values())

    def go_on_from(self, nodes: Iterable[NodeOutcome]) -> None:
        """Earlier processes came so far."""
        self._nodes = {node.name: node for node in nodes}

    def out_of_time(self) -> None:
        """The run ends while nodes are under way: they failed."""
        now = rfc3339(self._clock.now())
        for path, node in self._nodes.items():
            if node.state == _UNDER_WAY:
                self.failed = path
                self._nodes[path] = replace(node, state="Failed", finished_at=now)

    @contextmanager
    def visit(self, visit: Visit) -> Iterator[None]:
        """Around one visit."""
        begin, used = self._clock.monotonic(), self._state.usage
        self._begin(visit)
        with traces.span(f"node {visit.path}", self._attributes(visit)) as span:
            error: BaseException | None = None
            try:
                yield
            except BaseException as raised:
                error = raised
                raise
            finally:
                state = _state(visit, error)
                if isinstance(error, Exception) and state == "Failed" and error is not self._failure:
                    # It passes the flows around the node too; the innermost is the culprit.
                    self._failure, self.failed = error, visit.path
                usage = _difference(self._state.usage, used)
                span.set_attributes(_told(visit, usage))
                self._end(visit, state, self._clock.monotonic() - begin, error, usage)

    def _begin(self, visit: Visit) -> None:
        self.began = True
        now = rfc3339(self._clock.now())
        self._nodes[visit.path] = NodeOutcome(visit.path, _UNDER_WAY, None, visit.number, started_at=now)
        data = {"node": visit.path, "state": _UNDER_WAY, "visit": visit.number, "action": None}
        self._state.tell("run.node", f"{visit.path} running", **data)

    def _end(
        self, visit: Visit, state: str, seconds: float, error: BaseException | None, usage: Usage
    ) -> None:
        action = visit.action if error is None or visit.action else None
        outcome = "interrupted" if state == _UNDER_WAY else state.lower()
        flow = self._state.flow
        metrics.FLOW_NODES.labels(flow, visit.path, outcome).inc()
        metrics.FLOW_NODE_SECONDS.labels(flow, visit.path).observe(seconds)
        if visit.retries:
            metrics.FLOW_NODE_RETRIES.labels(flow, visit.path).inc(visit.retries)
        if state != _UNDER_WAY:
            self._nodes[visit.path] = replace(
                self._nodes[visit.path],
                state=state,
                action=action,
                attempts=visit.attempts if visit.attempts > 1 else None,
                finished_at=None if state == "Waiting" else rfc3339(self._clock.now()),
                answered_by=_answered_by(visit),
            )
        if visit.action is not None:
            self.latest = visit.path
        trouble = _trouble(visit, error)
        trace = details_of(trouble)[1]
        self._state.tell(
            "run.node",
            f"{visit.path} {outcome}",
            node=visit.path,
            state=state,
            visit=visit.number,
            action=action,
            attempts=visit.attempts,
            seconds=round(seconds, 6),
            outcome=outcome,
            error=None if trouble is None else message_of(trouble),
            **({"traceback": trace} if trace else {}),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            **({"answered_by": by} if (by := _answered_by(visit)) else {}),
        )

    def _attributes(self, visit: Visit) -> dict[str, str | int]:
        where: dict[str, str | int] = {
            traces.FLOW: self._state.flow,
            traces.RUN: self._state.name,
            traces.NODE: visit.path,
            traces.VISIT: visit.number,
        }
        return where | _named(visit.node.declared) if isinstance(visit.node, NodeBase) else where


def _state(visit: Visit, error: BaseException | None) -> str:
    """What the visit came to. One that has an action did its part, whatever comes after."""
    if visit.action is not None:
        return "Failed" if visit.action in (FAILED, AGAIN) else "Succeeded"
    if isinstance(error, Suspend):
        return "Waiting"
    failed = isinstance(error, Exception) and not isinstance(error, NOT_THE_NODES)
    return "Failed" if failed else _UNDER_WAY


def _trouble(visit: Visit, error: BaseException | None) -> Exception | None:
    """What went wrong, also when the node found a way out; or in an attempt that was followed by another."""
    handled = visit.node.trouble if isinstance(visit.node, NodeBase) else None
    return error if isinstance(error, Exception) else handled or visit.retried_after


def _answered_by(visit: Visit) -> str | None:
    return visit.node.answered_by if isinstance(visit.node, NodeBase) else None


def _named(node: FlowNode) -> dict[str, str | int]:
    """What the node uses, by the conventions' names."""
    if node.agent is not None:
        return {traces.AGENT_NAME: node.agent}
    if node.llm is not None:
        return {traces.MODEL_NAME: node.llm.model.name}
    if node.tool is not None:
        return {traces.TOOL_NAME: node.tool.builtin}
    if node.publish is not None:
        return {traces.DESTINATION: node.publish.type}
    return {}


def _told(visit: Visit, usage: Usage) -> dict[str, Any]:
    known: dict[str, Any] = {traces.ATTEMPTS: visit.attempts}
    if visit.action is not None:
        known[traces.ACTION] = str(visit.action)
    if usage != NO_USAGE:
        known |= {traces.INPUT_TOKENS: usage.input_tokens, traces.OUTPUT_TOKENS: usage.output_tokens}
    return known


def _difference(now: Usage, before: Usage) -> Usage:
    return Usage(now.input_tokens - before.input_tokens, now.output_tokens - before.output_tokens)
