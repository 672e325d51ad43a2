"""Many runs over six namespaces with limits: none is passed, all end, and all get their share."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, until
from tests.controlplane.played import end_job
from tests.controlplane.process import OperatorProcess

NAMESPACES, RUNS = 6, 20
MOST, MOST_PER_NAMESPACE, MOST_OF_A_FLOW = 12, 4, 3
KILL_AFTER = 50
"""Ended runs, after which the operator is killed."""


@pytest.fixture
def places(api: Api) -> list[Api]:
    return [api.within(f"{api.namespace}-{number}") for number in range(NAMESPACES)]


@pytest.fixture
def limited(
    control_plane: ControlPlane, _operator: OperatorProcess, places: list[Api], tmp_path: Path
) -> Iterator[OperatorProcess]:
    """Serves these namespaces only: runs that other tests left under way hold slots, too."""
    _operator.kill()
    process = OperatorProcess(
        control_plane.kubeconfig,
        tmp_path,
        COVEY_NAMESPACES=",".join(place.namespace for place in places),
        COVEY_RUN_STORE="false",
        COVEY_MAX_RUNS=str(MOST),
        COVEY_MAX_RUNS_PER_NAMESPACE=str(MOST_PER_NAMESPACE),
    )
    process.start()
    yield process
    process.kill()


@pytest.mark.timeout(900)
def test_all_runs_end_within_the_limits_and_get_their_share(
    places: list[Api], limited: OperatorProcess
) -> None:
    for place in places:
        place.apply(make.model(), make.flow(run={"maxConcurrent": MOST_OF_A_FLOW}), make.flow("free"))
    # the first namespace comes with all its runs before the others come with one
    for place in places:
        for number in range(RUNS):
            place.apply(make.flow_run(f"r{number}", "free" if number % 2 else "report"))

    for place in places:
        until("every run to stand in line", partial(all_known, place))

    ended: Counter[str] = Counter()
    halfway: dict[str, int] = {}

    def play() -> bool:
        jobs = {place.namespace: unfinished(place) for place in places}
        check(jobs)
        for place in places:
            for job in jobs[place.namespace][:2]:
                finish(place, job["metadata"]["name"])
                ended[place.namespace] += 1
        if ended.total() >= NAMESPACES * RUNS // 2 and not halfway:
            halfway.update(ended)
        if ended.total() >= KILL_AFTER and limited.alive() and not killed:
            killed.append(True)
            limited.kill()
            limited.start()
        return ended.total() == NAMESPACES * RUNS

    killed: list[bool] = []
    until("all have ended", play, deadline=800)
    for place in places:
        until("every status says so", partial(all_succeeded, place))
    assert max(halfway.values()) - min(halfway.values()) <= MOST_PER_NAMESPACE * 2


def unfinished(place: Api) -> list[Object]:
    return [job for job in place.list("Job") if not (job.get("status") or {}).get("conditions")]


def check(jobs: dict[str, list[Object]]) -> None:
    """Only this test ends Jobs: what was seen in one namespace is there still when the next is seen."""
    assert sum(map(len, jobs.values())) <= MOST
    for found in jobs.values():
        assert len(found) <= MOST_PER_NAMESPACE
        of_the_flow = [each for each in found if int(number_of(each)) % 2 == 0]
        assert len(of_the_flow) <= MOST_OF_A_FLOW


def number_of(job: Object) -> str:
    return str(job["metadata"]["name"]).removeprefix("r").removesuffix("-run")


def finish(place: Api, job: str) -> None:
    place.set_status("Job", job, {"active": 1, "startTime": "2026-01-05T12:00:00Z"})
    end_job(place, job, json.dumps({"result": 1}))


def all_known(place: Api) -> bool:
    return all((run.get("status") or {}).get("phase") for run in place.list("FlowRun"))


def all_succeeded(place: Api) -> bool:
    phases = Counter((each.get("status") or {}).get("phase") for each in place.list("FlowRun"))
    return phases == {"Succeeded": RUNS}
