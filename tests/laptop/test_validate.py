"""Wrong manifests: the file, the line, the field, what is wrong and what is allowed; all in one go."""

from pathlib import Path

import pytest

from tests.laptop.conftest import Covey
from tests.paths import ROOT

HEAD = "apiVersion: covey.dev/v1alpha1\n"
AGENT = HEAD + "kind: Agent\nmetadata: {name: case}\nspec:\n  model: {name: case}\n"
MODEL = HEAD + "kind: Model\nmetadata: {name: case}\nspec:\n  provider: Scripted\n  script: [{reply: hi}]\n"
FLOW = HEAD + "kind: Flow\nmetadata: {name: case}\nspec:\n  start: one\n  nodes:\n"
NODE = "    - {name: one, llm: {model: {name: case}, prompt: hi}"
RUN = HEAD + "kind: FlowRun\nmetadata: {name: case}\nspec:\n  flow: {name: case}\n  params: {pages: 3}\n"

WRONG = {
    "unknown field": (
        AGENT + "  instruction: Be nice.\n",
        '6:3: spec.instruction: unknown field, did you mean "instructions"?',
    ),
    "not one of the words": (AGENT + "  pattern: React\n", '6:3: spec.pattern: "React" is not allowed'),
    "wrong type": (
        AGENT + "  limits: {maxSteps: many}\n",
        '6:12: spec.limits.maxSteps: "many" is a text, want a whole number',
    ),
    "a bare text for a mapping": (
        AGENT.replace("model: {name: case}", "model: gpt-5-mini"),
        '5:3: spec.model: "gpt-5-mini" is a text, want a mapping: {name: "gpt-5-mini"}',
    ),
    "a field is missing": (
        AGENT.replace("  model: {name: case}", "  instructions: Hi"),
        "4:1: spec.model: is missing",
    ),
    "YAML's truth for a text": (
        AGENT + "  instructions: yes\n",
        "6:3: spec.instructions: true is true or false, want a text: put it in quotes",
    ),
    "rule between fields": (
        MODEL.replace("  script: [{reply: hi}]\n", ""),
        "4:1: spec.script: provider Scripted needs a script to answer from",
    ),
    "two nodes of one name": (
        FLOW + NODE + "}\n" + NODE + "}\n",
        '8:7: spec.nodes[1]: name "one" is there already, as spec.nodes[0]',
    ),
    "a flow that points nowhere": (
        FLOW + NODE + ", next: {default: two}}\n",
        "7:66: spec.nodes[0].next.default: ",
    ),
    "a run with a parameter too many": (
        FLOW + NODE + "}\n---\n" + MODEL + "---\n" + RUN,
        "21:12: spec.params.pages: the flow has no such parameter, it has none",
    ),
    "a subscription that no blackboard takes": (
        AGENT + "  blackboard: {name: case, consumes: [{types: [A], join: {window: 0s}}]}\n",
        "6:59: spec.blackboard.consumes[0].join.window: '0s' is no time to wait: want more than 0s",
    ),
    "unknown kind": (
        HEAD + "kind: Agnet\nmetadata: {name: a}\n",
        '2:1: kind: there is no "Agnet", did you mean Agent?',
    ),
    "no YAML": ("kind: [Agent\n", "2:1: this is not YAML: "),
    "a key twice": (AGENT + "  model: {name: n}\n", '6:3: key "model" is there already, at line 5'),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `covey validate` says about all of them at once, each in a file with names of its own."""
    covey = Covey(tmp_path_factory.mktemp("wrong"))
    for number, (manifest, _) in enumerate(WRONG.values()):
        (covey.home / f"c{number:03}.yaml").write_text(manifest.replace("case", f"c{number:03}"))
    return covey("validate", ".", status=1).stderr.splitlines()


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_told_with_its_place(told: list[str], case: str) -> None:
    number = list(WRONG).index(case)
    assert told[0] == f"error: {len(WRONG)} faults in the manifests"
    assert told[1 + number].startswith(f"c{number:03}.yaml:{WRONG[case][1]}")


def test_a_file_without_a_manifest(covey: Covey) -> None:
    (covey.home / "m.yaml").write_text("# later\n")
    told = covey("validate", "m.yaml", status=1).stderr
    assert told == "error: 1 fault in the manifests\nm.yaml: there is no manifest in it\n"


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
        "b.yaml:7:66",
    ]
    assert covey("up", folder, "--port", "0", status=1).stderr == told


def test_what_is_not_in_the_files_may_be_in_the_cluster(covey: Covey) -> None:
    (covey.home / "agent.yaml").write_text(AGENT)
    done = covey("validate", "agent.yaml")
    assert done.stdout == "1 resource in order\n"
    assert 'note: agent.yaml:5:11: spec.model.name: Model "case" not found' in done.stderr


def test_the_examples_are_in_order(covey: Covey) -> None:
    assert covey("validate", ROOT / "examples").stdout.endswith("in order\n")
