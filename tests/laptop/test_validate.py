"""Wrong manifests: the file, the line, the field, what is wrong and what is allowed; all in one go."""

from pathlib import Path

import pytest

from tests.laptop.conftest import ROOT, Covey

HEAD = "apiVersion: covey.dev/v1alpha1\n"
AGENT = HEAD + "kind: Agent\nmetadata: {name: a}\nspec:\n  model: {name: m}\n"
MODEL = HEAD + "kind: Model\nmetadata: {name: m}\nspec:\n  provider: Scripted\n  script: [{reply: hi}]\n"
FLOW = HEAD + "kind: Flow\nmetadata: {name: f}\nspec:\n  start: one\n  nodes:\n"
NODE = "    - {name: one, llm: {model: {name: m}, prompt: hi}"


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        pytest.param(
            AGENT.replace("model: {name: m}", "model: {name: m}\n  instruction: Be nice."),
            'm.yaml:6:3: spec.instruction: unknown field, did you mean "instructions"?',
            id="unknown field",
        ),
        pytest.param(
            AGENT + "  pattern: React\n",
            'm.yaml:6:3: spec.pattern: "React"',
            id="not one of the words",
        ),
        pytest.param(
            AGENT + "  limits: {maxSteps: many}\n",
            'm.yaml:6:12: spec.limits.maxSteps: "many" is a text, want a whole number',
            id="wrong type",
        ),
        pytest.param(
            MODEL.replace("  script: [{reply: hi}]\n", ""),
            "m.yaml:4:1: spec.script: provider Scripted needs a script to answer from",
            id="rule between fields",
        ),
        pytest.param(
            FLOW + NODE + "}\n" + NODE + "}\n",
            'm.yaml:8:7: spec.nodes[1]: name "one" is there already, as spec.nodes[0]',
            id="two nodes of one name",
        ),
        pytest.param(
            FLOW + NODE + ", next: {default: two}}\n",
            "m.yaml:7:63: spec.nodes[0].next.default: ",
            id="a flow that points nowhere",
        ),
        pytest.param(
            HEAD + "kind: Agnet\nmetadata: {name: a}\n",
            'm.yaml:2:1: kind: there is no "Agnet", did you mean Agent?',
            id="unknown kind",
        ),
        pytest.param(
            "kind: [Agent\n",
            "m.yaml:2:1: this is not YAML: ",
            id="no YAML",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(covey: Covey, manifest: str, told: str) -> None:
    (covey.home / "m.yaml").write_text(manifest)
    lines = covey("validate", "m.yaml", status=1).stderr.splitlines()
    assert lines[0] == "error: 1 fault in the manifests"
    assert lines[1].startswith(told), lines


def test_all_faults_of_all_files_at_once_and_up_tells_the_same(covey: Covey, tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "a.yaml").write_text(AGENT + "  patern: Chat\n---\n" + MODEL.replace("Scripted", "Skripted"))
    (folder / "b.yaml").write_text(FLOW + NODE + ", next: {default: two}}\n")
    told = covey("validate", folder, status=1).stderr
    assert told.startswith("error: 3 faults in the manifests\n")
    assert [line.split(": ")[0].removeprefix(f"{folder}/") for line in told.splitlines()[1:]] == [
        "a.yaml:6:3",
        "a.yaml:12:3",
        "b.yaml:7:63",
    ]
    assert covey("up", folder, "--port", "0", status=1).stderr == told


def test_what_is_not_in_the_files_may_be_in_the_cluster(covey: Covey) -> None:
    (covey.home / "agent.yaml").write_text(AGENT)
    done = covey("validate", "agent.yaml")
    assert done.stdout == "1 resource in order\n"
    assert 'note: agent.yaml:5:11: spec.model.name: Model "m" not found' in done.stderr


def test_the_examples_are_in_order(covey: Covey) -> None:
    for example in ("hello", "newsroom"):
        assert covey("validate", ROOT / "examples" / example).stdout.endswith("in order\n")
