"""The lease: given back at the end, and not waited for when the pod that holds it is gone."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from covey_operator.kube.leader_election import HOLDER_POD
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane.api import Api, Object, until
from tests.controlplane.rig import Rig

Start = Callable[..., Rig]
POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "earlier"},
    "spec": {"containers": [{"name": "operator", "image": "none"}]},
}


@pytest.fixture
def rig(quiet: None, control_plane: ControlPlane, api: Api, tmp_path: Path) -> Rig:
    pod = {"COVEY_POD_NAME": "later", "COVEY_POD_UID": "2"}
    return Rig(control_plane.kubeconfig, api, tmp_path, **pod)


def hold(api: Api, *, uid: str = "") -> None:
    """Another operator has just renewed the lease."""
    said = {HOLDER_POD: f"earlier/{uid}"} if uid else {}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    api.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "covey-operator", "annotations": said},
            "spec": {"holderIdentity": "another", "leaseDurationSeconds": 3600, "renewTime": now},
        }
    )


@pytest.mark.parametrize("how", ["gone", "replaced", "ended"])
def test_the_lease_of_a_pod_that_has_ended_is_taken_at_once(rig: Rig, api: Api, how: str) -> None:
    uid = "1"
    if how != "gone":
        api.apply(POD)
    if how == "ended":
        uid = api.there("Pod", "earlier")["metadata"]["uid"]
        api.set_status("Pod", "earlier", {"phase": "Failed"})
    hold(api, uid=uid)
    with rig:
        lease = api.there("Lease", "covey-operator")
        assert lease["spec"]["holderIdentity"] == "rigged"
        assert lease["metadata"]["annotations"][HOLDER_POD] == "later/2"
        assert rig.operator.stop() == 0
        assert not api.there("Lease", "covey-operator")["spec"].get("holderIdentity")


@pytest.mark.parametrize("says_its_pod", [True, False])
def test_the_lease_of_who_may_be_at_work_is_waited_for(rig: Rig, api: Api, says_its_pod: bool) -> None:
    api.apply(POD)
    hold(api, uid=api.there("Pod", "earlier")["metadata"]["uid"] if says_its_pod else "")
    operator = rig.operator
    try:
        operator.start(wait=False)
        until("it waits", lambda: any(line["event"] == "waiting for the lease" for line in operator.log()))
        assert api.there("Lease", "covey-operator")["spec"]["holderIdentity"] == "another"
        api.delete("Pod", "earlier") if says_its_pod else hold(api, uid="1")
        until("it takes over", lambda: operator.answers("/readyz"))
    finally:
        operator.kill()


def test_a_lease_that_says_nothing_is_taken(rig: Rig, api: Api) -> None:
    api.apply(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "covey-operator"}}
    )
    with rig:
        assert api.there("Lease", "covey-operator")["spec"]["holderIdentity"] == "rigged"
        assert rig.operator.stop() == 0
