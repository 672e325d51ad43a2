"""`covey flow`: what is wrong with Flows, and what they look like."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.laptop.conftest import Covey, example
from tests.paths import ROOT

HEAD = "apiVersion: covey.dev/v1alpha1\n"
FLOW = HEAD + "kind: Flow\nmetadata: {name: NAME}\nspec:\n  start: one\n  nodes:\n"
NODE = "    - {name: one, agent: polly, input: hi, next: {default: TARGET}}\n"
HELLO = ROOT / "examples" / "hello"


def test_check_shows_the_nodes_and_where_they_lead(covey: Covey) -> None:
    assert covey("flow", "check", HELLO).stdout == (
        "flow/greet: 3 nodes, from ask\n"
        "  NODE     KIND     WITH                NEXT\n"
        "  ask      agent    polly               default -> volume\n"
        "  volume   branch   loud: params.loud   loud -> shout; default -> end\n"
        "  shout    llm      parrot              default -> end\n"
    )


def test_check_tells_faults_of_flows_and_of_nothing_else(covey: Covey) -> None:
    wrong = FLOW.replace("NAME", "lost") + NODE.replace("TARGET", "nowhere")
    agent = HEAD + "kind: Agent\nmetadata: {name: polly}\nspec: {}\n"
    misspelt = FLOW.replace("NAME", "typo") + NODE.replace("next", "nxt")
    (covey.home / "a.yaml").write_text("---\n".join([wrong, agent, misspelt]))
    (covey.home / "b.yaml").write_text("kind: [Flow\n")
    done = covey("flow", "check", "a.yaml", "b.yaml", status=1)
    assert done.stdout.startswith("flow/lost: 1 node, from one\n")
    told = done.stderr.splitlines()
    assert told[0] == "error: 3 faults in the flows"
    assert [text.split(": ")[:2] for text in told[1:]] == [
        ["a.yaml:7:51", "spec.nodes[0].next.default"],
        ["a.yaml:20:44", "spec.nodes[0].nxt"],
        ["b.yaml:2:1", "this is not YAML"],
    ]
    assert covey("validate", "a.yaml", "b.yaml", status=1).stderr.startswith("error: 4 faults")


def test_check_tells_what_is_not_in_the_files(covey: Covey) -> None:
    (covey.home / "flow.yaml").write_text(FLOW.replace("NAME", "f") + NODE.replace("TARGET", "one"))
    told = covey("flow", "check", "flow.yaml").stderr
    assert told.startswith('note: flow.yaml:7:19: spec.nodes[0].agent: Agent "polly" not found')
    assert told.endswith(" (not in these files)\n")


def test_without_a_flow_there_is_nothing_to_check_or_draw(covey: Covey) -> None:
    model = HELLO / "model.yaml"
    for command in ("check", "draw"):
        assert covey("flow", command, model, status=1).stderr == f"error: there is no Flow in {model}\n"


def test_draw_writes_what_the_file_is_called_after(covey: Covey) -> None:
    drawn = covey("flow", "draw", HELLO).stdout
    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    covey("flow", "draw", HELLO, "-o", "greet.svg")
    assert (covey.home / "greet.svg").read_text() == drawn
    covey("flow", "draw", HELLO, "-o", "greet.mmd")
    assert (covey.home / "greet.mmd").read_text().startswith("flowchart TD\n")
    assert covey("flow", "draw", HELLO, "--format", "mermaid").stdout.startswith("flowchart TD\n")


def test_what_cannot_be_drawn(covey: Covey) -> None:
    flows = [FLOW.replace("NAME", name) + NODE.replace("TARGET", "one") for name in ("b", "a")]
    (covey.home / "two.yaml").write_text("---\n".join(flows))
    told = covey("flow", "draw", "two.yaml", status=2).stderr
    assert told == "error: there are several Flows in two.yaml: a, b\nSay which one: --flow NAME\n"
    assert covey("flow", "draw", "two.yaml", "--flow", "a").stdout
    told = covey("flow", "draw", "two.yaml", "--flow", "c", status=1).stderr
    assert told == 'error: there is no Flow "c" in two.yaml; there are: a, b\n'
    told = covey("flow", "draw", "two.yaml", "--format", "png", status=2).stderr
    assert told == "error: --format png is no format\nThere are svg and mermaid.\n"
    told = covey("flow", "draw", "greet", status=2).stderr
    assert told == (
        "error: there is no file or folder greet, and no Flow of that name: covey up is not running\n"
        "Start it with: covey up DIR\n"
    )
    (covey.home / "wrong.yaml").write_text(FLOW.replace("NAME", "a") + NODE.replace("TARGET", "x"))
    told = covey("flow", "draw", "wrong.yaml", status=1).stderr
    assert told.startswith("error: wrong.yaml:7:51: spec.nodes[0].next.default: ")
    assert told.endswith("Check it with: covey flow check wrong.yaml\n")
    told = covey("flow", "draw", HELLO, "-o", "no/such/folder.svg", status=1).stderr
    assert told == "error: no/such/folder.svg cannot be written: No such file or directory\n"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Covey]:
    """The command in a home where the example `hello` is up."""
    home: Path = tmp_path_factory.mktemp("home")
    covey = Covey(home)
    with covey.up(example("hello", home)):
        yield covey


def test_a_flow_of_the_running_covey_up(up: Covey) -> None:
    assert up("flow", "check", "greet").stdout == up("flow", "check", HELLO).stdout
    assert up("flow", "draw", "greet").stdout == up("flow", "draw", HELLO).stdout
    told = up("flow", "draw", "greed", status=1).stderr
    assert told == 'error: there is no Flow "greed" in the covey up; there are: greet\n'


def test_the_states_of_a_run(up: Covey) -> None:
    started = up("run", "greet", "-p", "name=Ada").stderr.splitlines()[0]
    run = started.removeprefix("flowrun/").removesuffix(" started")
    drawn = up("flow", "draw", "greet", "--run", run).stdout
    root = ET.fromstring(drawn)
    assert root[0].text == f"Run {run} of flow greet"
    assert root[1].text == "3 nodes, from ask; 2 succeeded"
    assert up("flow", "draw", HELLO, "--run", run).stdout == drawn
    (up.home / "other.yaml").write_text(FLOW.replace("NAME", "other") + NODE.replace("TARGET", "one"))
    told = up("flow", "draw", "other.yaml", "--run", run, status=2).stderr
    assert told == f"error: flowrun/{run} is a run of the Flow greet, not of other\n"
    assert 'there is no FlowRun "x"' in up("flow", "draw", "greet", "--run", "x", status=1).stderr
