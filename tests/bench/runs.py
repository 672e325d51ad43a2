"""Runs in a real cluster: how fast they start, how soon a killed one goes on, a burst over many namespaces.

The node is one of ours (root, `make cluster-tools`), started for this and stopped; all shares its cores.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hack import covey
from hack.cluster.node.node import Cluster
from hack.cluster.tools import missing_parts
from tests.bench.row import Row
from tests.e2e.here import Here, eventually

Manifest = dict[str, Any]
_PATIENCE = 1800.0
QUICK: Manifest = {
    "start": "now",
    "nodes": [{"name": "now", "tool": {"builtin": "clock"}}],
    "run": {"backend": "Queue"},
    "serve": {"replicas": 1, "concurrency": 1},
}
KILLED: Manifest = {
    "start": "first",
    "nodes": [
        {"name": "first", "tool": {"builtin": "clock"}, "next": {"default": "under-way"}},
        {"name": "under-way", "wait": {"duration": "2s"}, "next": {"default": "last"}},
        {"name": "last", "tool": {"builtin": "clock"}},
    ],
}


def run(short: bool) -> Iterator[Row]:
    """A burst of 100 (short) or 500 runs over 10 namespaces with one worker slot each, and the rest."""
    if os.geteuid() != 0 or missing_parts(only_api=False):
        sys.stderr.write("left out: takes root and `make cluster-tools`\n")
        return
    with Cluster(name="covey-bench") as cluster:
        covey.install(cluster, covey.load_images(cluster))
        yield from _jobs(Here(cluster, "jobs"), 10 if short else 30)
        yield from _resume(Here(cluster, "resume"), 3 if short else 7)
        yield from _burst([Here(cluster, f"team-{n}") for n in range(10)], 10 if short else 50)


def _jobs(here: Here, count: int) -> Iterator[Row]:
    _make(here)
    graph = {key: QUICK[key] for key in ("start", "nodes")}
    began = time.perf_counter()
    _start(here, [f"run-{n}" for n in range(count)], {"flowSpec": graph})
    _all_succeeded(here, count)
    yield Row(f"{count} runs at once, a Job each: ended", count / (time.perf_counter() - began), "runs/s")
    _drop(here)


def _resume(here: Here, times: int) -> Iterator[Row]:
    """From the kill of a pod to the end of its run, of which nothing but a moment was left."""
    _make(here)
    took = []
    for number in range(times):
        name = f"killed-{number}"
        _start(here, [name], {"flowSpec": KILLED})
        pod = _running_pod(here, name)
        began = time.perf_counter()
        here.kubectl("delete", pod, "--grace-period=0", "--force")
        here.wait("--for=condition=Succeeded", f"flowrun/{name}")
        took.append(time.perf_counter() - began)
    yield Row("a run's pod killed to the run's end", statistics.median(took), "s")
    _drop(here)


def _running_pod(here: Here, run: str) -> str:
    wanted = ("pods", f"--selector=covey.dev/flowrun={run}", "--field-selector=status.phase=Running")
    return eventually(lambda: here.names(*wanted), "a running pod")[0]


def _burst(teams: list[Here], each: int) -> Iterator[Row]:
    for here in teams:
        _make(here)
        flow = {
            "apiVersion": "covey.dev/v1alpha1",
            "kind": "Flow",
            "metadata": {"name": "quick"},
            "spec": QUICK,
        }
        here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(flow))
    for here in teams:
        here.wait("--for=condition=Ready", "flow/quick")
    began = time.perf_counter()
    for here in teams:
        _start(here, [f"run-{n}" for n in range(each)], {"flow": {"name": "quick"}})
    for here in teams:
        _all_succeeded(here, each)
    took = time.perf_counter() - began
    count = each * len(teams)
    yield Row(f"burst: {count} runs, {len(teams)} namespaces, a worker slot each: ended", count, "runs")
    yield Row("burst: runs ended per second", count / took, "runs/s")
    last = [_last_end(here) for here in teams]
    yield Row("burst: first to last namespace to be through", (max(last) - min(last)).total_seconds(), "s")
    for here in teams:
        _drop(here)


def _make(here: Here) -> None:
    here.cluster.kubectl("create", "namespace", here.namespace)


def _drop(here: Here) -> None:
    here.cluster.kubectl("delete", "namespace", here.namespace, "--wait")


def _start(here: Here, names: list[str], spec: Manifest) -> None:
    runs = [
        {"apiVersion": "covey.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}
        for name in names
    ]
    here.kubectl("create", "-f", "-", input="\n---\n".join(json.dumps(run) for run in runs))


def _all_succeeded(here: Here, count: int) -> None:
    path = "-o=jsonpath={.items[*].status.phase}"
    eventually(
        lambda: here.kubectl("get", "flowruns", path).split().count("Succeeded") == count,
        f"{count} runs of {here.namespace} to succeed",
        _PATIENCE,
    )


def _last_end(here: Here) -> datetime:
    ends = here.kubectl("get", "flowruns", "-o=jsonpath={.items[*].status.finishedAt}").split()
    return max(datetime.fromisoformat(end) for end in ends)
