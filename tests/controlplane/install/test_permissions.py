"""An operator that may not do everything: it says what is missing, and does the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey_operator.kube.labels import SELECTOR
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.conftest import start_with_crds
from tests.controlplane.process import OperatorProcess

VERBS = ["list", "watch", "get", "create", "patch", "delete"]
GRANTED: list[Object] = [
    {
        "apiGroups": ["covey.dev"],
        "resources": ["agents", "models", "blackboards"],
        "verbs": ["list", "watch"],
    },
    {"apiGroups": ["covey.dev"], "resources": ["*/status"], "verbs": ["patch"]},
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts", "configmaps", "secrets", "services"],
        "verbs": VERBS,
    },
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": VERBS},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": VERBS},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
]
"""No Flows and FlowRuns, no StatefulSets, no Jobs, no budgets, no pods."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    plane = start_with_crds()
    yield plane
    plane.stop()


def kubeconfig(plane: ControlPlane, folder: Path, kind: str) -> Path:
    """For a service account with the rights above: everywhere, or in namespace `default` with kind Role."""
    plane.kubectl("create", "serviceaccount", "restricted")
    plane.kubectl("apply", "-f", "-", input=json.dumps(_role(kind)))
    binding = f"{kind.lower()}binding"
    plane.kubectl(
        "create", binding, "restricted", f"--{kind.lower()}=restricted", "--serviceaccount=default:restricted"
    )
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": plane.kubectl("create", "token", "restricted").strip()}
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


def _role(kind: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "restricted", "namespace": "default"},
        "rules": GRANTED,
    }


@pytest.fixture(scope="module", params=["ClusterRole", "Role"])
def restricted(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[OperatorProcess]:
    folder = tmp_path_factory.mktemp("restricted")
    settings = {"COVEY_NAMESPACES": "default"} if request.param == "Role" else {}
    process = OperatorProcess(kubeconfig(plane, folder, request.param), folder, **settings)
    process.start()
    yield process
    process.kill()
    kind = str(request.param).lower()
    plane.kubectl("delete", "serviceaccount/restricted", f"{kind}/restricted", f"{kind}binding/restricted")
    plane.kubectl("delete", "agents,models,blackboards,flows", "--all")
    # The garbage collector of a new control plane may take half a minute to notice.
    children = "serviceaccounts,configmaps,secrets,services,deployments,networkpolicies"
    plane.kubectl("delete", children, f"--selector={SELECTOR}")


@pytest.fixture
def person(plane: ControlPlane, restricted: OperatorProcess) -> Api:
    return Api(plane.kubeconfig)


def test_one_message_says_everything_that_is_missing(restricted: OperatorProcess, person: Api) -> None:
    (line,) = [each for each in restricted.log() if "permissions are missing" in each["event"]]
    for part in (
        "create, delete, list, patch, watch flowruns of covey.dev in ",
        "list, watch flows of covey.dev in ",
        "create, delete, get, list, patch, watch statefulsets of apps in ",
        "list pods of the core group in ",
        "Grant them to the operator's service account",
    ):
        assert part in line["event"]
    assert "agents" not in line["event"]


def test_what_is_granted_works(restricted: OperatorProcess, person: Api) -> None:
    person.apply(make.agent(), make.flow())
    says_of(person, "Agent", "researcher", "ModelNotFound")
    person.apply(make.model())
    says_of(person, "Agent", "researcher", "RollingOut")
    person.edit("Deployment", "researcher-agent", {"spec": {"replicas": 4}})
    until(
        "drift is taken back", lambda: person.there("Deployment", "researcher-agent")["spec"]["replicas"] == 1
    )
    assert "status" not in person.there("Flow", "report")


def test_a_child_that_may_not_be_written_is_named_in_the_status(
    restricted: OperatorProcess, person: Api
) -> None:
    person.apply(make.blackboard(store={"redis": {"managed": {}}}))
    said = says_of(person, "Blackboard", "newsroom", "Forbidden")
    assert "the operator may not write StatefulSet newsroom-redis: " in said["message"]
    assert "grant it to the role of the operator's service account" in said["message"]
    assert restricted.alive()
    assert restricted.answers("/healthz")
    assert restricted.answers("/readyz")
