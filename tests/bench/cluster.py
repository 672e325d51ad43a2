"""A user's waits in a real cluster: a node, an installation, a first answer, a run.

The node is one of ours (root, `make cluster-tools`), started for this and stopped.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from hack import covey
from hack.cluster.node.node import Cluster
from hack.cluster.tools import missing_parts
from tests.bench.row import Row
from tests.e2e.here import Here

RUN = {"apiVersion": "covey.dev/v1alpha1", "kind": "FlowRun", "spec": {"flow": {"name": "greet"}}}


def run(short: bool) -> Iterator[Row]:
    """Medians of three (short) or seven; images are built and loaded before the clock starts."""
    if os.geteuid() != 0 or missing_parts(only_api=False):
        sys.stderr.write("left out: takes root and `make cluster-tools`\n")
        return
    times = 3 if short else 7
    with Cluster(name="covey-bench") as cluster:
        images = covey.load_images(cluster)
        yield Row(
            "both charts installed, operator ready", _seconds(partial(covey.install, cluster, images)), "s"
        )
        answers, runs = [], []
        for number in range(times):
            here = Here(cluster, f"bench-{number}")
            cluster.kubectl("create", "namespace", here.namespace)
            answers.append(_seconds(partial(_first_answer, here)))
            runs.append(_seconds(partial(_one_run, here)))
            cluster.kubectl("delete", "namespace", here.namespace, "--wait")
        yield Row("kubectl apply of an agent to its first answer", statistics.median(answers), "s")
        yield Row("kubectl apply of a run to its result", statistics.median(runs), "s")


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _first_answer(here: Here) -> None:
    here.apply("hello")
    here.wait("--for=condition=Ready", "agent/polly")
    with here.door("service/polly-agent") as http:
        http.post("/v1/chat", json={"message": "Hello"}).raise_for_status()


def _one_run(here: Here) -> None:
    manifest = {**RUN, "metadata": {"name": "greet"}}
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(manifest))
    here.wait("--for=condition=Succeeded", "flowrun/greet")
