"""A run goes through its legs exactly once, whenever the operator dies."""

import json
from functools import partial
from pathlib import Path

import pytest

from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, until
from tests.controlplane.played import end_job, start_job
from tests.controlplane.rig import Rig

ASKS: Object = {
    "result": None,
    "waiting": {"for": "Approval", "node": "write", "visit": 1, "prompt": "Go on?", "actions": ["yes"]},
}
MAPS: Object = {
    "result": None,
    "waiting": {"for": "Map", "node": "write", "visit": 2, "count": 2, "parallelism": 2, "generation": 4},
}
ENDS: Object = {"result": "done"}

MOMENTS = [
    "before apply ConfigMap",
    "after apply ConfigMap",
    "after apply Secret",
    "before apply Job",
    "after apply Job",
    "before status FlowRun",
    "after status FlowRun",
    "after delete Job",
]
LIFE: list[tuple[str, Object | None]] = [
    ("monday-run", ASKS),
    ("monday-run-2", MAPS),
    ("monday-run-2-map", None),
    ("monday-run-3", ENDS),
]
"""Jobs in their order, and what their pods say in the end."""


def alive_again(rig: Rig) -> None:
    if not rig.operator.alive():
        rig.operator.kill()
        rig.operator.start()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("moment", MOMENTS)
def test_each_leg_is_made_once_whenever_the_operator_dies(
    control_plane: ControlPlane, api: Api, tmp_path: Path, moment: str
) -> None:
    deaths = 0
    with Rig(control_plane.kubeconfig, api, tmp_path, COVEY_RUN_STORE="true") as rig:
        api.apply(make.model(), make.flow())
        rig.die(moment)
        api.apply(make.flow_run())

        def there(name: str) -> Object | None:
            nonlocal deaths
            deaths += not rig.operator.alive()
            alive_again(rig)
            return api.get("Job", name)

        def asks(name: str) -> bool:
            return bool(there(name) and status(api).get("waiting"))

        for name, words in LIFE:
            until(f"Job {name}", partial(there, name))
            start_job(api, name)
            rig.die(moment)
            end_job(api, name, json.dumps(words) if words is not None else "")
            if words is ASKS:
                answer: Object = {"answers": [{"node": "write", "action": "yes"}]}
                until("it asks", partial(asks, name))
                api.edit("FlowRun", "monday", {"spec": answer})
        until("the end", lambda: (there("monday-run-3"), status(api).get("phase") == "Succeeded")[1])
    assert deaths >= 1
    assert status(api)["leg"] == 3
    since = [write for write in control_plane.writes("covey-operator") if write.namespace == api.namespace]
    created = [each.name for each in since if each.resource == "jobs" and each.code == 201]
    assert sorted(created) == sorted(name for name, _ in LIFE)


def status(api: Api) -> Object:
    found: Object = api.there("FlowRun", "monday").get("status") or {}
    return found
