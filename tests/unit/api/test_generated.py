"""The CRDs, the chart, the kustomize base and the reference pages, as they are checked in."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime.api import KINDS
from agent_runtime.api.base import Resource
from agent_runtime.api.generate.crd import crd
from agent_runtime.api.generate.files import differences, generated_files, write
from agent_runtime.api.schema import Schema, structural_schema
from tests.paths import ROOT

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def _nodes(schema: Schema) -> Iterator[Schema]:
    yield schema
    for below in (
        *schema.get("properties", {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ):
        if below is not None:
            yield from _nodes(below)


def _schema_of(kind: type[Resource]) -> Schema:
    schema: Schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def test_what_is_checked_in_is_what_the_models_say() -> None:
    assert differences(ROOT) == [], "run: python -m agent_runtime.api generate"


def test_generating_twice_yields_the_same_bytes() -> None:
    assert generated_files() == generated_files()


def test_writing_heals_every_difference_and_lets_files_of_people_alone(tmp_path: Path) -> None:
    write(tmp_path)
    assert differences(tmp_path) == []
    (tmp_path / "crds/covey.dev_models.yaml").write_text("changed by hand")
    (tmp_path / "docs/reference/flow.md").unlink()
    (tmp_path / "docs/reference/metrics.md").write_text("# Metrics\n")
    gone = (tmp_path / "crds/covey.dev_agents.yaml").read_text()
    (tmp_path / "crds/covey.dev_gone.yaml").write_text(gone)
    assert sorted(differences(tmp_path)) == [
        "crds/covey.dev_gone.yaml is of no kind any more",
        "crds/covey.dev_models.yaml is out of date",
        "docs/reference/flow.md is missing",
    ]
    assert sorted(write(tmp_path)) == [
        "removed crds/covey.dev_gone.yaml",
        "wrote crds/covey.dev_models.yaml",
        "wrote docs/reference/flow.md",
    ]
    assert differences(tmp_path) == []
    assert (tmp_path / "docs/reference/metrics.md").exists()


@ALL
def test_a_crd_is_small_enough_for_client_side_apply(kind: type[Resource]) -> None:
    assert len(json.dumps(crd(kind))) < 256 * 1024


@ALL
def test_a_schema_keeps_to_what_a_crd_allows(kind: type[Resource]) -> None:
    for node in _nodes(_schema_of(kind)):
        assert not node.keys() & {"$ref", "$defs", "title", "anyOf", "oneOf", "const", "examples"}
        assert node.get("additionalProperties") is not False
        assert "type" in node or node.get("x-kubernetes-preserve-unknown-fields")
        assert "default" not in node or node["default"] is not None


@ALL
def test_patterns_are_anchored_and_need_nothing_that_re2_lacks(kind: type[Resource]) -> None:
    for node in _nodes(_schema_of(kind)):
        pattern = node.get("pattern")
        if pattern is not None:
            re.compile(pattern)
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            assert not re.search(r"\(\?|\\[1-9]", pattern)


@ALL
def test_the_keys_of_a_map_list_are_always_there(kind: type[Resource]) -> None:
    for node in _nodes(_schema_of(kind)):
        for key in node.get("x-kubernetes-list-map-keys", []):
            item = node["items"]
            assert key in item["required"] or "default" in item["properties"][key]


@ALL
def test_no_default_is_written_into_an_item_of_a_list(kind: type[Resource]) -> None:
    """Else `kubectl apply` finds a difference each time: it replaces lists as a whole."""
    spec = _schema_of(kind)["properties"]["spec"]
    items = [inner for node in _nodes(spec) if "items" in node for inner in _nodes(node["items"])]
    assert [node for node in items if "default" in node] == []
    assert [key for node in _nodes(_schema_of(kind)) for key in node if key.startswith("x-covey")] == []


def test_what_a_field_of_an_item_means_that_is_left_out_is_told() -> None:
    nodes = _schema_of(KINDS["Flow"])["properties"]["spec"]["properties"]["nodes"]["items"]["properties"]
    assert nodes["timeout"]["description"] == 'How long one attempt may take. Default: "120s".'
    page = generated_files()[Path("docs/reference/flow.md")]
    (row,) = [line for line in page.splitlines() if line.startswith("| `spec.nodes[].timeout`")]
    assert '| `"120s"` |' in row


@ALL
def test_what_an_operator_on_call_wants_is_there(kind: type[Resource]) -> None:
    spec = crd(kind)["spec"]
    (version,) = spec["versions"]
    assert spec["names"]["categories"] == ["covey"]
    assert spec["names"]["shortNames"] == [kind.short]
    assert version["subresources"]["status"] == {}
    assert version["additionalPrinterColumns"][-1] == {
        "name": "Age",
        "type": "date",
        "jsonPath": ".metadata.creationTimestamp",
    }
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert "observedGeneration" in status
    assert "observedGeneration" in status["conditions"]["items"]["properties"]


@ALL
def test_every_field_is_described(kind: type[Resource]) -> None:
    def undescribed(schema: Schema, path: str) -> Iterator[str]:
        for name, field in schema.get("properties", {}).items():
            if "description" not in field:
                yield f"{path}.{name}"
            yield from undescribed(field, f"{path}.{name}")
            yield from undescribed(field.get("items", {}), f"{path}.{name}[]")
            yield from undescribed(field.get("additionalProperties", {}), f"{path}.{name}.*")

    spec = structural_schema(kind)["properties"]["spec"]
    assert list(undescribed(spec, "spec")) == []


def test_the_chart_keeps_the_crds_on_uninstall_and_helm_finds_nothing_to_evaluate() -> None:
    for path, content in generated_files().items():
        if "templates" in path.parts:
            assert "helm.sh/resource-policy: keep" in content
            assert "{{" not in content
