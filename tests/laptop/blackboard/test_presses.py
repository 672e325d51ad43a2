"""The presses: joins, batches, similarity and an older type, through a death in the middle."""

import json
import signal
from pathlib import Path

from tests.laptop.conftest import Covey, example


def patient(folder: Path) -> Path:
    """The example with a printer that waits for its three pages however long it takes."""
    agents = folder / "agents.yaml"
    agents.write_text(agents.read_text().replace("within: 10s", "within: 1h"))
    return folder


def tip(text: str, place: str) -> str:
    return "Tip=" + json.dumps({"text": text, "place": place})


def test_what_was_half_gathered_is_there_after_a_death(covey: Covey, tmp_path: Path) -> None:
    presses = patient(example("presses", tmp_path))
    with covey.up(presses) as up:
        covey("board", "publish", tip("the tram is late", "harbour"))
        covey("board", "publish", tip("the tram is full", "station"))
        covey("board", "publish", tip("somebody lost a glove", "park"))
        up.wait_for("published Page", times=2)
        up.wait_for("published Picture", times=3)
        stats = covey("board", "stats").stdout
        assert "printer" in stats, "two pages wait for the third"
        up.signal(signal.SIGKILL)
        up.end()
    with covey.up(presses) as up:
        covey("board", "publish", 'Tip={"text": "the new tram"}', "--version", "1")
        up.wait_for("published Edition")
        [edition] = json.loads(covey("board", "query", "--type", "Edition", "-o", "json").stdout)["items"]
        assert edition["payload"]["pages"] == [
            "THE TRAM IS LATE (picture: the harbour)",
            "THE TRAM IS FULL (picture: the station)",
            "THE NEW TRAM (picture: the town)",
        ]
        glove = json.loads(covey("board", "query", "--type", "Tip", "-o", "json").stdout)["items"][2]
        said = covey("board", "explain", glove["id"], "reporter").stdout
        assert "similar to 'the tram in the town', 0.3 is asked for" in said
