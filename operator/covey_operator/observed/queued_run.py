"""The status of a FlowRun that warm workers run: from its queue."""

from agent_runtime.api.flowrun import FlowRunResource, FlowRunStatus, Waiting
from agent_runtime.runs.queue.port import QueueState
from covey_operator.conditions import Condition
from covey_operator.kube.resources import Object
from covey_operator.observed.nodes import merged
from covey_operator.observed.observation import Observation
from covey_operator.observed.run_phases import SUSPENDED, ends, going, waits
from covey_operator.runs.outcome import Outcome, outcome_of
from covey_operator.runs.queue_rows import InQueue
from covey_operator.runs.waits import is_answered


def observe_queued(
    run: FlowRunResource, status: FlowRunStatus, place: InQueue, workers: str = ""
) -> Observation:
    """`status` is as it was; `workers`: why those of its flow are not ready."""
    state = place.state
    if place.away:
        said = Condition(
            "Succeeded", "Unknown", "RunStoreAway", f"the runs server does not answer: {place.away}"
        )
        return going(status.phase or "Queued", said)
    if state is None:
        fields: Object = {"leg": status.leg or 1}
        return going("Queued", SUSPENDED if run.spec.suspend else _starting(place, 0, workers), **fields)
    outcome = outcome_of(state.outcome) if state.outcome is not None else None
    match state.state:
        case "Ended":
            return _ended(status, state, outcome)
        case "Suspended":
            return _at_rest(run, status, outcome)
        case "Waiting":
            return going("Queued", _starting(place, state.attempts, workers), **_going_on(status, state))
        case "Running":
            return going("Running", Condition("Succeeded", "Unknown", "Running"), **_going_on(status, state))


def _starting(place: InQueue, attempts: int, workers: str) -> Condition:
    before = "its worker was lost: it " if attempts else ""
    why = f", whose workers are not ready: {workers}" if workers else ""
    message = f"{before}waits for a worker of Flow {place.queue.partition('/')[2]}{why}"
    return Condition("Succeeded", "Unknown", "Starting", message)


def _going_on(status: FlowRunStatus, state: QueueState) -> Object:
    """A leg after a wait has a number of its own: Jobs of mapped nodes are named after it."""
    leg = (status.leg or 1) + (1 if status.waiting is not None else 0)
    progress = outcome_of(state.progress) if state.progress is not None else Outcome()
    return {"leg": leg, "waiting": None, **_nodes(status, progress)}


def _at_rest(run: FlowRunResource, status: FlowRunStatus, outcome: Outcome | None) -> Observation:
    waiting = outcome.waiting if outcome is not None else None
    if waiting is None or outcome is None:
        return going("Waiting", SUSPENDED)
    fields = {"leg": _leg_of(status, waiting), **_nodes(status, outcome)}
    if outcome.fields.get("usage"):
        fields["usage"] = outcome.fields["usage"]
    suspended = run.spec.suspend and is_answered(run, waiting)
    return waits(run, waiting, suspended=suspended, **fields)


def _leg_of(status: FlowRunStatus, waiting: Waiting) -> int:
    """Another wait than the one that was known has a leg of its own, even when nobody saw the run between."""
    another = status.waiting is not None and status.waiting != waiting
    return (status.leg or 1) + (1 if another else 0)


def _ended(status: FlowRunStatus, state: QueueState, outcome: Outcome | None) -> Observation:
    if outcome is None or outcome.waiting is not None:
        if state.wanted == "Cancel":
            said = Condition("Succeeded", "False", "Cancelled", "spec.cancel is true")
            return ends("Cancelled", said, **_nodes(status, outcome or Outcome()))
        return ends(
            "Failed", Condition("Succeeded", "False", "Failed", "the queue ended it without an outcome")
        )
    fields = {**outcome.fields, **_nodes(status, outcome)}
    if outcome.error:
        return ends("Failed", Condition("Succeeded", "False", "FlowFailed", outcome.error), **fields)
    return ends("Succeeded", Condition("Succeeded", "True", "Succeeded", outcome.note), **fields)


def _nodes(status: FlowRunStatus, outcome: Outcome) -> Object:
    """What is known of nodes, and when the first of them began."""
    nodes = merged(status.nodes or (), outcome.nodes)
    begun = [node["startedAt"] for node in nodes if node.get("startedAt")]
    started = status.started_at or min(begun, default=None)
    return ({"nodes": nodes} if nodes else {}) | ({"startedAt": started} if started else {})
