"""What agents wait for together outlives the pods of the server and of the store."""

import json

import pytest

from tests.e2e.here import Here, eventually

BOARD = "presses"


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    here.apply(BOARD)
    patient = [{"op": "replace", "path": "/spec/blackboard/consumes/0/batch/within", "value": "1h"}]
    here.kubectl("patch", "agent", "printer", "--type=json", "--patch", json.dumps(patient))
    for agent in ("reporter", "painter", "setter", "printer"):
        here.wait("--for=condition=Ready", f"agent/{agent}")


def publish(here: Here, text: str, place: str) -> None:
    token = here.secret(f"{BOARD}-blackboard", "token")
    with here.door(f"service/{BOARD}-blackboard", token) as http:
        body = {"type": "Tip", "payload": {"text": text, "place": place}}
        answer = http.post("/v1/artifacts", json=body)
        assert answer.status_code == 201, answer.text


def test_an_edition_of_three_pages_is_gathered_across_the_deaths_of_pods(here: Here) -> None:
    publish(here, "the tram is late", "harbour")
    publish(here, "the tram is full", "station")
    eventually(lambda: len(here.artifacts(BOARD, "Page")) == 2, "two pages")
    here.kubectl("delete", "pod", f"{BOARD}-redis-0", "--grace-period=0", "--force", "--wait")
    server = f"--selector=covey.dev/blackboard={BOARD},app.kubernetes.io/component=server"
    here.kubectl("delete", "pod", server, "--grace-period=0", "--force", "--wait")
    here.wait("--for=condition=Ready", f"blackboard/{BOARD}")
    assert here.artifacts(BOARD, "Edition") == []
    publish(here, "the new tram", "town")
    [edition] = eventually(lambda: here.artifacts(BOARD, "Edition"), "an Edition")
    assert sorted(edition["payload"]["pages"]) == [
        "THE NEW TRAM (picture: the town)",
        "THE TRAM IS FULL (picture: the station)",
        "THE TRAM IS LATE (picture: the harbour)",
    ]
