"""The operator on a real API server: many Agents applied, settled, restarted, and rolled by their Model.

There is no kubelet and no Deployment controller, so what is measured is the operator and the API server.
Both, etcd and the applying client share the machine.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from covey_operator.kube.labels import CONFIG_HASH
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.bench.row import Row
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, until
from tests.controlplane.conftest import start_with_crds
from tests.controlplane.process import OperatorProcess

DEADLINE = 1200.0
NAMESPACE = "default"
OTHER_WORK = ("leases", "selfsubjectaccessreviews")
"""Writes that have nothing to do with any resource."""


def run(short: bool) -> Iterator[Row]:
    """Each number of Agents on a control plane of its own."""
    for count in (100,) if short else (500, 2000):
        plane = start_with_crds()
        with tempfile.TemporaryDirectory() as folder:
            operator = OperatorProcess(plane.kubeconfig, Path(folder), COVEY_LOG_LEVEL="warning")
            try:
                yield from _measure(count, plane, operator)
            finally:
                operator.kill()
                plane.stop()


def _measure(count: int, plane: ControlPlane, operator: OperatorProcess) -> Iterator[Row]:
    api = Api(plane.kubeconfig, NAMESPACE)
    api.apply(make.model())
    operator.start()

    took, cpu = _timed(operator, lambda: _apply(plane, count), count, lambda: _all_have_a_status(api, count))
    _check(api, count)
    done, passes = _writes(plane), operator.passes("Agent")
    yield Row(f"{count} Agents applied: until all children and statuses are written", took, "s")
    yield Row(f"{count} Agents applied: Agents", count / took, "per s")
    yield Row(f"{count} Agents applied: passes", passes / took, "per s")
    yield Row(f"{count} Agents applied: passes per Agent", passes / count, "passes")
    yield Row(f"{count} Agents applied: writes per Agent", len(done) / count, "writes")
    yield Row(f"{count} Agents applied: CPU of the operator per Agent", cpu / count * 1000, "ms")
    yield Row(f"{count} Agents applied: resident memory of the operator", _memory(operator), "MiB")

    operator.kill()
    before = len(_writes(plane))
    start = time.monotonic()
    operator.start()
    ready = time.monotonic() - start
    _passes(operator, count)
    yield Row(f"restart with {count} settled Agents: until ready", ready, "s")
    yield Row(f"restart with {count} settled Agents: until caught up", time.monotonic() - start, "s")
    yield Row(f"restart with {count} settled Agents: writes", len(_writes(plane)) - before, "writes")
    yield Row(f"restart with {count} settled Agents: CPU of the operator", _cpu(operator), "s")
    yield Row(
        f"restart with {count} settled Agents: resident memory of the operator", _memory(operator), "MiB"
    )

    before, passes = len(_writes(plane)), operator.passes("Agent")
    hashes = _config_hashes(api)
    took, cpu = _timed(
        operator,
        lambda: api.apply(make.model(reply="another")),
        count,
        lambda: not hashes & _config_hashes(api),
    )
    written, passes = len(_writes(plane)) - before, operator.passes("Agent") - passes
    yield Row(f"a Model of {count} Agents edited: until all are rolled", took, "s")
    yield Row(f"a Model of {count} Agents edited: passes per Agent", passes / count, "passes")
    yield Row(f"a Model of {count} Agents edited: writes per Agent", written / count, "writes")
    yield Row(f"a Model of {count} Agents edited: CPU of the operator per Agent", cpu / count * 1000, "ms")


def _timed(
    operator: OperatorProcess, act: Callable[[], None], passes: int, finished: Callable[[], bool]
) -> tuple[float, float]:
    """Seconds, and CPU seconds of the operator, until it has passed over that many Agents and is `finished`.

    Some Agents may have had a second pass when others had none yet, so passes alone do not tell.
    """
    done, cpu, start = operator.passes("Agent"), _cpu(operator), time.monotonic()
    act()
    _passes(operator, done + passes)
    until("the end", finished, DEADLINE)
    return time.monotonic() - start, _cpu(operator) - cpu


def _passes(operator: OperatorProcess, wanted: float) -> None:
    def enough() -> bool:
        metrics = operator.metrics()
        waiting = metrics[("covey_operator_queue_depth", ())]
        return metrics.get(("covey_operator_reconciles_total", ("Agent", "ok")), 0) >= wanted and not waiting

    until(f"{wanted:.0f} passes", enough, DEADLINE)


def _apply(plane: ControlPlane, count: int) -> None:
    """As fast as four clients can."""

    def some(first: int) -> None:
        api = Api(plane.kubeconfig, NAMESPACE)
        for number in range(first, count, 4):
            api.apply(make.agent(f"agent-{number}"))

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(some, range(4)))


def _all_have_a_status(api: Api, count: int) -> bool:
    agents = api.list("Agent")
    return len(agents) == count and all((agent.get("status") or {}).get("conditions") for agent in agents)


def _config_hashes(api: Api) -> set[tuple[str, str]]:
    """Of each Deployment, what its pods are rolled by."""
    return {
        (each["metadata"]["name"], each["spec"]["template"]["metadata"]["annotations"][CONFIG_HASH])
        for each in api.list("Deployment")
    }


def _check(api: Api, count: int) -> None:
    """What was measured did happen."""
    for kind in ("ServiceAccount", "ConfigMap", "Secret", "Service", "NetworkPolicy", "Deployment"):
        there = sum(each["metadata"]["name"].startswith("agent-") for each in api.list(kind))
        assert there == count, f"{there} of {count} {kind}s are there"


def _writes(plane: ControlPlane) -> list[str]:
    found = plane.writes("covey-operator")
    return [each.resource for each in found if each.resource not in OTHER_WORK]


def _cpu(operator: OperatorProcess) -> float:
    return operator.metrics()[("process_cpu_seconds_total", ())]


def _memory(operator: OperatorProcess) -> float:
    return operator.metrics()[("process_resident_memory_bytes", ())] / 2**20
