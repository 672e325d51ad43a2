"""What the laptop says about manifests. tests/controlplane puts the same table to a real API server."""

from typing import Any

import pytest

from agent_runtime.api import API_VERSION, KINDS
from agent_runtime.api.validate import InvalidManifest, faults, parse, update_faults
from tests.unit.api import cases

MODEL = {"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": "m"}}


def _id(case: cases.Case) -> str:
    return f"{case.manifest['kind']}: {case.name}"


@pytest.mark.parametrize("case", cases.valid(), ids=_id)
def test_what_is_right_is_accepted_and_parsed(case: cases.Case) -> None:
    assert faults(case.manifest) == []
    assert parse(case.manifest).kind == case.manifest["kind"]


@pytest.mark.parametrize("case", cases.invalid(), ids=_id)
def test_what_is_wrong_is_named_with_its_place_and_nothing_else_is(case: cases.Case) -> None:
    found = faults(case.manifest)
    assert [fault.path for fault in found] == [expected.path for expected in case.faults]
    for fault, expected in zip(found, case.faults, strict=True):
        assert expected.says in fault.message
    with pytest.raises(InvalidManifest) as refused:
        parse(case.manifest)
    assert refused.value.faults == tuple(found)


@pytest.mark.parametrize("case", cases.changes(), ids=_id)
def test_what_may_change(case: cases.Case) -> None:
    assert case.old is not None
    assert faults(case.old) == []
    assert faults(case.manifest) == []
    found = update_faults(case.old, case.manifest)
    assert [fault.path for fault in found] == [expected.path for expected in case.faults]
    for fault, expected in zip(found, case.faults, strict=True):
        assert expected.says in fault.message


def test_every_kind_has_its_right_and_its_wrong_manifests() -> None:
    for table in (cases.valid(), cases.invalid()):
        assert {case.manifest["kind"] for case in table} == set(KINDS)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], "a manifest is a mapping with apiVersion, kind, metadata and spec"),
        (None, "a manifest is a mapping with apiVersion, kind, metadata and spec"),
        ({"kind": "Model"}, "apiVersion: is missing, want covey.dev/v1alpha1"),
        ({**MODEL, "apiVersion": "covey.dev/v1"}, 'apiVersion: "covey.dev/v1" is not served, want'),
        (
            {"apiVersion": API_VERSION},
            "kind: is missing, want one of Agent, Flow, FlowRun, Blackboard, Model",
        ),
        ({**MODEL, "kind": "Agnet"}, 'kind: there is no "Agnet", did you mean Agent?'),
        ({**MODEL, "kind": "agent"}, 'kind: there is no "agent", did you mean Agent?'),
        ({**MODEL, "kind": "Cron"}, 'kind: there is no "Cron", want one of Agent, Flow'),
        ({**MODEL, "kind": ["Agent"]}, "kind: there is no"),
        ({**MODEL, "kind": "Tool"}, 'kind: "Tool" is reserved for later, want one of'),
        ({**MODEL, "kind": "KnowledgeBase"}, 'kind: "KnowledgeBase" is reserved for later'),
    ],
)
def test_what_is_no_manifest_of_ours(manifest: Any, message: str) -> None:
    (fault,) = faults(manifest)
    assert message in str(fault)


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        (None, "metadata"),
        ("m", "metadata"),
        ({}, "metadata.name"),
        ({"name": ""}, "metadata.name"),
        ({"name": 7}, "metadata.name"),
        ({"name": "m", "labels": {"n": 1}}, "metadata.labels.n"),
        ({"name": "m", "labels": []}, "metadata.labels"),
    ],
)
def test_metadata(metadata: Any, path: str) -> None:
    spec = {"provider": "OpenAI", "model": "x"}
    assert [fault.path for fault in faults({**MODEL, "metadata": metadata, "spec": spec})] == [path]


def test_several_faults_are_found_at_once_and_consequences_are_left_out() -> None:
    found = faults(
        {
            "apiVersion": API_VERSION,
            "kind": "Model",
            "metadata": {"name": "m"},
            "spec": {"provider": "Scripte", "tiemout": "1s", "script": [{"reply": "a", "error": "b"}]},
        }
    )
    assert [str(fault) for fault in found] == [
        'spec.provider: "Scripte" is not allowed, want one of OpenAI, OpenAICompatible, Ollama, Scripted',
        'spec.tiemout: unknown field, did you mean "timeout"?',
        "spec.script[0]: exactly one of reply, toolCalls, error must be set",
    ]


def test_a_prompt_of_300_kilobytes_is_refused_without_being_repeated() -> None:
    spec = {"model": {"name": "m"}, "instructions": "x" * 300_000}
    (fault,) = faults({**MODEL, "kind": "Agent", "spec": spec})
    assert str(fault) == "spec.instructions: has 300000 characters, want at most 262144"


def test_the_status_is_not_the_authors_business() -> None:
    spec = {"provider": "OpenAI", "model": "x"}
    assert faults({**MODEL, "spec": spec, "status": {"anything": [1]}}) == []


def test_parsing_fills_in_defaults_and_leaves_the_manifest_as_it_is() -> None:
    manifest = {**MODEL, "kind": "Agent", "spec": {"model": {"name": "m"}, "tools": None}}
    parsed = parse(manifest).manifest()
    assert parsed["spec"]["limits"] == {"maxSteps": 12, "timeout": "120s", "maxConcurrency": 8}
    assert manifest["spec"] == {"model": {"name": "m"}, "tools": None}


def test_an_object_does_not_become_one_of_another_kind() -> None:
    (fault,) = update_faults({**MODEL, "spec": {}}, {**MODEL, "kind": "Agent", "spec": {}})
    assert fault.path == "kind"


@pytest.mark.parametrize(
    ("text", "wrong"), [("a\0b", "holds a NUL character"), ("a\ud83d", "holds half of a character")]
)
def test_a_text_that_cannot_go_everywhere_is_the_one_fault_and_no_rule_is_blamed(
    text: str, wrong: str
) -> None:
    manifest = MODEL | {"spec": {"provider": "Scripted", "script": [{"reply": "x"}, {"reply": text}]}}
    [fault] = faults(manifest)
    assert (fault.path, fault.message.startswith(wrong)) == ("spec.script[1].reply", True)
    noted = MODEL | {"metadata": {"name": "m", "annotations": {text: "x"}}, "spec": manifest["spec"]}
    assert [each.path[:20] for each in faults(noted)] == ["metadata.annotations"]


def test_a_status_with_such_a_text_is_not_looked_at() -> None:
    spec = {"provider": "Scripted", "script": [{"reply": "x"}]}
    assert faults(MODEL | {"spec": spec, "status": {"phase": "a\0"}}) == []
