"""What `/metrics` of a `covey up` shows: the counters of all that it hosts.

In the cluster each process has its own `/metrics`, and the scrape says whose it is. Here one process hosts
them all: agents, models, flows and tools are labels already, and a blackboard's own counters get the label
`blackboard`.
"""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from agent_runtime.local.hosting.board import HostedBoard
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.telemetry.metrics import exposition


async def exposed(runtime: LocalRuntime) -> tuple[bytes, str]:
    """As Prometheus reads it, and the content type."""
    boards = dict(runtime.host.boards)
    for board in boards.values():
        board.metrics.show(await board.service.stats())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Boards(boards))
    registry.register(_Resources(runtime))
    return exposition(registry)


class _Boards(Collector):
    """The counters of several blackboards as one family each."""

    def __init__(self, boards: Mapping[str, HostedBoard]) -> None:
        self._boards = boards

    def describe(self) -> Sequence[Metric]:
        """Nothing up front: which there are is known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each family once, as the exposition format has it."""
        families: dict[str, Metric] = {}
        for name, board in sorted(self._boards.items()):
            for metric in board.metrics.registry.collect():
                family = families.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                family.samples += [
                    Sample(one.name, {"blackboard": name, **one.labels}, one.value) for one in metric.samples
                ]
        yield from families.values()


class _Resources(Collector):
    """Whether each resource is ready, and the runs by their phase."""

    def __init__(self, runtime: LocalRuntime) -> None:
        self._runtime = runtime

    def describe(self) -> Sequence[Metric]:
        """See `_Boards.describe`."""
        return []

    def collect(self) -> Iterator[Metric]:
        """By kind and name, as names of manifests are."""
        ready = Metric("covey_resource_ready", "1 for a resource that is ready, else 0.", "gauge")
        runs: dict[tuple[str, str], int] = {}
        for item in self._runtime.resources():
            name, status = item["metadata"]["name"], item["status"]
            if item["kind"] == "FlowRun":
                flow = str((item["spec"].get("flow") or {}).get("name", ""))
                runs[flow, status["phase"]] = runs.get((flow, status["phase"]), 0) + 1
                continue
            value = float(status["conditions"][-1]["status"] == "True")
            ready.add_sample("covey_resource_ready", {"kind": item["kind"], "name": name}, value)
        yield ready
        kept = Metric("covey_flow_runs", "Runs that are kept, by their phase.", "gauge")
        for (flow, phase), count in sorted(runs.items()):
            kept.add_sample("covey_flow_runs", {"flow": flow, "phase": phase}, float(count))
        yield kept
