"""`covey board backup`, `restore` and `verify`, and the process that a Blackboard's CronJob runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime.blackboard.backup.file import verify
from tests.laptop.boards import kitchen
from tests.laptop.conftest import Covey
from tests.paths import ROOT

BOARD = "default/kitchen"


def test_a_board_at_work_is_copied_and_restored(covey: Covey, tmp_path: Path) -> None:
    copies, restored = tmp_path / "copies", tmp_path / "restored.sqlite"
    with covey.up(kitchen(tmp_path / "kitchen")) as up:
        covey("board", "publish", 'Order={"dish": "soup"}')
        up.wait_for("published Dish")
        store = up.state / "blackboards" / "kitchen.db"
        told = covey("board", "backup", "--store", store, "--board", BOARD, "--to", copies).stdout
    said, file = told.splitlines()
    assert said.startswith(
        "backed up: 2 artifacts, 1 subscribers, 0 deliveries, 0 dead letters; default/kitchen as it was at 2"
    )
    assert covey("board", "verify", file).stdout == said.replace("backed up", "can be restored") + "\n"
    told = covey("board", "restore", file, "--store", f"sqlite:///{restored}", "--board", BOARD).stdout
    assert told == said.replace("backed up", f"restored to {BOARD}") + "\n"
    again = covey("board", "restore", file, "--store", restored, "--board", BOARD, status=1).stderr
    assert "error: the board is not empty" in again
    for turn in range(3):
        done = covey("board", "backup", "--store", restored, "--board", BOARD, "--to", copies, "--keep", "2")
        assert done.stdout.count("deleted") == (turn > 0)
    assert len(list(copies.iterdir())) == 2


def a_file(tmp_path: Path) -> str:
    path = tmp_path / "damaged.covey.gz"
    path.write_text("half")
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["backup", "--store", "none.sqlite", "--board", "a/b", "--to", "."], 2, "there is no store none."),
        (["backup", "--store", "memory://", "--board", "a/b", "--to", "."], 2, "a board in memory is out of"),
        (["backup", "--store", "mysql://a", "--board", "a/b", "--to", "."], 2, "there is no store mysql://"),
        (["backup", "--store", "redis://127.0.0.1:1", "--board", "a/b", "--to", "."], 1, "Connect call fail"),
        (["backup", "--store", "a.sqlite", "--board", "a", "--to", "."], 2, "Write NAMESPACE/NAME"),
        (["restore", "FILE", "--store", "a.sqlite", "--board", "a/b"], 1, "it is no backup: it is not gzip"),
        (["verify", "FILE"], 1, "it is no backup: it is not gzip"),
        (["verify", "none"], 1, "none cannot be read: no such file or directory\nGive the path of a file"),
        (["restore", "none", "--store", "a.sqlite", "--board", "a/b"], 1, "none cannot be read: no such"),
        (["backup", "--store", "BOARD", "--board", "a/kitchen", "--to", "/proc/x"], 1, "/proc/x cannot be w"),
        (
            ["backup", "--store", "BOARD", "--board", "a/typo", "--to", "copies"],
            2,
            "there is no board a/typo in this store: blackboards/kitchen.db is that of the board kitchen",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(
    covey: Covey, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (covey.home / "blackboards").mkdir()
    (covey.home / "blackboards" / "kitchen.db").touch()
    files = {"FILE": a_file(tmp_path), "BOARD": "blackboards/kitchen.db"}
    given = [files.get(one, one) for one in arguments]
    assert says in covey("board", *given, status=status).stderr


# --- what the CronJob runs


def run_role(
    tmp_path: Path, role: str, *options: str | Path, store: str, url: str
) -> subprocess.CompletedProcess[str]:
    """To its end."""
    config = tmp_path / "config.json"
    board = {"kind": "Blackboard", "name": "newsroom", "namespace": "news", "types": []}
    config.write_text(json.dumps(board | {"store": store, "urlEnv": "COVEY_STORE_URL"}))
    return subprocess.run(
        [sys.executable, "-m", "agent_runtime", role, "--config", config, *options],
        cwd=ROOT,
        env={"COVEY_STORE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def back_up(tmp_path: Path, store: str, url: str) -> subprocess.CompletedProcess[str]:
    """Two copies are kept."""
    options = "--to", tmp_path / "copies", "--keep", "2"
    return run_role(tmp_path, "blackboard-backup", *options, store=store, url=url)


def test_the_role_copies_and_keeps_so_many(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'board.sqlite'}"
    for _ in range(4):
        done = back_up(tmp_path, "sqlite", url)
        assert done.returncode == 0, done.stderr
    made = sorted((tmp_path / "copies").iterdir())
    assert len(made) == 2
    assert verify(made[0]).header.board == "news/newsroom"
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in told] == ["backed up", "deleted an older backup"]
    assert told[0]["file"] == str(made[1])


def test_the_role_says_why_there_is_no_copy(tmp_path: Path) -> None:
    refused = back_up(tmp_path, "memory", "")
    assert (refused.returncode, "a board in memory cannot be backed up" in refused.stderr) == (2, True)
    failed = back_up(tmp_path, "redis", "redis://127.0.0.1:1")
    assert failed.returncode == 1
    line = json.loads(failed.stdout)
    assert (line["event"], line["error"].partition(":")[0]) == ("no backup was made", "ConnectionError")


def test_the_role_restores_one(tmp_path: Path) -> None:
    back_up(tmp_path, "sqlite", f"sqlite:///{tmp_path / 'board.sqlite'}")
    [file] = (tmp_path / "copies").iterdir()
    empty = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    done = run_role(tmp_path, "blackboard-restore", "--from", file, store="sqlite", url=empty)
    assert (done.returncode, json.loads(done.stdout)["event"]) == (0, "restored")
    file.write_bytes(file.read_bytes()[:-5])
    failed = run_role(tmp_path, "blackboard-restore", "--from", file, store="sqlite", url=empty)
    assert failed.returncode == 1
    assert "cut off" in json.loads(failed.stdout)["error"]


def test_the_role_lists_what_can_be_restored(tmp_path: Path) -> None:
    for _ in range(2):
        back_up(tmp_path, "sqlite", f"sqlite:///{tmp_path / 'board.sqlite'}")
    older, newer = sorted((tmp_path / "copies").iterdir())
    look = "blackboard-verify", "--in", tmp_path / "copies"
    done = run_role(tmp_path, *look, store="sqlite", url="")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [(line["event"], line["file"]) for line in told] == [
        ("can be restored", str(newer)),
        ("can be restored", str(older)),
    ]
    newer.write_bytes(newer.read_bytes()[:-5])
    done = run_role(tmp_path, *look, store="sqlite", url="")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, [line["event"] for line in told]) == (
        1,
        ["cannot be restored", "can be restored"],
    )
    done = run_role(tmp_path, "blackboard-verify", "--in", tmp_path, store="sqlite", url="")
    assert (done.returncode, json.loads(done.stdout)["event"]) == (1, "there is no backup of this board")
