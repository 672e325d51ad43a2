"""`covey board`: on the laptop's board, and on a server by its URL."""

import json
from pathlib import Path

import pytest

from tests.laptop.boards import BOARD, kitchen
from tests.laptop.conftest import Covey

CLUMSY = """
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: cook}
spec:
  model: {name: recipes}
  output: {type: Dish}
  retry: {maxAttempts: 1}
  blackboard: {name: kitchen, consumes: [{types: [Order]}]}
  publishes: [{type: Dish}]
---
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: recipes}
spec: {provider: Scripted, script: [{reply: no dish at all}]}
"""


def test_publish_query_show_explain_stats_and_watch(covey: Covey, tmp_path: Path) -> None:
    with covey.up(kitchen(tmp_path / "kitchen")) as up:
        told = covey("board", "publish", 'Order={"dish": "soup"}', "--tag", "hot", "--partition", "east")
        order = told.stdout.split()[1]
        assert told.stdout == f"Order {order} published on kitchen\n"
        up.wait_for("published Dish")
        assert json.loads(covey("board", "show", order).stdout)["payload"] == {"dish": "soup"}
        found = json.loads(covey("board", "query", "--tag", "hot", "-o", "json").stdout)["items"]
        assert [(one["id"], one["partition"]) for one in found] == [(order, "east")]
        assert covey("board", "query", "--until", "2001-01-01T00:00:00Z").stdout.split() == [
            "ID", "TYPE", "PRODUCER", "CORRELATION", "AGE", "CONTENT"
        ]  # fmt: skip
        assert covey("board", "explain", order, "cook").stdout.splitlines()[1].split()[:2] == ["0", "yes"]
        assert covey("board", "explain", order, "nobody").stdout == "nobody is not subscribed\n"
        assert covey("board", "explain", order).stdout.splitlines()[1].split()[:3] == ["cook", "0", "yes"]
        dish = json.loads(covey("board", "query", "--type", "Dish", "-o", "json").stdout)["items"][0]["id"]
        assert covey("board", "explain", dish).stdout.endswith("\nnobody consumes it\n")
        assert covey("board", "stats").stdout.split()[-2:] == ["Dish", "1"]
        assert covey("board", "stats").stdout.startswith("2 artifacts, 0 dead letters, 1 subscribers\n")
        lines = covey("board", "watch", "--count", "2").stdout.splitlines()
        assert [line.split()[1:3] for line in lines] == [["user", "Order"], ["cook", "Dish"]]
        odd = covey("board", "publish", 'Order={"dsh": 1}', status=1).stderr
        assert "/payload: " in odd
        assert (
            "there is no artifact 'none' that you may see" in covey("board", "show", "none", status=1).stderr
        )


def test_an_address_without_a_blackboard_is_told(covey: Covey, tmp_path: Path) -> None:
    with covey.up(kitchen(tmp_path / "kitchen")) as up:
        told = covey("board", "query", "--url", up.url, "--token", "t", status=2).stderr
    assert told.startswith(
        f"error: no blackboard answers at {up.url}: it says there is no /v1/artifacts here; "
        "the API is described at /openapi.json\nGive --url the addr"
    )
    assert "For a covey up, leave --url out." in told


def test_dead_letters(covey: Covey, tmp_path: Path) -> None:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "all.yaml").write_text(f"{BOARD}---{CLUMSY}".replace("ttl: 1s", "ttl: 1s, maxDeliveries: 1"))
    with covey.up(folder) as up:
        for number in "12":
            covey("board", "publish", 'Order={"dish": "soup"}', "--correlation", number)
        up.wait_for("gives up", times=2)
        header, *rows = covey("board", "deadletters", "--agent", "cook").stdout.splitlines()
        assert header.split() == ["DELIVERY", "AGENT", "ATTEMPTS", "AGE", "ERROR"]
        names = [row.split()[0] for row in rows]
        assert len(names) == 2
        opened = json.loads(covey("board", "deadletters", "show", names[0]).stdout)
        assert opened["artifacts"][0]["correlation"] == "2"
        assert covey("board", "deadletters", "replay", names[0]).stdout == f"{names[0]} is offered again\n"
        up.wait_for("gives up", times=3)
        assert covey("board", "deadletters", "drop", *names, "none@cook").stdout == "2 of 3 dropped\n"
        assert json.loads(covey("board", "deadletters", "-o", "json").stdout) == {"items": []}
        told = covey("board", "deadletters", "replay", names[0], status=1).stderr
        assert told == f"error: there is no dead letter '{names[0]}'\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["stats"], 2, "covey up is not running"),
        (["stats", "--url", "http://127.0.0.1:1"], 2, "Set COVEY_BOARD_TOKEN, or give --token."),
        (["stats", "--url", "http://127.0.0.1:1", "--token", "t"], 1, "does not answer"),
        (["publish", "Order"], 2, "names no content"),
        (["query", "--since", "yesterday"], 2, "--since 'yesterday' is no time"),
        (["query", "-o", "xml"], 2, "-o xml is no format"),
    ],
)
def test_what_cannot_be_done_is_told(covey: Covey, arguments: list[str], status: int, says: str) -> None:
    assert says in covey("board", *arguments, status=status).stderr
