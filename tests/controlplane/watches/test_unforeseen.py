"""An answer that nobody foresaw ends neither the operator nor a part of it. It is reported."""

from pathlib import Path

import pytest

from agent_runtime.compile.places import RUNS_SERVER
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, says_of, until
from tests.controlplane.holding import HoldingProxy
from tests.controlplane.rig import Rig

NAMELESS = b'{"type": "ADDED", "object": {}}\n'
"""An event of a watch whose object is none."""


@pytest.mark.usefixtures("quiet")
def test_what_fails_is_reported_and_begun_again(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    with HoldingProxy(control_plane.kubeconfig, tmp_path) as proxy:
        spoilt = {
            "watch of deployments.apps": proxy.answer("GET", r"/deployments\?watch=true", NAMELESS, times=2),
            "watch of secrets": proxy.answer("GET", r"/secrets\?watch=true(?!.*fieldSelector)", NAMELESS),
            "key of the run store": proxy.answer("PATCH", f"/secrets/{RUNS_SERVER}\\?", b"{}"),
        }
        with Rig(proxy.kubeconfig, api, tmp_path / "rig", COVEY_RUN_STORE="true") as rig:
            pid = rig.operator.pid
            until("all were answered so", lambda: all(each.left == 0 for each in spoilt.values()))
            until("the key", lambda: api.get("Secret", RUNS_SERVER))
            api.apply(make.model(), make.agent())
            before = until("its Deployment", lambda: api.get("Deployment", "researcher-agent"))
            api.delete("Deployment", "researcher-agent")
            until(
                "another Deployment",
                lambda: (
                    (api.get("Deployment", "researcher-agent") or before)["metadata"]["uid"]
                    != before["metadata"]["uid"]
                ),
            )
            api.apply(make.keyed_model())
            api.edit("Agent", "researcher", {"spec": {"model": {"name": "paid"}}})
            api.apply(make.secret())
            until(
                "its key is found", lambda: "gpt-5" in str(api.there("ConfigMap", "researcher-agent")["data"])
            )
            assert (rig.operator.pid, rig.operator.alive()) == (pid, True)
            failed = [line for line in rig.operator.log() if line.get("event") == "a background task failed"]
            tasks = {str(line["task"]).split(" in ")[0] for line in failed}
            assert tasks == set(spoilt)


@pytest.mark.usefixtures("quiet")
def test_kopf_lists_again_whatever_a_watch_of_our_kinds_is_refused_with(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    gone = b'{"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}'
    error = b'{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd has a new leader"}}\n'
    with HoldingProxy(control_plane.kubeconfig, tmp_path) as proxy:
        refused = [
            proxy.answer("GET", r"/agents\?.*watch=true", gone, status=410, times=3),
            proxy.answer("GET", r"/models\?.*watch=true", b"not found", status=404),
            proxy.answer("GET", r"/flows\?.*watch=true", error),
        ]
        with Rig(proxy.kubeconfig, api, tmp_path / "rig") as rig:
            pid = rig.operator.pid
            until("all were refused", lambda: all(each.left == 0 for each in refused))
            api.apply(make.model(), make.agent())
            until("its Deployment", lambda: api.get("Deployment", "researcher-agent"))
            api.apply(make.flow(), make.flow_run())
            until("the run is seen", lambda: api.there("FlowRun", "monday").get("status"))
            api.edit("Agent", "researcher", {"spec": {"model": {"name": "none"}}})
            says_of(api, "Agent", "researcher", "ModelNotFound")
            assert (rig.operator.pid, rig.operator.alive()) == (pid, True)
            pauses = [
                line["retry_in"]
                for line in rig.operator.log()
                if line.get("event") == "watch failed; will retry" and "/agents" in str(line.get("path"))
            ]
            assert pauses == [0.5, 1, 2], "no pause begins again before a watch has brought something"
