"""What somebody meets who begins: a folder to start with, names cut short, watching, completion, Ctrl-C."""

import json
import signal
import time
from pathlib import Path

import pytest

from agent_runtime.cli.flows.run import ASKS, INTERRUPTED
from tests.laptop.conftest import COVEY, PATIENCE, Covey, example
from tests.laptop.terminal import Terminal


def test_the_folder_to_begin_with_is_in_order_and_works(covey: Covey, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert "wrote model.yaml" in covey("init", shop).stdout
    assert covey("validate", shop).stdout == "5 resources in order\n"
    told = covey("init", shop, status=2).stderr
    assert "has model.yaml, agents.yaml, blackboard.yaml, flow.yaml already; nothing was written" in told
    with covey.up(shop) as up:
        assert "not ready" not in up.output
        assert covey("chat", "helper", "Hello").stdout == "You said: Hello\n"
        covey("publish", 'Topic={"subject": "bees"}')
        up.wait_for("published Draft")
        shown = covey("board", "query").stdout
        assert '"title": "About bees"' in shown
        started = covey("run", "letter", "-p", "to=Ada", status=ASKS)
        (name,) = [
            run["metadata"]["name"] for run in json.loads(covey("get", "runs", "-o", "json").stdout)["items"]
        ]
        assert f"run answer {name} send" in started.stderr
        covey("run", "answer", name[:-2], "send")
        assert covey("run", "follow", name).stdout == "You said: Sent to Ada.\n"


def test_names_may_be_cut_and_several_are_refused(covey: Covey, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    covey("init", shop)
    with covey.up(shop) as up:
        for subject in ("bees", "wasps"):
            covey("publish", f"Topic={json.dumps({'subject': subject})}")
        up.wait_for("published Draft", times=2)
        ids = [each["id"] for each in json.loads(covey("get", "artifacts", "-o", "json").stdout)["items"]]
        assert json.loads(covey("board", "show", ids[0][:20]).stdout)["id"] == ids[0]
        assert covey("get", "artifact", ids[0][:20], "-o", "json").stdout.count(ids[0]) >= 1
        topics = [each for each in ids if each[:6] == ids[0][:6]]
        told = covey("board", "show", ids[0][:6], status=2).stderr
        assert f"{len(topics)} artifacts begin with {ids[0][:6]}" in told
        assert ids[0] in told
        assert "there is no artifact 'nosuchthing'" in covey("board", "show", "nosuchthing", status=1).stderr


def test_runs_come_by_age_and_can_be_watched(covey: Covey, tmp_path: Path) -> None:
    folder = example("newsletter", tmp_path)
    with covey.up(folder):
        for _ in range(2):
            covey("run", "newsletter", "-p", 'topics=["bees"]', status=ASKS)
        runs = json.loads(covey("get", "runs", "-o", "json").stdout)["items"]
        newest, oldest = [run["metadata"]["name"] for run in runs]
        assert runs[0]["metadata"]["creationTimestamp"] >= runs[1]["metadata"]["creationTimestamp"]
        with Terminal([str(COVEY), "get", "runs", "-w"], covey.environ, covey.home) as watch:
            watch.wait_for(oldest)
            covey("run", "answer", oldest, "drop")
            watch.wait_for("Succeeded")
            covey("delete", "run", newest)
            watch.wait_for(f"flowrun/{newest} is gone")
            watch.process.send_signal(signal.SIGINT)
            assert watch.end() == 0
        assert b"Traceback" not in watch.seen


def test_on_a_terminal_it_asks_and_takes_the_answer(covey: Covey, tmp_path: Path) -> None:
    with covey.up(example("newsletter", tmp_path)):
        words = [str(COVEY), "run", "newsletter", "-p", 'topics=["bees"]']
        with Terminal(words, covey.environ, covey.home) as asked:
            asked.wait_for("Answer send or rewrite or drop")
            asked.type("perhaps\n")
            asked.wait_for("perhaps is none of them")
            asked.type("send it is fine\n")
            assert asked.end() == 0
        run = json.loads(covey("get", "runs", "-o", "json").stdout)["items"][0]
        [answer] = run["spec"]["answers"]
        assert (answer["action"], answer["comment"]) == ("send", "it is fine")
        with Terminal(words, covey.environ, covey.home) as left:
            left.wait_for("Answer send or rewrite or drop")
            left.type("\n")
            assert left.end() == ASKS


def test_ctrl_c_leaves_the_run_and_says_what_to_do(covey: Covey, tmp_path: Path) -> None:
    with covey.up(example("newsletter", tmp_path)):
        words = [str(COVEY), "run", "newsletter", "--wait", "-p", 'topics=["bees"]']
        with Terminal(words, covey.environ, covey.home) as run:
            run.wait_for("Answer")
            run.process.send_signal(signal.SIGINT)
            assert run.end() == INTERRUPTED
        assert b"Traceback" not in run.seen
        assert b"goes on" in run.seen
        assert b"run cancel newsletter-" in run.seen
        assert '"Waiting"' in covey("get", "runs", "-o", "json").stdout


def test_a_second_ctrl_c_ends_covey_up_without_a_traceback(covey: Covey, hello: Path) -> None:
    words = [str(COVEY), "up", str(hello), "--port", "0"]
    with Terminal(words, covey.environ, covey.home) as up:
        up.wait_for("Ctrl-C ends it")
        deadline = time.monotonic() + PATIENCE
        while up.process.poll() is None:
            up.process.send_signal(signal.SIGINT)
            assert time.monotonic() < deadline
            time.sleep(0.02)
        up.end()
    assert b"Traceback" not in up.seen


@pytest.mark.parametrize("name", ["text.txt", "data.json", "data.yaml"])
def test_a_parameter_may_come_from_a_file(covey: Covey, hello: Path, name: str) -> None:
    (covey.home / "text.txt").write_text("A: B")
    (covey.home / "data.json").write_text('"A: B"')
    (covey.home / "data.yaml").write_text('"A: B"\n')
    with covey.up(hello):
        assert covey("run", "greet", "-p", f"name=@{name}").stdout == "You said: Hello, A: B!\n"


def test_completion_knows_commands_and_names(covey: Covey, hello: Path) -> None:
    assert "complete" in covey("completion", "bash").stdout
    assert "There is one for bash, zsh, fish" in covey("completion", "tcsh", status=2).stderr
    with covey.up(hello):
        done = covey(_COVEY_COMPLETE="complete_bash", COMP_WORDS="covey chat po", COMP_CWORD="2")
        assert done.stdout.split() == ["polly"]


def test_a_board_without_a_store_runs_on_the_laptop_and_validate_names_what_a_cluster_needs(
    covey: Covey, tmp_path: Path
) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    board = """
apiVersion: covey.dev/v1alpha1
kind: Blackboard
metadata: {name: b}
spec: {STOREartifactTypes: [{name: T, schema: {type: object}}]}
"""
    (folder / "b.yaml").write_text(board.replace("STORE", ""))
    assert "{memory: {}}, {redis: ...} or {postgres: ...}" in covey("validate", folder).stderr
    with covey.up(folder):
        assert covey("publish", "T={}").stdout.startswith("T ")
    (folder / "b.yaml").write_text(board.replace("STORE", "store: {sqlite: {}}, "))
    told = covey("validate", folder, status=1).stderr
    assert "spec.store.sqlite: unknown field, want one of redis, postgres, memory" in told
    assert "On the laptop every store is SQLite" in told
