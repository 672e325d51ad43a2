"""The charts on a real API server: what installing takes, what they allow, and what is left after them."""

from collections.abc import Iterator
from time import monotonic

import pytest
import yaml

from hack.cluster.control_plane.control_plane import ControlPlane
from hack.cluster.fault import ClusterError
from hack.manifests import rendered
from tests.paths import ROOT

NAMESPACE = "covey-system"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:covey-operator"
CHART = str(ROOT / "charts/covey")
DEFINITIONS = str(ROOT / "charts/covey-crds")

Question = tuple[str, str, str, str]
"""Verb, resource, subresource, namespace."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    """A control plane of its own: the definitions of the tier's are not helm's."""
    with ControlPlane() as plane:
        yield plane


@pytest.fixture(scope="module")
def installed(cluster: ControlPlane) -> ControlPlane:
    """With the charts in it."""
    cluster.helm("upgrade", "--install", "covey-crds", DEFINITIONS)
    cluster.helm("upgrade", "--install", "covey", CHART, f"--namespace={NAMESPACE}", "--create-namespace")
    return cluster


def may(cluster: ControlPlane, who: str, question: Question) -> bool:
    verb, resource, subresource, namespace = question
    where = f"--namespace={namespace}" if namespace else "--all-namespaces"
    options = (f"--subresource={subresource}", f"--as={who}", where)
    return cluster.kubectl("auth", "can-i", verb, resource, *options, check=False).strip() == "yes"


def test_without_the_definitions_helm_says_what_to_install_first(cluster: ControlPlane) -> None:
    with pytest.raises(ClusterError, match="helm upgrade --install covey-crds charts/covey-crds"):
        cluster.helm("install", "early", CHART, "--namespace=default")


def test_the_notes_say_what_to_type_next_and_it_is_accepted(installed: ControlPlane) -> None:
    notes = installed.helm("get", "notes", "covey", f"--namespace={NAMESPACE}")
    assert "were not seen" not in notes
    _, _, rest = notes.partition("<<'EOF'\n")
    manifests, _, _ = rest.partition("EOF")
    assert "kind: Agent" in manifests
    answer = installed.kubectl("apply", "--dry-run=server", "-f", "-", input=_dedented(manifests))
    assert answer.split("\n")[:2] == [
        "model.covey.dev/parrot created (server dry run)",
        "agent.covey.dev/polly created (server dry run)",
    ]


def test_the_samples_are_accepted(installed: ControlPlane) -> None:
    samples = str(ROOT / "config/samples")
    answer = installed.kubectl("apply", "-k", samples, "--dry-run=server")
    assert answer.count("created (server dry run)") == 5


def test_the_pods_are_let_into_a_restricted_namespace(installed: ControlPlane) -> None:
    strict = "pod-security.kubernetes.io/enforce=restricted"
    installed.kubectl("label", "namespace", NAMESPACE, strict, "--overwrite")
    pods = []
    for manifest in rendered(ROOT / "charts/covey"):
        if manifest["kind"] == "Pod":
            pods.append(manifest)
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            metadata = {"name": manifest["metadata"]["name"], "namespace": NAMESPACE}
            spec = manifest["spec"]["template"]["spec"]
            for claim in manifest["spec"].get("volumeClaimTemplates", ()):  # else its controller adds it
                volume = {"persistentVolumeClaim": {"claimName": "some"}}
                spec["volumes"].append({"name": claim["metadata"]["name"], **volume})
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    assert len(pods) == 3
    answer = installed.kubectl("apply", "--dry-run=server", "-f", "-", input=yaml.safe_dump_all(pods))
    assert answer.count("created (server dry run)") == 3


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        (("watch", "agents.covey.dev", "", ""), True),
        (("patch", "agents.covey.dev", "status", ""), True),
        (("patch", "agents.covey.dev", "", ""), False),
        (("create", "flowruns.covey.dev", "", ""), True),
        (("delete", "flowruns.covey.dev", "", ""), True),
        (("delete", "flows.covey.dev", "", ""), False),
        (("create", "deployments.apps", "", ""), True),
        (("patch", "deployments.apps", "scale", ""), True),
        (("delete", "persistentvolumeclaims", "", ""), False),
        (("list", "pods", "", ""), True),
        (("create", "pods", "", ""), False),
        (("create", "pods", "exec", ""), False),
        (("get", "pods", "log", ""), False),
        (("create", "serviceaccounts", "token", ""), False),
        (("create", "roles.rbac.authorization.k8s.io", "", ""), False),
        (("update", "leases.coordination.k8s.io", "", NAMESPACE), True),
        (("update", "leases.coordination.k8s.io", "", "default"), False),
        (("list", "nodes", "", ""), False),
    ],
    ids=lambda value: "-".join(filter(None, value)) if isinstance(value, tuple) else None,
)
def test_what_the_operator_may_do(installed: ControlPlane, question: Question, allowed: bool) -> None:
    assert may(installed, OPERATOR, question) is allowed


def test_people_use_our_kinds_by_the_roles_that_they_have(installed: ControlPlane) -> None:
    installed.kubectl("create", "namespace", "people")
    for person in ("view", "edit"):
        binding = ("rolebinding", person, f"--clusterrole={person}", f"--user={person}")
        installed.kubectl("create", *binding, "--namespace=people")
    deadline = monotonic() + 60  # the controller that aggregates roles takes its time
    while not may(installed, "edit", ("create", "agents.covey.dev", "", "people")):
        assert monotonic() < deadline, "the role edit was not extended"
    answers = {
        (person, verb): may(installed, person, (verb, "agents.covey.dev", "", "people"))
        for person in ("view", "edit")
        for verb in ("list", "create")
    }
    assert answers == {
        ("view", "list"): True,
        ("view", "create"): False,
        ("edit", "list"): True,
        ("edit", "create"): True,
    }
    assert not may(installed, "edit", ("create", "agents.covey.dev", "", "default"))


def test_a_second_release_serves_named_namespaces_only(installed: ControlPlane) -> None:
    for namespace in ("team", "served"):
        installed.kubectl("create", "namespace", namespace)
    options = ("--set=watch.namespaces={served}", "--set=rbac.aggregateRoles=false")
    installed.helm("install", "covey-team", CHART, "--namespace=team", *options)
    account = "system:serviceaccount:team:covey-team-operator"
    assert may(installed, account, ("create", "deployments.apps", "", "served"))
    assert not may(installed, account, ("create", "deployments.apps", "", "team"))
    assert not may(installed, account, ("list", "agents.covey.dev", "", ""))
    assert may(installed, account, ("get", "secrets/covey-install-key", "", "team"))
    assert may(installed, account, ("patch", "secrets/covey-runs", "", "team"))
    assert not may(installed, account, ("patch", "secrets/covey-install-key", "", "team"))
    assert not may(installed, account, ("list", "secrets", "", "team"))
    installed.helm("uninstall", "covey-team", "--namespace=team")


def test_a_second_run_store_in_a_namespace_is_refused(installed: ControlPlane) -> None:
    options = (
        f"--namespace={NAMESPACE}",
        "--set=watch.namespaces={default}",
        "--set=rbac.aggregateRoles=false",
    )
    with pytest.raises(ClusterError, match=r"belongs to the release covey\..*set runs\.enabled=false"):
        installed.helm("install", "another", CHART, *options)


def test_the_values_of_the_run_store_are_accepted(installed: ControlPlane) -> None:
    options = ("--set=runs.replicas=2", "--set=runs.store.urlFrom.secretKeyRef.name=store")
    shown = rendered(ROOT / "charts/covey", *options, "--set=runs.store.urlFrom.secretKeyRef.key=url")
    ours = [each for each in shown if each["metadata"]["name"] == "covey-runs"]
    for each in ours:
        each["metadata"]["namespace"] = "default"
    answer = installed.kubectl("apply", "--dry-run=server", "-f", "-", input=yaml.safe_dump_all(ours))
    assert answer.count("created (server dry run)") == 5


def test_uninstalling_leaves_the_definitions_and_nothing_else(installed: ControlPlane) -> None:
    """Comes last: it takes away what the others look at."""
    installed.helm("uninstall", "covey", f"--namespace={NAMESPACE}")
    installed.helm("uninstall", "covey-crds")
    kinds = "deployment,statefulset,service,networkpolicy,serviceaccount,secret"
    kinds += ",role,rolebinding,clusterrole,clusterrolebinding"
    label = "--selector=app.kubernetes.io/part-of=covey"
    assert installed.kubectl("get", kinds, "--all-namespaces", label, "--output=name") == ""
    assert installed.kubectl("get", "secrets", "--all-namespaces", "--output=name") == ""
    assert len(installed.kubectl("get", "crd", label, "--output=name").split()) == 5


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())
