"""The CRDs in a real API server: it takes them, and accepts and refuses the same manifests as the laptop."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config

from agent_runtime.api import GROUP, KINDS, VERSION
from agent_runtime.api.schema import Schema, structural_schema
from agent_runtime.local.manifests.yaml_reader import read_documents
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.paths import ROOT
from tests.unit.api import cases


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    with ControlPlane() as control_plane:
        control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS.values()]
        control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
        yield control_plane


@pytest.fixture(scope="module")
def api(cluster: ControlPlane) -> client.CustomObjectsApi:
    settings = client.Configuration()
    config.load_kube_config(  # type: ignore[no-untyped-call]  # this part of the client has no types
        str(cluster.kubeconfig), client_configuration=settings
    )
    return client.CustomObjectsApi(client.ApiClient(settings))


def _create(
    api: client.CustomObjectsApi, manifest: dict[str, Any], *, dry_run: str | None = None
) -> dict[str, Any]:
    plural = KINDS[manifest["kind"]].plural
    created = api.create_namespaced_custom_object(
        GROUP, VERSION, "default", plural, manifest, dry_run=dry_run, field_validation="Strict"
    )
    assert isinstance(created, dict)
    return created


def _refusal(error: client.ApiException) -> list[tuple[str, str]]:
    """Path and message of every fault that the API server names."""
    status = json.loads(error.body or "{}")
    causes = (status.get("details") or {}).get("causes") or []
    return [(cause["field"], cause["message"]) for cause in causes] or [("", status["message"])]


def _rules(schema: Schema) -> set[str]:
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", ())}
    below = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return own.union(*(_rules(each) for each in below if each))


def _id(case: cases.Case) -> str:
    return f"{case.manifest['kind']}: {case.name}"


def test_they_are_established_and_structural(cluster: ControlPlane) -> None:
    found = json.loads(cluster.kubectl("get", "crd", "-o", "json"))["items"]
    states = {
        item["spec"]["names"]["kind"]: {each["type"]: each["status"] for each in item["status"]["conditions"]}
        for item in found
    }
    assert states == {name: {"NamesAccepted": "True", "Established": "True"} for name in KINDS}


@pytest.mark.parametrize("case", cases.valid(), ids=_id)
def test_what_is_right_is_accepted(case: cases.Case, api: client.CustomObjectsApi) -> None:
    created = _create(api, case.manifest, dry_run="All")
    assert created["kind"] == case.manifest["kind"]


@pytest.mark.parametrize("case", cases.invalid(), ids=_id)
def test_what_is_wrong_is_refused_at_the_same_place(case: cases.Case, api: client.CustomObjectsApi) -> None:
    with pytest.raises(client.ApiException) as refused:
        _create(api, case.manifest, dry_run="All")
    found = _refusal(refused.value)
    rules = _rules(structural_schema(KINDS[case.manifest["kind"]]))
    for expected in case.faults:
        # Of two items that are the same a rule blames the list, and the laptop the second one.
        twice = "no two may have the same" in str(found)
        places = {expected.path, expected.path.rpartition("[")[0] if twice else expected.path}
        assert any(place in (field or message) for place in places for field, message in found), found
        if any(expected.says in rule for rule in rules):
            assert any(expected.says in message for _, message in found), found


@pytest.mark.parametrize("case", cases.changes(), ids=_id)
def test_what_may_change(case: cases.Case, api: client.CustomObjectsApi) -> None:
    plural, name = KINDS[case.manifest["kind"]].plural, case.manifest["metadata"]["name"]
    created = _create(api, case.old or {})
    new = {**case.manifest, "metadata": created["metadata"]}
    place = (GROUP, VERSION, "default", plural, name)
    try:
        if case.faults:
            with pytest.raises(client.ApiException) as refused:
                api.replace_namespaced_custom_object(*place, new)
            for (field, message), expected in zip(_refusal(refused.value), case.faults, strict=True):
                assert field == expected.path or field.startswith(f"{expected.path}.")
                assert expected.says in message
        else:
            api.replace_namespaced_custom_object(*place, new)
    finally:
        api.delete_namespaced_custom_object(*place)


def test_defaults_are_written_out_and_the_scale_subresource_sets_replicas(
    cluster: ControlPlane, api: client.CustomObjectsApi
) -> None:
    agent = next(case.manifest for case in cases.valid() if case.manifest["kind"] == "Agent")
    created = _create(api, {**agent, "metadata": {"name": "scaled"}})
    assert created["spec"]["serving"] == {"replicas": 1}
    assert created["spec"]["limits"] == {"maxSteps": 12, "timeout": "120s", "maxConcurrency": 8}
    cluster.kubectl("scale", "agent/scaled", "--replicas=3")
    replicas = cluster.kubectl("get", "ag", "scaled", "-o", "jsonpath={.spec.serving.replicas}")
    assert replicas == "3"
    assert "agent.covey.dev/scaled" in cluster.kubectl("get", "covey", "-o", "name")


def test_the_api_server_explains_the_fields(cluster: ControlPlane) -> None:
    explained = cluster.kubectl("explain", "agent.spec.blackboard.consumes.where")
    assert "CEL over" in explained


@pytest.mark.parametrize(
    "values",
    [
        "[1, -2, 0.5, 1e3, 1., 0]",
        "[true, No, ON, y, N, off, TRUE]",
        "[null, ~, Null]",
        "['1', \"true\", !!str 2]",
        "[2026-01-02, 30:15, 1.2.3, 5Gi, _, 2026-01-02T03:04:05Z]",
        "[1_000, 0x1F, 010, 0b11, 089]",
        "{base: &x {k: 1, l: 2}, own: {<<: *x, l: 3}}",
    ],
)
def test_the_laptop_reads_yaml_as_kubectl_does(cluster: ControlPlane, values: str) -> None:
    manifest = f"""
apiVersion: covey.dev/v1alpha1
kind: FlowRun
metadata: {{name: values}}
spec: {{flow: {{name: f}}, params: {{values: {values}}}}}
"""
    stored = cluster.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", input=manifest)
    (document,) = read_documents(manifest.encode())
    assert json.loads(stored)["spec"]["params"] == document.value["spec"]["params"]
