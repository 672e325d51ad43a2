"""The chart grants what the operator asks for when it starts, and nothing else."""

from collections.abc import Callable, Iterable
from typing import Any

from agent_runtime.api import KINDS
from covey_operator.kube.permissions import needs
from covey_operator.kube.resources import BY_KIND

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]
Grant = tuple[str, str, str]
"""Group, resource, verb."""


def granted(rules: Iterable[Manifest]) -> set[Grant]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def role(manifests: list[Manifest], kind: str, name: str, namespace: str | None = None) -> Manifest:
    return next(
        each
        for each in manifests
        if each["kind"] == kind
        and each["metadata"]["name"] == name
        and each["metadata"].get("namespace") == namespace
    )


def needed() -> set[Grant]:
    asked = {(BY_KIND[need.kind].group, need.what, need.verb) for need in needs()}
    # Only admission asks for these: see the comment in the chart.
    return asked | {("covey.dev", f"{kind.plural}/finalizers", "update") for kind in KINDS.values()}


def test_the_cluster_role_is_what_the_operator_asks_for(render: Render) -> None:
    assert granted(role(render(), "ClusterRole", "covey-operator")["rules"]) == needed()


def test_each_named_namespace_gets_the_same(render: Render) -> None:
    manifests = render("--set=watch.namespaces={news,shop}")
    for namespace in ("news", "shop"):
        assert granted(role(manifests, "Role", "covey-operator", namespace)["rules"]) == needed()


def test_in_its_own_namespace_it_keeps_a_lease_and_two_keys(render: Render) -> None:
    rules = role(render("--set=installKeySecret=k"), "Role", "covey-operator-own", "covey-system")["rules"]
    assert granted(rules) == {
        ("", "secrets", "watch"),
        ("", "secrets", "patch"),
        ("coordination.k8s.io", "leases", "get"),
        ("coordination.k8s.io", "leases", "create"),
        ("coordination.k8s.io", "leases", "update"),
        ("", "secrets", "create"),
        ("apps", "statefulsets", "get"),
        ("", "pods", "get"),
        ("", "pods", "list"),
        ("events.k8s.io", "events", "list"),
        ("", "secrets", "get"),
    }
    named = {
        tuple(rule["verbs"]): rule.get("resourceNames") for rule in rules if "secrets" in rule["resources"]
    }
    assert named == {("create",): None, ("get",): ["k"], ("watch", "patch"): ["covey-runs"]}


def test_it_may_read_who_signs_the_tokens_of_service_accounts(render: Render) -> None:
    rules = role(render(), "ClusterRole", "covey-operator-token-issuer")["rules"]
    paths = ["/.well-known/openid-configuration", "/openid/v1/jwks"]
    assert rules == [{"nonResourceURLs": paths, "verbs": ["get"]}]


def test_without_a_run_store_its_key_is_not_touched(render: Render) -> None:
    manifests = render("--set=runs.enabled=false")
    rules = role(manifests, "Role", "covey-operator-own", "covey-system")["rules"]
    assert ("", "secrets", "patch") not in granted(rules)


def test_nothing_is_granted_by_wildcard(render: Render) -> None:
    roles = [each for each in render() if each["kind"] in ("Role", "ClusterRole")]
    assert not [grant for each in roles for grant in granted(each["rules"]) if "*" in grant]


def test_people_see_and_change_our_kinds_by_the_roles_they_have(render: Render) -> None:
    to = "rbac.authorization.k8s.io/aggregate-to-"
    view = role(render(), "ClusterRole", "covey-view")
    edit = role(render(), "ClusterRole", "covey-edit")
    assert {label for label in view["metadata"]["labels"] if to in label} == {
        f"{to}view",
        f"{to}edit",
        f"{to}admin",
    }
    assert {label for label in edit["metadata"]["labels"] if to in label} == {f"{to}edit", f"{to}admin"}
    plurals = {kind.plural for kind in KINDS.values()}
    seen = {resource for _, resource, _ in granted(view["rules"])}
    assert seen == plurals | {f"{plural}/status" for plural in plurals} | {"agents/scale"}
    assert {verb for _, _, verb in granted(view["rules"])} == {"get", "list", "watch"}
    assert {resource for _, resource, _ in granted(edit["rules"])} == plurals | {"agents/scale"}
