"""Manifests from files and folders."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.local.manifests.load import Loaded, load

MODEL = """\
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: fast}
spec: {provider: Scripted, script: [{reply: hello}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.yaml").write_text(MODEL)
    return tmp_path


def told(loaded: Loaded, folder: Path) -> list[str]:
    return [str(fault).removeprefix(f"{folder}/") for fault in loaded.faults]


def test_a_folder_is_read_with_everything_beneath_it(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "two.yml").write_text(
        MODEL.replace("fast", "slow") + "---\n" + MODEL.replace("fast", "odd")
    )
    (folder / ".covey").mkdir()
    (folder / ".covey" / "state.yaml").write_text("not: a manifest")
    (folder / "notes.txt").write_text("not: a manifest")
    loaded = load([folder])
    assert loaded.faults == ()
    assert [(source.kind, source.name) for source in loaded.resources] == [
        ("Model", "slow"),
        ("Model", "odd"),
        ("Model", "fast"),
    ]
    assert loaded.resources[1].origin == f"{folder}/deep/two.yml:6"


def test_a_file_that_is_named_twice_is_read_once(folder: Path) -> None:
    loaded = load([folder / "models.yaml", folder])
    assert (len(loaded.resources), loaded.faults) == (1, ())


def test_every_fault_has_its_line_and_column_and_hides_no_other(folder: Path) -> None:
    (folder / "agents.yaml").write_text(
        """\
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata:
  name: researcher
spec:
  patern: ReAct
  model:
    name: fast
  limits: {maxSteps: many, timeout: 5 minutes}
  publishes:
    - type: Idea
---
apiVersion: covey.dev/v1alpha1
kind: Agnet
"""
    )
    (folder / "broken.yaml").write_text("a: [1\nb: 2\n")
    loaded = load([folder, folder / "nowhere.yaml"])
    assert told(loaded, folder) == [
        "agents.yaml:5:1: spec.blackboard: publishes needs a blackboard, to publish on",
        'agents.yaml:6:3: spec.patern: unknown field, did you mean "pattern"?',
        'agents.yaml:9:12: spec.limits.maxSteps: "many" is a text, want a whole number',
        'agents.yaml:9:28: spec.limits.timeout: "5 minutes" is not allowed, '
        "want a duration such as 500ms, 30s, 5m, 1h30m or 7d",
        'agents.yaml:14:1: kind: there is no "Agnet", did you mean Agent?',
        "broken.yaml:2:2: this is not YAML: did not find expected ',' or ']'",
        "nowhere.yaml: there is no such file or folder",
    ]
    assert [source.name for source in loaded.resources] == ["fast"]


def test_two_objects_of_one_kind_and_name(folder: Path) -> None:
    (folder / "more.yaml").write_text("---\n" + MODEL)
    loaded = load([folder])
    assert told(loaded, folder) == [
        f'more.yaml:4:12: metadata.name: Model "fast" is there already, in {folder}/models.yaml:1: '
        "rename or remove one"
    ]


def test_config_maps_and_secrets_serve_as_references_and_a_secret_has_one_form(folder: Path) -> None:
    (folder / "refs.yaml").write_text(
        """\
{apiVersion: v1, kind: ConfigMap, metadata: {name: prompts}, data: {a: Be brief.}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, data: {a: c2stMQ==, b: c2s=}, stringData: {b: sk-3}}
"""
    )
    loaded = load([folder])
    config_map, secret = (source.manifest for source in loaded.resources[1:])
    assert config_map["data"] == {"a": "Be brief."}
    assert secret["stringData"] == {"a": "sk-1", "b": "sk-3"}
    assert "data" not in secret


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ("{apiVersion: v1, kind: Secret, data: {a: c2s=}}", "1:1: metadata.name: is missing"),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: k}, data: {a: '%'}}",
            "data.a: is not a text in base64",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: k}, stringData: {a: 1}}",
            "stringData.a: is not a text",
        ),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: k}, data: [a]}", "data: is not a mapping"),
        ("{apiVersion: v1, kind: List, items: []}", "kind: a List is not read: write its items as documents"),
        ("{kind: [x], apiVersion: covey.dev/v1alpha1}", "kind: there is no"),
        ("- a", "a manifest is a mapping"),
        ("just text", "a manifest is a mapping"),
    ],
)
def test_what_is_wrong_outside_our_kinds(tmp_path: Path, manifest: str, fault: str) -> None:
    (tmp_path / "x.yaml").write_text(manifest)
    loaded = load([tmp_path])
    assert loaded.resources == ()
    (line,) = told(loaded, tmp_path)
    assert fault in line


def test_other_kinds_of_kubernetes_are_skipped_and_said(folder: Path) -> None:
    (folder / "app.yaml").write_text("{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}")
    loaded = load([folder])
    assert loaded.faults == ()
    assert loaded.notes == (
        f"{folder}/app.yaml:1: Deployment (apps/v1) is Kubernetes' own, and skipped here",
    )


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    assert str(load([tmp_path]).faults[0]) == f"{tmp_path}: there is no *.yaml or *.yml in this folder"


@pytest.mark.parametrize("content", ["", "# later\n", "---\n---\n"])
def test_a_file_without_a_manifest_is_a_fault_when_there_is_nothing_else(
    folder: Path, tmp_path: Path, content: str
) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text(content)
    assert told(load([empty]), tmp_path) == ["empty.yaml: there is no manifest in it"]
    assert load([empty, folder]).faults == ()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\nb: \xff\xfe")
    assert told(load([tmp_path]), tmp_path) == ["x.yaml:2:1: this is not text in UTF-8: invalid start byte"]


def test_a_file_of_5_megabytes_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: " + "ü" * 2_600_000)
    assert told(load([tmp_path]), tmp_path) == [
        "x.yaml:1:1: the file is larger than 4 MiB, which no manifest is"
    ]


def test_a_problem_of_compiling_is_placed_without_saying_the_field_twice(folder: Path) -> None:
    (source,) = load([folder]).resources
    fault = source.fault("spec.script[0].reply", "spec.script[0].reply: expression 'x' does not compile")
    assert str(fault) == (f"{folder}/models.yaml:4:38: spec.script[0].reply: expression 'x' does not compile")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(alphabet="ab: -[]{}&*!|>'\"#\n\t<?%@,", max_size=60).map(str.encode))
def test_nothing_that_a_file_holds_breaks_the_reading(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    loaded = load([tmp_path])
    assert loaded.resources == ()


def test_no_line_can_be_forged_by_a_name_of_a_file_or_a_key_or_a_value(tmp_path: Path) -> None:
    (tmp_path / "a\nerror: forged.yaml").write_text(
        'apiVersion: covey.dev/v1alpha1\nkind: Flow\nmetadata: {name: f}\nspec: {"b\\nerror: forged": 1}\n'
        '---\napiVersion: covey.dev/v1alpha1\nkind: "Mo\\nerror: forged"\nmetadata: {name: x}\n'
    )
    found = [str(fault) for fault in load([tmp_path]).faults]
    assert len(found) >= 2
    assert all(len(line.splitlines()) == 1 and "a\\nerror: forged.yaml" in line for line in found)
