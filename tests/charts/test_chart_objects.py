"""What the charts make, with every switch in either position."""

from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

NAMESPACED = ("--set=watch.namespaces={news,shop}",)
EVERYTHING = (
    "--set=images.registry=registry.example.com",
    "--set=images.pullSecrets={pull}",
    "--set=podAnnotations.team=bees",
    "--set=podLabels.team=bees",
    "--set=nodeSelector.disk=fast",
    "--set=tolerations[0].operator=Exists",
    '--set-json=affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}',
    "--set=priorityClassName=high",
    "--set=serviceAccount.annotations.role=x",
    "--set=networkPolicies=false",
    "--set=runs.replicas=3",
    "--set=runs.store.urlFrom.secretKeyRef.name=runs-store",
    "--set=runs.store.urlFrom.secretKeyRef.key=url",
    "--set=runs.podAnnotations.team=bees",
    "--set=runs.podLabels.team=bees",
    "--set=runs.nodeSelector.disk=fast",
    "--set=runs.tolerations[0].operator=Exists",
    "--set=runs.priorityClassName=high",
)
NOTHING = (
    "--set=runs.enabled=false",
    "--set=rbac.create=false",
    "--set=rbac.aggregateRoles=false",
    "--set=serviceAccount.create=false",
    "--set=serviceAccount.name=ours",
    "--set=policy.admission=Never",
    "--set=networkPolicies=false",
)
SWITCHES = pytest.mark.parametrize(
    "options",
    [(), NAMESPACED, EVERYTHING, NOTHING],
    ids=["default", "namespaced", "everything", "nothing"],
)


def the(manifests: list[Manifest], name: str) -> Manifest:
    """The one object of that kind and name."""
    (found,) = [each for each in manifests if f"{each['kind']}/{each['metadata']['name']}" == name]
    return found


def names(manifests: list[Manifest]) -> set[str]:
    return {f"{each['kind']}/{each['metadata']['name']}" for each in manifests}


@SWITCHES
def test_every_object_fits_the_schema_of_kubernetes(render: Render, options: tuple[str, ...]) -> None:
    for manifest in render(*options):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_definitions_fit_the_schema_of_kubernetes(definitions: list[Manifest]) -> None:
    assert len(definitions) == 5
    for manifest in definitions:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_uninstalling_the_definitions_keeps_them(definitions: list[Manifest]) -> None:
    policies = {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in definitions}
    assert policies == {"keep"}


def test_by_default_all_namespaces_are_served(render: Render) -> None:
    assert names(render()) == {
        "ServiceAccount/covey-operator",
        "ClusterRole/covey-operator",
        "ClusterRoleBinding/covey-operator",
        "ClusterRole/covey-operator-token-issuer",
        "ClusterRoleBinding/covey-operator-token-issuer",
        "Role/covey-operator-own",
        "RoleBinding/covey-operator-own",
        "ClusterRole/covey-view",
        "ClusterRole/covey-edit",
        "Deployment/covey-operator",
        "Service/covey-operator",
        "Pod/covey-operator-test",
        "StatefulSet/covey-runs",
        "Service/covey-runs",
        "ServiceAccount/covey-runs",
        "NetworkPolicy/covey-runs",
        "NetworkPolicy/covey-operator",
        "ValidatingAdmissionPolicy/covey-answers",
        "ValidatingAdmissionPolicy/covey-pods",
        "ValidatingAdmissionPolicy/covey-secrets",
        "ValidatingAdmissionPolicyBinding/covey-answers",
        "ValidatingAdmissionPolicyBinding/covey-pods",
        "ValidatingAdmissionPolicyBinding/covey-secrets",
    }


def test_with_named_namespaces_nothing_is_granted_elsewhere(render: Render) -> None:
    manifests = render(*NAMESPACED)
    assert not [each for each in manifests if each["kind"] == "ClusterRoleBinding"]
    for kind in ("Role", "RoleBinding"):
        places = {each["metadata"]["namespace"] for each in manifests if each["kind"] == kind}
        assert places == {"news", "shop", "covey-system"}
    subjects = [each["subjects"] for each in manifests if each["kind"] == "RoleBinding"]
    account = {"kind": "ServiceAccount", "name": "covey-operator", "namespace": "covey-system"}
    assert subjects == [[account]] * 3


def test_a_person_may_bring_roles_and_account(render: Render) -> None:
    manifests = render(*NOTHING)
    assert names(manifests) == {
        "Deployment/covey-operator",
        "Service/covey-operator",
        "Pod/covey-operator-test",
    }
    deployment = next(each for each in manifests if each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "ours"


def test_scheduling_reaches_the_pod(render: Render) -> None:
    deployment = next(each for each in render(*EVERYTHING) if each["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    pod = template["spec"]
    assert template["metadata"]["annotations"] == {"team": "bees"}
    assert template["metadata"]["labels"]["team"] == "bees"
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["affinity"]
    assert pod["priorityClassName"] == "high"
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


@SWITCHES
def test_every_pod_passes_pod_security_restricted(render: Render, options: tuple[str, ...]) -> None:
    pods = [each["spec"] for each in render(*options) if each["kind"] == "Pod"]
    workloads = [each for each in render(*options) if each["kind"] in ("Deployment", "StatefulSet")]
    pods += [each["spec"]["template"]["spec"] for each in workloads]
    assert len(pods) == (2 if options == NOTHING else 3)
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(set(volume) <= {"name", "emptyDir"} for volume in pod.get("volumes", []))
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_only_one_operator_runs_at_a_time(deployment: Manifest) -> None:
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_selectors_find_the_operators_pod_and_not_the_tests(render: Render, deployment: Manifest) -> None:
    pod = deployment["spec"]["template"]["metadata"]["labels"]
    service = the(render(), "Service/covey-operator")
    selector = service["spec"]["selector"]
    assert selector == deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod.items()
    test = next(each for each in render() if each["kind"] == "Pod")
    assert not selector.items() <= test["metadata"]["labels"].items()


def test_a_release_of_another_name_shares_nothing_with_the_first_but_the_name_of_the_run_store(
    render: Render,
) -> None:
    first = names(render())
    other = names(render(release="second"))
    assert "Deployment/second-covey-operator" in other
    assert {name.partition("/")[2] for name in first & other} == {"covey-runs"}
