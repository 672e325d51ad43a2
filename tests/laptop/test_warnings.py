"""What goes wrong in silence is told: on the terminal, in `covey logs`, in the state folder, in /metrics."""

import json
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.laptop.conftest import Covey

FOLDER = """
apiVersion: covey.dev/v1alpha1
kind: Blackboard
metadata: {name: hall}
spec:
  lease: {maxDeliveries: 1}
  artifactTypes:
    - {name: Note, schema: {type: object}}
    - {name: Other, schema: {type: object}}
    - {name: Echo, schema: {type: object}}
    - {name: Bad, schema: {type: object}}
    - {name: Secret, schema: {type: object}}
---
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: repeats}
spec: {provider: Scripted, script: [{reply: "${{'n': 1}}"}]}
---
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: breaks}
spec: {provider: Scripted, script: [{error: "out of order"}]}
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: picky}
spec:
  model: {name: repeats}
  blackboard: {name: hall, consumes: [{types: [Note], where: "payload.missing.part > 1"}]}
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: joiner}
spec:
  model: {name: repeats}
  blackboard:
    name: hall
    consumes: [{types: [Note, Other], join: {window: 1s, onTimeout: Drop}}]
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: looper}
spec:
  model: {name: repeats}
  output: {type: Echo}
  blackboard: {name: hall, consumes: [{types: [Note]}]}
  publishes: [{type: Echo}]
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: echoer}
spec:
  model: {name: repeats}
  output: {type: Echo}
  blackboard: {name: hall, consumes: [{types: [Echo]}]}
  publishes: [{type: Echo}]
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: mirror}
spec:
  model: {name: repeats}
  output: {type: Echo}
  blackboard: {name: hall, consumes: [{types: [Echo]}]}
  publishes: [{type: Echo}]
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: failing}
spec:
  model: {name: breaks}
  blackboard: {name: hall, consumes: [{types: [Bad]}]}
"""
WANTED = {
    "picky": "a predicate failed, so it counts as no",
    "joiner": "a join waited in vain",
    "failing": "gives up: ",
}


def test_the_terminal_the_logs_the_folder_and_the_metrics_tell(covey: Covey, tmp_path: Path) -> None:
    folder = tmp_path / "hall"
    folder.mkdir()
    (folder / "all.yaml").write_text(FOLDER)
    with covey.up(folder) as up:
        covey("publish", "Note={}")
        covey("publish", "Bad={}")
        for told in WANTED.values():
            up.wait_for(told)
        up.wait_for("the guard against loops")
        with urlopen(f"{up.url}/metrics", timeout=60) as answer:
            metrics = answer.read().decode()
        assert refused(f"{up.url}/v1/blackboards/hall/stats") == 401
        up.wait_for("denied: GET /v1/blackboards/{blackboard}/stats")
        logs = covey("logs", "--tail", "10000").stdout
        for subject, told in WANTED.items():
            assert re.search(rf"^\S+  {subject} +.*{re.escape(told)}", up.output, re.MULTILINE), up.output
            assert told in logs
            assert told in covey("logs", subject).stdout
    kept = [json.loads(line) for line in (up.state / "events.jsonl").read_text().splitlines()]
    assert {"predicate_failed", "incomplete", "loop_stopped"} <= {each["data"].get("what") for each in kept}
    assert "predicate_failed" in (up.state / "covey.log").read_text()
    for line in (
        'covey_blackboard_predicate_failures_total{agent="picky",blackboard="hall"} 1.0',
        'covey_blackboard_deliveries_total{agent="joiner",blackboard="hall",outcome="incomplete"} 1.0',
        'covey_blackboard_dead_letters{blackboard="hall"} 1.0',
        'covey_agent_work_total{agent="failing",',
        'covey_resource_ready{kind="Agent",name="picky"} 1.0',
    ):
        assert line in metrics, metrics
    families = re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE)
    assert len(families) == len(set(families)), "each family stands once"


def test_logs_outlive_a_restart(covey: Covey, tmp_path: Path) -> None:
    folder = tmp_path / "hall"
    folder.mkdir()
    (folder / "all.yaml").write_text(FOLDER)
    with covey.up(folder) as up:
        covey("publish", "Bad={}")
        up.wait_for("gives up")
        before = [json.loads(line) for line in covey("logs", "-o", "json").stdout.splitlines()]
        up.process.kill()
        up.end()
    with covey.up(folder) as again:
        assert "gives up" not in again.output, "the terminal shows what happens now"
        after = [json.loads(line) for line in covey("logs", "-o", "json").stdout.splitlines()]
        assert after[: len(before)] == before
        covey("publish", "Bad={}")
        again.wait_for("gives up")
        after = [json.loads(line) for line in covey("logs", "-o", "json").stdout.splitlines()]
        assert [each["number"] for each in after] == list(range(1, len(after) + 1))


def test_who_has_no_token_is_told_of(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        assert refused(f"{up.url}/v1/resources") == 401
        up.wait_for("GET /v1/resources was denied, it has no valid token (401)")


def refused(url: str) -> int:
    """The status that a caller with a wrong token gets."""
    try:
        with urlopen(Request(url, headers={"Authorization": "Bearer wrong"}), timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
