"""Given a resource, these are its children. To accept a change: python -m tests.unit.operator.regenerate"""

import kubernetes_validate
import pytest
import yaml

from tests.unit.operator.golden_cases import CASES
from tests.unit.operator.pod_security import violations
from tests.unit.operator.regenerate import GOLDEN, golden
from tests.unit.operator.worlds import WORLD, Object, manifests

VERSIONS = ("1.36", "1.37")


@pytest.mark.parametrize("case", CASES)
def test_children_are_as_reviewed(case: str) -> None:
    assert golden(case) == (GOLDEN / f"{case}.yaml").read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(CASES)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_children_fit_the_schemas_of_kubernetes(case: str, version: str) -> None:
    for manifest in yaml.safe_load_all((GOLDEN / f"{case}.yaml").read_text()):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("case", CASES)
def test_pods_pass_pod_security_restricted(case: str) -> None:
    pods = [pod for each in manifests(CASES[case], *WORLD) for pod in _pods(each)]
    assert pods
    assert [violations(pod) for pod in pods] == [[] for _ in pods]


@pytest.mark.parametrize("case", CASES)
def test_pods_write_nowhere_and_carry_no_token(case: str) -> None:
    for pod in [pod for each in manifests(CASES[case], *WORLD) for pod in _pods(each)]:
        assert pod["automountServiceAccountToken"] is False
        assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in pod["containers"])


def test_the_table_of_pod_security_notices_what_is_forbidden() -> None:
    careless: Object = {
        "hostNetwork": True,
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        "containers": [{"name": "c", "securityContext": {"privileged": True}, "ports": [{"hostPort": 80}]}],
    }
    assert violations(careless) == [
        "no host namespaces",
        "only harmless volumes",
        "runs as non-root",
        "seccomp",
        "c: no privilege escalation",
        "c: not privileged",
        "c: drops all capabilities",
        "c: no host port",
    ]


def _pods(manifest: Object) -> list[Object]:
    """What it says of its pods, if it has any."""
    match manifest["kind"]:
        case "Deployment" | "StatefulSet" | "Job":
            return [manifest["spec"]["template"]["spec"]]
        case "CronJob":
            return [manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]]
        case _:
            return []
