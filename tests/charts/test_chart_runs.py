"""The run store of the chart: where it keeps its data, who reaches it, and how many of it there are."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime.compile.places import PORT, RUNS_SERVER, ClusterPlaces
from agent_runtime.processes import run_queue as server
from covey_operator.desired import flow
from covey_operator.kube.labels import labels

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

YOURS = ("--set=runs.store.urlFrom.secretKeyRef.name=redis", "--set=runs.store.urlFrom.secretKeyRef.key=url")
WORKER = labels("Flow", "report", flow.COMPONENT)


def of_runs(manifests: list[Manifest], kind: str) -> Manifest | None:
    found = [each for each in manifests if each["metadata"]["name"] == RUNS_SERVER and each["kind"] == kind]
    return found[0] if found else None


def there(manifests: list[Manifest], kind: str) -> Manifest:
    found = of_runs(manifests, kind)
    assert found is not None, f"there is no {kind}"
    return found


def pod(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = there(manifests, "StatefulSet")["spec"]["template"]["spec"]
    return spec


def variables(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {each["name"]: each for each in pod(manifests)["containers"][0]["env"]}


@pytest.mark.parametrize("release", ["covey", "second"])
def test_it_is_where_everybody_looks_for_it(render: Render, release: str) -> None:
    service = there(render(release=release), "Service")
    url = ClusterPlaces(service["metadata"]["namespace"]).runs()
    (port,) = service["spec"]["ports"]
    assert (
        url == f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{port['port']}"
    )
    (container,) = pod(render(release=release))["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]


def test_its_variables_are_those_that_the_server_reads(render: Render) -> None:
    told = {"COVEY_ENVIRONMENT", "COVEY_NAMESPACE", "COVEY_POD"}  # what log lines say of where they come from
    assert set(variables(render())) == {server.KEY, server.STORE, *told}
    key = variables(render())[server.KEY]["valueFrom"]["secretKeyRef"]
    assert key == {"name": RUNS_SERVER, "key": "key"}


def test_by_default_its_data_is_on_a_volume_that_stays(render: Render) -> None:
    chosen = ("--set=runs.store.sqlite.storage=2Gi", "--set=runs.store.sqlite.storageClassName=fast")
    (claim,) = there(render(*chosen), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "2Gi"}}
    assert claim["spec"]["storageClassName"] == "fast"
    (of_default,) = there(render(), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert "storageClassName" not in of_default["spec"]
    policy = there(render(), "StatefulSet")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert set(policy.values()) == {"Retain"}
    url = variables(render())[server.STORE]["value"]
    mounts = {each["mountPath"] for each in pod(render())["containers"][0]["volumeMounts"]}
    assert url.removeprefix("sqlite:///").rpartition("/")[0] in mounts


def test_a_store_of_yours_takes_the_place_of_the_volume(render: Render) -> None:
    manifests = render(*YOURS)
    assert variables(manifests)[server.STORE]["valueFrom"] == {
        "secretKeyRef": {"name": "redis", "key": "url"}
    }
    assert "volumeClaimTemplates" not in there(manifests, "StatefulSet")["spec"]
    assert {each["name"] for each in pod(manifests)["volumes"]} == {"tmp"}


def test_several_are_spread_and_not_taken_away_at_once(render: Render) -> None:
    manifests = render(*YOURS, "--set=runs.replicas=3")
    selector = there(manifests, "StatefulSet")["spec"]["selector"]
    assert there(manifests, "PodDisruptionBudget")["spec"] == {"maxUnavailable": 1, "selector": selector}
    (spread,) = pod(manifests)["topologySpreadConstraints"]
    assert spread["labelSelector"] == selector
    assert of_runs(render(*YOURS), "PodDisruptionBudget") is None


@pytest.mark.parametrize("replicas", [2, 5])
def test_no_template_depends_on_how_many_pods_there_are(render: Render, replicas: int) -> None:
    """What an autoscaler changes must roll no pod: neither the run store's, nor the operator's."""
    one, more = (
        {
            (each["kind"], each["metadata"]["name"]): each["spec"]
            for each in render(*YOURS, f"--set=runs.replicas={number}")
            if "template" in each.get("spec", {})
        }
        for number in (1, replicas)
    )
    assert (one["StatefulSet", RUNS_SERVER]["replicas"], more["StatefulSet", RUNS_SERVER]["replicas"]) == (
        1,
        replicas,
    )
    assert {name: {**spec, "replicas": 0} for name, spec in one.items()} == {
        name: {**spec, "replicas": 0} for name, spec in more.items()
    }


def test_its_pods_get_no_token(render: Render) -> None:
    assert pod(render())["automountServiceAccountToken"] is False
    assert there(render(), "ServiceAccount")["automountServiceAccountToken"] is False


def selects(peer: Manifest, labelled: dict[str, str]) -> bool:
    """Whether the peer's pod selector selects a pod with these labels."""
    selector = peer["podSelector"]
    equal = selector.get("matchLabels", {}).items() <= labelled.items()
    among = (labelled.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()))
    return equal and all(among)


def test_workers_reach_it_from_everywhere_and_agents_do_not(render: Render) -> None:
    (rule,) = there(render(), "NetworkPolicy")["spec"]["ingress"]
    everywhere, here = rule["from"]
    assert everywhere["namespaceSelector"] == {}
    assert selects(everywhere, WORKER)
    assert not selects(everywhere, labels("Agent", "polly", "agent"))
    assert "namespaceSelector" not in here


def test_the_operator_and_the_test_reach_it(render: Render, deployment: Manifest) -> None:
    (rule,) = there(render(), "NetworkPolicy")["spec"]["ingress"]
    _, here = rule["from"]
    assert selects(here, deployment["spec"]["template"]["metadata"]["labels"])
    test = next(each for each in render() if each["kind"] == "Pod")
    assert selects(here, test["metadata"]["labels"])
    assert f"http://{RUNS_SERVER}.covey-system.svc:{PORT}/readyz" in test["spec"]["containers"][0]["args"]


def test_with_named_namespaces_only_they_reach_it(render: Render) -> None:
    (rule,) = there(render("--set=watch.namespaces={news,shop}"), "NetworkPolicy")["spec"]["ingress"]
    (expression,) = rule["from"][0]["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["news", "shop"]


def test_it_can_be_left_out(render: Render) -> None:
    manifests = render("--set=runs.enabled=false")
    assert not [each for each in manifests if each["metadata"]["name"] == RUNS_SERVER]
    test = next(each for each in manifests if each["kind"] == "Pod")
    assert not [each for each in test["spec"]["containers"][0]["args"] if RUNS_SERVER in each]
