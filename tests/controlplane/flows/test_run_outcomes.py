"""A leg that has ended, and whose pod was gone before the operator looked: the run is not taken for over."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime.config.models import run_id
from agent_runtime.core.clock import SYSTEM_CLOCK
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.records import RunRecords
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, condition, says_of, until
from tests.controlplane.played import end_job, start_job
from tests.controlplane.rig import Rig
from tests.controlplane.runs_process import RunsProcess, give_install_key

ASKS: Object = {
    "result": None,
    "waiting": {"for": "Approval", "node": "write", "visit": 1, "prompt": "Pay?", "actions": ["yes"]},
}
ENDS: Object = {"result": "done"}


@pytest.fixture
def store(api: Api, tmp_path: Path) -> Iterator[RunsProcess]:
    give_install_key(api)
    server = RunsProcess(tmp_path)
    server.start()
    yield server
    server.kill()


def rigged(control_plane: ControlPlane, api: Api, folder: Path, **settings: str) -> Rig:
    return Rig(control_plane.kubeconfig, api, folder / "operator", **settings)


def lose_the_pod(rig: Rig, api: Api, job: str, words: Object, *, failed: str | None = None) -> str:
    """The leg ends while the operator is away, and its pod goes with its node. Returns the Job's uid."""
    until(f"Job {job}", lambda: api.get("Job", job))
    start_job(api, job)
    says_of(api, "FlowRun", "monday", "Running", top="Succeeded")
    rig.operator.kill()
    end_job(api, job, json.dumps(words), failed=failed)
    api.delete("Pod", f"{job}-x")
    until("no pod", lambda: api.get("Pod", f"{job}-x") is None)
    uid: str = api.there("Job", job)["metadata"]["uid"]
    rig.operator.start()
    return uid


def status(api: Api) -> Object:
    found: Object = api.there("FlowRun", "monday").get("status") or {}
    return found


def made_again(api: Api, job: str, uid: str) -> None:
    until(
        "the Job is made again",
        lambda: (api.get("Job", job) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid,
    )


@pytest.mark.parametrize("is_there", [True, False], ids=["store", "store is away"])
@pytest.mark.usefixtures("quiet")
def test_a_run_that_asks_a_person_asks_although_its_pod_is_gone(
    control_plane: ControlPlane, api: Api, tmp_path: Path, store: RunsProcess, is_there: bool
) -> None:
    if not is_there:
        store.kill()
    with rigged(control_plane, api, tmp_path, COVEY_RUN_STORE="true", COVEY_RUN_STORE_URL=store.url) as rig:
        api.apply(make.model(), make.flow(), make.flow_run())
        uid = lose_the_pod(rig, api, "monday-run", ASKS)
        made_again(api, "monday-run", uid)
        start_job(api, "monday-run")
        end_job(api, "monday-run", json.dumps(ASKS))
        says_of(api, "FlowRun", "monday", "WaitingForApproval", top="Succeeded")
        api.edit("FlowRun", "monday", {"spec": {"answers": [{"node": "write", "action": "yes"}]}})
        uid = lose_the_pod(rig, api, "monday-run-2", ENDS)
        made_again(api, "monday-run-2", uid)
        start_job(api, "monday-run-2")
        end_job(api, "monday-run-2", json.dumps(ENDS))
        says_of(api, "FlowRun", "monday", "Succeeded", top="Succeeded")
        assert (status(api)["result"], status(api)["leg"]) == ("done", 2)


@pytest.mark.parametrize("failed", [None, "DeadlineExceeded"])
@pytest.mark.usefixtures("quiet")
def test_a_result_that_the_run_store_has_is_not_lost(
    control_plane: ControlPlane, api: Api, tmp_path: Path, store: RunsProcess, failed: str | None
) -> None:
    with rigged(control_plane, api, tmp_path, COVEY_RUN_STORE="true", COVEY_RUN_STORE_URL=store.url) as rig:
        api.apply(make.model(), make.flow(), make.flow_run())
        until("the run", lambda: status(api))
        uid = api.there("FlowRun", "monday")["metadata"]["uid"]
        asyncio.run(keep_outcome(store, run_id(api.namespace, "monday", uid)))
        lose_the_pod(rig, api, "monday-run", ENDS, failed=failed)
        says_of(api, "FlowRun", "monday", "Succeeded", top="Succeeded")
        assert status(api)["result"] == "kept"
        assert status(api)["finishedAt"]


async def keep_outcome(store: RunsProcess, run: str) -> None:
    """As the run's process does it at its end."""
    client = store.store_of(run)
    keeping = RunRecords(client, run, patience=0, clock=SYSTEM_CLOCK)
    await keeping.end(Outcome("kept"), None, holder="pod", take_over=False)


@pytest.mark.usefixtures("quiet")
def test_without_a_run_store_a_lost_outcome_is_a_failure(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    with rigged(control_plane, api, tmp_path, COVEY_RUN_STORE="false") as rig:
        api.apply(make.model(), make.flow(), make.flow_run())
        lose_the_pod(rig, api, "monday-run", ENDS)
        said = says_of(api, "FlowRun", "monday", "OutcomeLost", top="Succeeded")
        assert (said["status"], status(api)["phase"]) == ("False", "Failed")
        assert "there is no run store" in condition(api.there("FlowRun", "monday"), "Succeeded")["message"]
        assert status(api)["finishedAt"]
