"""Runs by artifacts: a real blackboard's server, a real API server, and each artifact has one run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, condition, says_of, until
from tests.controlplane.board import BoardProcess
from tests.controlplane.rig import Rig

ON_IDEA: Object = {
    "artifact": {"blackboard": "newsroom", "type": "Idea", "where": "payload.good"},
    "params": {"topic": "${artifact.payload.topic}"},
}
TOPIC = {"topic": {"type": "string", "default": "bees"}}


def listening_flow() -> Object:
    return make.flow(params=TOPIC, triggers=[ON_IDEA])


def idea(topic: str, *, good: bool = True) -> Object:
    return {"topic": topic, "good": good}


def topics(api: Api) -> list[str]:
    return sorted(each["spec"]["params"]["topic"] for each in api.list("FlowRun"))


@pytest.fixture
def board(rig: Rig, api: Api, tmp_path: Path) -> Iterator[BoardProcess]:
    """Not started yet; its leases are short, so that what a dead operator held comes again soon."""
    api.apply(make.model(), make.blackboard(lease={"ttl": "2s"}))
    process = BoardProcess(api, "newsroom", rig.board_port, tmp_path)
    yield process
    process.kill()


async def test_each_artifact_that_matches_has_one_run(api: Api, board: BoardProcess) -> None:
    board.start()
    api.apply(listening_flow())
    says_of(api, "Flow", "report", "Valid")
    await board.publish("Idea", *(idea(f"t{number:02}") for number in range(20)), idea("bad", good=False))
    wanted = [f"t{number:02}" for number in range(20)]
    until("a run for each", lambda: topics(api) == wanted)
    await board.publish("Idea", idea("t20"))
    until("the next one", lambda: topics(api) == [*wanted, "t20"])
    flow = api.there("Flow", "report")["metadata"]["uid"]
    for run in api.list("FlowRun"):
        metadata = run["metadata"]
        assert metadata["labels"]["covey.dev/flow"] == "report"
        assert metadata["annotations"]["covey.dev/artifact"]
        assert [each["uid"] for each in metadata["ownerReferences"]] == [flow]


@pytest.mark.parametrize("death", ["before create FlowRun", "after create FlowRun"])
async def test_an_operator_that_is_killed_makes_one_run_in_the_end(
    rig: Rig, api: Api, board: BoardProcess, death: str
) -> None:
    board.start()
    api.apply(listening_flow())
    says_of(api, "Flow", "report", "Valid")
    rig.die(death)
    await board.publish("Idea", idea("ants"))
    until(f"it dies {death}", lambda: not rig.operator.alive())
    rig.operator.start()
    until("the run", lambda: topics(api) == ["ants"])
    await board.publish("Idea", idea("bees"))
    until("the next one", lambda: topics(api) == ["ants", "bees"])


async def test_a_board_that_is_away_is_said_and_holds_nobody_up(api: Api, board: BoardProcess) -> None:
    api.apply(listening_flow())
    said = says_of(api, "Flow", "report", "NotListening")
    assert 'Blackboard "newsroom"' in said["message"]
    assert condition(api.get("Flow", "report"), "Accepted")["status"] == "True"
    api.apply(make.flow("other"))
    says_of(api, "Flow", "other", "Valid")
    board.start()
    says_of(api, "Flow", "report", "Valid")
    board.kill()
    says_of(api, "Flow", "report", "NotListening")
    board.start()
    says_of(api, "Flow", "report", "Valid")
    await board.publish("Idea", idea("ants"))
    until("the run", lambda: topics(api) == ["ants"])


async def test_what_comes_while_the_operator_is_away_waits_for_it(
    rig: Rig, api: Api, board: BoardProcess
) -> None:
    board.start()
    api.apply(listening_flow())
    says_of(api, "Flow", "report", "Valid")
    await board.publish("Idea", idea("ants"))
    until("the run", lambda: topics(api) == ["ants"])
    assert rig.operator.stop() == 0
    await board.publish("Idea", idea("bees"), idea("cats"))
    rig.operator.start()
    until("the runs", lambda: topics(api) == ["ants", "bees", "cats"])


async def test_listening_follows_the_trigger_and_ends_with_it(
    rig: Rig, api: Api, board: BoardProcess
) -> None:
    board.start()
    api.apply(listening_flow())
    says_of(api, "Flow", "report", "Valid")
    await board.publish("Idea", idea("ants"))
    until("the run", lambda: topics(api) == ["ants"])
    changed = {**ON_IDEA, "artifact": {**ON_IDEA["artifact"], "where": "!payload.good"}}
    api.apply(make.flow(params=TOPIC, triggers=[changed]))
    rig.poke("Flow", "report")
    await board.publish("Idea", idea("bees"), idea("cats", good=False))
    until("the run", lambda: topics(api) == ["ants", "cats"])
    api.apply(make.flow(params=TOPIC))
    rig.poke("Flow", "report")
    await board.publish("Idea", idea("dogs", good=False))
    api.apply(listening_flow())
    rig.poke("Flow", "report")
    await board.publish("Idea", idea("eels"))
    until("the run", lambda: "eels" in topics(api))
    assert topics(api) == ["ants", "cats", "eels"]
