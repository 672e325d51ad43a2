"""The plain manifests of config/ say what the charts say."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from hack.manifests import differences, is_test
from tests.paths import ROOT

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]


def essence(manifest: Manifest) -> Manifest:
    """Without what Helm adds: labels and annotations of the object and of its pods."""
    metadata = {name: manifest["metadata"].get(name) for name in ("name", "namespace")}
    spec = manifest.get("spec") or {}
    if manifest["kind"] in ("Deployment", "StatefulSet"):
        template = {**spec["template"], "metadata": {}}
        manifest = {**manifest, "spec": {**spec, "template": template}}
    return {**manifest, "metadata": metadata}


def by_name(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {f"{each['kind']}/{each['metadata']['name']}": essence(each) for each in manifests}


def build(kubectl: str, folder: str) -> list[Manifest]:
    done = subprocess.run(
        [kubectl, "kustomize", str(ROOT / "config" / folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def built(kubectl: str) -> list[Manifest]:
    return build(kubectl, "default")


@pytest.mark.usefixtures("render")
def test_the_generated_files_are_up_to_date() -> None:
    assert differences() == []


def test_kustomize_and_helm_make_the_same(
    kubectl: str, built: list[Manifest], render: Render, definitions: list[Manifest]
) -> None:
    charts = by_name([*definitions, *(each for each in render() if not is_test(each))])
    plain = by_name([*build(kubectl, "crd"), *built])
    namespace = plain.pop("Namespace/covey-system")
    assert plain == charts
    assert namespace["apiVersion"] == "v1"


def test_deleting_the_operator_deletes_no_definition(kubectl: str, built: list[Manifest]) -> None:
    kinds = {each["kind"] for each in built}
    assert "CustomResourceDefinition" not in kinds
    assert {each["kind"] for each in build(kubectl, "crd")} == {"CustomResourceDefinition"}
    assert {each["kind"] for each in build(kubectl, "operator")} == kinds - {"Namespace"}


def test_the_namespace_lets_restricted_pods_in_only(built: list[Manifest]) -> None:
    namespace = next(each for each in built if each["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_nothing_carries_helms_labels(built: list[Manifest]) -> None:
    text = yaml.safe_dump_all(built)
    assert "helm.sh/" not in text
    assert "Helm" not in text.replace("`helm", "")
