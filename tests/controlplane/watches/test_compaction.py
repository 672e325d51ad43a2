"""etcd has forgotten what was before: a watch from there begins with a list, and is not tried for ever."""

import base64
from pathlib import Path

import pytest

from agent_runtime.compile.places import RUNS_SERVER
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.rig import Rig


@pytest.mark.parametrize("runs", [True, False], ids=["while it runs", "while it is away"])
@pytest.mark.usefixtures("quiet")
def test_watches_outlive_a_compaction_of_etcd(
    control_plane: ControlPlane, api: Api, tmp_path: Path, runs: bool
) -> None:
    with Rig(control_plane.kubeconfig, api, tmp_path, COVEY_RUN_STORE="true") as rig:
        key: Object = until("the key", lambda: api.get("Secret", RUNS_SERVER))["data"]
        api.apply(make.model(), make.agent())
        until("its Deployment", lambda: api.get("Deployment", "researcher-agent"))
        if not runs:
            rig.operator.kill()
        for number in range(20):
            api.apply(make.secret(value=str(number)))
        control_plane.compact()
        if not runs:
            rig.operator.start()
        since = len(control_plane.writes("covey-operator"))

        # Kinds of ours, children, Secrets that are referenced, and the key: each of their watches works.
        api.edit("Agent", "researcher", {"spec": {"model": {"name": "paid"}}})
        says_of(api, "Agent", "researcher", "ModelNotFound")
        api.apply(make.keyed_model())
        until("a config with it", lambda: "gpt-5" in str(api.there("ConfigMap", "researcher-agent")["data"]))
        api.delete("Service", "researcher-agent")
        until("its Service", lambda: api.get("Service", "researcher-agent"))
        api.edit("Secret", RUNS_SERVER, {"data": {"token": base64.b64encode(b"mine").decode()}})
        until("the key again", lambda: api.there("Secret", RUNS_SERVER)["data"] == key)
        api.delete("Secret", RUNS_SERVER)
        until("the key once more", lambda: (api.get("Secret", RUNS_SERVER) or {}).get("data") == key)

        writes = control_plane.writes("covey-operator")[since:]
        of_the_key = [each for each in writes if each.name == RUNS_SERVER]
        assert len(of_the_key) <= 4, "written again and again"
        assert not [line for line in rig.operator.log() if "too old" in str(line) and "key" in str(line)]
