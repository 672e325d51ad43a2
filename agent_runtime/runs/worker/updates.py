"""Follows a run by its events: how far its nodes are, for whoever asks while it runs."""

from agent_runtime.runs.outcome import NodeOutcome, rfc3339
from agent_runtime.telemetry.events import Event


class NodeStates:
    """An observer of events that knows the latest state of each node of one run."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._nodes: dict[str, NodeOutcome] = {}

    @property
    def nodes(self) -> tuple[NodeOutcome, ...]:
        """In the order of their first visits in this process."""
        return tuple(self._nodes.values())

    def __call__(self, event: Event) -> None:
        if event.kind != "run.node" or event.subject != self._run:
            return
        data, now = event.data, rfc3339(event.at)
        path = data["node"]
        if "outcome" not in data:
            self._nodes[path] = NodeOutcome(path, "Running", None, data["visit"], started_at=now)
            return
        before = self._nodes.get(path)
        self._nodes[path] = NodeOutcome(
            path,
            data["state"],
            data["action"],
            data["visit"],
            data["attempts"] if data["attempts"] > 1 else None,
            before.started_at if before is not None else None,
            now if data["state"] in ("Succeeded", "Failed") else None,
            data.get("answered_by"),
        )
