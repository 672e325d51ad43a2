"""Who applies what is there already changes nothing, and is told so: by kubectl on either side, for every
sample, every example, and every manifest of the table of right ones. Also after an upgrade from definitions
that wrote their defaults into the items of lists."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.api import GROUP, KINDS
from agent_runtime.api.generate.crd import crd
from agent_runtime.api.items import COMPARED
from agent_runtime.api.schema import FIXED, ITEM_DEFAULT, ITEM_KEYS, Schema, structural_schema
from agent_runtime.api.structure import written_out
from agent_runtime.api.validate import faults
from hack.cluster.control_plane.control_plane import ControlPlane
from hack.cluster.fault import ClusterError
from tests.paths import ROOT
from tests.unit.api import cases

FOLDERS = [
    ROOT / "config/samples",
    *sorted(path.parent for path in ROOT.glob("examples/*/kustomization.yaml")),
]
SPELT_OUT = {
    "apiVersion": "covey.dev/v1alpha1",
    "kind": "FlowRun",
    "metadata": {"name": "spelt-out"},
    "spec": {
        "flowSpec": {
            "start": "a",
            "nodes": [
                {"name": "a", "http": {"url": "http://x/"}, "input": {"k": 1}, "next": {"default": "b"}},
                {"name": "b", "approve": {"prompt": "?"}, "timeout": "120s", "next": {"approve": "c"}},
                {
                    "name": "c",
                    "tool": {"builtin": "clock"},
                    "map": {"over": "${[1]}"},
                    "retry": {"wait": "2s"},
                },
            ],
        },
        "answers": [{"node": "b", "action": "approve"}, {"node": "b", "visit": 2, "action": "reject"}],
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    with ControlPlane() as control_plane:
        _define(control_plane, [crd(kind) for kind in KINDS.values()])
        yield control_plane


def _define(cluster: ControlPlane, definitions: list[dict[str, Any]]) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=_list(definitions))
    names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS.values()]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)


def _list(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _table() -> list[dict[str, Any]]:
    """Every manifest that is right, each by a name of its own."""
    manifests = [*(case.manifest for case in cases.valid()), SPELT_OUT]
    named = []
    for index, manifest in enumerate(manifests):
        name = f"{manifest['metadata']['name'][:30]}-{index}"
        named.append({**manifest, "metadata": {**manifest["metadata"], "name": name}})
    return named


def _without_nulls() -> list[dict[str, Any]]:
    """The same: a server-side apply takes no null where there is nothing to be unset."""
    return [
        {**each, "spec": {name: value for name, value in each["spec"].items() if value is not None}}
        for each in _table()
    ]


def _said(text: str) -> set[str]:
    """The last words of the lines, such as `unchanged`."""
    return {line.split(" ", 1)[1] for line in text.splitlines()}


def _versions(cluster: ControlPlane, namespace: str) -> dict[str, str]:
    found = json.loads(cluster.kubectl("get", "covey", "-n", namespace, "-o", "json"))["items"]
    return {
        f"{each['kind']} {each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in found
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_samples_and_examples_are_unchanged(cluster: ControlPlane, folder: Path) -> None:
    namespace = f"folder-{folder.name}"
    cluster.kubectl("create", "namespace", namespace)
    assert _said(cluster.kubectl("apply", "-n", namespace, "-k", str(folder))) == {"created"}
    before = _versions(cluster, namespace)
    assert _said(cluster.kubectl("apply", "-n", namespace, "-k", str(folder))) == {"unchanged"}
    server_side = ("apply", "-n", namespace, "--server-side", "-k", str(folder))
    cluster.kubectl(*server_side, "--dry-run=server")
    assert _versions(cluster, namespace) == before


def test_every_manifest_that_is_right_is_unchanged(cluster: ControlPlane) -> None:
    cluster.kubectl("create", "namespace", "table")
    apply = ("apply", "-n", "table", "-f", "-")
    assert _said(cluster.kubectl(*apply, input=_list(_table()))) == {"created"}
    again = cluster.kubectl(*apply, input=_list(_table()))
    assert [line for line in again.splitlines() if not line.endswith(" unchanged")] == []


def test_a_second_server_side_apply_changes_nothing(cluster: ControlPlane) -> None:
    cluster.kubectl("create", "namespace", "server-side")
    apply = ("apply", "-n", "server-side", "--server-side", "-f", "-")
    cluster.kubectl(*apply, input=_list(_without_nulls()))
    before = _versions(cluster, "server-side")
    shown = json.loads(
        cluster.kubectl(*apply, "--dry-run=server", "-o", "json", input=_list(_without_nulls()))
    )
    stored = json.loads(cluster.kubectl("get", "covey", "-n", "server-side", "-o", "json"))
    assert _specs(shown) == _specs(stored)
    cluster.kubectl(*apply, input=_list(_without_nulls()))
    assert _versions(cluster, "server-side") == before


def _specs(objects: dict[str, Any]) -> dict[str, Any]:
    return {f"{each['kind']} {each['metadata']['name']}": each["spec"] for each in objects["items"]}


@pytest.mark.parametrize("most", [100, 256])
def test_the_most_types_that_a_blackboard_may_have_are_taken(cluster: ControlPlane, most: int) -> None:
    """The rule about their names costs the square of their number, and the API server bounds costs."""
    types = [{"name": "T" * 120 + f"_{n:03}", "schema": {}} for n in range(most)]
    board = {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "Blackboard",
        "metadata": {"name": "large"},
        "spec": {"store": {"memory": {}}, "artifactTypes": types},
    }
    cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(board))
    types[-1] = types[0]
    assert [fault.path for fault in faults(board)] == [f"spec.artifactTypes[{most - 1}]"]
    if most <= COMPARED:
        with pytest.raises(ClusterError, match="no two may have the same name and version"):
            cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(board))


def test_as_many_answers_as_a_run_may_have_are_taken_and_kept(cluster: ControlPlane) -> None:
    answers = [{"node": "n" * 500 + f"{n:03}", "action": "a" * 60, "comment": "c" * 2048} for n in range(64)]
    run = {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"name": "large"},
        "spec": {"flow": {"name": "f"}, "answers": answers},
    }
    cluster.kubectl("create", "-f", "-", input=json.dumps(run))
    cluster.kubectl("patch", "fr/large", "--type=merge", "-p", '{"metadata": {"labels": {"a": "b"}}}')
    cluster.kubectl("patch", "fr/large", "--type=merge", "-p", '{"spec": {"cancel": true}}')


def test_after_an_upgrade_older_objects_can_be_applied_again(cluster: ControlPlane) -> None:
    _define(cluster, [_as_before(kind) for kind in KINDS.values()])
    for name in ("upgraded", "upgraded-by-server"):
        cluster.kubectl("create", "namespace", name)
    kubectl = ("apply", "-n", "upgraded", "-f", "-")
    server = ("apply", "-n", "upgraded-by-server", "--server-side", "-f", "-")
    for apply in (kubectl, server):
        cluster.kubectl(*apply, input=_list(_without_nulls()))
    node = cluster.kubectl(
        "get", "fr", "-n", "upgraded", "-o", "jsonpath={.items[*].spec.flowSpec.nodes[0].retry}"
    )
    assert "maxAttempts" in node, "the older definitions write the defaults"
    versions = _versions(cluster, "upgraded-by-server")
    _define(cluster, [crd(kind) for kind in KINDS.values()])

    assert _versions(cluster, "upgraded-by-server") == versions
    meaning = _meaning(cluster, "upgraded")
    assert _said(cluster.kubectl(*kubectl, input=_list(_without_nulls()))) <= {"unchanged", "configured"}
    assert _said(cluster.kubectl(*kubectl, input=_list(_without_nulls()))) == {"unchanged"}
    assert _meaning(cluster, "upgraded") == meaning
    meaning = _meaning(cluster, "upgraded-by-server")
    cluster.kubectl(*server, input=_list(_without_nulls()))
    assert _meaning(cluster, "upgraded-by-server") == meaning
    settled = _versions(cluster, "upgraded-by-server")
    cluster.kubectl(*server, input=_list(_without_nulls()))
    assert _versions(cluster, "upgraded-by-server") == settled


def _meaning(cluster: ControlPlane, namespace: str) -> dict[str, Any]:
    found = json.loads(cluster.kubectl("get", "covey", "-n", namespace, "-o", "json"))
    kinds = {each["metadata"]["name"]: KINDS[each["kind"]] for each in found["items"]}
    return {
        name: written_out(structural_schema(kinds[name.split(" ")[1]])["properties"]["spec"], spec)
        for name, spec in _specs(found).items()
    }


def _as_before(kind: Any) -> dict[str, Any]:
    """The definition that writes defaults into items, and has keys of lists that have defaults."""
    definition = crd(kind)
    spec = _with_defaults(copy.deepcopy(structural_schema(kind)["properties"]["spec"]))
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = spec
    return definition


def _with_defaults(schema: Schema) -> Schema:
    schema.pop(FIXED, None)
    if ITEM_DEFAULT in schema:
        schema["default"] = schema.pop(ITEM_DEFAULT)
    if ITEM_KEYS in schema:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": schema.pop(ITEM_KEYS)}
    for below in (
        *schema.get("properties", {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ):
        if isinstance(below, dict):
            _with_defaults(below)
    return schema
