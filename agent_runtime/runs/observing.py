"""Watches the visits of a run: events, metrics, a span and a state for each."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent_runtime.clock import Clock
from agent_runtime.flow import Observer, StepLimitExceeded, Visit
from agent_runtime.runs.outcome import NodeOutcome
from agent_runtime.telemetry import events, metrics, traces


class RunObserver(Observer):
    """An observer of one run."""

    def __init__(self, run: str, flow: str, observer: events.Observer, clock: Clock) -> None:
        self._run = run
        self._flow = flow
        self._observer = observer
        self._clock = clock
        self._nodes: dict[str, NodeOutcome] = {}
        self.failed = ""
        """The node whose failure ended the run."""

    @property
    def nodes(self) -> tuple[NodeOutcome, ...]:
        """How far each node came, in the order of their first visits."""
        return tuple(self._nodes.values())

    @contextmanager
    def visit(self, visit: Visit) -> Iterator[None]:
        """Around one visit."""
        begin = self._clock.monotonic()
        self._note(visit, "Running")
        try:
            with traces.span(f"node {visit.name}", {"covey.flow": self._flow, "covey.run": self._run}):
                yield
        except StepLimitExceeded:
            # The node did its part; it is the walk that goes no further.
            self._end(visit, begin, "Succeeded")
            raise
        except BaseException:
            self.failed = visit.name
            self._end(visit, begin, "Failed")
            raise
        self._end(visit, begin, "Succeeded")

    def _end(self, visit: Visit, begin: float, state: str) -> None:
        metrics.FLOW_NODES.labels(self._flow, visit.name, state.lower()).inc()
        metrics.FLOW_NODE_SECONDS.labels(self._flow, visit.name).observe(self._clock.monotonic() - begin)
        self._note(visit, state)

    def _note(self, visit: Visit, state: str) -> None:
        action = visit.action if state == "Succeeded" else None
        self._nodes[visit.name] = NodeOutcome(visit.name, state, action, visit.number)
        data = {"node": visit.name, "state": state, "visit": visit.number, "action": action}
        data["flow"] = self._flow
        message = f"{visit.name} {state.lower()}"
        self._observer(events.Event(self._clock.now(), "run.node", self._run, message, data))
